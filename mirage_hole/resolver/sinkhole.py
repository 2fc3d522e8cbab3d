"""What a blocked name is answered, in every mode. Records and SOA are built once; only offsets differ from name to name."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.policy.verdict import rule_text
from mirage_hole.wire.codes import EdeCode, Rcode, RRClass, RRType
from mirage_hole.wire.names import from_text
from mirage_hole.wire.reply import ede_option

if TYPE_CHECKING:
    from mirage_hole.policy.verdict import Match
    from mirage_hole.wire.query import Query

MODES: Final = ("null", "nxdomain", "nodata", "refused", "ip")

_OWNER_IS_QUESTION: Final = b"\xc0\x0c"  # a pointer to octet 12, where the question's name stands
_RR = Struct(">HHIH").pack
_POINTER = Struct(">H").pack


class Answer(NamedTuple):
    """The variable part of a reply."""

    rcode: Rcode
    records: bytes
    counts: tuple[int, int, int]


class Sinkhole:
    """Answers for blocked names.

    ``null`` (the default): A 0.0.0.0, AAAA ::, any other type NODATA, so that HTTPS and SVCB records can't lead around
    the block. ``ip``: the given addresses instead, NODATA for a family without one. ``nodata`` and ``nxdomain``: that,
    for every type, so that no two types contradict each other (RFC 8020). ``refused``: REFUSED. Every negative carries
    one synthetic SOA, without which no client may cache it (RFC 2308 5).
    """

    __slots__ = ("_mode", "_negative", "_records", "_soa")

    def __init__(self, mode: str, ttl: int, ipv4: str = "", ipv6: str = "") -> None:
        """``ttl`` in seconds; ``ipv4`` and ``ipv6`` for mode ``ip``, empty for none.

        Raises:
            ValueError: no such mode, or not an address.
        """
        if mode not in MODES:
            message = f"{mode!r} is no block mode; write one of {', '.join(MODES)}"
            raise ValueError(message)
        self._mode = mode
        addresses: dict[int, bytes] = {}
        if mode == "null":
            addresses = {RRType.A: bytes(4), RRType.AAAA: bytes(16)}
        elif mode == "ip":
            if ipv4:
                addresses[RRType.A] = IPv4Address(ipv4).packed
            if ipv6:
                addresses[RRType.AAAA] = IPv6Address(ipv6).packed
        self._records = {
            kind: _OWNER_IS_QUESTION + _RR(kind, RRClass.IN, ttl, len(octets)) + octets
            for kind, octets in addresses.items()
        }
        # ANY is answered with every address there is, as Pi-hole does.
        if self._records:
            self._records[RRType.ANY] = b"".join(self._records[kind] for kind in sorted(addresses))
        self._negative = Rcode.NXDOMAIN if mode == "nxdomain" else Rcode.NOERROR
        soa = from_text("mirage-hole.invalid") + from_text("blocked.invalid")
        # SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM: only the last means anything here.
        soa += Struct(">IIIII").pack(1, 3600, 600, 86_400, ttl)
        self._soa = _RR(RRType.SOA, RRClass.IN, ttl, len(soa)) + soa

    def answer(self, query: Query, match: Match) -> Answer:
        """The answer to a query that ``match`` blocks."""
        if self._mode == "refused":
            return Answer(Rcode.REFUSED, b"", (0, 0, 0))
        records = self._records.get(query.qtype)
        if records is not None:
            return Answer(Rcode.NOERROR, records, (2 if len(records) > 40 else 1, 0, 0))
        # The SOA's owner is the rule's name: the root of what is blocked, an ancestor of the question or itself.
        owner = _POINTER(0xC000 | (12 + len(query.name) - len(match.name)))
        return Answer(self._negative, owner + self._soa, (0, 1, 0))


def blocked_option(match: Match, title: str) -> bytes:
    """EDE 15 (Blocked) naming the rule and the list (RFC 8914 4.16)."""
    return ede_option(EdeCode.BLOCKED, f"{rule_text(match)} in {title}")
