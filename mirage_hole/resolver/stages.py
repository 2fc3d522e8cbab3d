"""The order of judgement: one flat tuple, and why each stage stands where it does.

A stage looks at a case and returns the effects that end it, or None to pass it on. Coalescing and forwarding follow
when every stage has passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.cache.packets import EVERYBODY, FOREVER
from mirage_hole.lists.rule import Action, Reply
from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import OWN_LIST, Outcome
from mirage_hole.resolver.cached import answered_from_cache
from mirage_hole.resolver.effects import CloseStream, EmitRecord, RememberPacket, SendReply
from mirage_hole.resolver.endings import (
    STREAM_LIMIT,
    ended_by_rule,
    failure,
    refusal,
    subject,
)
from mirage_hole.resolver.inspection import blocked_like_its_kin
from mirage_hole.resolver.limited import slow_down
from mirage_hole.resolver.local import answered_here
from mirage_hole.resolver.loops import came_back
from mirage_hole.resolver.sinkhole import OWNER_IS_QUESTION, blocked_option
from mirage_hole.wire.codes import EdeCode, Rcode, RRClass, RRType, type_text
from mirage_hole.wire.reply import build_reply, ede_option, udp_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.policy.verdict import Match
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case

_new = tuple.__new__  # a named tuple without its constructor's cost, where every query passes
# Members of an enumeration are slow to look up where every query passes.
_IN: Final = int(RRClass.IN)
_BLOCK: Final = Action.BLOCK
_DROP: Final = Reply.DROP
_BLOCKED: Final = int(Outcome.BLOCKED)

_TXT: Final = int(RRType.TXT)
_NEVER_SERVED: Final = frozenset({RRType.AXFR, RRType.IXFR, RRType.TKEY, RRType.TSIG, 253, 254})  # MAILB, MAILA
NOT_SERVED: Final = _NEVER_SERVED | {_TXT}
"""Types that need a second look: most of them are not served."""


def refuse_strangers(engine: Engine, case: Case, _now: float) -> list[Effect] | None:
    """Clients outside the allowed networks get no answer over UDP, whose source may be forged, and REFUSED over TCP."""
    asked = case.asked
    if engine.access.permits(asked.client):
        return None
    if asked.transport == UDP:
        record = EmitRecord(asked.client, UDP, 0.0, subject(case, Outcome.DROPPED, Rcode.REFUSED))
        return [CloseStream(asked.ticket), record]
    return refusal(case, ede_option(EdeCode.PROHIBITED, "this resolver answers its own networks only"))


def refuse_what_is_not_served(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """Classes other than IN, zone transfers and their kin: a stub resolver has nothing to say of them."""
    query = case.query
    if query.qclass != _IN:
        return refusal(case, ede_option(EdeCode.NOT_SUPPORTED, "class IN only"))
    if query.qtype in engine.unusual_types:
        if query.qtype in engine.blocked_types:
            return _no_data(engine, case, now)
        if query.qtype == _TXT:
            return came_back(engine, case, now)
        return refusal(case, ede_option(EdeCode.NOT_SUPPORTED, "no zone transfers and no transactions here"))
    return None


def _no_data(engine: Engine, case: Case, now: float) -> list[Effect]:
    """A type that is switched off: no data, and an SOA so that clients may remember it (RFC 2308 5).

    A blocked name is blocked for this type as for all others: NXDOMAIN for one and no data for the other contradict each other.
    """
    query, asked = case.query, case.asked
    match = engine.policy.decide(query.name, query.labels, query.qtype, asked.client)
    ended = None
    if match is None:
        ended = blocked_like_its_kin(engine, case, now)
    elif match.action is _BLOCK and not match.rewrites:
        ended = judged_by_policy(engine, case, now)
    if ended is not None:
        return ended
    told_why = ede_option(EdeCode.FILTERED, f"type {type_text(query.qtype)} is switched off here")
    limit = udp_limit(query) if asked.transport == UDP else STREAM_LIMIT
    soa = OWNER_IS_QUESTION + engine.sinkhole.soa
    wire = build_reply(query, Rcode.NOERROR, soa, (0, 1, 0), options=told_why, limit=limit)
    told = subject(case, _BLOCKED, Rcode.NOERROR)
    effects: list[Effect] = [
        SendReply(asked.ticket, wire),
        EmitRecord(asked.client, asked.transport, 0.0, told),
    ]
    if asked.transport == UDP and query.replayable and now >= engine.paused_until:
        view = asked.client if engine.tells_apart else EVERYBODY
        until = now + engine.sinkhole.ttl  # another type may find the name to be blocked
        effects.append(RememberPacket(asked.client, asked.wire[2:], wire, told, now, now, until, (), view))
    return effects


def judged_by_policy(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """Blocked names end here, and rewritten ones, unless the rule makes them an alias of a name that must be asked for.

    An exception from a block is noted, so that the record can tell of it. In a pause only answers that the user gave
    hold on: a pause is there to unblock, and not to lose the names of one's own machines (as in AdGuard Home).
    """
    query = case.query
    asked = case.asked
    policy = engine.policy
    match = policy.decide(query.name, query.labels, query.qtype, asked.client)
    if match is None:
        return None if engine.ready else _not_ready(engine, case, now)
    if now < engine.paused_until and not _holds_in_a_pause(match):
        return None
    case.match = match
    list_id, action, _, _, _, _, reply, _, _, rewrites = match
    if action is not _BLOCK:
        return None
    if rewrites or reply is _DROP:
        return ended_by_rule(engine, case, match, now)
    # What follows is what `ended_by_rule` does for a block; most names that are asked for the first time end here.
    answer = engine.sinkhole.answer(query, match)
    options = blocked_option(match, policy.list_of(list_id).title) if query.edns else b""
    limit = udp_limit(query) if asked.transport == UDP else STREAM_LIMIT
    wire = build_reply(query, answer.rcode, answer.records, answer.counts, options=options, limit=limit)
    told = subject(case, _BLOCKED, answer.rcode)
    effects: list[Effect] = [
        _new(SendReply, (asked.ticket, wire)),
        _new(EmitRecord, (asked.client, asked.transport, 0.0, told)),
    ]
    if asked.transport == UDP and query.replayable:
        view = asked.client if engine.tells_apart else EVERYBODY
        effects.append(_new(RememberPacket, (asked.client, asked.wire[2:], wire, told, now, now, FOREVER, (), view)))
    return effects


def _not_ready(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """Nobody knows yet what is blocked, and the user would rather wait than be shown it (``blocking.until_loaded``)."""
    if now < engine.paused_until:
        return None
    return failure(case, EdeCode.NOT_READY, "the blocklists are still being loaded", now)


def _holds_in_a_pause(match: Match) -> bool:
    return match.list_id == OWN_LIST and any(one.rrtype for one in match.rewrites)


STAGES: Final[tuple[Callable[[Engine, Case, float], list[Effect] | None], ...]] = (
    refuse_strangers,  # first: outsiders learn nothing, not even what is blocked
    slow_down,  # before anything that costs more than a refusal
    refuse_what_is_not_served,  # before policy: no rule is about these
    answered_here,  # before policy: whatever lists say, local and special names do not leave the network
    judged_by_policy,  # before the cache: an old answer must not outlive a new rule
    blocked_like_its_kin,  # before the cache, for the same reason
    answered_from_cache,  # last before asking around
)
