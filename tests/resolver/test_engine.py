"""The engine's face to the edge; whole conversations are in tests/flow."""

from __future__ import annotations

from mirage_hole.resolver.events import PolicyChanged, TimePassed
from tests.make import Conversation, an_engine, policy


def test_time_alone_does_nothing():
    engine = an_engine()
    assert not engine.needs_time
    assert engine.handle(TimePassed(), 1e9) == []


def test_time_is_needed_while_something_waits_and_no_longer():
    conversation = Conversation()
    asks = [conversation.ask(name).ask for name in ("one.example", "two.example")]
    for ask, name in zip(asks, ("one.example", "two.example"), strict=True):
        assert conversation.engine.needs_time
        conversation.answer(ask, f"{name} 60 A 192.0.2.7")
    assert not conversation.engine.needs_time


def test_what_is_in_flight_is_counted_by_question():
    conversation = Conversation()
    asks = [conversation.ask(name).ask for name in ("one.example", "two.example")]
    conversation.ask("one.example")
    assert conversation.engine.in_flight == 2
    conversation.wait(1)
    assert conversation.engine.in_flight == 2
    conversation.answer(asks[0], "one.example 60 A 192.0.2.7")
    assert conversation.engine.in_flight == 1


def test_the_clock_may_begin_anywhere():
    for start in (0.0, -5.0, 1e10):
        conversation = Conversation()
        conversation.now = start
        conversation.ask("www.example")
        assert conversation.wait(5.2).replies


def test_the_policy_in_use_can_be_read():
    conversation = Conversation()
    conversation.tell(PolicyChanged(policy(generation=7)))
    assert conversation.engine.policy.generation == 7
