from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.policy.buckets import MOST_BUCKETS, Buckets

ONE, OTHER = b"one", b"other"


def test_a_burst_is_free_and_what_follows_is_over():
    buckets = Buckets(100, 1000)
    assert buckets.turn({ONE: 1000}, 1.0, 1.0) == []
    assert buckets.turn({ONE: 500}, 1.0, 2.0) == [ONE]
    assert ONE in buckets.over
    assert OTHER not in buckets.over


def test_who_is_over_is_told_once_and_is_free_again_after_a_while_of_less():
    buckets = Buckets(100, 100)
    assert buckets.turn({ONE: 500}, 1.0, 1.0) == [ONE]
    assert buckets.turn({ONE: 500}, 1.0, 2.0) == []
    assert ONE in buckets.over
    for now in (3.0, 4.0, 5.0):
        buckets.turn({}, 1.0, now)
    assert ONE not in buckets.over


def test_early_turns_give_no_second_share():
    buckets = Buckets(100, 100)
    buckets.turn({ONE: 500}, 1.0, 1.0)
    assert buckets.take(ONE, 70) == 70
    buckets.turn({ONE: 500}, 0.1, 1.1)
    assert buckets.take(ONE, 70) == 30
    buckets.turn({ONE: 500}, 0.9, 2.0)
    assert buckets.take(ONE, 70) == 70


def test_only_who_asks_more_than_the_rate_takes_memory():
    buckets = Buckets(10, 20)
    buckets.turn({number.to_bytes(4, "big"): 10 for number in range(50_000)}, 1.0, 1.0)
    assert len(buckets) == 0
    for second in range(4):
        counts = {(second << 20 | number).to_bytes(4, "big"): 19 for number in range(MOST_BUCKETS)}
        buckets.turn(counts, 1.0, second + 2.0)
    assert len(buckets) <= MOST_BUCKETS


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (10, 5), (-1, 1)])
def test_numbers_that_make_no_limit_are_refused(rate, burst):
    with pytest.raises(ValueError, match="burst"):
        Buckets(rate, burst)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=50))
def test_who_stays_below_the_rate_is_never_over(seconds):
    buckets = Buckets(100, 100)
    for now, number in enumerate(seconds, start=1):
        assert buckets.turn({ONE: number}, 1.0, float(now)) == []
        assert not buckets.over


@given(st.lists(st.tuples(st.integers(0, 1000), st.floats(0.05, 1.0)), min_size=1, max_size=50))
def test_over_a_long_time_nobody_has_more_than_the_rate_and_one_burst(turns):
    """What is asked while a client is not over stays within the bucket, whenever it is looked at."""
    buckets = Buckets(100, 300)
    now = had = 0.0
    for asked, seconds in turns:
        now += seconds
        was_over = ONE in buckets.over
        buckets.turn({ONE: asked}, seconds, now)
        if not was_over and ONE not in buckets.over:
            had += asked
    assert had <= 300 + 100 * now + 1e-6
