"""The answer cache keeps what may be kept, as long as it may, within its octets."""

from __future__ import annotations

import tracemalloc
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mirage_hole.cache.answers import (
    ENTRY_COST,
    MAX_NEGATIVE_TTL,
    MAX_TTL,
    MOST_SPARED,
    OFFSET_COST,
    AnswerCache,
    lifetime,
)
from mirage_hole.wire.codes import TC
from mirage_hole.wire.scan import Reply, scan_reply
from tests.wire.samples import packet, question, record, soa


def reply(
    ttl: int = 300, *, negative: int = -1, rcode: int = 0, answers: int = 1, octets: int = 40, flags: int = 0x8180,
    ede: bytes = b"", offsets: int = 1,
) -> Reply:  # fmt: skip
    authority = 0 if negative < 0 else 1
    return Reply(flags, rcode, bytes(octets), (answers, authority, 0), tuple(range(offsets)), ttl, negative, ede)


def key(number: int) -> bytes:
    return b"%05d" % number


COST = 5 + 40 + OFFSET_COST + ENTRY_COST
"""Octets that ``put(key(n), reply(), ...)`` takes."""


# -- how long --


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (reply(300), 300),
        (reply(0), 0),
        (reply(MAX_TTL), MAX_TTL),
        (reply(MAX_TTL + 1), MAX_TTL),
        (reply(300, negative=60), 60),  # a chain of aliases that ends in NODATA
        (reply(20, negative=60), 20),
        (reply(300, negative=0), 0),  # aliases that lead nowhere
        (reply(86_400, negative=86_400), MAX_NEGATIVE_TTL),
        (reply(900, negative=60, answers=0), 60),
        (reply(60, negative=900, answers=0), 60),
        (reply(86_400, negative=86_400, answers=0), MAX_NEGATIVE_TTL),
        (reply(900, negative=60, answers=0, rcode=3), 60),
        (reply(900, negative=60, rcode=3), 60),
        (reply(86_400, negative=86_400, rcode=3), MAX_NEGATIVE_TTL),
        (reply(900, answers=0), 0),  # a referral, or NODATA without SOA
        (reply(900, answers=0, rcode=3), 0),
        (reply(900, rcode=3), 0),
        (reply(900, negative=60, rcode=2), 0),
        (reply(900, rcode=5), 0),
        (reply(900, negative=60, rcode=16), 0),
        (reply(300, flags=0x8180 | TC), 0),
        (reply(300, negative=60, answers=0, flags=0x8180 | TC), 0),
    ],
)
def test_a_reply_lives_this_long(told: Reply, seconds: int) -> None:
    assert lifetime(told) == seconds
    kept = AnswerCache(10_000).put(b"k", told, 0, 0.0)
    assert (kept.expires_at if kept else 0) == seconds


@given(st.integers(0, 2**31), st.integers(-1, 2**31), st.sampled_from([0, 3]), st.integers(0, 2))
def test_no_answer_outlives_a_day_and_no_negative_one_three_hours(
    ttl: int, negative: int, rcode: int, count: int
) -> None:
    seconds = lifetime(reply(ttl, negative=negative, rcode=rcode, answers=count))
    assert 0 <= seconds <= min(ttl, MAX_TTL)
    if negative >= 0:
        assert seconds <= min(negative, MAX_NEGATIVE_TTL)
    elif rcode or not count:
        assert seconds == 0


def test_real_replies_live_as_long_as_they_say() -> None:
    asked = question("www.example.com")
    address = record("www.example.com", 300, "A", "192.0.2.1")
    no_data = packet(0x8180, asked, authority=[soa("example.com", 900, 60)])
    for wire, seconds in ((packet(0x8180, asked, [address]), 300), (no_data, 60)):
        scanned = scan_reply(wire, 12 + len(asked))
        assert scanned is not None
        assert lifetime(scanned) == seconds


# -- remembering --


