"""Answers that are known: fresh ones, old ones when nothing better can be had (RFC 8767), failures (RFC 9520).

A second asking is what makes a packet worth remembering, so this is where it happens. Packets of fresh answers end a
little before the answers, so that a query comes here in time to have what is popular renewed before it runs out.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from mirage_hole.cache.answers import LATELY
from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import EmitRecord, SendReply
from mirage_hole.resolver.endings import (
    NOT_PASSED_ON,
    STREAM_LIMIT,
    behind_its_alias,
    failure,
    for_client,
    remembered,
    reply_to,
    subject,
)
from mirage_hole.resolver.inspection import WORTH_A_LOOK, inspect, passes_for_all
from mirage_hole.resolver.stale import for_a_moment, over
from mirage_hole.wire.codes import TC, EdeCode, Rcode
from mirage_hole.wire.reply import build_reply, ede_option, udp_limit
from mirage_hole.wire.scan import SIGNED

if TYPE_CHECKING:
    from mirage_hole.cache.answers import Answer
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case, Question
    from mirage_hole.wire.scan import Reply

_new = tuple.__new__  # a named tuple without its constructor's cost, where every query passes
# Members of an enumeration are slow to look up where every query passes.
_CACHED: Final = int(Outcome.CACHED)
_LOCAL: Final = int(Outcome.LOCAL)
_TC: Final = TC >> 8

MOST_RENEWING: Final = 64
"""Answers that are renewed at the same time; that is no reason to keep people waiting who ask for something new."""


def answered_from_cache(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """The end of a case whose answer is known. No effects: it waits for a fresh one, and an old one stands by."""
    cache = engine.cache
    answer = cache.answers.get(case.key)
    if answer is None:
        return known_failure(engine, case, now) if cache.failures else None
    late = False
    if now >= answer.refresh_at:
        if now >= answer.expires_at:
            ended = over(engine, case, answer, now)
            return known_failure(engine, case, now) if ended is None and cache.failures else ended
        late, popular = True, answer.wanted
    answer.wanted = LATELY
    cache.hits += 1
    query, asked, reply = case.query, case.asked, answer.reply
    traits = reply[8]
    if traits & SIGNED and not query.dnssec_ok:
        reply = for_client(case, reply)
    outcome = _CACHED
    if case.alias is not None:
        moved = behind_its_alias(engine, case, reply)
        if moved is None:
            text = f"{engine.named(answer.upstream)}: {NOT_PASSED_ON}"
            return failure(case, EdeCode.NETWORK_ERROR, text, now, answer.upstream)
        outcome, reply = _LOCAL, moved
    elif (traits & WORTH_A_LOOK or engine.policy.judges_answers) and answer.passed is not engine.policy:
        effects = inspect(engine, case, reply, now, answer.upstream, answer.expires_at)
        if effects is not None:
            # A rule may make it an alias of another name, which is to be looked for as well; that answer is not judged.
            return effects or answered_from_cache(engine, case, now)
        if passes_for_all(engine, case, now):
            answer.passed = engine.policy  # and need not be looked at again, as long as the same rules hold
    wire = reply_to(case, reply, int(now - answer.stored_at))
    told = subject(case, outcome, reply.rcode, answer.upstream)
    effects = [
        _new(SendReply, (asked.ticket, wire)),
        _new(EmitRecord, (asked.client, asked.transport, 0.0, told)),
    ]
    if late:  # a packet would keep those away that come next
        return effects + renewed(engine, case.key, answer, now) if popular else effects
    if asked.transport == UDP and query.replayable and not wire[2] & _TC:
        effects.append(remembered(engine, case, answer, reply, wire, told, now))
    return effects


def renewed(engine: Engine, key: bytes, answer: Answer, now: float) -> list[Effect]:
    """In the last tenth of its time an answer that people ask for is asked for once more, before anybody has to wait.

    Once: from then on it is told like any other until it is over. Not while many others are being renewed.
    """
    if engine.renewing >= MOST_RENEWING:
        return []
    answer.refresh_at = answer.expires_at
    engine.renewing += 1
    engine.cache.prefetched += 1

    def done(_reply: Reply | None, _now: float) -> list[Effect]:
        engine.renewing -= 1
        return []

    return engine.renew(key, now, done)


def known_failure(engine: Engine, case: Case, now: float) -> list[Effect] | None:
    """SERVFAIL for a question that failed a moment ago, with the reason of then (RFC 9520 3.2, RFC 8914 4.14)."""
    known = engine.cache.failures.get(case.key)
    if known is None or now >= known.retry_at:
        return None
    engine.cache.known_failures += 1
    asked = case.asked
    options = ede_option(EdeCode.CACHED_ERROR, f"asked again in {ceil(known.retry_at - now)} s") + known.options
    limit = udp_limit(case.query) if asked.transport == UDP else STREAM_LIMIT
    wire = build_reply(case.query, Rcode.SERVFAIL, options=options, limit=limit)
    outcome = Outcome.BOGUS if known.bogus else Outcome.FAILED
    told = subject(case, outcome, Rcode.SERVFAIL, known.upstream)
    effects: list[Effect] = [
        SendReply(asked.ticket, wire),
        EmitRecord(asked.client, asked.transport, now - case.arrived_at, told),
    ]
    if asked.transport == UDP and case.query.replayable:
        effects.append(for_a_moment(engine, case, wire, told, now, known.retry_at))
    return effects


def remember_failure(engine: Engine, question: Question, options: bytes, now: float) -> None:
    """The question could not be answered. What is our own fault says nothing about the next try, so it is not kept."""
    if question.code is EdeCode.OTHER:
        return
    outage = all(engine.upstreams[number].in_a_row for number in question.tried)
    engine.cache.failures.failed(question.key, options, question.tried[-1], now, outage=outage)
