"""What people ask for is renewed in the last tenth of its time, so that nobody has to wait for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirage_hole.cache.lifetimes import Lifetimes
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.cached import MOST_RENEWING
from mirage_hole.resolver.events import DrainEnded
from tests.flow.rich_rules import address, policy_of
from tests.make import SOA, Conversation, assert_at_rest, texts

NAME = "www.example.com"


def popular(ttl: int = 300, age: float = 0.95, **how: object) -> Conversation:
    """NAME was asked for again after it was stored, and has lived for this share of its time."""
    conversation = Conversation(**how)
    conversation.learn(NAME, f"{NAME} {ttl} A 192.0.2.7")
    conversation.ask(NAME)
    conversation.now += ttl * age
    return conversation


def test_a_popular_answer_is_renewed_while_the_old_one_still_serves():
    conversation = popular()
    said = conversation.ask(NAME)
    assert texts(said.reply.answer) == [f"{NAME}. 15 A 192.0.2.7"]
    assert said.record.subject.outcome == Outcome.CACHED
    assert conversation.answer(said.ask, f"{NAME} 300 A 192.0.2.8").effects == []
    assert texts(conversation.ask(NAME).reply.answer) == [f"{NAME}. 300 A 192.0.2.8"]
    assert conversation.engine.cache.prefetched == 1
    assert_at_rest(conversation.engine)


def test_packets_end_in_time_for_that():
    """Else nobody would come here before the answer is over."""
    conversation = popular(age=0)
    (packet,) = conversation.ask(NAME).remembered
    assert packet.expires_at == conversation.now + 270


def test_nothing_is_renewed_early():
    assert not popular(age=0.89).ask(NAME).asks


def test_what_nobody_asked_for_again_is_not_renewed():
    conversation = Conversation()
    conversation.learn(NAME, f"{NAME} 300 A 192.0.2.7")
    conversation.now += 285
    assert not conversation.ask(NAME).asks
    assert conversation.ask(NAME).asks  # but now it was


def test_what_lives_for_less_than_ten_seconds_is_not_worth_it():
    conversation = popular(ttl=9, age=0.99)
    said = conversation.ask(NAME)
    assert not said.asks
    assert popular(ttl=10, age=0.99).ask(NAME).asks


def test_it_is_asked_for_once_whoever_else_comes():
    conversation = popular()
    assert conversation.ask(NAME).asks
    for _ in range(5):
        said = conversation.ask(NAME)
        assert not said.asks
        (packet,) = said.remembered
        assert packet.expires_at == 1300.0


def test_the_question_is_the_one_that_was_asked():
    conversation = Conversation()
    how = {"dnssec": True, "flags": "RD CD"}
    first = conversation.ask(NAME, "TXT", **how).ask
    conversation.answer(first, f'{NAME} 300 TXT "x"')
    conversation.ask(NAME, "TXT", **how)
    conversation.now += 285
    again = conversation.ask(NAME, "TXT", **how).ask
    assert again.wire[2:] == first.wire[2:]


def test_a_negative_answer_is_renewed_as_well():
    conversation = Conversation()
    conversation.learn(NAME, rcode="NXDOMAIN", authority=[SOA])
    conversation.ask(NAME)
    conversation.now += 299
    assert conversation.ask(NAME).asks


def test_a_failure_changes_nothing_until_the_answer_is_over():
    conversation = popular()
    said = conversation.ask(NAME)
    assert conversation.answer(said.ask, rcode="SERVFAIL").silent
    said = conversation.ask(NAME)
    assert not said.asks
    assert said.record.subject.outcome == Outcome.CACHED
    conversation.now += 16
    said = conversation.ask(NAME)  # a moment after the failure, so at once
    assert said.record.subject.outcome == Outcome.STALE
    assert_at_rest(conversation.engine)


def test_who_asks_when_it_is_over_waits_with_the_renewal():
    conversation = popular(ttl=10)
    ask = conversation.ask(NAME).ask
    conversation.wait(0.6)
    assert conversation.ask(NAME).effects == []
    said = conversation.answer(ask, f"{NAME} 300 A 192.0.2.8")
    assert texts(said.reply.answer) == [f"{NAME}. 300 A 192.0.2.8"]


def test_only_so_many_are_renewed_at_the_same_time():
    conversation = Conversation()
    names = [f"n{number}.example" for number in range(MOST_RENEWING + 5)]
    for name in names:
        conversation.learn(name, f"{name} 300 A 192.0.2.7")
        conversation.ask(name)
    conversation.now += 285
    asks = [said.ask for name in names if (said := conversation.ask(name)).asks]
    assert len(asks) == MOST_RENEWING
    conversation.answer(asks[0], f"{names[0]} 300 A 192.0.2.7")
    assert conversation.ask(names[-1]).asks


@pytest.mark.parametrize("end", ["answer", "failure", "drain"])
def test_nothing_is_left_of_it(end):
    conversation = popular()
    ask = conversation.ask(NAME).ask
    if end == "answer":
        conversation.answer(ask, f"{NAME} 300 A 192.0.2.8")
    elif end == "failure":
        conversation.wait(6)
    else:
        conversation.tell(DrainEnded())
    assert conversation.engine.renewing == 0
    assert_at_rest(conversation.engine)


def test_it_can_be_switched_off():
    conversation = Conversation()
    conversation.engine.cache.change(replace(Lifetimes(), prefetch=False))
    conversation.learn(NAME, f"{NAME} 300 A 192.0.2.7")
    (packet,) = conversation.ask(NAME).remembered
    assert packet.expires_at == 1300.0
    conversation.now += 299
    assert not conversation.ask(NAME).asks


def test_an_answer_that_a_rule_takes_away_is_not_renewed():
    conversation = Conversation(rules=policy_of([address("192.0.2.0/24")]))
    conversation.learn(NAME, f"{NAME} 300 A 192.0.2.7")
    conversation.ask(NAME)
    conversation.now += 285
    said = conversation.ask(NAME)
    assert said.record.subject.outcome == Outcome.BLOCKED
    assert not said.asks
