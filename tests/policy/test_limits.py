from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.policy.limits import FLOODS, MOST_BUCKETS, MOST_FLOODS, ClientLimits
from tests.make import address

ONE, OTHER = address("10.0.0.1"), address("10.0.0.2")


def test_a_burst_is_free_and_what_follows_is_over():
    limits = ClientLimits(100, 1000)
    assert limits.turn({ONE: 1000}, 1.0) == []
    assert limits.turn({ONE: 500}, 2.0) == [ONE]
    assert ONE in limits.over
    assert OTHER not in limits.over


def test_who_is_over_is_told_once_and_is_free_again_after_a_quiet_second():
    limits = ClientLimits(100, 100)
    assert limits.turn({ONE: 500}, 1.0) == [ONE]
    assert limits.turn({ONE: 500}, 2.0) == []
    assert ONE in limits.over
    limits.turn({ONE: 50}, 3.0)
    limits.turn({}, 4.0)
    limits.turn({}, 5.0)
    assert ONE not in limits.over


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_has_no_limit(text):
    limits = ClientLimits(10, 10)
    assert limits.turn({address(text): 10_000}, 1.0) == []
    assert not limits.over
    assert not limits.flooding


def test_the_worst_floods_are_named_and_no_more_than_fit():
    limits = ClientLimits(10, 10)
    counts = {bytes((10, 0, 0, number)): 10 * FLOODS + 1 + number for number in range(100)}
    limits.turn(counts, 1.0)
    assert len(limits.flooding) == MOST_FLOODS
    assert limits.flooding[0] == bytes((10, 0, 0, 99))


def test_forged_addresses_take_no_memory_without_end():
    limits = ClientLimits(10, 20)
    for second in range(4):
        limits.turn({(second << 20 | number).to_bytes(4, "big"): 19 for number in range(MOST_BUCKETS)}, second + 1.0)
    assert len(limits._buckets) <= MOST_BUCKETS


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (10, 5), (-1, 1)])
def test_numbers_that_make_no_limit_are_refused(rate, burst):
    with pytest.raises(ValueError, match="burst"):
        ClientLimits(rate, burst)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=50))
def test_who_stays_below_the_rate_is_never_over(seconds):
    limits = ClientLimits(100, 100)
    for now, number in enumerate(seconds, start=1):
        assert limits.turn({ONE: number}, float(now)) == []
        assert not limits.over
