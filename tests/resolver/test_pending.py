from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.resolver.events import QueryReceived
from mirage_hole.resolver.pending import TICK, Case, Exchange, Question, Timers
from mirage_hole.wire.query import parse_query
from tests.make import query


def a_case(name: str, **how: object) -> Case:
    wire = query(name, **how)
    return Case(parse_query(wire), QueryReceived(wire, b"\x7f\0\0\1", 0, None), 1.0)


def an_exchange(ident: int = 1) -> Exchange:
    question = Question(a_case("example.com").key, 5.0)
    return Exchange(ident, question, 0, False, True, 1.0, question.wire)


def test_a_key_is_the_same_for_every_spelling():
    assert a_case("Example.COM").key == a_case("example.com").key


def test_keys_never_collide():
    """A name's octets and a type's could run into each other if the wire form did not say where it ends."""
    cases = [
        a_case(name, qtype=qtype, dnssec=dnssec, flags=flags)
        for name in ("a.b", "a", "ab", r"a\.b", ".", r"\000.a")
        for qtype in ("A", "AAAA", 258, 65281)
        for dnssec in (False, True)
        for flags in ("RD", "RD CD")
    ]
    assert len({case.key for case in cases}) == len(cases)


def test_a_question_goes_out_folded_and_asks_what_the_first_client_asked():
    question = Question(a_case("Example.COM", qtype="AAAA", dnssec=True, flags="RD CD").key, 5.0)
    assert question.wire == b"\x07example\x03com\0\0\x1c\0\1"
    assert (question.dnssec_ok, question.checking_disabled) == (True, True)


def test_nothing_is_due_early_and_everything_within_two_ticks():
    timers = Timers()
    exchange = an_exchange()
    timers.add(exchange, 10.0)
    assert timers.due(10.0 - 0.001) == []
    assert timers.due(10.0 + TICK) == [exchange]
    assert timers.due(99.0) == []
    assert not timers


@given(st.lists(st.floats(0, 50), max_size=30), st.lists(st.floats(0, 60), max_size=30))
def test_each_is_due_once_after_its_time(times, clock):
    timers = Timers()
    at = {}
    for ident, when in enumerate(times):
        exchange = an_exchange(ident)
        at[exchange] = when
        timers.add(exchange, when)
    seen = []
    for now in [*sorted(clock), 100.0]:
        for exchange in timers.due(now):
            assert at[exchange] <= now
            seen.append(exchange)
        assert all(exchange in seen for exchange, when in at.items() if when + TICK <= now - 1e-9)
    assert len(seen) == len(set(seen)) == len(times)


def test_what_was_cancelled_is_not_due():
    timers = Timers()
    first, second = an_exchange(1), an_exchange(2)
    timers.add(first, 10.0)
    timers.add(second, 10.0)
    timers.cancel(first)
    timers.cancel(first)
    assert timers.due(11.0) == [second]
    timers.cancel(second)
