"""What this server answers itself: local records, its own name, names of special use, and names without a dot.

Most queries are about something else, which one look-up of the name and one of its last label find out.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from mirage_hole.cache.packets import EVERYBODY, FOREVER
from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import EmitRecord, ForgetPackets, RememberPacket, SendReply
from mirage_hole.resolver.endings import STREAM_LIMIT, failure, subject
from mirage_hole.resolver.special import Word, has_own_answer, word_of_special
from mirage_hole.wire.codes import TC, EdeCode, Rcode, RRClass, RRType
from mirage_hole.wire.names import labels_of
from mirage_hole.wire.query import Nonrecursive
from mirage_hole.wire.reply import build_reply, ede_option, udp_limit
from mirage_hole.wire.writer import HEAD, Writer

if TYPE_CHECKING:
    from mirage_hole.local.store import RR
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.events import LocalChanged
    from mirage_hole.resolver.pending import Case

MOST_ALIASES: Final = 16
"""In a row."""
MOST_OCTETS: Final = 60_000
"""Of records in one answer; what does not fit into a message any more is left out."""

_A: Final = int(RRType.A)
_AAAA: Final = int(RRType.AAAA)
_CNAME: Final = int(RRType.CNAME)
_ANY: Final = int(RRType.ANY)
_IN: Final = int(RRClass.IN)
_NOERROR: Final = int(Rcode.NOERROR)
_NXDOMAIN: Final = int(Rcode.NXDOMAIN)
_LOCAL: Final = int(Outcome.LOCAL)
_SPECIAL: Final = int(Outcome.SPECIAL)
ALIAS_ITSELF: Final = frozenset({_CNAME, _ANY})
"""Types for which a CNAME is the whole answer (RFC 1034 3.6.2, RFC 8482 4.3)."""
_HOSTS: Final = frozenset({_A, _AAAA, int(RRType.SVCB), int(RRType.HTTPS), _ANY})
"""Types that are about machines. All others of a name without a dot are about top-level domains: ``com DS``, ``org NS``."""
_LEADS_OUT: Final = "where this leads, nobody is asked without RD"
_POINTER: Final = Struct(">H").pack
_OWNER_IS_QUESTION: Final = b"\xc0\x0c"


def answered_here(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """The end of a query for a name that this server knows itself; None for all others. No effects: an alias leads elsewhere."""
    query = case.query
    labels = query.labels
    if not labels:
        return None
    at = labels[-1]
    name, local = query.name, engine.local
    if at and name not in local.names and name[at:] not in local.tops:
        return None
    word = word_of(engine, name, labels, query.qtype, case.asked.client)
    return None if word is None else _answered(engine, case, word, now)


def word_of(engine: Engine, name: bytes, labels: tuple[int, ...], qtype: int, client: bytes) -> Word | None:
    """What this server says of a name itself, without following an alias; None: that is for others to say."""
    local = engine.local
    records = local.of(name, labels, client)
    if records:
        return _of_records(local.domain if local.is_at_home(name, labels) else name, records, qtype)
    if name in local.own.names:
        found = tuple(one for one in local.of_own(client) if one.rrtype == qtype)
        return Word(_SPECIAL, _NOERROR, found, name, "the name of this server", lasting=not found)
    special = word_of_special(engine, name, labels, qtype, client, exists=records is not None)
    if special is not None:
        return special
    if engine.routes.is_conditional(name, labels):
        return None
    if local.is_at_home(name, labels) and not has_own_answer(engine, name, labels, qtype, client):
        exists = records is not None or name == local.domain
        return Word(_LOCAL, _NOERROR if exists else _NXDOMAIN, (), local.domain, "answered from local data alone")
    if len(labels) == 1 and qtype in _HOSTS and not engine.forward_unqualified:
        if _is_decided(engine, name, labels, qtype, client):
            return None
        # Not NXDOMAIN, which would deny all names below (RFC 8020), and this may be a top-level domain.
        return Word(_SPECIAL, _NOERROR, (), name, "a name without a dot, which is not asked of others")
    return None


def _is_decided(engine: Engine, name: bytes, labels: tuple[int, ...], qtype: int, client: bytes) -> bool:
    """Whether a rule says what becomes of it."""
    return engine.policy.decide(name, labels, qtype, client) is not None


def _of_records(zone: bytes, records: tuple[RR, ...], qtype: int) -> Word:
    if qtype == _ANY:  # one type is enough (RFC 8482 4.1)
        qtype = records[0].rrtype
    found = tuple(one for one in records if one.rrtype == qtype or one.rrtype == _CNAME)
    return Word(_LOCAL, _NOERROR, found, zone, "" if found else "local data has no record of this type")


def _answered(engine: Engine, case: Case, word: Word, now: float) -> list[Effect]:
    query = case.query
    if len(word.records) == 1 and word.records[0].rrtype == _CNAME and query.qtype not in ALIAS_ITSELF:
        return _followed(engine, case, word, now)
    octets = bytearray()
    count = 0
    for rrtype, ttl, rdata in word.records:
        if len(octets) + len(rdata) > MOST_OCTETS:
            break
        octets += _OWNER_IS_QUESTION + HEAD.pack(rrtype, _IN, ttl, len(rdata)) + rdata
        count += 1
    if count:
        return _end(engine, case, word, bytes(octets), (count, 0, 0), now)
    # RFC 2308 5: the SOA stands at the zone, an ancestor of the question or itself.
    soa = _POINTER(0xC000 | (12 + len(query.name) - len(word.zone))) + engine.sinkhole.soa
    return _end(engine, case, word, soa, (0, 1, 0), now)


def _followed(engine: Engine, case: Case, word: Word, now: float) -> list[Effect]:
    """A local alias: through local data as far as it leads, and where it leads out, through cache and upstreams."""
    query, client = case.query, case.asked.client
    # Names in CNAMEs are written whole, so that the last can be pointed to by what comes from upstream.
    octets = bytearray()
    owner, count = _OWNER_IS_QUESTION, 0
    lasting = True
    while True:
        _, ttl, target = word.records[0]
        octets += owner + HEAD.pack(_CNAME, _IN, ttl, len(target)) + target
        owner, count = target, count + 1
        lasting = lasting and word.lasting
        labels = labels_of(target)
        if count > MOST_ALIASES:
            return failure(case, EdeCode.OTHER, "local aliases lead in a circle, or too far", now)
        following = word_of(engine, target, labels, query.qtype, client) if labels else None
        if following is None:
            if len(octets) > MOST_OCTETS:
                return failure(case, EdeCode.OTHER, "local aliases lead too far", now)
            if type(case.query) is Nonrecursive:
                said = Word(_LOCAL, _NOERROR, (), query.name, _LEADS_OUT)
                return _end(engine, case, said, bytes(octets), (count, 0, 0), now)
            case.chain = bytes(octets), count
            case.follow(target, engine.routes)
            return engine.seek_anew(case, now)
        word = following
        if not (len(word.records) == 1 and word.records[0].rrtype == _CNAME):
            break
    writer = Writer(12 + len(query.question), bytes(octets))
    writer.note(target, 12 + len(query.question) + len(octets) - len(target))
    for rrtype, ttl, rdata in word.records:
        writer.name(target)
        writer.record(rrtype, _IN, ttl, [rdata])
    counts = (count + len(word.records), 0, 0)
    if not word.records:
        writer.name(word.zone)
        writer.octets += engine.sinkhole.soa
        counts = (count, 1, 0)
    # What the chain ends with may be special, yet it began with a record of the user's.
    said = word._replace(outcome=_LOCAL, lasting=lasting and word.lasting)
    return _end(engine, case, said, bytes(writer.octets), counts, now)


def _end(
    engine: Engine, case: Case, word: Word, records: bytes, counts: tuple[int, int, int], now: float
) -> list[Effect]:
    query, asked = case.query, case.asked
    limit = udp_limit(query) if asked.transport == UDP else STREAM_LIMIT
    told_why = ede_option(EdeCode.SYNTHESIZED, word.why) if word.why else b""
    wire = build_reply(query, word.rcode, records, counts, told_why, 0, limit)
    told = subject(case, word.outcome, word.rcode)
    effects: list[Effect] = [
        SendReply(asked.ticket, wire),
        EmitRecord(asked.client, asked.transport, now - case.arrived_at, told),
    ]
    if asked.transport == UDP and query.replayable and word.lasting and not wire[2] << 8 & TC:
        view = asked.client if engine.tells_apart else EVERYBODY
        effects.append(RememberPacket(asked.client, asked.wire[2:], wire, told, now, now, FOREVER, (), view))
    return effects


def on_change(engine: Engine, event: LocalChanged, now: float) -> list[Effect]:
    """Other local data: who waits for an upstream about a name that is known here now is answered at once."""
    engine.local = event.local
    engine.tells_apart = engine.policy.judges_clients or event.local.tells_apart
    effects: list[Effect] = [ForgetPackets()]
    known: list[tuple[Case, Word]] = []
    for question in list(engine.questions.values()):
        waiting = []
        for case in question.waiting:
            query = case.query
            word = None
            if case.alias is None and query.labels:
                word = word_of(engine, query.name, query.labels, query.qtype, case.asked.client)
            if word is None:
                waiting.append(case)
            else:
                known.append((case, word))
        engine.waiting -= len(question.waiting) - len(waiting)
        question.waiting = waiting
    for case, word in known:
        case.match = None
        effects += _answered(engine, case, word, now)
    return effects
