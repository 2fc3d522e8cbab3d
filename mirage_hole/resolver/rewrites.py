"""What a rewritten name is answered: records and codes that a rule says itself, and where an alias leads."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from mirage_hole.policy.verdict import rule_text
from mirage_hole.resolver.sinkhole import OWNER_IS_QUESTION, Answer, owner_of
from mirage_hole.wire.alias import cname_record
from mirage_hole.wire.codes import EdeCode, Rcode, RRClass, RRType
from mirage_hole.wire.names import MAX_NAME
from mirage_hole.wire.reply import ede_option

if TYPE_CHECKING:
    from mirage_hole.policy.verdict import Match
    from mirage_hole.resolver.sinkhole import Sinkhole
    from mirage_hole.wire.query import Query

MOST_OCTETS: Final = 60_000
"""Of records in one answer; what does not fit into a message any more is left out."""

_ALONE: Final = frozenset({int(RRType.CNAME), int(RRType.ANY)})
"""Types for which a CNAME is the whole answer (RFC 1034 3.6.2; RFC 8482 4.3 for ANY)."""
_EVERY_NAME_BELOW: Final = b"\x01*"
_NEGATIVE: Final = frozenset({int(Rcode.NOERROR), int(Rcode.NXDOMAIN)})
_MOST_RCODE: Final = 15
"""Those above are about EDNS and transactions, and have no room in a header."""
_RR: Final = Struct(">HHIH").pack


def alias_of(query: Query, match: Match) -> bytes | None:
    """The name that the question is to be answered with; None when its answer is in the rule.

    ``*.garden.example`` stands for the asked name below ``garden.example``, as in policy zones. One that gets too long
    for a name is returned as it is, and :func:`own_answer` says so.
    """
    for rewrite in match.rewrites:
        if rewrite.rrtype == RRType.CNAME:
            target = rewrite.rdata
            if target.startswith(_EVERY_NAME_BELOW):
                target = query.name[:-1] + target[2:]
            return target
    return None


def own_answer(query: Query, match: Match, alias: bytes | None, sinkhole: Sinkhole) -> Answer | None:
    """The answer that needs nobody else; None when the alias must be looked up.

    A CNAME goes before any code, a code before any record, as in AdGuard Home. A code that denies carries the sinkhole's
    SOA, and every record lives as long as a block.
    """
    if alias is not None:
        if len(alias) > MAX_NAME:
            return Answer(Rcode.YXDOMAIN, b"", (0, 0, 0))  # as a DNAME that leads to too long a name: RFC 6672 2.2
        if query.qtype in _ALONE:
            return Answer(Rcode.NOERROR, cname_record(alias, sinkhole.ttl), (1, 0, 0))
        return None
    rcode = next((one.rcode for one in match.rewrites if one.rcode), int(Rcode.NOERROR))
    if not 0 <= rcode <= _MOST_RCODE:
        rcode = int(Rcode.SERVFAIL)
    if rcode == Rcode.NOERROR:
        records = bytearray()
        count = 0
        for _, kind, rdata in match.rewrites:
            if not kind or query.qtype not in (kind, RRType.ANY):
                continue
            if len(records) + len(rdata) > MOST_OCTETS:
                break
            records += OWNER_IS_QUESTION + _RR(kind, RRClass.IN, sinkhole.ttl, len(rdata)) + rdata
            count += 1
        if count:
            return Answer(Rcode.NOERROR, bytes(records), (count, 0, 0))
    if rcode in _NEGATIVE:
        return Answer(rcode, owner_of(query, match) + sinkhole.soa, (0, 1, 0))
    return Answer(rcode, b"", (0, 0, 0))


def forged_option(match: Match, title: str, address: str = "") -> bytes:
    """EDE 4 (Forged Answer) naming the rule and the list (RFC 8914 4.5), and the address that the rule is about."""
    about = f"{address}: " if address else ""
    return ede_option(EdeCode.FORGED_ANSWER, f"{about}{rule_text(match)} in {title}")
