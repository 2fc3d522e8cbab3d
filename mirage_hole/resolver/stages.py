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
from mirage_hole.resolver.chaos import other_class
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
from mirage_hole.resolver.rewrites import forged_option
from mirage_hole.resolver.sinkhole import OWNER_IS_QUESTION, blocked_option
from mirage_hole.wire.alias import cname_record
from mirage_hole.wire.codes import EdeCode, Rcode, RRClass, RRType, type_text
from mirage_hole.wire.reply import UDP_PAYLOAD, build_reply, ede_option, udp_limit
from mirage_hole.wire.writer import HEAD

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
_LOCAL: Final = int(Outcome.LOCAL)
_SPECIAL: Final = int(Outcome.SPECIAL)
_NS: Final = int(RRType.NS)

_TXT: Final = int(RRType.TXT)
_ANY: Final = int(RRType.ANY)
NEVER_SERVED: Final = frozenset({RRType.AXFR, RRType.IXFR, RRType.TKEY, RRType.TSIG, 253, 254})  # MAILB, MAILA
LOOKED_AT_TWICE: Final = NEVER_SERVED | {_TXT}
"""Types that need a second look: most of them are not served."""

_HINFO_TTL: Final = 3600
"""Seconds. So long nobody need ask again: RFC 8482 4.2."""
_HINFO_RDATA: Final = b"\x07RFC8482\0"
_HINFO: Final = OWNER_IS_QUESTION + HEAD.pack(RRType.HINFO, _IN, _HINFO_TTL, len(_HINFO_RDATA)) + _HINFO_RDATA


def at_the_door(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """What the stages before the rules say, the limits aside. Next to every query passes them all by one look at each field."""
    _, _, name, labels, qtype, qclass, _, _, _, _, _, _, _ = case.query
    if labels and engine.access.known.get(case.asked[1]) and qclass == _IN and qtype not in engine.unusual_types:
        at, local = labels[-1], engine.local
        if at and name not in local.names and name[at:] not in local.tops:
            return None
    for stage in (refuse_strangers, refuse_what_is_not_served, answered_here):
        ended = stage(engine, case, now)
        if ended is not None:
            return ended
    return None


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
        return other_class(engine, case)
    if query.qtype in engine.unusual_types:
        if query.qtype in engine.blocked_types:
            return _no_data(engine, case, now)
        if query.qtype == _TXT:
            return came_back(engine, case, now)
        if query.qtype == _ANY:
            return _any(engine, case, now)
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
    soa = OWNER_IS_QUESTION + engine.sinkhole.soa
    return _said(engine, case, _BLOCKED, soa, (0, 1, 0), told_why, now)


def _any(engine: Engine, case: Case, now: float) -> list[Effect]:
    """One record that says nothing instead of all that there are (RFC 8482 4.2), over TCP, too (4.4), or REFUSED (7).

    Names that are answered here are answered as usual: one set of records for local ones, the sinkhole's for blocked ones.
    """
    for stage in (answered_here, judged_by_policy, blocked_like_its_kin):
        ended = stage(engine, case, now)
        if ended is not None:
            return ended
    if engine.any_is_refused:
        return refusal(
            case, ede_option(EdeCode.NOT_SUPPORTED, "no queries of type ANY here: ask for the type you want")
        )
    return _said(engine, case, _SPECIAL, _HINFO, (1, 0, 0), b"", now)


def _said(
    engine: Engine, case: Case, outcome: int, record: bytes, counts: tuple[int, int, int], options: bytes, now: float
) -> list[Effect]:
    """NOERROR for a reason that holds until something is changed, or another type tells more of the name."""
    query, asked = case.query, case.asked
    limit = udp_limit(query) if asked.transport == UDP else STREAM_LIMIT
    wire = build_reply(query, Rcode.NOERROR, record, counts, options=options, limit=limit)
    told = subject(case, outcome, Rcode.NOERROR)
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
    # Taken apart at once: a named tuple's fields are slow to look up one by one.
    query = case.query
    _, _, name, labels, qtype, _, _, edns, payload, _, replayable, _, _ = query
    octets, client, transport, ticket = case.asked
    policy = engine.policy
    match = policy.decide(name, labels, qtype, client)
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
    rcode, records, counts = engine.sinkhole.answer(query, match)
    options = blocked_option(match, policy.list_of(list_id).title) if edns else b""
    limit = STREAM_LIMIT if transport != UDP else payload if payload < UDP_PAYLOAD else UDP_PAYLOAD
    wire = build_reply(query, rcode, records, counts, options, 0, limit)
    told = subject(case, _BLOCKED, rcode)
    effects: list[Effect] = [_new(SendReply, (ticket, wire)), _new(EmitRecord, (client, transport, 0.0, told))]
    if replayable and transport == UDP:
        view = client if engine.tells_apart else EVERYBODY
        effects.append(_new(RememberPacket, (client, octets[2:], wire, told, now, now, FOREVER, (), view)))
    return effects


def _not_ready(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """Nobody knows yet what is blocked, and the user would rather wait than be shown it (``blocking.until_loaded``)."""
    if now < engine.paused_until:
        return None
    return failure(case, EdeCode.NOT_READY, "the blocklists are still being loaded", now)


def _holds_in_a_pause(match: Match) -> bool:
    return match.list_id == OWN_LIST and any(one.rrtype for one in match.rewrites)


def refuse_recursion(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """The end of a query that wants nobody to be asked (RD=0) and that nothing here answers.

    It is not answered from the cache, which would tell what others have looked up (as in dnsmasq, unbound, Knot
    Resolver). The root's servers are everybody's knowledge, and ``dig +trace`` begins by asking for them so.
    """
    query, match = case.query, case.match
    if (
        case.alias is not None and match is not None
    ):  # a rule's alias may be told; where it leads, somebody would be asked
        record = cname_record(case.alias, engine.sinkhole.ttl)
        forged = forged_option(match, engine.policy.list_of(match.list_id).title)
        return _said(engine, case, _LOCAL, record, (1, 0, 0), forged, now)
    if query.qtype == _NS and not query.labels:
        return answered_from_cache(engine, case, now)
    # RFC 8914 4.21: this very case.
    why = "without RD there are answers for blocked and local names only"
    return refusal(case, ede_option(EdeCode.NOT_AUTHORITATIVE, why))


STAGES: Final[tuple[Callable[[Engine, Case, float], list[Effect] | None], ...]] = (
    refuse_strangers,  # first: outsiders learn nothing, not even what is blocked
    slow_down,  # before anything that costs more than a refusal
    refuse_what_is_not_served,  # before policy: no rule is about these
    answered_here,  # before policy: whatever lists say, local and special names do not leave the network
    judged_by_policy,  # before the cache: an old answer must not outlive a new rule
    blocked_like_its_kin,  # before the cache, for the same reason
    answered_from_cache,  # last before asking around
)
NONRECURSIVE: Final = (*STAGES[:-1], refuse_recursion)
"""The same for queries with RD=0."""
