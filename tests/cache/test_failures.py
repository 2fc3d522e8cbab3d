"""Failures: how long they hold, that they are bounded, and that outages leave nothing behind."""

from __future__ import annotations

import sys
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.cache.failures import ENTRY_COST, MOST, Failures
from mirage_hole.cache.lifetimes import MAX_FAILURE_TTL, RECHECK


def test_a_failure_holds_longer_each_time() -> None:
    failures = Failures(5.0)
    now, held = 0.0, []
    for _ in range(8):
        failures.failed(b"k", b"why", 1, now, outage=False)
        held.append(failures[b"k"].retry_at - now)
        now = failures[b"k"].retry_at
    assert held == [5, 10, 20, 40, 80, 160, 300, 300]
    assert (failures[b"k"].options, failures[b"k"].upstream, failures[b"k"].in_a_row) == (b"why", 1, 8)


def test_old_answers_pause_for_half_a_minute_or_as_long_as_the_failure_holds() -> None:
    failures = Failures(5.0)
    failures.failed(b"k", b"", 0, 100.0, outage=False)
    assert failures[b"k"].pause_until == 100.0 + RECHECK
    for _ in range(5):
        failures.failed(b"k", b"", 0, 100.0, outage=False)
    assert failures[b"k"].pause_until == failures[b"k"].retry_at > 100.0 + RECHECK


def test_a_slow_question_pauses_and_is_no_failure() -> None:
    failures = Failures(5.0)
    failures.slow(b"k", 100.0)
    assert failures[b"k"].retry_at <= 100.0
    assert failures[b"k"].pause_until == 130.0
    failures.failed(b"k", b"", 0, 110.0, outage=False)
    failures.slow(b"k", 111.0)
    assert failures[b"k"].retry_at == 115.0


def test_an_answer_ends_all_outages_and_no_other_failure() -> None:
    failures = Failures(5.0)
    failures.failed(b"out", b"", 0, 0.0, outage=True)
    failures.failed(b"broken", b"", 0, 0.0, outage=False)
    failures.failed(b"k", b"", 0, 0.0, outage=False)
    failures.answered(b"k")
    assert set(failures) == {b"broken"}
    assert failures.outages == 0


def test_the_one_that_failed_least_lately_goes_first() -> None:
    failures = Failures(5.0, 3)
    for key in (b"a", b"b", b"c", b"a", b"d"):
        failures.failed(key, b"", 0, 0.0, outage=key == b"b")
    assert list(failures) == [b"c", b"a", b"d"]
    assert failures.outages == 0


def test_the_cost_is_honest() -> None:
    failures = Failures(5.0)
    options = b"\0\x0f\0\x40" + bytes(64)
    tracemalloc.start()
    try:
        for number in range(MOST):
            key = b"\x05%05d\x07example\x03com\x00\0\1\0\1\0" % number
            failures.failed(key, bytes(bytearray(options)), 0, number / 7, outage=False)
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert MOST * ENTRY_COST * 0.5 < used <= MOST * ENTRY_COST
    assert sys.getsizeof(failures) < MOST * 100


happenings = st.lists(
    st.tuples(
        st.sampled_from(["failed", "outage", "slow", "forget", "answered", "clear"]),
        st.integers(0, 6),
        st.integers(0, 400),
    ),
    max_size=60,
)


@given(happenings, st.integers(1, 5))
def test_whatever_happens_it_is_bounded_and_counts_right(happening: list[tuple[str, int, int]], most: int) -> None:
    failures = Failures(5.0, most)
    now = 0.0
    for what, number, later in happening:
        now += later
        key = b"%d" % number
        match what:
            case "failed" | "outage":
                failures.failed(key, b"", 0, now, outage=what == "outage")
                assert 5.0 <= failures[key].retry_at - now <= MAX_FAILURE_TTL
            case "slow":
                failures.slow(key, now)
                assert failures[key].pause_until >= now + RECHECK
            case "forget":
                failures.forget(key)
                assert key not in failures
            case "answered":
                failures.answered(key)
                assert not any(failure.outage for failure in failures.values())
            case _:
                failures.forget_all()
                assert not failures
        assert len(failures) <= most
        assert failures.outages == sum(failure.outage for failure in failures.values())
