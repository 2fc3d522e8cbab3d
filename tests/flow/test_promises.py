"""Whatever happens, in whatever order: nothing raises, nobody is forgotten, nothing is kept, every query has one record."""

from __future__ import annotations

import random

import dns.edns
import dns.message
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mirage_hole.lists.rule import Reply
from mirage_hole.observe.record import decode_subject
from mirage_hole.resolver import asking
from mirage_hole.resolver.effects import AskUpstream, CloseStream, EmitRecord, EndStream, SendReply
from mirage_hole.resolver.events import (
    BlockingPaused,
    DrainEnded,
    PolicyChanged,
    QueryReceived,
    TimePassed,
    UpstreamReplied,
    UpstreamUnreachable,
)
from mirage_hole.resolver.pending import TICK
from mirage_hole.resolver.subnets import subnets_of
from tests.flow.rich_rules import address as address_rule
from tests.flow.rich_rules import block, policy_of, rewrite, written
from tests.make import SOA, address, an_engine, answer_to, assert_at_rest, policy, query

TIMEOUT = 2.0
LONGEST = 2 * TIMEOUT + 4 * TICK
"""Who was sent elsewhere by a rule on its way may wait with a younger question."""
RICH = (
    policy_of([rewrite("a.example", "CNAME b.example."), block("ads.example", Reply.DROP)], generation=10),
    policy_of([rewrite("b.example", "CNAME c.example."), address_rule("192.0.2.7/32")], generation=11),
    policy_of([address_rule("192.0.2.7/32", rewrite=written("CNAME b.example.")), rewrite("c.example", "A 192.0.2.9")]),
    policy_of([address_rule("192.0.2.0/24", Reply.DROP, clients=("10.0.0.7",))], [rewrite("a.example", "NXDOMAIN")]),
)
UPSTREAMS = 3
NAMES = ("ads.example", "good.ads.example", "a.example", "b.example", "c.example", "D.Example")
SUBNETS = ("203.0.113.0", "198.51.100.0", "192.168.1.0")
CLIENTS = ("127.0.0.1", "10.0.0.7", "203.0.113.9", "::1")

