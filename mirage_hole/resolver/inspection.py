"""What is looked at in an answer before it is passed on: the names it leads through, and the addresses it leads to.

The rules that judge a query judge these too, for the same client and type. A block of any of them takes the whole answer
away. What a rule says of the asked name itself was said before; an exception there keeps all other rules out of its
answers. Rebinding is no matter of rules: neither exceptions nor pauses let a name lead inside.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.cache.packets import EVERYBODY
from mirage_hole.lists.rule import Action
from mirage_hole.observe.record import UDP
from mirage_hole.policy.inside import is_blocklist_answer, is_inside
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import EmitRecord, ForgetPackets, RememberPacket, SendReply
from mirage_hole.resolver.endings import STREAM_LIMIT, ended_by_rule, failure, judged_by_addresses, subject
from mirage_hole.resolver.pending import KIND_GROUP
from mirage_hole.resolver.sinkhole import OWNER_IS_QUESTION
from mirage_hole.wire.addresses import addresses_of
from mirage_hole.wire.chain import aliases, targets
from mirage_hole.wire.codes import TC, EdeCode, Rcode, RRType
from mirage_hole.wire.names import labels_of, to_text
from mirage_hole.wire.reply import build_reply, ede_option, udp_limit
from mirage_hole.wire.scan import ALIASED, BOUND, INSIDE
from mirage_hole.wire.strip import without_additional

if TYPE_CHECKING:
    from mirage_hole.policy.verdict import Match
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case, Question
    from mirage_hole.wire.scan import Reply

WORTH_A_LOOK: Final = ALIASED | BOUND | INSIDE
"""Traits of a reply that can be looked at even when no rule is about addresses."""
UNREADABLE: Final = "the answer has SVCB or HTTPS records that can't be read, or too many"
MOST_TAINTED: Final = 4096
"""Names whose other types are blocked, too."""

_KIN: Final = tuple(bytes((0, kind, 0, 1)) for kind in (RRType.A, RRType.AAAA, RRType.SVCB, RRType.HTTPS))
"""Type and class, as they follow a name in the keys of its answers."""


class Tainted(NamedTuple):
    """Why a name is blocked whose own name no rule blocks: an answer to another type was."""

    match: Match
    address: str
    via: bytes
    until: float
    upstream: int


def inspect(engine: Engine, case: Case, reply: Reply, now: float, upstream: int, until: float) -> list[Effect] | None:
    """Look at an upstream's answer: None when it may pass, else the effects that end the case.

    No effects at all: the case now follows an alias (``case.alias``), which is to be looked for. The answer of an alias that
    a rule made is not looked at, and rules say nothing of the answers of a name with an exception, nor in a pause.

    Args:
        engine: whose policy and routes speak.
        case: the query.
        reply: the answer.
        now: seconds.
        upstream: who gave it.
        until: how long it lives, in the clock of ``now``.
    """
    if case.alias is not None:
        return None
    traits = reply.traits
    if traits & (ALIASED | BOUND) and case.match is None and now >= engine.paused_until:
        ended = _judged_by_names(engine, case, reply, now, upstream, until)
        if ended is not None:
            return ended
    if traits & (INSIDE | BOUND) and engine.rebinding is not None:
        ended = _leads_inside(engine, case, reply, now, upstream, until)
        if ended is not None:
            return ended
    if engine.policy.judges_answers:  # no more of a case with an exception, be it for an alias: as in Pi-hole
        ended = judged_by_addresses(engine, case, reply, now, upstream, until)
        if ended and case.match is not None and not case.match.rewrites:
            return _taint(engine, case, _tainted(engine, case.match, case.about, b"", now, until, upstream), ended)
        return ended
    return None


def passes_for_all(engine: Engine, case: Case, now: float) -> bool:
    """Whether what was found clean for this case is so for every client: the same rules hold for all of them."""
    rules = case.match is None and case.alias is None and now >= engine.paused_until
    return rules and not engine.policy.judges_clients


def _judged_by_names(
    engine: Engine, case: Case, reply: Reply, now: float, upstream: int, until: float
) -> list[Effect] | None:
    names = _names_of(case.key[: len(case.query.name) + 4], reply)
    if names is None:  # a blocked name might hide there
        return failure(case, EdeCode.NETWORK_ERROR, UNREADABLE, now, upstream)
    decide, query, client = engine.policy.decide, case.query, case.asked.client
    for name in names:
        if name == query.name:
            continue
        match = decide(name, labels_of(name), query.qtype, client)
        if match is None or match.rewrites:
            continue
        if match.action is not Action.BLOCK:
            case.match, case.via = match, name
            return None
        ended = ended_by_rule(engine, case, match, now, address=to_text(name), upstream=upstream, until=until, via=name)
        tainted = _tainted(engine, match, to_text(name), name, now, until, upstream)
        return ended and _taint(engine, case, tainted, ended)
    return None


@lru_cache(maxsize=1)  # hundreds may wait for one answer, and a hostile one takes milliseconds to read
def _names_of(question: bytes, reply: Reply) -> list[bytes] | None:
    names = (aliases(question, reply) or []) if reply.traits & ALIASED else []
    found = targets(question, reply) if reply.traits & BOUND else []
    return None if found is None else names + found


@lru_cache(maxsize=1)
def _inside_of(reply: Reply) -> list[bytes]:
    return [address for _, address in addresses_of(reply) if is_inside(address)]


def _tainted(
    engine: Engine, match: Match, address: str, via: bytes, now: float, until: float, upstream: int
) -> Tainted:
    """For as long as the answer lives; for one that may not be kept, as long as clients remember the block."""
    return Tainted(match, address, via, until if until > now else now + engine.sinkhole.ttl, upstream)


def _leads_inside(
    engine: Engine, case: Case, reply: Reply, now: float, upstream: int, until: float
) -> list[Effect] | None:
    """Rebinding: a name from outside that leads into the network. All of the answer goes, since a mix is the attack.

    No data and EDE 15 is what dnsmasq's ``--stop-dns-rebind`` answers, too.
    """
    query, asked = case.query, case.asked
    inside = None
    for address in _inside_of(reply):
        if not is_blocklist_answer(query.name, query.labels, address):
            inside = address
            break
    if inside is None or engine.may_lead_inside(query.name, query.labels):
        return None
    case.match, case.via = None, b""  # an exception is not why
    text = (
        f"leads to {ip_address(inside)}, a private address, from outside (rebinding); answers.rebinding_allow lets it"
    )
    limit = udp_limit(query) if asked.transport == UDP else STREAM_LIMIT
    wire = build_reply(
        query,
        Rcode.NOERROR,
        OWNER_IS_QUESTION + engine.sinkhole.soa,
        (0, 1, 0),
        ede_option(EdeCode.BLOCKED, text),
        0,
        limit,
    )
    told = subject(case, Outcome.REBIND, Rcode.NOERROR, upstream)
    effects: list[Effect] = [
        SendReply(asked.ticket, wire),
        EmitRecord(asked.client, asked.transport, now - case.arrived_at, told),
    ]
    if asked.transport == UDP and query.replayable and not wire[2] << 8 & TC:
        view = asked.client if engine.tells_apart else EVERYBODY
        if now < engine.paused_until:  # rules are not asked now, and are when the pause is over
            until = min(until, engine.paused_until)
        effects.append(RememberPacket(asked.client, asked.wire[2:], wire, told, now, now, until, (), view))
    return effects


def not_beside(engine: Engine, question: Question, reply: Reply) -> Reply:
    """Private addresses in the additional section: it goes, since nobody depends on it and some take addresses from there."""
    name = question.wire[:-4]
    return reply if engine.may_lead_inside(name, labels_of(name)) else without_additional(reply)


def _taint(engine: Engine, case: Case, tainted: Tainted, ended: list[Effect]) -> list[Effect]:
    """The other types of this name are blocked as well: its addresses would contradict each other otherwise.

    Not by a rule that is about some types alone: there somebody asked for the difference.
    """
    rich = tainted.match.rich
    if rich is not None and (rich.types or rich.other_types):
        return ended
    names, name, known, key = engine.tainted, case.query.name, engine.cache.answers, case.key
    place = name, case.asked.client if engine.policy.judges_clients else EVERYBODY
    new = place not in names
    if new and len(names) >= MOST_TAINTED:
        del names[next(iter(names))]
    names[place] = tainted
    if new:
        if engine.subnets is not None:
            return [ForgetPackets(), *ended]  # there may be answers for any subnet
        group = key[-1] & -KIND_GROUP
        for rest in _KIN:
            for kind in range(group, group + KIND_GROUP):
                other = name + rest + bytes((kind,))
                if other != key and other in known:
                    return [ForgetPackets(), *ended]  # what was said of the other types must not be replayed
    return ended


def blocked_like_its_kin(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """A name of which another type led to what a rule blocks: A, AAAA and HTTPS never contradict each other."""
    names = engine.tainted
    if not names or case.match is not None or case.alias is not None or now < engine.paused_until:
        return None
    place = case.query.name, case.asked.client if engine.policy.judges_clients else EVERYBODY
    tainted = names.get(place)
    if tainted is None:
        return None
    match, address, via, until, upstream = tainted
    if now >= until:
        del names[place]
        return None
    return ended_by_rule(engine, case, match, now, address=address, upstream=upstream, until=until, via=via)