def test_an_answer_is_there_until_its_time_is_up_to_the_moment() -> None:
    cache = AnswerCache(10_000)
    kept = cache.put(b"k", reply(300), 3, 1000.0)
    assert kept is not None
    assert (kept.upstream, kept.stored_at) == (3, 1000.0)
    assert cache.get(b"k", 1299.999) is kept
    assert cache.get(b"k", 1300.0) is None
    assert cache.get(b"other", 1000.0) is None


def test_a_newer_answer_takes_the_place_of_the_older() -> None:
    cache = AnswerCache(10_000)
    cache.put(b"k", reply(300, octets=400), 0, 0.0)
    newer = cache.put(b"k", reply(300, octets=10), 1, 100.0)
    assert newer is not None
    assert cache.get(b"k", 350.0) is newer
    assert (len(cache), cache.cost) == (1, newer.cost)


def test_what_may_not_be_kept_is_not_and_what_was_there_stays() -> None:
    cache = AnswerCache(10_000)
    kept = cache.put(b"k", reply(300), 0, 0.0)
    assert cache.put(b"k", reply(rcode=2), 0, 1.0) is None
    assert cache.get(b"k", 2.0) is kept


def test_clearing_forgets_everything() -> None:
    cache = AnswerCache(10_000)
    for number in range(9):
        cache.put(key(number), reply(), 0, 0.0)
    cache.clear()
    assert (len(cache), cache.cost) == (0, 0)
    assert all(cache.get(key(number), 0.0) is None for number in range(9))
    assert cache.put(key(1), reply(), 0, 0.0) is cache.get(key(1), 0.0)


# -- the bound --


def test_everything_that_grows_with_a_reply_counts() -> None:
    cache = AnswerCache(1_000_000)
    costs = []
    for told in (reply(), reply(octets=41), reply(ede=b"x"), reply(offsets=2)):
        kept = cache.put(b"12345", told, 0, 0.0)
        assert kept is not None
        costs.append(kept.cost)
    assert costs == [COST, COST + 1, COST + 1, COST + OFFSET_COST]


def test_an_answer_larger_than_the_cache_pushes_nothing_out() -> None:
    cache = AnswerCache(2 * COST)
    kept = cache.put(key(1), reply(), 0, 0.0)
    assert cache.put(key(2), reply(octets=2 * COST), 0, 0.0) is None
    assert cache.get(key(1), 0.0) is kept


def test_the_oldest_that_nobody_asked_for_goes_first() -> None:
    cache = AnswerCache(3 * COST)
    for number in range(3):
        cache.put(key(number), reply(), 0, 0.0)
    cache.get(key(0), 1.0)
    cache.put(key(3), reply(), 0, 1.0)
    assert [number for number in range(4) if cache.get(key(number), 1.0)] == [0, 2, 3]


def test_what_was_asked_for_goes_round_once_and_must_be_asked_for_again() -> None:
    cache = AnswerCache(2 * COST)
    cache.put(key(0), reply(), 0, 0.0)
    cache.get(key(0), 0.0)
    for number in (1, 2):
        cache.put(key(number), reply(), 0, 0.0)
    assert cache.get(key(0), 0.0)  # spared once, and asked for again here
    cache.put(key(3), reply(), 0, 0.0)
    assert cache.get(key(0), 0.0)
    cache.put(key(4), reply(), 0, 0.0)
    cache.put(key(5), reply(), 0, 0.0)
    cache.put(key(6), reply(), 0, 0.0)
    assert cache.get(key(0), 0.0) is None


def test_what_is_over_is_not_spared_although_it_was_asked_for() -> None:
    cache = AnswerCache(2 * COST)
    cache.put(key(0), reply(10), 0, 0.0)
    cache.get(key(0), 5.0)
    cache.put(key(1), reply(300), 0, 5.0)
    cache.put(key(2), reply(300), 0, 10.0)
    assert cache.get(key(1), 10.0)
    assert len(cache) == 2


