"""Whom to ask: the fastest that is well, now and then another, and somebody whatever happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.upstream.health import (
    EXPLORE_ONE_IN,
    FAILURES_TO_SICKNESS,
    FIRST_PATIENCE,
    FIRST_SICK_LEAVE,
    LEAST_PATIENCE,
    LONGEST_SICK_LEAVE,
    MOST_PATIENCE,
    Upstream,
    choose,
)


def never_explores() -> int:
    return 1


def rolls(*numbers: int) -> Callable[[], int]:
    left = iter(numbers)
    return lambda: next(left)


def upstreams(*rtts: float) -> list[Upstream]:
    """One a round-trip time; 0: never asked."""
    made = []
    for number, rtt in enumerate(rtts):
        upstream = Upstream(number, f"192.0.2.{number}", 53)
        if rtt:
            upstream.sent += 1
            upstream.answered_in(rtt)
        made.append(upstream)
    return made


def fall_sick(upstream: Upstream, now: float) -> None:
    for _ in range(FAILURES_TO_SICKNESS):
        upstream.failed(now, timeout=True)


def chosen(among: list[Upstream], tried: list[int], now: float, dice: Callable[[], int] = never_explores) -> int:
    return choose(among, tried, now, dice).number


# -- choosing --


def test_the_fastest_is_asked() -> None:
    assert chosen(upstreams(0.03, 0.01, 0.02), [], 0.0) == 1


def test_among_equals_the_first_is_asked() -> None:
    assert chosen(upstreams(0.02, 0.02), [], 0.0) == 0


def test_one_that_was_never_asked_is_asked_once_and_not_again_until_it_answers() -> None:
    among = upstreams(0.01, 0)
    assert chosen(among, [], 0.0) == 1
    among[1].sent += 1
    assert chosen(among, [], 0.0) == 0
    among[1].answered_in(0.005)
    assert chosen(among, [], 0.0) == 1


def test_at_the_start_each_is_asked_once_in_the_order_of_preference() -> None:
    among = upstreams(0, 0, 0)
    order = []
    for _ in range(5):
        number = chosen(among, [], 0.0)
        among[number].sent += 1
        order.append(number)
    assert order == [0, 1, 2, 0, 0]


def test_a_question_goes_to_the_next_when_the_fastest_was_tried() -> None:
    among = upstreams(0.03, 0.01, 0.02)
    assert [chosen(among, tried, 0.0) for tried in ([1], [1, 2])] == [2, 0]


def test_when_all_were_tried_they_are_asked_again_in_the_same_order() -> None:
    among = upstreams(0.03, 0.01, 0.02)
    assert [chosen(among, tried, 0.0) for tried in ([1, 2, 0], [1, 2, 0, 1], [1, 2, 0, 1, 2])] == [1, 2, 0]


def test_one_question_in_many_goes_to_any_that_is_well() -> None:
    among = upstreams(0.03, 0.01, 0.02, 0.04)
    fall_sick(among[3], 0.0)
    assert [chosen(among, [], 1.0, rolls(EXPLORE_ONE_IN * 7, roll)) for roll in (0, 1, 2, 3)] == [0, 1, 2, 0]


def test_the_only_upstream_is_asked_whatever_its_health_and_without_dice() -> None:
    (only,) = upstreams(0.01)
    fall_sick(only, 0.0)
    assert choose([only], [0, 0, 0], 0.5, rolls()) is only


# -- sickness --


def test_a_few_failures_in_a_row_and_an_upstream_is_asked_last() -> None:
    among = upstreams(0.01, 0.02)
    for _ in range(FAILURES_TO_SICKNESS - 1):
        among[0].failed(5.0, timeout=False)
    assert chosen(among, [], 5.0) == 0
    among[0].failed(5.0, timeout=False)
    assert not among[0].healthy(5.0)
    assert chosen(among, [], 5.0) == 1
    assert chosen(among, [1], 5.0) == 0


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    (upstream,) = upstreams(0.01)
    for _ in range(10):
        upstream.failed(0.0, timeout=True)
        upstream.failed(0.0, timeout=True)
        upstream.answered_in(0.01)
    assert upstream.healthy(0.0)


def test_one_answer_and_a_sick_upstream_is_well() -> None:
    """And not the mere end of its leave: an outage of a quiet night is none that comes and goes."""
    among = upstreams(0.01, 0.02)
    fall_sick(among[0], 0.0)
    assert among[0].healthy(1000.0)
    assert not among[0].answers
    among[0].answered_in(0.01)
    assert among[0].answers
    assert among[0].healthy(0.0)
    assert chosen(among, [], 0.0) == 0


def test_sick_leaves_grow_to_a_minute_and_no_further() -> None:
    (upstream,) = upstreams(0.01)
    now, leaves = 0.0, []
    fall_sick(upstream, now)
    for _ in range(12):
        leaves.append(upstream.sick_until - now)
        now = upstream.sick_until
        assert upstream.healthy(now)
        upstream.failed(now, timeout=True)
    assert leaves[:6] == [FIRST_SICK_LEAVE, 4, 8, 16, 32, LONGEST_SICK_LEAVE]
    assert set(leaves[6:]) == {LONGEST_SICK_LEAVE}


def test_a_burst_of_questions_that_fail_together_is_one_illness() -> None:
    (upstream,) = upstreams(0.01)
    for _ in range(500):
        upstream.failed(1.0, timeout=True)
    assert upstream.sick_until == 1.0 + FIRST_SICK_LEAVE


def test_one_back_from_sick_leave_is_tried_by_a_few_questions_and_not_by_all() -> None:
    among = upstreams(0.01, 0.02)
    fall_sick(among[0], 0.0)
    back = among[0].sick_until
    assert chosen(among, [], back) == 1
    assert chosen(among, [], back, rolls(0, 0)) == 0
    assert chosen(among, [1], back) == 0
    among[0].answered_in(0.01)
    assert chosen(among, [], back) == 0


def test_when_all_are_sick_the_one_that_is_well_first_is_asked() -> None:
    among = upstreams(0.01, 0.02, 0.03)
    for upstream, when in zip(among, (3.0, 1.0, 2.0), strict=True):
        fall_sick(upstream, when)
    assert [chosen(among, tried, 3.0) for tried in ([], [1], [1, 2])] == [1, 2, 0]
    assert chosen(among, [1, 2, 0], 3.0) == 1


def test_when_all_were_tried_those_that_are_well_are_asked_before_the_sick() -> None:
    among = upstreams(0.01, 0.02, 0.03)
    fall_sick(among[1], 0.0)
    assert chosen(among, [1, 0, 2], 0.0) == 0


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 8), st.floats(0, 100)), min_size=1, max_size=5),
    st.floats(0, 200),
    st.data(),
)
def test_somebody_is_always_asked_and_never_twice_before_all_were(
    states: list[tuple[float, int, float]], now: float, data: st.DataObject
) -> None:
    among = upstreams(*(rtt for rtt, _, _ in states))
    for upstream, (_, failures, when) in zip(among, states, strict=True):
        for _ in range(failures):
            upstream.failed(when, timeout=True)
    dice = lambda: data.draw(st.integers(0, 65535))  # noqa: E731 - drawn as it is rolled
    tried: list[int] = []
    for _ in range(2 * len(among)):
        tried.append(chosen(among, tried, now, dice))
    assert set(tried[: len(among)]) == set(range(len(among)))


# -- what is remembered --


def test_round_trip_times_are_smoothed_as_tcp_smooths_them() -> None:
    upstream = Upstream(0, "192.0.2.1", 53)
    assert upstream.rtt == 0.0
    upstream.answered_in(0.1)
    assert upstream.rtt == 0.1
    upstream.answered_in(0.9)
    assert upstream.rtt == pytest.approx(0.1 * 7 / 8 + 0.9 / 8)


def test_answers_timeouts_and_failures_are_counted_apart() -> None:
    upstream = Upstream(0, "192.0.2.1", 53)
    upstream.answered_in(0.1)
    for timeout in (True, True, False):
        upstream.failed(0.0, timeout=timeout)
    assert (upstream.answered, upstream.timeouts, upstream.failures) == (1, 2, 1)


# -- patience --


def test_an_unknown_upstream_gets_the_first_patience() -> None:
    assert Upstream(0, "192.0.2.1", 53).patience(0) == FIRST_PATIENCE


@given(st.floats(0.0001, 10), st.integers(0, 5000))
def test_patience_grows_with_each_try_and_stays_within_its_bounds(rtt: float, attempt: int) -> None:
    (upstream,) = upstreams(rtt)
    assert LEAST_PATIENCE <= upstream.patience(attempt) <= upstream.patience(attempt + 1) <= MOST_PATIENCE


def test_patience_is_four_round_trips_and_doubles() -> None:
    (upstream,) = upstreams(0.1)
    assert [upstream.patience(attempt) for attempt in range(4)] == pytest.approx([0.4, 0.8, 1.6, 2.0])
