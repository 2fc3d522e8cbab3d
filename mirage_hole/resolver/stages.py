"""The order of judgement: one flat tuple, and why each stage stands where it does.

A stage looks at a case and returns the effects that end it, or None to pass it on. Coalescing and forwarding follow
when every stage has passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.cache.packets import FOREVER
from mirage_hole.lists.rule import Action
from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, UDP, pack_subject
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import CloseStream, EmitRecord, RememberPacket, SendReply
from mirage_hole.resolver.sinkhole import blocked_option
from mirage_hole.wire.codes import AD, TC, EdeCode, Rcode, RRClass, RRType
from mirage_hole.wire.reply import age_ttls, build_reply, ede_option, udp_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.cache.answers import Answer
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case
    from mirage_hole.wire.scan import Reply

_new = tuple.__new__  # a named tuple without its constructor's cost, where every query passes
# Members of an enumeration are slow to look up where every query passes.
_IN: Final = int(RRClass.IN)
_BLOCK: Final = Action.BLOCK
_BLOCKED: Final = int(Outcome.BLOCKED)
_CACHED: Final = int(Outcome.CACHED)

_STREAM_LIMIT: Final = 65_535
_NOT_SERVED: Final = frozenset({RRType.AXFR, RRType.IXFR, RRType.TKEY, RRType.TSIG, 253, 254})  # MAILB, MAILA


def refuse_strangers(engine: Engine, case: Case, _now: float) -> list[Effect] | None:
    """Clients outside the allowed networks get no answer over UDP, whose source may be forged, and REFUSED over TCP."""
    asked = case.asked
    if engine.access.permits(asked.client):
        return None
    if asked.transport == UDP:
        record = EmitRecord(asked.client, UDP, 0.0, subject(case, Outcome.DROPPED, Rcode.REFUSED))
        return [CloseStream(asked.ticket), record]
    return refusal(case, ede_option(EdeCode.PROHIBITED, "this resolver answers its own networks only"))


def refuse_what_is_not_served(_engine: Engine, case: Case, _now: float) -> list[Effect] | None:
    """Classes other than IN, zone transfers and their kin: a stub resolver has nothing to say of them."""
    query = case.query
    if query.qclass != _IN:
        return refusal(case, ede_option(EdeCode.NOT_SUPPORTED, "class IN only"))
    if query.qtype in _NOT_SERVED:
        return refusal(case, ede_option(EdeCode.NOT_SUPPORTED, "no zone transfers and no transactions here"))
    return None


def judged_by_policy(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """Blocked names end here. An exception from a block is noted, so that the record can tell of it."""
    query = case.query
    if now < engine.paused_until:
        return None
    match = engine.policy.decide(query.name, query.labels, query.qtype, case.asked.client)
    if match is None:
        return None
    case.match = match
    if match.action is not _BLOCK:
        return None
    answer = engine.sinkhole.answer(query, match)
    asked = case.asked
    options = blocked_option(match, engine.policy.list_of(match.list_id).title) if query.edns else b""
    limit = udp_limit(query) if asked.transport == UDP else _STREAM_LIMIT
    wire = build_reply(query, answer.rcode, answer.records, answer.counts, options=options, limit=limit)
    told = subject(case, _BLOCKED, answer.rcode)
    effects: list[Effect] = [
        _new(SendReply, (asked.ticket, wire)),
        _new(EmitRecord, (asked.client, asked.transport, 0.0, told)),
    ]
    if asked.transport == UDP and query.replayable:
        effects.append(_new(RememberPacket, (asked.client, asked.wire[2:], wire, told, now, now, FOREVER, ())))
    return effects


def answered_from_cache(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """Answers that are known. A second asking is what makes a packet worth remembering, so this is where it happens."""
    answer = engine.cache.get(case.key, now)
    if answer is None:
        return None
    query, asked = case.query, case.asked
    wire = reply_to(case, answer.reply, int(now - answer.stored_at))
    told = subject(case, _CACHED, answer.reply.rcode, answer.upstream)
    effects: list[Effect] = [SendReply(asked.ticket, wire), EmitRecord(asked.client, asked.transport, 0.0, told)]
    if asked.transport == UDP and query.replayable and not wire[2] << 8 & TC:
        effects.append(_remember(engine, case, answer, wire, told, now))
    return effects


STAGES: Final[tuple[Callable[[Engine, Case, float], list[Effect] | None], ...]] = (
    refuse_strangers,  # first: outsiders learn nothing, not even what is blocked
    refuse_what_is_not_served,  # before policy: no rule is about these
    judged_by_policy,  # before the cache: an old answer must not outlive a new rule
    answered_from_cache,  # last before asking around
)


def reply_to(case: Case, reply: Reply, age: int) -> bytes:
    """The response to one client, from an upstream's reply that is ``age`` whole seconds old."""
    query = case.query
    flags, rcode, records, counts, ttl_offsets, _, _, ede = reply
    if age:
        records = age_ttls(records, ttl_offsets, age)
    if flags & AD and not (query.dnssec_ok or query.flags & AD):
        flags ^= AD  # RFC 6840 5.8: AD is for clients that asked, by AD or by DO
    limit = udp_limit(query) if case.asked.transport == UDP else _STREAM_LIMIT
    return build_reply(query, rcode & 0x0F, records, counts, ede, flags & AD, limit)


def refusal(case: Case, options: bytes) -> list[Effect]:
    """REFUSED, and its record."""
    asked = case.asked
    wire = build_reply(case.query, Rcode.REFUSED, options=options)
    told = subject(case, Outcome.REFUSED, Rcode.REFUSED)
    return [SendReply(asked.ticket, wire), EmitRecord(asked.client, asked.transport, 0.0, told)]


def subject(case: Case, outcome: int, rcode: int, upstream: int = NO_UPSTREAM) -> bytes:
    """The record subject of a case that ended so."""
    match, query = case.match, case.query
    if match is None:
        return pack_subject(outcome, rcode, query.qtype, NO_LIST, 0, b"", 0, upstream, query.name)
    return pack_subject(
        outcome, rcode, query.qtype, match.list_id, match.line, match.name, match.scope, upstream, query.name
    )


def _remember(engine: Engine, case: Case, answer: Answer, wire: bytes, told: bytes, now: float) -> RememberPacket:
    query, reply = case.query, answer.reply
    start = 12 + len(query.question)
    # Additional records that did not fit are not in the answer, nor are their TTLs.
    kept = reply.counts[0] + reply.counts[1] + (wire[10] << 8 | wire[11]) - query.edns
    offsets = tuple(start + offset for offset in reply.ttl_offsets[:kept])
    # What was let through in a pause must not be replayed after it.
    expires_at = min(answer.expires_at, engine.paused_until) if now < engine.paused_until else answer.expires_at
    return RememberPacket(
        case.asked.client, case.asked.wire[2:], wire, told, now, answer.stored_at, expires_at, offsets
    )
