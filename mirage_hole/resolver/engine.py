"""The resolver without a network: told what happened and when, it says what to do.

It opens no socket, reads no clock, rolls no dice and writes no log. Forwarding has one point of suspension, the
upstream, so there are no coroutines here: a table of pending questions can be printed, counted and bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, Subject, encode_subject
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import AskUpstream, CloseStream, EmitRecord, ForgetPackets, SendReply
from mirage_hole.resolver.events import (
    BlockingPaused,
    PolicyChanged,
    QueryReceived,
    TimePassed,
    UpstreamReplied,
    UpstreamUnreachable,
)
from mirage_hole.resolver.pending import Case, Exchange, Question, Timers
from mirage_hole.resolver.stages import STAGES, reply_to, subject
from mirage_hole.upstream.health import choose
from mirage_hole.upstream.verify import answers, refuses_without_question
from mirage_hole.wire.codes import TC, EdeCode, Rcode
from mirage_hole.wire.names import fold
from mirage_hole.wire.query import Malformed, parse_query
from mirage_hole.wire.reply import build_error, build_query, build_reply, ede_option
from mirage_hole.wire.scan import scan_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirage_hole.cache.answers import AnswerCache
    from mirage_hole.policy.access import Access
    from mirage_hole.policy.index import Index
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.events import Event
    from mirage_hole.resolver.sinkhole import Sinkhole
    from mirage_hole.upstream.health import Upstream
    from mirage_hole.wire.scan import Reply

MAX_ATTEMPTS: Final = 8
MAX_WAITING: Final = 512
"""Clients that wait for one and the same question; more are told SERVFAIL at once."""

# Rcodes that say more about the upstream than about the name.
_NO_HELP: Final = frozenset({Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED})


class Engine:
    """Events in, effects out. ``now`` is any clock that only goes forward, in seconds, the same in every call."""

    def __init__(
        self,
        *,
        index: Index,
        access: Access,
        sinkhole: Sinkhole,
        cache: AnswerCache,
        upstreams: Sequence[Upstream],
        dice: Callable[[], int],
        timeout: float,
        max_in_flight: int = 10_000,
    ) -> None:
        """``dice`` gives random 16-bit numbers; ``timeout`` is in seconds from a query's arrival to SERVFAIL.

        ``upstreams`` may be empty: what is neither blocked nor known is then answered SERVFAIL.
        """
        self.index = index
        self.access = access
        self.sinkhole = sinkhole
        self.cache = cache
        self.upstreams = list(upstreams)
        self.paused_until = 0.0
        self.timeout = timeout
        self._dice = dice
        self._max_in_flight = min(max_in_flight, 30_000)  # IDs must stay easy to draw
        self._questions: dict[bytes, Question] = {}
        self._exchanges: dict[int, Exchange] = {}
        self._timers = Timers()
        self.not_queries = 0
        """Packets that were no query at all."""
        self.mismatched = 0
        """Upstream messages that answered nothing that was asked: late, forged or broken."""
        self._handlers: dict[type, Callable[..., list[Effect]]] = {
            QueryReceived: self._on_query,
            UpstreamReplied: self._on_reply,
            UpstreamUnreachable: self._on_unreachable,
            TimePassed: self._on_time,
            PolicyChanged: self._on_policy,
            BlockingPaused: self._on_pause,
        }

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event, return every effect it causes, in order. Never raises for the content of a packet."""
        return self._handlers[type(event)](event, now)

    @property
    def in_flight(self) -> int:
        """Questions that wait for an upstream."""
        return len(self._questions)

    @property
    def needs_time(self) -> bool:
        """Whether ``TimePassed`` must be told within :data:`mirage_hole.resolver.pending.TICK`."""
        return bool(self._timers)

    def _on_query(self, event: QueryReceived, now: float) -> list[Effect]:
        query = parse_query(event.wire)
        if query is None:
            self.not_queries += 1
            return [CloseStream(event.ticket)]
        if type(query) is Malformed:
            return self._malformed(event, query)
        case = Case(query, event, now)  # type: ignore[arg-type]
        for stage in STAGES:
            effects = stage(self, case, now)
            if effects is not None:
                return effects
        question = self._questions.get(case.key)
        if question is not None:
            if len(question.waiting) >= MAX_WAITING:
                return self._servfail(case, EdeCode.OTHER, "too many clients wait for this question", now)
            question.waiting.append(case)
            return []
        if not self.upstreams:
            return self._servfail(case, EdeCode.NO_REACHABLE_AUTHORITY, "no upstream is configured", now)
        if len(self._questions) >= self._max_in_flight:
            return self._servfail(case, EdeCode.OTHER, "too many questions wait for upstreams", now)
        question = Question(case, now + self.timeout)
        self._questions[case.key] = question
        return self._ask(question, now)

    def _malformed(self, event: QueryReceived, query: Malformed) -> list[Effect]:
        name = fold(query.question[:-4]) or b"\0"
        qtype = int.from_bytes(query.question[-4:-2], "big")
        permitted = self.access.permits(event.client)
        outcome = Outcome.MALFORMED if permitted else Outcome.DROPPED
        told = encode_subject(Subject(outcome, query.rcode, qtype, NO_LIST, 0, b"", 0, NO_UPSTREAM, name))
        record = EmitRecord(event.client, event.transport, 0.0, told)
        if not permitted:
            return [CloseStream(event.ticket), record]
        return [SendReply(event.ticket, build_error(query)), record]

    # -- asking --

    def _ask(
        self, question: Question, now: float, upstream: Upstream | None = None, over_tcp: bool = False
    ) -> list[Effect]:
        if upstream is None:
            upstream = choose(self.upstreams, question.tried, now, self._dice)
        ident = self._dice()
        while ident in self._exchanges:
            ident = self._dice()
        exchange = Exchange(ident, question, upstream.number, over_tcp, now)
        self._exchanges[ident] = exchange
        question.idents.append(ident)
        question.tried.append(upstream.number)
        patience = min(upstream.patience(question.attempts) * (2 if over_tcp else 1), question.deadline - now)
        question.attempts += 1
        self._timers.add(exchange, now + patience)
        upstream.sent += 1
        wire = build_query(
            ident,
            question.wire,
            dnssec_ok=question.dnssec_ok,
            checking_disabled=question.checking_disabled,
            edns=question.edns,
        )
        return [AskUpstream(ident, upstream.number, over_tcp, wire, patience)]

    def _ask_again(self, question: Question, now: float) -> list[Effect]:
        """Another try after a failure, unless nothing is left to try."""
        if len(question.unusable) >= len(self.upstreams):
            return self._give_up(question, EdeCode.NETWORK_ERROR, now)
        if now >= question.deadline or question.attempts >= MAX_ATTEMPTS:
            return self._give_up(question, EdeCode.NO_REACHABLE_AUTHORITY, now)
        usable = [upstream for upstream in self.upstreams if upstream.number not in question.unusable]
        return self._ask(question, now, choose(usable, question.tried, now, self._dice))

    # -- what comes back --

    def _on_reply(self, event: UpstreamReplied, now: float) -> list[Effect]:
        wire = event.wire
        exchange = self._exchanges.get(int.from_bytes(wire[:2], "big")) if len(wire) >= 12 else None
        if exchange is None or exchange.upstream != event.upstream or exchange.over_tcp != event.over_tcp:
            self.mismatched += 1
            return []
        question = exchange.question
        if not answers(wire, question.wire):
            if refuses_without_question(wire):
                return self._useless(exchange, wire[3] & 0x0F, None, now)
            self.mismatched += 1
            return []
        upstream = self.upstreams[exchange.upstream]
        if wire[2] << 8 & TC and not exchange.over_tcp:
            upstream.answered_in(now - exchange.asked_at)
            return self._close(exchange) or self._ask(question, now, upstream, over_tcp=True)
        reply = scan_reply(wire, 12 + len(question.wire))
        if reply is None:
            self.mismatched += 1
            return self._failed(exchange, now, "sent a malformed answer")
        if reply.rcode in _NO_HELP:
            return self._useless(exchange, reply.rcode, reply, now)
        upstream.answered_in(now - exchange.asked_at)
        return self._complete(question, reply, exchange.upstream, now)

    def _complete(self, question: Question, reply: Reply, upstream: int, now: float) -> list[Effect]:
        self._forget(question)
        self.cache.put(question.key, reply, upstream, now)
        effects: list[Effect] = []
        for case in question.waiting:
            asked = case.asked
            told = subject(case, Outcome.FORWARDED, reply.rcode, upstream)
            effects.append(SendReply(asked.ticket, reply_to(case, reply, 0)))
            effects.append(EmitRecord(asked.client, asked.transport, now - case.arrived_at, told))
        return effects

    def _useless(self, exchange: Exchange, rcode: int, reply: Reply | None, now: float) -> list[Effect]:
        """FORMERR, SERVFAIL, NOTIMP or REFUSED: another upstream may do better."""
        question = exchange.question
        if exchange.expired:
            return []
        if rcode == Rcode.FORMERR and question.edns:
            # RFC 6891 7: a server that can't read EDNS says FORMERR; ask it once more without.
            question.edns = False
            return self._close(exchange) or self._ask(question, now, self.upstreams[exchange.upstream])
        if rcode == Rcode.SERVFAIL:
            # It answered; the fault lies with the name's own servers or with DNSSEC.
            self.upstreams[exchange.upstream].answered_in(now - exchange.asked_at)
            question.last_reply = reply
        else:
            self.upstreams[exchange.upstream].failed(now, timeout=False)
        self._close(exchange)
        question.unusable.add(exchange.upstream)
        question.problem = f"{self._named(exchange)} answered {Rcode(rcode).name}"
        return self._ask_again(question, now)

    def _failed(self, exchange: Exchange, now: float, reason: str) -> list[Effect]:
        self._close(exchange)
        self.upstreams[exchange.upstream].failed(now, timeout=False)
        exchange.question.unusable.add(exchange.upstream)
        exchange.question.problem = f"{self._named(exchange)}: {reason}"
        return self._ask_again(exchange.question, now)

    def _on_unreachable(self, event: UpstreamUnreachable, now: float) -> list[Effect]:
        if event.ident is not None:
            exchange = self._exchanges.get(event.ident)
            hit = [exchange] if exchange is not None and not exchange.expired else []
        else:
            hit = [
                exchange
                for exchange in self._exchanges.values()
                if exchange.upstream == event.upstream and not exchange.over_tcp and not exchange.expired
            ]
        return [effect for exchange in hit for effect in self._failed(exchange, now, event.reason)]

    def _on_time(self, _event: TimePassed, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for exchange in self._timers.due(now):
            if exchange.expired:
                continue
            exchange.expired = True  # yet a late answer is still taken
            question = exchange.question
            self.upstreams[exchange.upstream].failed(now, timeout=True)
            question.problem = f"{self._named(exchange)} did not answer"
            effects += self._ask_again(question, now)
        return effects

    # -- endings --

    def _give_up(self, question: Question, code: EdeCode, now: float) -> list[Effect]:
        self._forget(question)
        effects: list[Effect] = []
        for case in question.waiting:
            if question.last_reply is not None:
                asked = case.asked
                told = subject(case, Outcome.FAILED, Rcode.SERVFAIL, question.tried[-1])
                effects.append(SendReply(asked.ticket, reply_to(case, question.last_reply, 0)))
                effects.append(EmitRecord(asked.client, asked.transport, now - case.arrived_at, told))
            else:
                effects += self._servfail(case, code, question.problem, now, question.tried[-1])
        return effects

    def _servfail(self, case: Case, code: EdeCode, text: str, now: float, upstream: int = NO_UPSTREAM) -> list[Effect]:
        asked = case.asked
        wire = build_reply(case.query, Rcode.SERVFAIL, options=ede_option(code, text), limit=512)
        told = subject(case, Outcome.FAILED, Rcode.SERVFAIL, upstream)
        return [
            SendReply(asked.ticket, wire),
            EmitRecord(asked.client, asked.transport, now - case.arrived_at, told),
        ]

    def _close(self, exchange: Exchange) -> list[Effect]:
        """This exchange is over; its question may go on. Always empty, so that it reads well before ``or``."""
        exchange.expired = True
        self._exchanges.pop(exchange.ident, None)
        self._timers.cancel(exchange)
        return []

    def _forget(self, question: Question) -> None:
        del self._questions[question.key]
        for ident in question.idents:
            exchange = self._exchanges.pop(ident, None)
            if exchange is not None:
                exchange.expired = True
                self._timers.cancel(exchange)

    def _named(self, exchange: Exchange) -> str:
        upstream = self.upstreams[exchange.upstream]
        return (
            f"[{upstream.address}]:{upstream.port}"
            if ":" in upstream.address
            else f"{upstream.address}:{upstream.port}"
        )

    # -- changes from outside --

    def _on_policy(self, event: PolicyChanged, _now: float) -> list[Effect]:
        self.index = event.policy
        return [ForgetPackets()]

    def _on_pause(self, event: BlockingPaused, _now: float) -> list[Effect]:
        self.paused_until = event.until or 0.0
        return [ForgetPackets()]