def test_when_everything_was_asked_for_the_hand_stops_after_a_bounded_way() -> None:
    cache = AnswerCache(2 * MOST_SPARED * COST)
    for number in range(2 * MOST_SPARED):
        cache.put(key(number), reply(), 0, 0.0)
        cache.get(key(number), 0.0)
    cache.put(key(99_999), reply(), 0, 0.0)
    assert [number for number in range(2 * MOST_SPARED) if cache.get(key(number), 0.0) is None] == [MOST_SPARED]


def test_a_smaller_bound_holds_at_once() -> None:
    cache = AnswerCache(10 * COST)
    for number in range(10):
        cache.put(key(number), reply(), 0, 0.0)
    cache.get(key(2), 0.0)
    cache.resize(2 * COST, 0.0)
    assert [number for number in range(10) if cache.get(key(number), 0.0)] == [2, 9]
    cache.resize(0, 0.0)
    assert (len(cache), cache.cost) == (0, 0)
    assert cache.put(key(1), reply(), 0, 0.0) is None


@pytest.mark.parametrize("addresses", [1, 12])
def test_the_bound_is_honest(addresses: int) -> None:
    asked = question("www.example.com")
    wire = packet(0x8180, asked, [record("www.example.com", 300, "A", f"192.0.2.{last}") for last in range(addresses)])
    cache = AnswerCache(4_000_000)
    tracemalloc.start()
    try:
        number = 0
        while len(cache) == number:
            scanned = scan_reply(bytes(bytearray(wire)), 12 + len(asked))
            assert scanned is not None
            cache.put(b"\x05%05d\x07example\x03com\x00\0\1\0\1\0" % number, scanned, 0, number / 7)
            number += 1
        assert tracemalloc.get_traced_memory()[0] <= 4_000_000
    finally:
        tracemalloc.stop()
    assert cache.cost > 3_900_000


class Held(NamedTuple):
    """What the model remembers of a reply."""

    reply: Reply
    expires_at: float


class AnswerCacheModel(RuleBasedStateMachine):
    """The cache beside a dictionary that never forgets."""

    def __init__(self) -> None:
        super().__init__()
        self.capacity = 6 * COST
        self.cache = AnswerCache(self.capacity)
        self.now = 1000.0
        self.held: dict[bytes, Held] = {}
        self.roomy = True
        """Everything kept since the last clearing fits, so nothing may be missing."""

    @rule(number=st.integers(0, 9), ttl=st.integers(0, 40), octets=st.sampled_from([0, 40, 900, 9000]))
    def put(self, number: int, ttl: int, octets: int) -> None:
        told = reply(ttl, octets=octets)
        kept = self.cache.put(key(number), told, number, self.now)
        assert (kept is None) is (ttl == 0 or COST - 40 + octets > self.capacity)
        if kept is not None:
            assert kept.reply is told
            self.held[key(number)] = Held(told, self.now + ttl)

    @rule(number=st.integers(0, 9))
    def get(self, number: int) -> None:
        got = self.cache.get(key(number), self.now)
        held = self.held.get(key(number))
        if held is None or self.now >= held.expires_at:
            assert got is None
        elif got is None:
            assert not self.roomy
        else:
            assert got.reply is held.reply

    @rule(seconds=st.floats(0.125, 30))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(entries=st.integers(0, 12))
    def resize(self, entries: int) -> None:
        self.capacity = entries * COST
        self.cache.resize(self.capacity, self.now)

    @precondition(lambda self: self.held)
    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.held.clear()
        self.roomy = True
        assert len(self.cache) == 0

    @invariant()
    def bounded(self) -> None:
        needed = sum(COST - 40 + len(held.reply.records) for held in self.held.values())
        self.roomy = self.roomy and needed <= self.capacity
        assert 0 <= self.cache.cost <= self.capacity
        if self.roomy:
            assert self.cache.cost == needed
        if not len(self.cache):
            assert self.cache.cost == 0


TestAnswerCacheModel = AnswerCacheModel.TestCase
TestAnswerCacheModel.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
