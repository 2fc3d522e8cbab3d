from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.series import DAY_MINUTES, MinuteSeries


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(0, 9), st.integers(0, 9))))
def test_the_ring_equals_a_dictionary_of_minutes(steps: list[tuple[int, int, int, int]]) -> None:
    series, queries, blocked, now = MinuteSeries(20), Counter[int](), Counter[int](), 1000
    for forward, late, asked, stopped in steps:
        now += forward
        series.add(now - late, asked, stopped, now)
        queries[now - late] += asked * (late < 20)
        blocked[now - late] += stopped * (late < 20)
    minutes = range(now - 19, now + 1)
    read = series.last(20, now)
    assert read.start == (now - 19) * 60
    assert read.queries == [queries[minute] for minute in minutes]
    assert read.blocked == [blocked[minute] for minute in minutes]
    assert series.totals(now) == (sum(read.queries), sum(read.blocked))
    assert series.last(5, now).queries == read.queries[-5:]


def test_a_day_without_queries_empties_the_ring() -> None:
    series = MinuteSeries()
    series.add(100, 5, 2, 100)
    assert series.totals(100 + DAY_MINUTES - 1) == (5, 2)
    assert series.totals(100 + DAY_MINUTES) == (0, 0)


def test_a_clock_set_back_forgets_the_future_and_counts_on() -> None:
    series = MinuteSeries(20)
    series.add(1000, 1, 0, 1000)
    series.add(1005, 7, 7, 1005)
    series.add(1001, 2, 1, 1001)
    assert series.last(3, 1001).queries == [0, 1, 2]
    assert series.totals(1006) == (3, 1)


def test_a_clock_that_was_decades_ahead_for_a_moment_does_no_lasting_harm() -> None:
    series = MinuteSeries(20)
    series.add(10**9, 1, 1, 10**9)
    series.add(1000, 4, 2, 1000)
    assert series.totals(1000) == (4, 2)


def test_a_record_from_the_future_counts_as_now() -> None:
    series = MinuteSeries(20)
    series.add(1003, 4, 2, 1000)
    assert series.last(1, 1000).queries == [4]
