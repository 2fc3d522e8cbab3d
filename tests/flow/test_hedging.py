"""Hedged questions: a second one, to another upstream, when the first takes longer than it nearly always does.

The delay is TCP's retransmission timer (RFC 6298 2.3), the idea that of "The Tail at Scale" (Dean and Barroso, 2013).
"""

from __future__ import annotations

import dns.rcode
import pytest

from mirage_hole.resolver.pending import TICK
from mirage_hole.upstream.groups import HEDGES_A_QUESTION, MOST_HEDGES, Group
from mirage_hole.upstream.health import FIRST_PATIENCE, LEAST_PATIENCE
from tests.make import Conversation, an_upstream, assert_at_rest, texts

NAME = "www.example.com"
RECORD = f"{NAME} 300 A 192.0.2.7"
HEDGED = 0.25 + 2 * TICK
"""Seconds after which upstreams of 100 ms have been hedged, while the patience with the first still lasts."""


def talk(*rtts: float, **how: object) -> Conversation:
    group = Group(0, "default", [an_upstream(number, rtt) for number, rtt in enumerate(rtts)], strategy="hedged")
    return Conversation(groups=[group], **how)


def steady(conversation: Conversation, number: int, rtt: float) -> None:
    """An upstream whose answers take nearly the same time each."""
    for _ in range(60):
        conversation.engine.upstreams[number].answered_in(rtt)


def asked_after(conversation: Conversation) -> float:
    """Seconds until the second question goes out."""
    waited = 0.0
    while waited < 5:
        waited += TICK
        if conversation.wait(TICK).asks:
            return waited
    raise AssertionError


def test_a_steady_upstream_is_given_up_on_sooner_than_one_that_varies():
    calm, wild = talk(0.3, 2.0), talk(0.3, 2.0)
    steady(calm, 0, 0.3)
    for number in range(60):
        wild.engine.upstreams[0].answered_in(0.2 if number % 2 else 0.4)
    for conversation in (calm, wild):
        conversation.engine.upstreams[0].sent = 1
        assert conversation.ask(NAME).ask.upstream == 0
    assert asked_after(calm) <= 0.3 + 2 * TICK
    assert asked_after(wild) >= 0.5


@pytest.mark.parametrize(("rtt", "variance"), [(0.001, 0.0), (0.05, 0.01), (0.05, 3.0), (0.4, 0.1), (1.5, 9.0)])
def test_the_delay_is_the_mean_and_four_deviations_and_never_more_than_twice_the_mean(rtt, variance):
    upstream = an_upstream(0, rtt)
    upstream.rtt, upstream.variance = rtt, variance
    delay = Group(0, "x", [upstream, an_upstream(1)], strategy="hedged").hedge_delay(upstream)
    assert rtt <= delay <= max(LEAST_PATIENCE, 2 * rtt)
    assert delay == pytest.approx(min(rtt + 4 * variance, max(LEAST_PATIENCE, 2 * rtt)))


def test_of_an_upstream_that_was_never_heard_half_the_first_patience_is_waited_for():
    group = Group(0, "x", [an_upstream(0), an_upstream(1)], strategy="hedged")
    assert group.hedge_delay(group.upstreams[0]) == FIRST_PATIENCE / 2


def test_the_answer_of_the_second_counts_and_that_of_the_first_comes_to_nothing():
    conversation = talk(0.1, 0.2)
    first = conversation.ask(NAME).ask
    second = conversation.wait(HEDGED).ask
    assert texts(conversation.answer(second, RECORD).reply.answer)
    assert conversation.answer(first, RECORD).silent
    assert_at_rest(conversation.engine)


def test_many_who_wait_for_one_question_cause_one_second_question():
    conversation = talk(0.1, 0.2)
    for _ in range(20):
        conversation.ask(NAME)
    assert len(conversation.wait(HEDGED).asks) == 1


def test_when_the_first_fails_before_the_delay_the_other_is_asked_at_once_and_no_third():
    conversation = talk(0.2, 0.3, 0.4)
    first = conversation.ask(NAME).ask
    second = conversation.refuse(first).ask
    assert second.upstream != first.upstream
    # Its own patience may end later; the hedge that was due before has nothing to add.
    assert conversation.wait(0.5).asks == []


def test_nobody_who_is_ill_is_asked_as_a_second():
    conversation = talk(0.1, 0.1)
    for _ in range(3):
        conversation.engine.upstreams[1].failed(conversation.now, timeout=True)
    assert conversation.ask(NAME).ask.upstream == 0
    assert conversation.wait(HEDGED).asks == []


def test_one_upstream_alone_is_never_asked_twice_before_its_patience_ends():
    conversation = talk(0.1)
    conversation.ask(NAME)
    assert conversation.wait(HEDGED).asks == []


def test_questions_earn_the_budget_for_second_ones_and_it_never_grows_beyond_a_burst():
    group = Group(0, "x", [an_upstream(0, 0.1), an_upstream(1, 0.1)], strategy="hedged")
    while group.may_hedge():
        pass
    for _ in range(int(1 / HEDGES_A_QUESTION) + 1):
        group.asked()
    assert group.may_hedge()
    assert not group.may_hedge()
    for _ in range(10_000):
        group.asked()
    assert sum(group.may_hedge() for _ in range(10_000)) <= MOST_HEDGES + 1


def test_in_the_long_run_slow_upstreams_get_a_tenth_more_and_not_twice_the_load():
    conversation = talk(0.1, 0.1)
    hedges = 0
    for number in range(600):  # each answer takes longer than is waited for, and less than patience lasts
        asks = conversation.ask(f"n{number}.example").asks
        more = conversation.wait(HEDGED).asks
        hedges += len(more)
        conversation.answer((more or asks)[0])
        for upstream in conversation.engine.upstreams:
            upstream.rtt, upstream.variance = 0.1, 0.03
    assert 0 < hedges <= MOST_HEDGES + 600 * HEDGES_A_QUESTION + 1


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_whatever_comes_back_nothing_is_left_behind(answers):
    conversation = talk(0.1, 0.2, timeout=2.0)
    asks = [conversation.ask(NAME).ask, conversation.wait(HEDGED).ask]
    for ask in asks[:answers]:
        conversation.answer(ask, RECORD)
    if not answers:
        assert conversation.wait(2.0).reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)