queries = st.builds(
    query,
    st.sampled_from(NAMES),
    st.sampled_from(["A", "AAAA", "TXT", "AXFR", "ANY"]),
    ident=st.integers(0, 65535),
    edns=st.booleans(),
    dnssec=st.booleans(),
    flags=st.sampled_from(["RD", "RD CD", "RD AD", ""]),
    qclass=st.sampled_from(["IN"] * 9 + ["CH"]),
    options=st.sampled_from([[], [], *([dns.edns.ECSOption(text, 24)] for text in SUBNETS)]),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A query with some octets changed or cut off."""
    wire = bytearray(draw(queries))
    for place, octet in draw(st.lists(st.tuples(st.integers(0, len(wire) - 1), st.integers(0, 255)), max_size=3)):
        wire[place] = octet
    return bytes(wire[: draw(st.integers(0, len(wire)))])


ANSWERS = st.sampled_from(
    ["good", "nxdomain", "truncated", "SERVFAIL", "explained", "REFUSED", "FORMERR", "NOTIMP", "BADVERS", "no question",
     "another question", "another subnet", "cut", "response flag gone", "garbage"]
)  # fmt: skip


def make_answer(kind: str, wire: bytes) -> bytes:
    match kind:
        case "good":
            return answer_to(wire, "x.example 3 A 192.0.2.7")
        case "nxdomain":
            return answer_to(wire, rcode="NXDOMAIN", authority=[SOA])
        case "truncated":
            return answer_to(wire, flags="QR RD RA TC")
        case "explained":
            return answer_to(wire, rcode="SERVFAIL", ede=(6, "bogus"))
        case "no question":
            return wire[:2] + b"\x81\x81" + bytes(8)
        case "another question":
            return answer_to(wire, "x.example 3 A 192.0.2.7", question="another.example")
        case "another subnet":
            reply = dns.message.from_wire(answer_to(wire, "x.example 3 A 192.0.2.7"))
            reply.use_edns(0, options=[dns.edns.ECSOption("203.0.113.0", 24, 24)])
            return reply.to_wire()
        case "cut":
            return answer_to(wire, "x.example 3 A 192.0.2.7", edns=False)[:-3]
        case "response flag gone":
            return answer_to(wire, flags="RD")
        case "garbage":
            return wire[:2] + random.Random(0).randbytes(80)
    return answer_to(wire, rcode=kind)


class Promises(RuleBasedStateMachine):
    """Random events against one engine, with a book of who waits."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = an_engine(
            ["||ads.example^"], ["good.ads.example"], upstreams=UPSTREAMS, timeout=TIMEOUT, max_in_flight=4
        )
        self.engine.tell_subnets(subnets_of("forward"))
        self.now = 50.0
        self.waiting: dict[int, float] = {}
        """Ticket to time of arrival."""
        self.tickets = 0
        self.asks: list[AskUpstream] = []
        self.rich = False
        """A policy was in use whose rules may send a case elsewhere."""
        self.records = 0
        self.queries = 0

    def tell(self, event: object) -> None:
        for effect in self.engine.handle(event, self.now):
            match effect:
                case SendReply(ticket, wire):
                    assert self.now - self.waiting.pop(ticket) <= (LONGEST if self.rich else TIMEOUT + 2 * TICK)
                    assert wire[2] & 0x80
                    assert len(wire) >= 12
                case CloseStream(ticket) | EndStream(ticket):
                    del self.waiting[ticket]
                case EmitRecord(_, _, duration, subject):
                    assert 0 <= duration <= LONGEST
                    decode_subject(subject)
                    self.records += 1
                case AskUpstream(ident, upstream, _, wire, patience):
                    assert int.from_bytes(wire[:2], "big") == ident
                    assert 0 <= upstream < UPSTREAMS
                    assert patience <= TIMEOUT
                    self.asks.append(effect)

    def receive(self, wire: bytes, client: str, transport: int) -> None:
        self.tickets += 1
        self.queries += 1
        self.waiting[self.tickets] = self.now
        self.tell(QueryReceived(wire, address(client), transport, self.tickets))

    @rule(wire=queries, client=st.sampled_from(CLIENTS), transport=st.integers(0, 1))
    def a_query(self, wire, client, transport):
        self.receive(wire, client, transport)

    @rule(
        wire=st.one_of(damaged(), st.binary(max_size=64)), client=st.sampled_from(CLIENTS), transport=st.integers(0, 1)
    )
    def a_damaged_query(self, wire, client, transport):
        self.receive(wire, client, transport)

    @precondition(lambda self: self.asks)
    @rule(kind=ANSWERS, which=st.integers(0, 30))
    def a_reply(self, kind, which):
        ask = self.asks[-1 - which % len(self.asks)]
        self.tell(UpstreamReplied(make_answer(kind, ask.wire), ask.upstream, ask.over_tcp))

    @precondition(lambda self: self.asks)
    @rule(which=st.integers(0, 30), upstream=st.integers(0, UPSTREAMS - 1), over_tcp=st.booleans())
    def a_reply_from_elsewhere(self, which, upstream, over_tcp):
        ask = self.asks[-1 - which % len(self.asks)]
        self.tell(UpstreamReplied(make_answer("good", ask.wire), upstream, over_tcp))

    @rule(wire=st.binary(max_size=64), upstream=st.integers(0, UPSTREAMS - 1), over_tcp=st.booleans())
    def noise(self, wire, upstream, over_tcp):
        self.tell(UpstreamReplied(wire, upstream, over_tcp))

    @precondition(lambda self: self.asks)
    @rule(which=st.integers(0, 30), ours=st.booleans())
    def an_exchange_fails(self, which, ours):
        ask = self.asks[-1 - which % len(self.asks)]
        self.tell(UpstreamUnreachable(ask.upstream, ask.ident, "connection refused", ours))

    @rule(upstream=st.integers(0, UPSTREAMS - 1))
    def an_upstream_is_gone(self, upstream):
        self.tell(UpstreamUnreachable(upstream, None, "no route to host"))

    @rule(ticks=st.integers(1, 30))
    def time_passes(self, ticks):
        for _ in range(ticks):
            self.now += TICK
            self.tell(TimePassed())

    @rule(seconds=st.none() | st.floats(-1, 3))
    def a_pause(self, seconds):
        self.tell(BlockingPaused(None if seconds is None else self.now + seconds))

    @rule(blocks=st.sets(st.sampled_from(["||ads.example^", "a.example", "||example^"])), generation=st.integers(1, 9))
    def a_new_policy(self, blocks, generation):
        self.tell(PolicyChanged(policy(sorted(blocks), ["good.ads.example"], generation)))

    @rule(which=st.sampled_from(RICH))
    def a_policy_with_rules_that_are_more_than_names(self, which):
        self.rich = True
        self.tell(PolicyChanged(which))

    @rule()
    def the_end(self):
        self.tell(DrainEnded())
        assert not self.waiting

    @invariant()
    def who_waits_is_known_to_the_engine(self):
        held = [case.asked.ticket for question in self.engine.questions.values() for case in question.waiting]
        assert sorted(held) == sorted(self.waiting)
        assert len(held) == self.engine.waiting <= 8

    @invariant()
    def every_question_has_an_exchange_that_will_be_looked_at(self):
        due = {id(exchange) for bucket in self.engine.timers._buckets.values() for exchange in bucket}
        for question in self.engine.questions.values():
            exchanges = [self.engine.exchanges[ident] for ident in question.idents]
            assert all(exchange.question is question for exchange in exchanges)
            assert any(not exchange.expired and id(exchange) in due for exchange in exchanges)
        assert len(self.engine.exchanges) == sum(len(q.idents) for q in self.engine.questions.values())
        assert len(self.engine.exchanges) <= asking.MAX_EXCHANGES

    @invariant()
    def every_query_has_one_record(self):
        assert self.records + len(self.waiting) + self.engine.not_queries == self.queries

    def teardown(self) -> None:
        for _ in range(int(LONGEST / TICK) + 2):
            self.now += TICK
            self.tell(TimePassed())
        assert not self.waiting
        assert_at_rest(self.engine)
        assert not self.engine.needs_time
        self.every_query_has_one_record()


TestPromises = Promises.TestCase
TestPromises.settings = settings(
    max_examples=150, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
