"""What is answered, in words for people: the sinkhole's answers and those that rules give themselves."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from mirage_hole.lists.rule import Action, Reply
from mirage_hole.wire.codes import Rcode, RRClass, RRType, rcode_text, type_text

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Rewrite
    from mirage_hole.policy.verdict import Match

_UPSTREAM = "what the upstream says"
_HEADER = Struct(">HHHHHH").pack
_RR = Struct(">HHIH").pack


def blocked_answer(mode: str, ttl: int, ipv4: str = "", ipv6: str = "") -> str:
    """What a blocked name is answered; ``ttl`` in seconds, the addresses for mode ``ip``."""
    if mode == "refused":
        return "REFUSED"
    if mode in {"nxdomain", "nodata"}:
        return f"{mode.upper()} for every type, TTL {ttl} s"
    addresses = (("A", "0.0.0.0"), ("AAAA", "::")) if mode == "null" else (("A", ipv4), ("AAAA", ipv6))  # noqa: S104 - an answer, not an address to listen on
    told = "".join(f"{kind} {address}, " for kind, address in addresses if address)
    return f"{told}NODATA for {'any other' if told else 'every'} type, TTL {ttl} s"


def answer_in_words(match: Match | None, qtype: int = 0, blocked: str = "") -> str:
    """What a query is answered that ``match`` decides over.

    Args:
        match: None when no rule applies.
        qtype: the query type; 0: none in particular.
        blocked: of the block mode; see :func:`blocked_answer`.
    """
    if match is None or match.action is Action.ALLOW:
        return _UPSTREAM
    if match.rewrites:
        return _own_answer(match.rewrites, qtype)
    reply = match.reply
    match reply:
        case Reply.NULL:
            return "A 0.0.0.0, AAAA ::, NODATA for any other type"
        case Reply.NODATA | Reply.NXDOMAIN:
            return f"{reply.name} for every type"
        case Reply.REFUSED:
            return "REFUSED"
        case Reply.DROP:
            return "none at all"
    return blocked or "that of the block mode"


def _own_answer(rewrites: tuple[Rewrite, ...], qtype: int) -> str:
    first = rewrites[0]
    if first.rcode != Rcode.NOERROR:
        return rcode_text(first.rcode)
    if first.rrtype == RRType.CNAME:
        alone = qtype in {RRType.CNAME, RRType.ANY}
        return record_text(first) if alone else f"{record_text(first)}, and {_UPSTREAM} of that name"
    told = [record_text(one) for one in rewrites if one.rrtype and qtype in {0, one.rrtype, int(RRType.ANY)}]
    if not told:
        return f"NODATA: no {type_text(qtype)} record is given" if qtype else "NODATA for every type"
    return ", ".join(told)


def record_text(rewrite: Rewrite) -> str:
    """``A 192.0.2.1``, ``MX 10 mail.example.``: type and data as in a zone file."""
    from mirage_hole.wire.message import BadMessage
    from mirage_hole.wire.reading import read_in_full

    record = b"\0" + _RR(rewrite.rrtype, RRClass.IN, 0, len(rewrite.rdata)) + rewrite.rdata
    try:
        data = read_in_full(_HEADER(0, 0x8000, 0, 1, 0, 0) + record).answer[0].data
    except BadMessage:
        data = f"\\# {len(rewrite.rdata)} {rewrite.rdata.hex()}"  # RFC 3597 5
    return f"{type_text(rewrite.rrtype)} {data}"
