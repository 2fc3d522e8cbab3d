"""How a case ends: the reply, its record, and what is remembered of both. Stages and the engine decide when."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from mirage_hole.cache.packets import EVERYBODY, FOREVER
from mirage_hole.lists.rule import Action, Reply
from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, UDP, pack_rich_subject, pack_subject
from mirage_hole.policy.verdict import Outcome, through_text
from mirage_hole.resolver.effects import CloseStream, EmitRecord, EndStream, RememberPacket, SendReply
from mirage_hole.resolver.rewrites import alias_of, forged_option, own_answer
from mirage_hole.resolver.sinkhole import blocked_option
from mirage_hole.resolver.subnets import with_scope
from mirage_hole.wire.addresses import addresses_of
from mirage_hole.wire.alias import behind_alias
from mirage_hole.wire.codes import AD, TC, EdeCode, Rcode
from mirage_hole.wire.reply import UDP_PAYLOAD, age_ttls, build_reply, ede_option, udp_limit
from mirage_hole.wire.scan import SIGNED, TRAITS
from mirage_hole.wire.strip import without_signatures

if TYPE_CHECKING:
    from mirage_hole.cache.answers import Answer
    from mirage_hole.policy.verdict import Match
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case
    from mirage_hole.wire.scan import Reply as UpstreamReply

STREAM_LIMIT: Final = 65_535
"""Octets."""
MOST_ADDRESSES: Final = 512
"""Of one answer that rules judge, for each client that waits when rules tell clients apart."""
TOO_MANY_ADDRESSES: Final = "the answer has more addresses than rules are asked about"
NOT_PASSED_ON: Final = "gave an answer that can't stand behind an alias"


def for_client(case: Case, reply: UpstreamReply) -> UpstreamReply:
    """The reply as this client may have it: without signatures when it did not ask for them."""
    if reply[8] & SIGNED and not case.query.dnssec_ok:
        return without_signatures(case.key[:-1], reply)
    return reply


def reply_to(case: Case, reply: UpstreamReply, age: int) -> bytes:
    """The response to one client, from an upstream's reply that is ``age`` whole seconds old; see :func:`for_client`."""
    query = case.query
    flags, rcode, records, counts, ttl_offsets, _, _, ede, traits = reply
    if traits > TRAITS:
        query = with_scope(query, traits)
    if age:
        records = age_ttls(records, ttl_offsets, age)
    if flags & AD and not (query.dnssec_ok or query.flags & AD):
        flags ^= AD  # RFC 6840 5.8: AD is for clients that asked, by AD or by DO
    payload = query[8]
    limit = STREAM_LIMIT if case.asked[2] != UDP else payload if payload < UDP_PAYLOAD else UDP_PAYLOAD
    return build_reply(query, rcode & 0x0F, records, counts, ede, flags & AD, limit)


def refusal(case: Case, options: bytes) -> list[Effect]:
    """REFUSED, and its record."""
    asked = case.asked
    wire = build_reply(case.query, Rcode.REFUSED, options=options)
    told = subject(case, Outcome.REFUSED, Rcode.REFUSED)
    return [SendReply(asked.ticket, wire), EmitRecord(asked.client, asked.transport, 0.0, told)]


def failure(case: Case, code: EdeCode, text: str, now: float, upstream: int = NO_UPSTREAM) -> list[Effect]:
    """SERVFAIL that says why, and its record."""
    asked = case.asked
    wire = build_reply(case.query, Rcode.SERVFAIL, options=ede_option(code, text), limit=512)
    told = subject(case, Outcome.FAILED, Rcode.SERVFAIL, upstream)
    return [SendReply(asked.ticket, wire), EmitRecord(asked.client, asked.transport, now - case.arrived_at, told)]


def ended_by_rule(
    engine: Engine,
    case: Case,
    match: Match,
    now: float,
    *,
    address: str = "",
    upstream: int = NO_UPSTREAM,
    until: float = FOREVER,
    via: bytes = b"",
) -> list[Effect] | None:
    """The block or the rewrite that ``match`` demands; None when the case goes on, maybe by another name.

    Args:
        engine: whose sinkhole and policy speak.
        case: gets the match, and the alias that is to be asked for.
        match: its action is to block.
        now: seconds.
        address: of the answer, in text, when the rule is about that; or the name that the answer led through.
        upstream: who gave that answer.
        via: that name in folded wire form; its rule is no rule about the query's own name.
        until: how long the packet cache may replay what is said here, in the clock of ``now``.
    """
    case.match = match
    case.via, case.about = via, address
    query, asked = case.query, case.asked
    title = engine.policy.list_of(match.list_id).title
    if match.rewrites:
        alias = alias_of(query, match)
        if alias == query.name:
            # An alias of itself asks for the true answer, as policy zones once wrote PASSTHRU.
            case.match = match._replace(action=Action.ALLOW)
            return None
        own = own_answer(query, match, alias, engine.sinkhole)
        if own is None:
            case.follow(alias, engine.routes)
            return None
        outcome, answer, options = Outcome.LOCAL, own, forged_option(match, title, address)
    elif match.reply is Reply.DROP:
        # The record says what a refusal would have said; there is no code for silence.
        told = subject(case, Outcome.BLOCKED, Rcode.REFUSED, upstream)
        record = EmitRecord(asked.client, asked.transport, now - case.arrived_at, told)
        return [(CloseStream if asked.transport == UDP else EndStream)(asked.ticket), record]
    else:
        # A rule about another name has no place in the question that its SOA could stand at.
        shown = match._replace(name=query.name) if via else match
        outcome, answer = Outcome.BLOCKED, engine.sinkhole.answer(query, shown)
        options = blocked_option(match, title, address)
    limit = udp_limit(query) if asked.transport == UDP else STREAM_LIMIT
    wire = build_reply(query, answer.rcode, answer.records, answer.counts, options=options, limit=limit)
    told = subject(case, outcome, answer.rcode, upstream)
    effects: list[Effect] = [
        SendReply(asked.ticket, wire),
        EmitRecord(asked.client, asked.transport, now - case.arrived_at, told),
    ]
    if asked.transport == UDP and query.replayable and not wire[2] << 8 & TC:
        view = asked.client if engine.tells_apart else EVERYBODY
        effects.append(RememberPacket(asked.client, asked.wire[2:], wire, told, now, now, until, (), view))
    return effects


