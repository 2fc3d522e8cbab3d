"""DNSSEC validation on its way through the engine: answers wait here for their verdict, and its questions are asked.

The thread that checks signatures works on one step at a time (``Validate``, ``Validated``); between two steps a validation
belongs to the engine. Whoever asks the same meanwhile waits with the others, as for an upstream.
"""

from __future__ import annotations

from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Final

from mirage_hole.dnssec.anchors import LOCAL_NAMES, ROOT_TRUST
from mirage_hole.dnssec.chain import Validator
from mirage_hole.dnssec.memory import Memory
from mirage_hole.dnssec.order import ROOT
from mirage_hole.dnssec.outcome import Result, Status
from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver import asking
from mirage_hole.resolver.effects import EmitRecord, SendReply, Validate
from mirage_hole.resolver.endings import STREAM_LIMIT, subject
from mirage_hole.resolver.pending import KIND_CD, KIND_DO, KIND_GROUP
from mirage_hole.wire.codes import AD, EdeCode, Rcode, RRClass
from mirage_hole.wire.reply import age_ttls, build_reply, ede_option, udp_limit

if TYPE_CHECKING:
    from mirage_hole.dnssec.anchors import Trust
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.events import Validated
    from mirage_hole.resolver.pending import Case, Question, Timed
    from mirage_hole.wire.scan import Reply

MOST_AT_ONCE: Final = 1024
"""Validations under way; each may wait for questions of its own."""
TOO_MANY: Final = Result(Status.INDETERMINATE, EdeCode.OTHER, "too many answers wait for DNSSEC validation")
TOO_LATE: Final = Result(Status.INDETERMINATE, EdeCode.DNSSEC_INDETERMINATE, "DNSSEC validation took too long")
_U32: Final = 4
_QUESTION: Final = Struct(">HHB").pack


class Validation:
    """One answer that waits for its verdict. Rings when its question's time is up."""

    __slots__ = ("bucket", "engine", "ident", "job", "question", "reply", "upstream")

    def __init__(
        self, engine: Engine, ident: int, job: Validator, question: Question, reply: Reply, upstream: int
    ) -> None:
        self.engine = engine
        self.ident = ident
        self.job = job
        self.question = question
        self.reply = reply
        self.upstream = upstream
        self.bucket: dict[Timed, None] | None = None

    def ring(self, now: float) -> list[Effect]:
        """Its time is up."""
        return _ended(self, TOO_LATE, now)


class Validations:
    """All validations of an engine, and what they share."""

    def __init__(self, trust: Trust = ROOT_TRUST) -> None:
        self.trust = trust
        self.memory = Memory()
        self.under_way: dict[int, Validation] = {}
        self.counts = dict.fromkeys(Status, 0)
        """How many ended how."""
        self._last = 0

    def counters(self) -> dict[str, int]:
        """How many ended how, by the names that the metrics have for it."""
        return {f"validated_{status.name.lower()}": count for status, count in self.counts.items()}

    def next_ident(self) -> int:
        """One that no other validation has."""
        self._last += 1
        return self._last


NO_VALIDATIONS: Final = Validations()
"""Counts nothing, for who validates nothing."""


def validations_of(engine: Engine, trust: Trust) -> Validations:
    """For an engine whose groups and routes are settled.

    Names with a route to a group that is not validated are the user's own world; what the world has signed about them does
    not hold there (RFC 7646 1.1; blocky issue 2126 is what happens without).
    """
    own = [
        name for name, number in engine.routes.domains.items() if name != ROOT and not engine.validates >> number & 1
    ]
    return Validations(trust._replace(negative=trust.negative.union(own, LOCAL_NAMES)))


def share_answers(engine: Engine, case: Case) -> None:
    """Clients with DO and without get the same answers where these are validated."""
    kind = case.key[-1]
    if engine.validates >> kind // KIND_GROUP & 1 and not kind & KIND_DO:
        case.key = case.key[:-1] + bytes((kind | KIND_DO,))


def begin(engine: Engine, question: Question, reply: Reply, upstream: int, now: float) -> list[Effect]:
    """A question was answered; its answer waits for a verdict, and the question with it."""
    validations = engine.validations
    assert validations is not None  # or no group would be validated
    for ident in tuple(question.idents):
        asking.close(engine, engine.exchanges[ident])
    if question.hedge is not None:
        engine.timers.cancel(question.hedge)
        question.hedge = None
    job = Validator(question.wire, reply, validations.trust, validations.memory)
    validation = Validation(engine, validations.next_ident(), job, question, reply, upstream)
    if len(validations.under_way) >= MOST_AT_ONCE:
        return rejected(engine, question, question.bogus or TOO_MANY, upstream, now)
    validations.under_way[validation.ident] = validation
    engine.timers.add(validation, question.deadline)
    return [Validate(validation.ident, job, None)]


def on_validated(engine: Engine, event: Validated, now: float) -> list[Effect]:
    """A step was taken: ask what it needs, or end."""
    ident, said = event
    validations = engine.validations
    validation = validations.under_way.get(ident) if validations is not None else None
    if validation is None:
        return []  # its time was up before
    if isinstance(said, Result) or engine.questions.get(validation.question.key) is not validation.question:
        return _ended(validation, said if isinstance(said, Result) else TOO_LATE, now)
    group = validation.question.key[-1] // KIND_GROUP
    key = said.name + _QUESTION(said.rrtype, RRClass.IN, group * KIND_GROUP | KIND_DO | KIND_CD)
    answer = engine.cache.get(key, now)
    if answer is not None:
        return [Validate(ident, validation.job, _aged(answer.reply, int(now - answer.stored_at)))]
    listener = partial(_learned, engine, ident)
    return asking.ask_for(
        engine, said.name, said.rrtype, group, now, listener, dnssec_ok=True, checking_disabled=True,
        within=validation.question.deadline - now,
    )  # fmt: skip


