"""Old answers when nothing better can be had (RFC 8767).

A query for what is over asks an upstream and waits for a moment. When nothing has come by then, or the upstreams have
failed, it gets the old answer; the question goes on, and its late answer is kept. For a while after that the old answer is
given at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.cache.answers import LATELY
from mirage_hole.cache.lifetimes import clamped
from mirage_hole.cache.packets import EVERYBODY
from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import EmitRecord, RememberPacket, SendReply
from mirage_hole.resolver.endings import (
    NOT_PASSED_ON,
    behind_its_alias,
    failure,
    for_client,
    reply_to,
    subject,
)
from mirage_hole.resolver.inspection import WORTH_A_LOOK, inspect
from mirage_hole.wire.codes import TC, EdeCode, Rcode
from mirage_hole.wire.reply import ede_option

if TYPE_CHECKING:
    from mirage_hole.cache.answers import Answer
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case, Question, Timed

REPLAYED_FOR: Final = 1.0
"""Seconds that an old answer or a failure may be replayed without a look at the cache, where better may be known."""


class StaleWait:
    """An old answer that stands by while a question is asked."""

    __slots__ = ("answer", "bucket", "engine", "question")

    def __init__(self, engine: Engine, question: Question, answer: Answer) -> None:
        self.engine = engine
        self.question = question
        self.answer = answer
        self.bucket: dict[Timed, None] | None = None
        """Of the timers."""

    def ring(self, now: float) -> list[Effect]:
        """Nobody waits any longer; the question goes on."""
        question = self.question
        if self.engine.questions.get(question.key) is not question:
            return []  # it has just ended
        self.engine.cache.failures.slow(question.key, now)
        waiting, question.waiting = question.waiting, []
        self.engine.waiting -= len(waiting)
        return self.serve(waiting, now)

    def serve(self, waiting: list[Case], now: float) -> list[Effect]:
        """The old answer for all of them."""
        return [effect for case in waiting for effect in old_answer(self.engine, case, self.answer, now)]


def over(engine: Engine, case: Case, answer: Answer, now: float) -> list[Effect] | None:
    """What becomes of a case whose answer is past its time; None when it is of no use any more.

    No effects: the case waits, and the old answer stands by.
    """
    cache = engine.cache
    if not cache.servable(answer, now):
        return None
    failure = cache.failures.get(case.key) if cache.failures else None
    if failure is not None and now < failure.pause_until:
        return old_answer(engine, case, answer, now)
    effects = engine.seek(case, now)
    question = engine.questions.get(case.key)
    if question is None or not question.waiting or question.waiting[-1] is not case:
        return old_answer(engine, case, answer, now)  # nobody can be asked now
    if question.bogus is not None:
        return effects  # what was had is bogus; only another upstream's answer is better
    if question.stale is None:
        question.stale = StaleWait(engine, question, answer)
        engine.timers.add(question.stale, now + cache.lifetimes.stale_wait)
    if not cache.lifetimes.stale_wait:
        engine.timers.cancel(question.stale)
        effects += question.stale.ring(now)
    return effects


def old_answer(engine: Engine, case: Case, answer: Answer, now: float) -> list[Effect]:
    """The end of a case with an answer past its time: its TTLs are short, and EDE says so (RFC 8767 4, RFC 8914 4.4, 4.20).

    Nobody has checked that its signatures still hold, so AD is not set.
    """
    cache, asked = engine.cache, case.asked
    answer.wanted = LATELY
    cache.stale_hits += 1
    reply, ttl = answer.reply, cache.lifetimes.stale_ttl
    code = EdeCode.STALE_NXDOMAIN_ANSWER if reply.rcode == Rcode.NXDOMAIN else EdeCode.STALE_ANSWER
    told_why = ede_option(code, f"{_ago(now - answer.expires_at)} past its time, as no upstream has answered")
    old = clamped(for_client(case, reply), ttl, ttl)._replace(flags=0, ede=told_why + reply.ede)
    until = now + REPLAYED_FOR
    if case.alias is not None:
        moved = behind_its_alias(engine, case, old)
        if moved is None:
            text = f"{engine.named(answer.upstream)}: {NOT_PASSED_ON}"
            return failure(case, EdeCode.NETWORK_ERROR, text, now, answer.upstream)
        old = moved
    elif old.traits & WORTH_A_LOOK or engine.policy.judges_answers:
        ended = inspect(engine, case, old, now, answer.upstream, until)
        if ended is not None:
            return ended or engine.seek_anew(case, now)
    wire = reply_to(case, old, 0)
    told = subject(case, Outcome.STALE, reply.rcode, answer.upstream)
    effects: list[Effect] = [
        SendReply(asked.ticket, wire),
        EmitRecord(asked.client, asked.transport, now - case.arrived_at, told),
    ]
    if asked.transport == UDP and case.query.replayable and not wire[2] << 8 & TC:
        effects.append(for_a_moment(engine, case, wire, told, now, until))
    return effects


def for_a_moment(engine: Engine, case: Case, wire: bytes, told: bytes, now: float, until: float) -> RememberPacket:
    """Replay this as it is, TTLs included, but not for long."""
    asked = case.asked
    view = asked.client if engine.tells_apart else EVERYBODY
    until = min(now + REPLAYED_FOR, until)
    if now < engine.paused_until:  # what was let through in a pause must not be replayed after it
        until = min(until, engine.paused_until)
    return RememberPacket(asked.client, asked.wire[2:], wire, told, now, now, until, (), view)


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
