"""Asking upstreams: questions that wait, exchanges in flight, what comes back and what becomes of it."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver import loops, mismatching, validating
from mirage_hole.resolver.cached import answered_from_cache, remember_failure
from mirage_hole.resolver.effects import AskUpstream, EmitRecord, SendReply
from mirage_hole.resolver.endings import answered_by_alias, failure, for_client, reply_to, subject
from mirage_hole.resolver.inspection import WORTH_A_LOOK, blocked_like_its_kin, inspect, not_beside, passes_for_all
from mirage_hole.resolver.pending import KIND_CD, KIND_DO, KIND_GROUP, Exchange, Question
from mirage_hole.resolver.subnets import question_of
from mirage_hole.upstream import spelling
from mirage_hole.upstream.health import OTHER_RCODE, choose
from mirage_hole.upstream.verify import answers
from mirage_hole.wire.bindings import without_parameters
from mirage_hole.wire.chain import aliases
from mirage_hole.wire.codes import AD, TC, EdeCode, Rcode, RRClass, rcode_text
from mirage_hole.wire.reply import build_query, ede_option
from mirage_hole.wire.scan import ALIASED, BESIDE, BOUND, SIGNED, scan_reply
from mirage_hole.wire.subnet import with_subnet

if TYPE_CHECKING:
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.events import TimePassed, UpstreamReplied, UpstreamUnreachable
    from mirage_hole.resolver.pending import Case, Listener, Timed
    from mirage_hole.upstream.health import Upstream
    from mirage_hole.wire.scan import Reply

_QUESTION = Struct(">HHB").pack
_new = tuple.__new__  # a named tuple without its constructor's cost, where every query passes

# Members of an enumeration are slow to look up where every query passes.
_FORWARDED: Final = int(Outcome.FORWARDED)

_WRITTEN_ANEW: Final = BOUND | BESIDE

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


def seek(engine: Engine, case: Case, now: float) -> list[Effect]:
    """Ask an upstream, or wait with those who ask the same already, as long as they do.

    So a case that a rule sent elsewhere on its way may wait for the time of a younger question: at most twice its own.
    """
    if engine.waiting >= engine.crowd.begins_at and engine.crowd.is_greedy(engine, case.asked.client, now):
        return failure(case, EdeCode.OTHER, "too many of your questions wait for answers", now)
    question = engine.questions.get(case.key)
    if question is not None:
        if len(question.waiting) >= MAX_WAITING or engine.waiting >= engine.max_in_flight * WAITING_A_QUESTION:
            return failure(case, EdeCode.OTHER, "too many clients wait for answers", now)
        question.waiting.append(case)
        engine.waiting += 1
        return []
    group = engine.groups[case.key[-1] >> 2]
    if not group.upstreams:
        return failure(case, EdeCode.NO_REACHABLE_AUTHORITY, no_upstream(engine), now)
    if len(engine.questions) >= engine.max_in_flight or len(engine.exchanges) >= MAX_EXCHANGES:
        return failure(case, EdeCode.OTHER, "too many questions wait for upstreams", now)
    deadline = case.arrived_at + engine.timeout
    if deadline <= now:  # it has waited for something else before
        return failure(case, EdeCode.OTHER, "no time is left to ask", now)
    question = Question(case.key, deadline)
    if engine.subnets is not None:
        question.wire = question_of(case.key)
    question.waiting.append(case)
    engine.questions[case.key] = question
    engine.waiting += 1
    if group.usual:
        return ask(engine, question, now, choose(group.upstreams, (), now, engine.dice))
    return send_out(engine, question, now)


def send_out(engine: Engine, question: Question, now: float) -> list[Effect]:
    """Ask a new question in the manner of its group."""
    group = engine.groups[question.group]
    first = group.first(now, engine.dice)
    effects = ask(engine, question, now, first)
    strategy = group.strategy
    if strategy == "parallel":
        second = group.beside(first, now, engine.dice)
        if second is not None:
            effects += ask(engine, question, now, second)
    elif strategy == "hedged" and len(group.upstreams) > 1:
        group.asked()
        engine.timers.add(Hedge(engine, question, first), now + group.hedge_delay(first))
    return effects


class Hedge:
    """A second question that waits: it is asked when the first has no answer by then. One a question."""

    __slots__ = ("bucket", "engine", "first", "question")

    def __init__(self, engine: Engine, question: Question, first: Upstream) -> None:
        self.engine = engine
        self.question = question
        self.first = first
        self.bucket: dict[Timed, None] | None = None
        question.hedge = self

    def ring(self, now: float) -> list[Effect]:
        """Its time has come."""
        engine, question = self.engine, self.question
        question.hedge = None
        if question.attempts != 1 or question.attempts >= MAX_ATTEMPTS:
            return []  # something else was tried by now
        group = engine.groups[question.group]
        second = group.beside(self.first, now, engine.dice)
        if second is None or not group.may_hedge():
            return []
        return ask(engine, question, now, second)


def ask_for(
    engine: Engine,
    name: bytes,
    qtype: int,
    group: int,
    now: float,
    listener: Listener | None = None,
    *,
    dnssec_ok: bool = False,
    checking_disabled: bool = False,
    within: float | None = None,
    rrclass: int = RRClass.IN,
) -> list[Effect]:
    """Ask a question of this program's own; its answer is cached like any other.

    Args:
        engine: who asks.
        name: folded wire form.
        qtype: record type.
        group: number of the group of upstreams.
        now: seconds.
        listener: told the answer, or None when there is none: no upstream gave one, or too much is asked already.
        dnssec_ok: with DO.
        checking_disabled: with CD.
        within: seconds to try; as long as for a client's question when None.
        rrclass: IN, or what stands in its place for clients of one subnet.
    """
    kind = group * KIND_GROUP + (KIND_DO if dnssec_ok else 0) + (KIND_CD if checking_disabled else 0)
    key = name + _QUESTION(qtype, rrclass, kind)
    question = engine.questions.get(key)
    if question is None:
        full = len(engine.questions) >= engine.max_in_flight or len(engine.exchanges) >= MAX_EXCHANGES
        if full or not engine.groups[group].upstreams:
            return listener(None, now) if listener is not None else []
        question = engine.questions[key] = Question(key, now + (engine.timeout if within is None else within))
        question.wire = question_of(key)
        if listener is not None:
            question.listeners += (listener,)
        return send_out(engine, question, now)
    if listener is not None:
        question.listeners += (listener,)
    return []


def seek_anew(engine: Engine, case: Case, now: float) -> list[Effect]:
    """A case has another name to ask for than it had."""
    effects = answered_from_cache(engine, case, now)
    return seek(engine, case, now) if effects is None else effects


def ask(engine: Engine, question: Question, now: float, upstream: Upstream, *, over_tcp: bool = False) -> list[Effect]:
    """Send a question to an upstream."""
    exchanges = engine.exchanges
    if len(exchanges) >= MAX_EXCHANGES:  # room is made by the question's own oldest, for which hope is least
        close(engine, exchanges[question.idents[0]])
    ident = engine.dice()
    while ident in exchanges:
        ident = engine.dice()
    number = upstream.number
    edns = number not in question.plain
    sent = question.wire
    if engine.random_case and not over_tcp and now >= upstream.folds_until:
        sent = spelling.at_random(sent, engine.dice)
    exchange = exchanges[ident] = Exchange(ident, question, number, over_tcp, edns, now, sent)
    question.idents.append(ident)
    question.tried.append(number)
    patience = upstream.patience(question.attempts)
    if over_tcp:
        patience *= 2
    if patience > question.deadline - now:
        patience = question.deadline - now
    question.attempts += 1
    engine.timers.add(exchange, now + patience)
    upstream.sent += 1
    dnssec_ok, unchecked = question.dnssec_ok, question.checking_disabled
    if engine.validates and engine.validates >> question.key[-1] // KIND_GROUP & 1:
        dnssec_ok = unchecked = True  # what is validated here must not be held back there (RFC 6840 5.9)
    wire = build_query(ident, sent, dnssec_ok, unchecked, edns)
    if engine.subnets is not None and edns and (told := engine.subnets.content_of(question.key)):
        wire = with_subnet(wire, told)
    return [_new(AskUpstream, (ident, number, over_tcp, wire, patience))]


def ask_again(engine: Engine, question: Question, now: float) -> list[Effect]:
    """Another try after a failure, unless nothing is left to try."""
    if now >= question.deadline:
        return give_up(engine, question, now)
    group = engine.groups[question.group]
    upstream = None
    if question.attempts < MAX_ATTEMPTS:
        upstream = group.next(question.tried, question.unusable, now, engine.dice)
    if upstream is not None and (
        group.fallback is None or any(one.number not in question.tried for one in group.upstreams)
    ):
        return ask(engine, question, now, upstream)
    if group.fallback is not None:
        # Each has had its turn: the fallback is for when they fail, and not for when the time is over.
        question.group, question.attempts = group.fallback, 0
        fallback = engine.groups[group.fallback].next((), question.unusable, now, engine.dice)
        if fallback is not None:
            return ask(engine, question, now, fallback)
    return give_up(engine, question, now)


def on_reply(engine: Engine, event: UpstreamReplied, now: float) -> list[Effect]:
    wire, number, over_tcp = event
    exchange = engine.exchanges.get(wire[0] << 8 | wire[1]) if len(wire) >= 12 else None
    if exchange is None or exchange.upstream != number or exchange.over_tcp != over_tcp:
        if len(wire) < 12 or not loops.is_probed(engine, number, wire[0] << 8 | wire[1]):
            engine.mismatched += 1
        return []
    question = exchange.question
    if not answers(wire, exchange.sent):
        return mismatching.another_question(engine, exchange, wire, now)
    if wire[2] << 8 & TC:
        return truncated(engine, exchange, now)
    reply = scan_reply(wire, 12 + len(question.wire))
    if reply is None:
        engine.mismatched += 1
        return failed(engine, exchange, now, "sent a malformed answer")
    _, rcode, _, _, _, _, _, _, traits = reply
    if rcode not in _SAYS_SOMETHING:
        return useless(engine, exchange, rcode, reply, now)
    if traits & ALIASED and aliases(question.wire, reply) is None:
        return failed(engine, exchange, now, "sent aliases that lead in a circle")
    if engine.subnets is not None and (reply := engine.subnets.scoped(question.key, wire, reply)) is None:
        return mismatching.no_answer(engine, exchange, "answered for another subnet", now)
    upstream = engine.upstreams[number]
    upstream.answered_in(now - exchange.asked_at)
    upstream.rcodes[rcode] += 1
    if exchange.sent is not question.wire:
        upstream.keeps_case, upstream.miscased = True, 0
    if engine.validates:
        return complete(engine, question, reply, number, now)
    return deliver(engine, question, reply, number, now)


def truncated(engine: Engine, exchange: Exchange, now: float) -> list[Effect]:
    if exchange.over_tcp:
        return failed(engine, exchange, now, "truncated its answer over TCP")
    question, upstream = exchange.question, engine.upstreams[exchange.upstream]
    upstream.answered_in(now - exchange.asked_at)
    close(engine, exchange)
    return ask_over_tcp(engine, question, now, upstream)


def ask_over_tcp(engine: Engine, question: Question, now: float, upstream: Upstream) -> list[Effect]:
    """Ask once more over TCP, unless that is being done."""
    others = (engine.exchanges[ident] for ident in question.idents)
    if any(other.over_tcp and not other.expired for other in others):
        return []
    return ask(engine, question, now, upstream, over_tcp=True)


def complete(engine: Engine, question: Question, reply: Reply, upstream: int, now: float) -> list[Effect]:
    """A question was answered, while there are groups whose answers are validated."""
    # A fallback's answers are validated as those of the group that it stands in for.
    if engine.validates >> question.key[-1] // KIND_GROUP & 1:
        if not question.checking_disabled:
            return validating.begin(engine, question, reply, upstream, now)
        reply = validating.unvouched(reply)
    return deliver(engine, question, reply, upstream, now)


def deliver(engine: Engine, question: Question, reply: Reply, upstream: int, now: float) -> list[Effect]:
    """Remember an answer, and give it to all who wait for it."""
    forget(engine, question)
    cache = engine.cache
    if cache.clamps:
        validated = engine.validates and engine.validates >> question.key[-1] // KIND_GROUP & 1
        reply = cache.clamp(reply, secure=bool(validated and reply.flags & AD))
    traits = reply[8]
    if traits & _WRITTEN_ANEW:
        reply = written_anew(engine, question, reply)
        traits = reply.traits
    if cache.failures:
        cache.failures.answered(question.key)
    known = cache.put(question.key, reply, upstream, now)
    if known is None and question.stale is not None:  # there is better now, though it may not be kept
        cache.forget(question.key)
    effects: list[Effect] = []
    for listener in question.listeners:
        effects += listener(reply, now)
    rcode = reply[1]
    judges = traits & WORTH_A_LOOK or engine.policy.judges_answers
    whole, signed, bare = reply, traits & SIGNED, None
    passed = False
    for case in question.waiting:  # hundreds may wait, so what takes long with a hostile answer is done once
        if signed:
            reply = whole if case.query.dnssec_ok else (bare := bare or for_client(case, whole))
        if judges and not (passed and case.match is None):
            ended = blocked_like_its_kin(engine, case, now)
            if ended is None:
                ended = inspect(engine, case, reply, now, upstream, known.expires_at if known else now)
            if ended is not None:
                effects += ended or seek_anew(engine, case, now)
                continue
            passed = passes_for_all(engine, case, now)
        if case.alias is not None:
            effects += answered_by_alias(engine, case, reply, now, upstream)
            continue
        _, client, transport, ticket = case.asked
        told = subject(case, _FORWARDED, rcode, upstream)
        effects.append(_new(SendReply, (ticket, reply_to(case, reply, 0))))
        effects.append(_new(EmitRecord, (client, transport, now - case.arrived_at, told)))
    return effects


def written_anew(engine: Engine, question: Question, reply: Reply) -> Reply:
    """An answer without what nobody is to get."""
    if reply.traits & BOUND and engine.dropped_parameters:
        reply = without_parameters(question.wire, reply, engine.dropped_parameters)
    return not_beside(engine, question, reply) if reply.traits & BESIDE else reply


def useless(engine: Engine, exchange: Exchange, rcode: int, reply: Reply | None, now: float) -> list[Effect]:
    """An answer that helps nobody, such as SERVFAIL or REFUSED: another upstream may do better."""
    question, upstream = exchange.question, engine.upstreams[exchange.upstream]
    upstream.rcodes[rcode if rcode < OTHER_RCODE else OTHER_RCODE] += 1
    if rcode in _NO_EDNS and exchange.edns:
        # RFC 6891 7: a server that can't read EDNS says FORMERR; ask it once more without.
        upstream.answered_in(now - exchange.asked_at)
        close(engine, exchange)
        if upstream.number in question.plain:
            return []  # which has been done
        question.plain |= {upstream.number}
        return ask(engine, question, now, upstream)
    if rcode == Rcode.SERVFAIL:
        # It answered; the fault lies with the name's own servers or with DNSSEC.
        upstream.answered_in(now - exchange.asked_at)
        if reply is not None and reply.ede:
            question.explained = (reply, upstream.number)
    else:
        upstream.failed(now, timeout=False)
    return write_off(engine, exchange, EdeCode.NO_REACHABLE_AUTHORITY, f"answered {rcode_text(rcode)}", now)


def failed(engine: Engine, exchange: Exchange, now: float, reason: str) -> list[Effect]:
    engine.upstreams[exchange.upstream].failed(now, timeout=False)
    return write_off(engine, exchange, EdeCode.NETWORK_ERROR, reason, now)


def write_off(engine: Engine, exchange: Exchange, code: EdeCode, problem: str, now: float) -> list[Effect]:
    """This upstream will not be asked again for this question."""
    question, late = exchange.question, exchange.expired
    close(engine, exchange)
    question.unusable |= {exchange.upstream}
    question.problems += ((exchange.upstream, problem),)
    question.code = code
    if (late or live(engine, question)) and any(
        one.number not in question.unusable for one in engine.groups[question.group].upstreams
    ):
        return []  # something else is already being tried
    return ask_again(engine, question, now)


def on_unreachable(engine: Engine, event: UpstreamUnreachable, now: float) -> list[Effect]:
    if event.ident is not None:
        exchange = engine.exchanges.get(event.ident)
        hit = [exchange] if exchange is not None else []
    else:
        hit = [
            exchange
            for exchange in engine.exchanges.values()
            if exchange.upstream == event.upstream and not exchange.over_tcp
        ]
    effects: list[Effect] = []
    for exchange in hit:
        if exchange.expired:  # as may happen meanwhile, when an earlier one of the same question ended it
            continue
        if event.ours:
            effects += write_off(engine, exchange, EdeCode.OTHER, event.reason, now)
        else:
            effects += failed(engine, exchange, now, event.reason)
    return effects


def on_time(engine: Engine, _event: TimePassed, now: float) -> list[Effect]:
    effects: list[Effect] = []
    for timed in engine.timers.due(now):
        if not isinstance(timed, Exchange):
            effects += timed.ring(now)
            continue
        exchange = timed
        if exchange.expired:
            continue
        exchange.expired = True  # yet a late answer is still taken
        question = exchange.question
        upstream = engine.upstreams[exchange.upstream]
        upstream.failed(now, timeout=True)
        if now < upstream.sick_until:
            effects += loops.probe(engine, upstream, now)
        question.problems += ((exchange.upstream, "did not answer"),)
        question.code = EdeCode.NO_REACHABLE_AUTHORITY
        if not live(engine, question):
            effects += ask_again(engine, question, now)
    return effects


def give_up(engine: Engine, question: Question, now: float) -> list[Effect]:
    text = "; ".join(f"{engine.named(number)}: {problem}" for number, problem in dict(question.problems).items())
    if question.bogus is not None:  # and nobody had anything better
        return validating.rejected(engine, question, question.bogus._replace(text=text), question.tried[0], now)
    forget(engine, question)
    effects: list[Effect] = []
    for listener in question.listeners:
        effects += listener(None, now)
    options = question.explained[0].ede if question.explained is not None else ede_option(question.code, text)
    remember_failure(engine, question, options, now)
    if question.stale is not None:
        return effects + question.stale.serve(question.waiting, now)
    if question.explained is not None:
        reply, number = question.explained
        for case in question.waiting:
            asked = case.asked
            told = subject(case, Outcome.FAILED, Rcode.SERVFAIL, number)
            # Records of an alias's answer point into another question.
            own = reply if case.alias is None else reply._replace(flags=0, records=b"", counts=(0, 0, 0))
            effects.append(SendReply(asked.ticket, reply_to(case, for_client(case, own), 0)))
            effects.append(EmitRecord(asked.client, asked.transport, now - case.arrived_at, told))
        return effects
    for case in question.waiting:
        effects += failure(case, question.code, text, now, question.tried[-1])
    return effects


def no_upstream(engine: Engine) -> str:
    """Why there is nobody to ask, for people."""
    return (
        "every upstream asks this resolver in turn: a loop" if engine.upstreams else "no upstream is known by address"
    )


def live(engine: Engine, question: Question) -> bool:
    """Whether one of its exchanges has neither failed nor run out of time."""
    return len(question.idents) > 0 and any(not engine.exchanges[ident].expired for ident in question.idents)


def close(engine: Engine, exchange: Exchange) -> None:
    """This exchange is over; its question may go on."""
    exchange.expired = True
    del engine.exchanges[exchange.ident]
    exchange.question.idents.remove(exchange.ident)  # the ID may be another question's from now on
    engine.timers.cancel(exchange)


def forget(engine: Engine, question: Question) -> None:
    del engine.questions[question.key]
    engine.waiting -= len(question.waiting)
    if question.hedge is not None:
        engine.timers.cancel(question.hedge)
        question.hedge = None
    if question.stale is not None:
        engine.timers.cancel(question.stale)
    for ident in question.idents:
        exchange = engine.exchanges.pop(ident)
        exchange.expired = True
        engine.timers.cancel(exchange)
