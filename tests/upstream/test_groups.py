from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.upstream.groups import STRATEGIES, Group, in_order, weighted
from mirage_hole.upstream.health import Upstream

NOW = 100.0
RTTS = st.lists(st.floats(0, 2), min_size=1, max_size=6)


def a_group(rtts: list[float], strategy: str) -> Group:
    upstreams = []
    for number, rtt in enumerate(rtts):
        upstream = Upstream(number, f"192.0.2.{number + 1}", 53)
        if rtt:
            upstream.answered_in(rtt)
        upstreams.append(upstream)
    return Group(0, "x", upstreams, strategy=strategy)


def a_dice(seed: int = 1):
    generator = random.Random(seed)
    return lambda: generator.getrandbits(16)


@given(RTTS, st.sampled_from(STRATEGIES), st.integers(0, 99))
def test_somebody_is_always_asked_and_the_second_is_another(rtts: list[float], strategy: str, seed: int) -> None:
    group, dice = a_group(rtts, strategy), a_dice(seed)
    first = group.first(NOW, dice)
    assert first in group.upstreams
    second = group.beside(first, NOW, dice)
    assert (second is None) == (len(rtts) == 1)
    assert second is not first


@given(RTTS, st.sampled_from(STRATEGIES), st.integers(0, 99))
def test_nobody_is_asked_twice_before_all_were(rtts: list[float], strategy: str, seed: int) -> None:
    group, dice = a_group(rtts, strategy), a_dice(seed)
    tried = [group.first(NOW, dice).number]
    while len(tried) < len(rtts):
        following = group.next(tried, frozenset(), NOW, dice)
        assert following is not None
        assert following.number not in tried
        tried.append(following.number)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_who_is_unusable_for_a_question_is_not_asked_again(strategy: str) -> None:
    group = a_group([0.1, 0.2], strategy)
    following = group.next([0], frozenset({1}), NOW, a_dice())
    assert following is not None
    assert following.number == 0
    assert group.next([0, 1], frozenset({0, 1}), NOW, a_dice()) is None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_who_leads_back_here_is_left_out_for_its_time(strategy: str) -> None:
    group = a_group([0.1, 0.2], strategy)
    group.members[0].loops_until = NOW + 300
    group.leave_out_loops(NOW)
    assert {group.first(NOW, a_dice(seed)).number for seed in range(50)} == {1}
    group.leave_out_loops(NOW + 300)
    assert len(group.upstreams) == 2


def test_in_order_is_the_order_of_preference_the_healthy_first_then_the_longest_ago() -> None:
    upstreams = a_group([0.1, 0.1, 0.1], "strict").upstreams
    assert in_order(upstreams, (), NOW).number == 0
    assert in_order(upstreams, (0,), NOW).number == 1
    for _ in range(3):
        upstreams[1].failed(NOW, timeout=True)
    assert in_order(upstreams, (0,), NOW).number == 2
    assert in_order(upstreams, (0, 2), NOW).number == 1
    assert in_order(upstreams, (0, 2, 1), NOW).number == 0
    assert in_order(upstreams, (0, 2, 1, 0), NOW).number == 2


def test_weights_leave_the_ill_out_unless_all_are() -> None:
    upstreams = a_group([0.1, 0.1], "weighted").upstreams
    for _ in range(3):
        upstreams[0].failed(NOW, timeout=True)
    assert {weighted(upstreams, NOW, a_dice(seed)).number for seed in range(60)} == {1}
    for _ in range(3):
        upstreams[1].failed(NOW, timeout=True)
    assert {weighted(upstreams, NOW, a_dice(seed)).number for seed in range(60)} == {0, 1}