def _aged(reply: Reply, age: int) -> Reply:
    return reply._replace(records=age_ttls(reply.records, reply.ttl_offsets, age)) if age > 0 else reply


def _learned(engine: Engine, ident: int, reply: Reply | None, _now: float) -> list[Effect]:
    """What a validation asked for was answered; None: was not."""
    validations = engine.validations
    validation = validations.under_way.get(ident) if validations is not None else None
    return [Validate(ident, validation.job, reply)] if validation is not None else []


def _ended(validation: Validation, result: Result, now: float) -> list[Effect]:
    engine, question = validation.engine, validation.question
    validations = engine.validations
    if validations is None or validations.under_way.pop(validation.ident, None) is None:
        return []
    engine.timers.cancel(validation)
    if engine.questions.get(question.key) is not question:
        return []  # everybody was told that the resolver is stopping
    if result.status is Status.SECURE:
        validations.counts[result.status] += 1
        return asking.deliver(engine, question, secured(validation.reply, result), validation.upstream, now)
    if result.status is Status.INSECURE:
        validations.counts[result.status] += 1
        return asking.deliver(engine, question, unvouched(validation.reply, result), validation.upstream, now)
    return _second_opinion(validation, result, now) or rejected(
        engine, question, question.bogus or result, validation.upstream, now
    )


def _second_opinion(validation: Validation, result: Result, now: float) -> list[Effect] | None:
    """Ask another upstream once, when there is one: the first may be broken or lied to, and not the zone."""
    engine, question, number = validation.engine, validation.question, validation.upstream
    if result.status is not Status.BOGUS or question.bogus is not None or now >= question.deadline:
        return None
    unusable = question.unusable | {number}
    other = engine.groups[question.group].next(question.tried, unusable, now, engine.dice)
    if other is None or other.number in question.tried or len(engine.exchanges) >= asking.MAX_EXCHANGES:
        return None
    question.bogus, question.unusable = result, unusable
    if question.stale is not None:
        engine.timers.cancel(question.stale)
        question.stale = None
    question.problems += ((number, result.text),)
    return asking.ask(engine, question, now, other)


def rejected(engine: Engine, question: Question, result: Result, number: int, now: float) -> list[Effect]:
    """SERVFAIL with the reason for everybody who waits, remembered as a failure. ``number``: whose answer it was.

    An old answer stands in where nothing could be found out, as for upstreams that fail, and never where there is something bogus.
    """
    if engine.validations is not None:
        engine.validations.counts[result.status] += 1
    asking.forget(engine, question)
    options = ede_option(result.code, result.text)
    effects: list[Effect] = []
    for listener in question.listeners:
        effects += listener(None, now)
    cache = engine.cache
    if result.status is not Status.BOGUS or cache.get(question.key, now) is None:
        # An answer that still holds was to be renewed, and serves to its end; one past its time never does from now on.
        if result.status is Status.BOGUS and question.key in cache.answers:
            cache.forget(question.key)
        cache.failures.failed(question.key, options, number, now, outage=False, bogus=True)
    if result.status is not Status.BOGUS and question.stale is not None:
        return effects + question.stale.serve(question.waiting, now)
    for case in question.waiting:
        asked = case.asked
        limit = udp_limit(case.query) if asked.transport == UDP else STREAM_LIMIT
        wire = build_reply(case.query, Rcode.SERVFAIL, options=options, limit=limit)
        told = subject(case, Outcome.BOGUS, Rcode.SERVFAIL, number)
        effects.append(SendReply(asked.ticket, wire))
        effects.append(EmitRecord(asked.client, asked.transport, now - case.arrived_at, told))
    return effects


def secured(reply: Reply, result: Result) -> Reply:
    """The reply as clients may have it: AD set, TTLs no longer than the signatures hold, and only what is secure in it."""
    if result.answer_end >= 0:
        kept = tuple(offset for offset in reply.ttl_offsets if offset < result.answer_end)
        reply = reply._replace(
            records=reply.records[: result.answer_end], counts=(reply.counts[0], 0, 0), ttl_offsets=kept
        )
    if result.ttls:
        records = bytearray(reply.records)
        for offset, seconds in result.ttls:
            records[offset : offset + _U32] = seconds.to_bytes(_U32, "big")
        least = min(seconds for _, seconds in result.ttls)
        negative = min(reply.negative_ttl, least) if reply.negative_ttl >= 0 else reply.negative_ttl
        reply = reply._replace(records=bytes(records), min_ttl=min(reply.min_ttl, least), negative_ttl=negative)
    return reply._replace(flags=reply.flags | AD)


def unvouched(reply: Reply, result: Result | None = None) -> Reply:
    """The reply without AD, whatever the upstream set; with the reason why nothing could be checked, if there is one."""
    reply = reply._replace(flags=reply.flags & ~AD)
    if result is not None and result.text:
        reply = reply._replace(ede=ede_option(result.code, result.text) + reply.ede)
    return reply