def judged_by_addresses(
    engine: Engine, case: Case, reply: UpstreamReply, now: float, upstream: int, until: float
) -> list[Effect] | None:
    """What rules about addresses make of an upstream's answer: None when it may pass, else the effects that end the case.

    No effects at all: the case now follows an alias (``case.alias``), which is to be looked for. The first address that a
    rule blocks decides over the whole answer; one with more than :data:`MOST_ADDRESSES` is no answer, as nobody has so many
    and a blocked one might hide behind them. Not judged: the answer of an alias, which the user or a list chose (as in
    AdGuard Home), that of a name with an exception, and anything in a pause.
    """
    if case.alias is not None or case.match is not None or now < engine.paused_until:
        return None
    query, client = case.query, case.asked.client
    decide = engine.policy.decide_address
    for number, (kind, address) in enumerate(addresses_of(reply)):
        if number >= MOST_ADDRESSES:
            return failure(case, EdeCode.NETWORK_ERROR, TOO_MANY_ADDRESSES, now, upstream)
        match = decide(address, query.name, query.labels, kind, client)
        if match is not None and match.action is Action.BLOCK:
            text = str(ip_address(address))
            effects = ended_by_rule(engine, case, match, now, address=text, upstream=upstream, until=until)
            return [] if effects is None and case.alias is not None else effects
    return None


def behind_its_alias(engine: Engine, case: Case, reply: UpstreamReply) -> UpstreamReply | None:
    """The reply to the alias's question as one to the case's own; None when it can't be passed on."""
    match, alias = case.match, case.alias
    assert alias is not None
    moved = behind_alias(case.query.question, alias, engine.sinkhole.ttl, case.key[:-1], reply, case.chain)
    if moved is None:
        return None
    told = reply.ede
    if match is not None:  # else local data leads there
        told = forged_option(match, engine.policy.list_of(match.list_id).title) + told
    # Nobody has signed this.
    return reply._replace(flags=0, records=moved.records, counts=moved.counts, ttl_offsets=moved.ttl_offsets, ede=told)


def answered_by_alias(engine: Engine, case: Case, reply: UpstreamReply, now: float, upstream: int) -> list[Effect]:
    """The case ends with what an upstream said of its alias."""
    moved = behind_its_alias(engine, case, reply)
    if moved is None:
        return failure(case, EdeCode.NETWORK_ERROR, f"{engine.named(upstream)}: {NOT_PASSED_ON}", now, upstream)
    asked = case.asked
    told = subject(case, Outcome.LOCAL, reply.rcode, upstream)
    return [
        SendReply(asked.ticket, reply_to(case, moved, 0)),
        EmitRecord(asked.client, asked.transport, now - case.arrived_at, told),
    ]


def remembered(
    engine: Engine, case: Case, answer: Answer, reply: UpstreamReply, wire: bytes, told: bytes, now: float
) -> RememberPacket:
    """Replay this answer from the answer cache. ``reply`` is what ``wire`` was made of."""
    query, asked = case.query, case.asked
    start = 12 + len(query.question)
    # Additional records that did not fit are not in the answer, nor are their TTLs.
    missing = reply.counts[2] - ((wire[10] << 8 | wire[11]) - query.edns)
    kept = len(reply.ttl_offsets) - missing
    offsets = tuple(start + offset for offset in reply.ttl_offsets[:kept])
    # What was let through in a pause must not be replayed after it.
    # And nothing beyond the time from which the answer may be renewed.
    until = min(answer.refresh_at, engine.paused_until) if now < engine.paused_until else answer.refresh_at
    view = asked.client if engine.tells_apart else EVERYBODY
    fields = (asked.client, asked.wire[2:], wire, told, now, answer.stored_at, until, offsets, view)
    return tuple.__new__(RememberPacket, fields)  # without its constructor's cost, as elsewhere on this path


def subject(case: Case, outcome: int, rcode: int, upstream: int = NO_UPSTREAM) -> bytes:
    """The record subject of a case that ended so."""
    match, query = case.match, case.query
    if match is None:
        return pack_subject(outcome, rcode, query[4], NO_LIST, 0, b"", 0, upstream, query[2])
    list_id, _, scope, name, line, _, _, _, rich, _ = match
    if case.via:
        text = through_text(match, case.via)
        return pack_rich_subject(
            outcome, rcode, query.qtype, list_id, line, query.name, scope, upstream, query.name, text
        )
    if rich is None:
        return pack_subject(outcome, rcode, query[4], list_id, line, name, scope, upstream, query[2])
    return pack_rich_subject(outcome, rcode, query.qtype, list_id, line, name, scope, upstream, query.name, rich.text)
