"""How a group of upstreams is asked: in which order, how many at once, and who when they fail."""

from __future__ import annotations

from collections import Counter

import dns.rcode
import pytest

from mirage_hole.resolver.pending import TICK
from mirage_hole.upstream.groups import MOST_HEDGES, Group
from tests.make import Conversation, an_upstream, assert_at_rest, texts

NAME = "www.example.com"
RECORD = "www.example.com 300 A 192.0.2.7"
OTHER = "www.example.com 300 A 192.0.2.8"


def talk(strategy: str, *rtts: float, **how: object) -> Conversation:
    """Upstreams with these round-trip times, in a group of this strategy."""
    group = Group(0, "default", [an_upstream(number, rtt) for number, rtt in enumerate(rtts)], strategy=strategy)
    return Conversation(groups=[group], **how)


def test_strict_asks_the_first_however_slow():
    conversation = talk("strict", 0.2, 0.001, 0.001)
    assert {conversation.ask(f"n{number}.example").ask.upstream for number in range(20)} == {0}


def test_strict_goes_on_in_order_when_one_is_silent():
    conversation = talk("strict", 0.01, 0.02, 0.03)
    order = [conversation.ask(NAME).ask.upstream]
    while len(order) < 3:
        order += [ask.upstream for ask in conversation.wait(TICK).asks]
    assert order == [0, 1, 2]


def test_strict_leaves_out_who_is_ill():
    conversation = talk("strict", 0.01, 0.01)
    for _ in range(3):
        conversation.engine.upstreams[0].failed(conversation.now, timeout=True)
    assert conversation.ask(NAME).ask.upstream == 1


def test_weighted_asks_everybody_and_the_fast_more_often():
    conversation = talk("weighted", 0.01, 0.04, 0.04, max_in_flight=2000)
    asked = Counter(conversation.ask(f"n{number}.example").ask.upstream for number in range(1200))
    assert asked[0] / 1200 == pytest.approx(4 / 6, abs=0.06)
    assert asked[1] / 1200 == pytest.approx(1 / 6, abs=0.06)


def test_parallel_asks_two_at_once_and_takes_the_first_answer():
    conversation = talk("parallel", 0.01, 0.02, 0.03)
    first, second = conversation.ask(NAME).asks
    assert first.upstream != second.upstream
    assert texts(conversation.answer(second, RECORD).reply.answer)
    assert conversation.answer(first, OTHER).silent
    assert_at_rest(conversation.engine)


def test_parallel_waits_for_the_other_when_one_answer_helps_nobody():
    conversation = talk("parallel", 0.01, 0.02)
    first, second = conversation.ask(NAME).asks
    assert conversation.answer(first, rcode="REFUSED").silent
    assert texts(conversation.answer(second, RECORD).reply.answer)
    assert_at_rest(conversation.engine)


def test_parallel_asks_nobody_thrice_when_both_are_silent():
    conversation = talk("parallel", 0.01, 0.01)
    conversation.ask(NAME)
    asks = conversation.wait(0.5 + 2 * TICK).asks
    assert len(asks) == 1


def test_parallel_of_one_asks_one():
    conversation = talk("parallel", 0.01)
    assert conversation.ask(NAME).ask.upstream == 0


def test_hedged_asks_a_second_only_after_a_delay():
    conversation = talk("hedged", 0.1, 0.2)
    first = conversation.ask(NAME).ask
    assert conversation.wait(0.1).asks == []
    second = conversation.wait(0.3).ask
    assert second.upstream != first.upstream
    assert texts(conversation.answer(first, RECORD).reply.answer)
    assert_at_rest(conversation.engine)


def test_hedged_asks_no_second_when_the_first_is_quick():
    conversation = talk("hedged", 0.1, 0.1)
    first = conversation.ask(NAME).ask
    conversation.answer(first, RECORD)
    assert conversation.wait(1).asks == []
    assert_at_rest(conversation.engine)


def test_hedges_are_within_a_budget_so_that_slow_upstreams_get_no_double_load():
    conversation = talk("hedged", 0.1, 0.1, max_in_flight=1000)
    for number in range(400):
        conversation.ask(f"n{number}.example")
    asks = conversation.wait(0.3 + TICK).asks
    assert 0 < len(asks) <= MOST_HEDGES


def test_a_fallback_group_is_asked_when_nobody_else_answers():
    near = Group(0, "near", [an_upstream(0, 0.01)], fallback=1)
    far = Group(1, "far", [an_upstream(1, 0.01), an_upstream(2, 0.02)])
    conversation = Conversation(groups=[near, far])
    first = conversation.ask(NAME).ask
    second = conversation.refuse(first).ask
    assert (first.upstream, second.upstream) == (0, 1)
    assert texts(conversation.answer(second, RECORD).reply.answer)
    assert conversation.ask(NAME).reply.answer  # and it is known from now on
    assert_at_rest(conversation.engine)


def test_a_silent_group_is_followed_by_its_fallback():
    near = Group(0, "near", [an_upstream(0, 0.01)], fallback=1)
    far = Group(1, "far", [an_upstream(1, 0.01)])
    conversation = Conversation(groups=[near, far])
    conversation.ask(NAME)
    assert conversation.wait(0.25 + 2 * TICK).ask.upstream == 1


def test_two_groups_that_are_each_others_fallback_come_to_an_end():
    one = Group(0, "one", [an_upstream(0, 0.01)], fallback=1)
    two = Group(1, "two", [an_upstream(1, 0.01)], fallback=0)
    conversation = Conversation(groups=[one, two])
    second = conversation.refuse(conversation.ask(NAME).ask).ask
    said = conversation.refuse(second)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)


@pytest.mark.parametrize("strategy", ["fastest", "weighted", "parallel", "strict", "hedged"])
def test_silence_ends_in_servfail_in_time_with_every_strategy(strategy):
    conversation = talk(strategy, 0.01, 0.02, 0.0, timeout=2.0)
    conversation.ask(NAME)
    assert conversation.wait(2.0 + 2 * TICK).reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)


def test_a_strategy_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="fastest, weighted"):
        Group(0, "x", [], strategy="best")
