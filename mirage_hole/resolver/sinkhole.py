"""What a blocked name is answered: as the mode or the rule says. Records and SOA are built once; only offsets differ."""

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

OWNER_IS_QUESTION: Final = b"\xc0\x0c"  # a pointer to octet 12, where the question's name stands
_RR = Struct(">HHIH").pack
_POINTER = Struct(">H").pack
_ONE, _TWO = (1, 0, 0), (2, 0, 0)
_new = tuple.__new__  # a named tuple without its constructor's cost, where every query passes
_NOERROR: Final = Rcode.NOERROR  # members of an enumeration are slow to look up where every query passes


class Answer(NamedTuple):
    """The variable part of a reply."""

    rcode: int
    """0..15."""
    records: bytes
    counts: tuple[int, int, int]


class _Manner(NamedTuple):
    """One way to answer."""

    records: dict[int, bytes]
    """The answer section by query type."""
    rcode: Rcode
    """For every other type."""
    soa: bytes
    """For negative answers: a SOA record without its owner; empty for none."""


class Sinkhole:
    """Answers for blocked names.

    ``null`` (the default): A 0.0.0.0, AAAA ::, any other type NODATA, so that HTTPS and SVCB records can't lead around
    the block. ``ip``: the given addresses instead, NODATA for a family without one. ``nodata`` and ``nxdomain``: that,
    for every type, so that no two types contradict each other (RFC 8020). ``refused``: REFUSED. Every negative carries
    one synthetic SOA, without which no client may cache it (RFC 2308 5). A rule with a reply of its own
    (:class:`mirage_hole.lists.rule.Reply`) gets the same care, whatever the mode.
    """

    __slots__ = ("_manners", "soa", "ttl")

    def __init__(self, mode: str, ttl: int, ipv4: str = "", ipv6: str = "") -> None:
        """``ttl`` in seconds; ``ipv4`` and ``ipv6`` for mode ``ip``, empty for none.

        Raises:
            ValueError: no such mode, or not an address.
        """
        if mode not in MODES:
            message = f"{mode!r} is no block mode; write one of {', '.join(MODES)}"
            raise ValueError(message)
        self.ttl = ttl
        """Seconds."""
        soa = from_text("mirage-hole.invalid") + from_text("blocked.invalid")
        # SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM: only the last means anything here.
        soa += Struct(">IIIII").pack(1, 3600, 600, 86_400, ttl)
        self.soa = _RR(RRType.SOA, RRClass.IN, ttl, len(soa)) + soa
        """What makes a negative answer worth caching: the record without its owner."""
        null = _Manner(_addresses(bytes(4), bytes(16), ttl), Rcode.NOERROR, self.soa)
        nodata = _Manner({}, Rcode.NOERROR, self.soa)
        nxdomain = _Manner({}, Rcode.NXDOMAIN, self.soa)
        refused = _Manner({}, Rcode.REFUSED, b"")
        modes = {"null": null, "nodata": nodata, "nxdomain": nxdomain, "refused": refused}
        if mode == "ip":
            octets = IPv4Address(ipv4).packed if ipv4 else b"", IPv6Address(ipv6).packed if ipv6 else b""
            modes["ip"] = _Manner(_addresses(*octets, ttl), Rcode.NOERROR, self.soa)
        # By number of the reply. What is dropped is not answered, so nobody asks for the last.
        self._manners = (modes[mode], null, nodata, nxdomain, refused, refused)

    def answer(self, query: Query, match: Match) -> Answer:
        """The answer to a query that ``match`` blocks."""
        manner, rcode, soa = self._manners[match.reply]
        records = manner.get(query.qtype)
        if records is not None:
            return _new(Answer, (_NOERROR, records, _TWO if len(records) > 40 else _ONE))
        if not soa:
            return Answer(rcode, b"", (0, 0, 0))
        # The SOA's owner is the rule's name: the root of what is blocked, an ancestor of the question or itself.
        return Answer(rcode, owner_of(query, match) + soa, (0, 1, 0))


def owner_of(query: Query, match: Match) -> bytes:
    """A pointer to the rule's name, which is the question's or one of its ancestors."""
    return _POINTER(0xC000 | (12 + len(query.name) - len(match.name)))


def _addresses(ipv4: bytes, ipv6: bytes, ttl: int) -> dict[int, bytes]:
    """The answer section by query type. ANY is answered with every address there is, as Pi-hole does."""
    records = {
        int(kind): OWNER_IS_QUESTION + _RR(kind, RRClass.IN, ttl, len(octets)) + octets
        for kind, octets in ((RRType.A, ipv4), (RRType.AAAA, ipv6))
        if octets
    }
    if records:
        records[int(RRType.ANY)] = b"".join(records.values())
    return records


def blocked_option(match: Match, title: str, address: str = "") -> bytes:
    """EDE 15 (Blocked) naming the rule and the list (RFC 8914 4.16), and the address of the answer that it is about."""
    about = f"{address}: " if address else ""
    return ede_option(EdeCode.BLOCKED, f"{about}{rule_text(match)} in {title}")
