"""The resolver without a network: told what happened and when, it says what to do.

It opens no socket, reads no clock, rolls no dice and writes no log. Forwarding has one point of suspension, the
upstream, so there are no coroutines here: a table of pending questions can be printed, counted and bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, Subject, encode_subject
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.cached import answered_from_cache
from mirage_hole.resolver.effects import AskUpstream, CloseStream, EmitRecord, ForgetPackets, SendReply
from mirage_hole.resolver.endings import answered_by_alias, failure, judged_by_addresses, reply_to, subject
from mirage_hole.resolver.events import (
    BlockingPaused,
    DrainEnded,
    PolicyChanged,
    QueryReceived,
    TimePassed,
    UpstreamReplied,
    UpstreamUnreachable,
)
from mirage_hole.resolver.pending import Case, Exchange, Question, Timers
from mirage_hole.resolver.stages import STAGES, judged_by_policy
from mirage_hole.upstream.health import choose
from mirage_hole.upstream.verify import answers, refuses_without_question
from mirage_hole.wire.codes import TC, EdeCode, Rcode, rcode_text
from mirage_hole.wire.names import fold
from mirage_hole.wire.query import Malformed, parse_query
from mirage_hole.wire.reply import build_error, build_query
from mirage_hole.wire.scan import scan_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirage_hole.cache.answers import AnswerCache
    from mirage_hole.policy.access import Access
    from mirage_hole.policy.policy import Policy
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.events import Event
    from mirage_hole.resolver.sinkhole import Sinkhole
    from mirage_hole.upstream.health import Upstream
    from mirage_hole.wire.scan import Reply

_new = tuple.__new__  # a named tuple without its constructor's cost, where every query passes

# Members of an enumeration are slow to look up where every query passes.
_FORWARDED: Final = int(Outcome.FORWARDED)

MAX_ATTEMPTS: Final = 8
MAX_WAITING: Final = 512
"""Clients that wait for one and the same question; more are told SERVFAIL at once."""
WAITING_A_QUESTION: Final = 2
"""How many clients may wait for each question that may be in flight, on average: memory must not grow with a flood."""
MAX_EXCHANGES: Final = 49_152
"""Exchanges in flight, those that are only still welcome included: the 65,536 IDs must not run out."""

_SAYS_SOMETHING: Final = frozenset({int(Rcode.NOERROR), int(Rcode.NXDOMAIN), int(Rcode.YXDOMAIN)})
"""What is said about a name (RFC 1035 4.1.1, RFC 6672 2.2); all else is about the server, the query, EDNS or updates."""
# How servers that know no EDNS answer it (RFC 6891 7; NOTIMP by RFC 2671 5.3).
_NO_EDNS: Final = frozenset({Rcode.FORMERR, Rcode.NOTIMP})


class Engine:
    """Events in, effects out. ``now`` is any clock that only goes forward, in seconds, the same in every call."""

    def __init__(
        self,
        *,
        policy: Policy,
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

        Raises:
            ValueError: more upstreams than a record can tell apart.
        """
        if len(upstreams) > NO_UPSTREAM:
            message = f"{len(upstreams)} upstreams; {NO_UPSTREAM} is the limit"
            raise ValueError(message)
        self.policy = policy
        self.access = access
        self.sinkhole = sinkhole
        self.cache = cache
        self.upstreams = list(upstreams)
        self.paused_until = 0.0
        self.timeout = timeout
        self._dice = dice
        self._max_in_flight = min(max_in_flight, 30_000)
        self._waiting = 0
        """Clients that wait for any question."""
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
            DrainEnded: self._on_drain_end,
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
        return self._seek(case, now)

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

    def _seek(self, case: Case, now: float) -> list[Effect]:
        """Ask an upstream, or wait with those who ask the same already, as long as they do.

        So a case that a rule sent elsewhere on its way may wait for the time of a younger question: at most twice its own.
        """
        question = self._questions.get(case.key)
        if question is not None:
            if len(question.waiting) >= MAX_WAITING or self._waiting >= self._max_in_flight * WAITING_A_QUESTION:
                return failure(case, EdeCode.OTHER, "too many clients wait for answers", now)
            question.waiting.append(case)
            self._waiting += 1
            return []
        if not self.upstreams:
            return failure(case, EdeCode.NO_REACHABLE_AUTHORITY, "no upstream is configured", now)
        if len(self._questions) >= self._max_in_flight or len(self._exchanges) >= MAX_EXCHANGES:
            return failure(case, EdeCode.OTHER, "too many questions wait for upstreams", now)
        deadline = case.arrived_at + self.timeout
        if deadline <= now:  # it has waited for something else before
            return failure(case, EdeCode.OTHER, "no time is left to ask", now)
        question = Question(case, deadline)
        self._questions[case.key] = question
        self._waiting += 1
        return self._ask(question, now)

    def _seek_anew(self, case: Case, now: float) -> list[Effect]:
        """A case has another name to ask for than it had."""
        return answered_from_cache(self, case, now) or self._seek(case, now)

    def _ask(
        self, question: Question, now: float, upstream: Upstream | None = None, *, over_tcp: bool = False
    ) -> list[Effect]:
        if upstream is None:
            upstream = choose(self.upstreams, question.tried, now, self._dice)
        exchanges = self._exchanges
        if len(exchanges) >= MAX_EXCHANGES:  # room is made by the question's own oldest, for which hope is least
            self._close(exchanges[question.idents[0]])
        ident = self._dice()
        while ident in exchanges:
            ident = self._dice()
        number = upstream.number
        edns = number not in question.plain
        exchange = exchanges[ident] = Exchange(ident, question, number, over_tcp, edns, now)
        question.idents.append(ident)
        question.tried.append(number)
        patience = upstream.patience(question.attempts)
        if over_tcp:
            patience *= 2
        if patience > question.deadline - now:
            patience = question.deadline - now
        question.attempts += 1
        self._timers.add(exchange, now + patience)
        upstream.sent += 1
        wire = build_query(ident, question.wire, question.dnssec_ok, question.checking_disabled, edns)
        return [_new(AskUpstream, (ident, number, over_tcp, wire, patience))]

    def _ask_again(self, question: Question, now: float) -> list[Effect]:
        """Another try after a failure, unless nothing is left to try."""
        if (
            len(question.unusable) >= len(self.upstreams)
            or now >= question.deadline
            or question.attempts >= MAX_ATTEMPTS
        ):
            return self._give_up(question, now)
        usable = [upstream for upstream in self.upstreams if upstream.number not in question.unusable]
        return self._ask(question, now, choose(usable, question.tried, now, self._dice))

    # -- what comes back --

    def _on_reply(self, event: UpstreamReplied, now: float) -> list[Effect]:
        wire, number, over_tcp = event
        exchange = self._exchanges.get(wire[0] << 8 | wire[1]) if len(wire) >= 12 else None
        if exchange is None or exchange.upstream != number or exchange.over_tcp != over_tcp:
            self.mismatched += 1
            return []
        question = exchange.question
        if not answers(wire, question.wire):
            if refuses_without_question(wire):
                return self._useless(exchange, wire[3] & 0x0F, None, now)
            self.mismatched += 1
            # Over UDP it may be forged, and the true answer still comes; over TCP nothing else does.
            return self._failed(exchange, now, "answered another question") if exchange.over_tcp else []
        if wire[2] << 8 & TC:
            return self._truncated(exchange, now)
        reply = scan_reply(wire, 12 + len(question.wire))
        if reply is None:
            self.mismatched += 1
            return self._failed(exchange, now, "sent a malformed answer")
        rcode = reply.rcode
        if rcode not in _SAYS_SOMETHING:
            return self._useless(exchange, rcode, reply, now)
        self.upstreams[exchange.upstream].answered_in(now - exchange.asked_at)
        return self._complete(question, reply, exchange.upstream, now)

    def _truncated(self, exchange: Exchange, now: float) -> list[Effect]:
        if exchange.over_tcp:
            return self._failed(exchange, now, "truncated its answer over TCP")
        question, upstream = exchange.question, self.upstreams[exchange.upstream]
        upstream.answered_in(now - exchange.asked_at)
        self._close(exchange)
        others = (self._exchanges[ident] for ident in question.idents)
        if any(other.over_tcp and not other.expired for other in others):
            return []
        return self._ask(question, now, upstream, over_tcp=True)

    def _complete(self, question: Question, reply: Reply, upstream: int, now: float) -> list[Effect]:
        self._forget(question)
        known = self.cache.put(question.key, reply, upstream, now)
        effects: list[Effect] = []
        rcode = reply.rcode
        judges = self.policy.judges_answers
        for case in question.waiting:
            if judges:
                ended = judged_by_addresses(self, case, reply, now, upstream, known.expires_at if known else now)
                if ended is not None:
                    effects += ended or self._seek_anew(case, now)
                    continue
            if case.alias is not None:
                effects += answered_by_alias(self, case, reply, now, upstream)
                continue
            _, client, transport, ticket = case.asked
            told = subject(case, _FORWARDED, rcode, upstream)
            effects.append(_new(SendReply, (ticket, reply_to(case, reply, 0))))
            effects.append(_new(EmitRecord, (client, transport, now - case.arrived_at, told)))
        return effects

    def _useless(self, exchange: Exchange, rcode: int, reply: Reply | None, now: float) -> list[Effect]:
        """An answer that helps nobody, such as SERVFAIL or REFUSED: another upstream may do better."""
        question, upstream = exchange.question, self.upstreams[exchange.upstream]
        if rcode in _NO_EDNS and exchange.edns:
            # RFC 6891 7: a server that can't read EDNS says FORMERR; ask it once more without.
            upstream.answered_in(now - exchange.asked_at)
            self._close(exchange)
            if upstream.number in question.plain:
                return []  # which has been done
            question.plain |= {upstream.number}
            return self._ask(question, now, upstream)
        if rcode == Rcode.SERVFAIL:
            # It answered; the fault lies with the name's own servers or with DNSSEC.
            upstream.answered_in(now - exchange.asked_at)
            if reply is not None and reply.ede:
                question.explained = (reply, upstream.number)
        else:
            upstream.failed(now, timeout=False)
        return self._write_off(exchange, EdeCode.NO_REACHABLE_AUTHORITY, f"answered {rcode_text(rcode)}", now)

    def _failed(self, exchange: Exchange, now: float, reason: str) -> list[Effect]:
        self.upstreams[exchange.upstream].failed(now, timeout=False)
        return self._write_off(exchange, EdeCode.NETWORK_ERROR, reason, now)

    def _write_off(self, exchange: Exchange, code: EdeCode, problem: str, now: float) -> list[Effect]:
        """This upstream will not be asked again for this question."""
        question, late = exchange.question, exchange.expired
        self._close(exchange)
        question.unusable |= {exchange.upstream}
        question.problems += ((exchange.upstream, problem),)
        question.code = code
        if late and len(question.unusable) < len(self.upstreams):
            return []  # something else is already being tried
        return self._ask_again(question, now)

    def _on_unreachable(self, event: UpstreamUnreachable, now: float) -> list[Effect]:
        if event.ident is not None:
            exchange = self._exchanges.get(event.ident)
            hit = [exchange] if exchange is not None else []
        else:
            hit = [
                exchange
                for exchange in self._exchanges.values()
                if exchange.upstream == event.upstream and not exchange.over_tcp
            ]
        effects: list[Effect] = []
        for exchange in hit:
            if exchange.expired:  # as may happen meanwhile, when an earlier one of the same question ended it
                continue
            if event.ours:
                effects += self._write_off(exchange, EdeCode.OTHER, event.reason, now)
            else:
                effects += self._failed(exchange, now, event.reason)
        return effects

    def _on_time(self, _event: TimePassed, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for exchange in self._timers.due(now):
            if exchange.expired:
                continue
            exchange.expired = True  # yet a late answer is still taken
            question = exchange.question
            self.upstreams[exchange.upstream].failed(now, timeout=True)
            question.problems += ((exchange.upstream, "did not answer"),)
            question.code = EdeCode.NO_REACHABLE_AUTHORITY
            effects += self._ask_again(question, now)
        return effects

    # -- endings --

    def _give_up(self, question: Question, now: float) -> list[Effect]:
        self._forget(question)
        effects: list[Effect] = []
        if question.explained is not None:
            reply, number = question.explained
            for case in question.waiting:
                asked = case.asked
                told = subject(case, Outcome.FAILED, Rcode.SERVFAIL, number)
                # Records of an alias's answer point into another question.
                own = reply if case.alias is None else reply._replace(flags=0, records=b"", counts=(0, 0, 0))
                effects.append(SendReply(asked.ticket, reply_to(case, own, 0)))
                effects.append(EmitRecord(asked.client, asked.transport, now - case.arrived_at, told))
            return effects
        text = "; ".join(f"{self.named(number)}: {problem}" for number, problem in dict(question.problems).items())
        for case in question.waiting:
            effects += failure(case, question.code, text, now, question.tried[-1])
        return effects

    def _close(self, exchange: Exchange) -> None:
        """This exchange is over; its question may go on."""
        exchange.expired = True
        del self._exchanges[exchange.ident]
        exchange.question.idents.remove(exchange.ident)  # the ID may be another question's from now on
        self._timers.cancel(exchange)

    def _forget(self, question: Question) -> None:
        del self._questions[question.key]
        self._waiting -= len(question.waiting)
        for ident in question.idents:
            exchange = self._exchanges.pop(ident)
            exchange.expired = True
            self._timers.cancel(exchange)

    def named(self, number: int) -> str:
        """An upstream's address and port, for people."""
        upstream = self.upstreams[number]
        host = f"[{upstream.address}]" if ":" in upstream.address else upstream.address
        return f"{host}:{upstream.port}"

    # -- changes from outside --

    def _on_policy(self, event: PolicyChanged, now: float) -> list[Effect]:
        """Who waits is judged again, at once: a rule that has just been made holds for what is in flight, too.

        A question that nobody waits for any more is left to end by itself; its answer is worth keeping.
        """
        self.policy = event.policy
        effects: list[Effect] = [ForgetPackets()]
        elsewhere: list[Case] = []
        for question in self._questions.values():
            waiting = []
            for case in question.waiting:
                case.match = None  # it was told in the numbers of the old generation
                case.follow(None)
                ended = judged_by_policy(self, case, now)
                if ended is not None:
                    effects += [_as_late_as_it_is(effect, now - case.arrived_at) for effect in ended]
                elif case.key == question.key:
                    waiting.append(case)
                else:
                    elsewhere.append(case)
            self._waiting -= len(question.waiting) - len(waiting)
            question.waiting = waiting
        for case in elsewhere:
            effects += self._seek_anew(case, now)
        return effects

    def _on_pause(self, event: BlockingPaused, _now: float) -> list[Effect]:
        self.paused_until = event.until or 0.0
        return [ForgetPackets()]

    def _on_drain_end(self, _event: DrainEnded, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for question in list(self._questions.values()):
            self._forget(question)
            for case in question.waiting:
                effects += failure(case, EdeCode.OTHER, "the resolver is stopping", now, question.tried[-1])
        return effects


def _as_late_as_it_is(effect: Effect, duration: float) -> Effect:
    """A case that ends by a rule ends at once, as a rule, and its record says so."""
    return effect._replace(duration=duration) if isinstance(effect, EmitRecord) else effect
