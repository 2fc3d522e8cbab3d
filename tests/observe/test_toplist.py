from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.toplist import WINDOW_SECONDS, WINDOWS, Ranked, RollingTop, TopList
from tests.observe.frames import NOON

STREAMS = st.lists(st.lists(st.integers(0, 60).map(lambda number: b"%d" % number), max_size=80), max_size=20)


@given(STREAMS, st.integers(1, 12))
def test_no_stream_makes_a_list_grow_beyond_twice_its_capacity_and_every_count_keeps_its_bounds(
    stream: list[list[bytes]], capacity: int
) -> None:
    top, truth = TopList(capacity), Counter[bytes]()
    for batch in stream:
        top.add(Counter(batch))
        truth.update(batch)
        assert len(top.counts) <= 2 * capacity
    asked = truth.total()
    assert top.floor <= asked / (capacity + 1)
    assert top.errors.keys() <= top.counts.keys()
    for key, times in truth.items():
        if key in top.counts:
            assert top.counts[key] - top.errors.get(key, 0) <= times <= top.counts[key]
        else:
            assert times <= top.floor


@given(STREAMS)
def test_a_list_with_room_for_all_is_exact(stream: list[list[bytes]]) -> None:
    top, truth = TopList(100), Counter[bytes]()
    for batch in stream:
        top.add(Counter(batch))
        truth.update(batch)
    assert top.counts == truth
    assert (top.floor, top.errors) == (0, {})


def test_a_name_asked_all_the_time_stays_on_top_of_a_flood_of_names_asked_once() -> None:
    top = RollingTop(capacity=20)
    for number in range(5000):
        top.add({b"flood%d" % number: 1}, NOON)
        if number % 10 == 0:
            top.add({b"steady": 1}, NOON)
    first = top.top(1, NOON)[0]
    assert first.key == b"steady"
    assert first.times - first.uncertainty <= 500 <= first.times


@given(STREAMS, st.integers(0, 20))
def test_the_top_is_ranked_by_count_and_then_by_octets(stream: list[list[bytes]], limit: int) -> None:
    top, truth = RollingTop(1000), Counter[bytes]()
    for hour, batch in enumerate(stream):
        top.add(Counter(batch), NOON + hour * 3600)
        truth.update(batch)
    now = NOON + 3600 * max(0, len(stream) - 1)
    expected = sorted(truth.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
    assert top.top(limit, now) == [Ranked(key, times, 0) for key, times in expected]
    assert top.distinct(now) == (len(truth), True)


def test_yesterdays_favourite_goes_away_by_itself() -> None:
    top = RollingTop()
    top.add({b"old": 100}, NOON)
    top.add({b"new": 1}, NOON + WINDOW_SECONDS)
    assert [ranked.key for ranked in top.top(9, NOON + WINDOW_SECONDS)] == [b"old", b"new"]
    assert top.since(NOON + WINDOW_SECONDS) == NOON
    later = NOON + WINDOW_SECONDS * WINDOWS
    assert [ranked.key for ranked in top.top(9, later)] == [b"new"]
    assert top.since(later) == NOON + WINDOW_SECONDS
    assert top.count(b"old") == 0


def test_a_clock_that_was_set_back_does_not_leave_a_window_in_the_future() -> None:
    top = RollingTop()
    top.add({b"future": 5}, NOON + 1e9)
    top.add({b"now": 1}, NOON)
    assert [ranked.key for ranked in top.top(9, NOON)] == [b"now"]


def test_a_key_that_a_full_window_lacks_may_have_been_there_as_often_as_its_floor() -> None:
    top = RollingTop(capacity=1)
    for key in (b"a", b"b", b"c"):
        top.add({key: 2}, NOON)
    top.add({b"z": 1}, NOON + WINDOW_SECONDS)
    ranked = {one.key: one for one in top.top(9, NOON + WINDOW_SECONDS)}
    assert ranked[b"z"].uncertainty == 2
    assert top.distinct(NOON + WINDOW_SECONDS)[1] is False


def test_an_empty_list_counts_from_the_running_window() -> None:
    assert RollingTop().since(NOON + 100) == NOON
    assert RollingTop().top(5, NOON) == []
