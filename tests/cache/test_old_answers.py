"""Answers past their time: they go first when memory is short, and for good when they are of no use any more."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mirage_hole.cache.answers import SWEEP_EVERY, AnswerCache
from mirage_hole.cache.lifetimes import Lifetimes
from tests.cache.test_answers import COST, key, reply

DAY = 86_400.0


def full(entries: int, **lifetimes: object) -> AnswerCache:
    return AnswerCache(entries * COST, replace(Lifetimes(), **lifetimes))


def test_what_is_over_goes_before_what_is_good_however_old_that_is() -> None:
    cache = full(10)
    for number in range(8):
        cache.put(key(number), reply(3000), 0, 0.0)
    cache.put(key(8), reply(10), 0, 0.0)
    cache.put(key(9), reply(20), 0, 0.0)
    cache.sweep(100.0, 1000)
    for number in (10, 11):
        cache.put(key(number), reply(), 0, 100.0)
    assert sorted(cache.answers) == sorted(key(number) for number in (*range(8), 10, 11))


def test_an_old_answer_that_was_asked_for_is_not_spared() -> None:
    cache = full(2)
    cache.put(key(0), reply(10), 0, 0.0)
    cache.answers[key(0)].wanted = 2
    cache.put(key(1), reply(3000), 0, 0.0)
    cache.sweep(50.0, 1000)
    cache.put(key(2), reply(), 0, 50.0)
    assert sorted(cache.answers) == [key(1), key(2)]


def test_one_that_was_renewed_meanwhile_stays() -> None:
    cache = full(3)
    cache.put(key(0), reply(10), 0, 0.0)
    cache.put(key(1), reply(3000), 0, 0.0)
    cache.put(key(2), reply(10), 0, 0.0)
    cache.sweep(50.0, 1000)
    cache.put(key(0), reply(3000), 0, 51.0)
    cache.put(key(3), reply(3000), 0, 52.0)
    assert sorted(cache.answers) == [key(0), key(1), key(3)]


def test_what_can_not_serve_any_more_is_forgotten_without_need() -> None:
    cache = full(10, stale=100.0)
    cache.put(key(0), reply(10), 0, 0.0)
    cache.put(key(1), reply(60), 0, 0.0)
    cache.sweep(109.0, 1000)
    assert len(cache) == 2
    cache.sweep(109.0 + SWEEP_EVERY, 1000)
    assert list(cache.answers) == [key(1)]
    assert cache.cost == COST


def test_a_sweep_looks_at_no_more_than_it_may_and_at_all_in_the_end() -> None:
    cache = full(100, stale=0.0)
    for number in range(100):
        cache.put(key(number), reply(10), 0, 0.0)
    left = []
    for second in range(12):
        cache.sweep(20.0 + second, 10)
        left.append(len(cache))
    assert left == [90, 80, 70, 60, 50, 40, 30, 20, 10, 0, 0, 0]


def test_forgetting_leaves_no_growing_trail() -> None:
    """Keys of what was forgotten wait in the queue for the hand, which never comes while there is room."""
    cache = full(1000)
    now = 0.0
    for round_ in range(200):
        for number in range(10):
            cache.put(key(number), reply(300), 0, now)
            cache.forget(key(number if round_ % 2 else 0))
        now += SWEEP_EVERY
        cache.sweep(now, 1000)
    assert len(cache._queue) < 200


def test_forgetting_says_whether_there_was_something() -> None:
    cache = full(10)
    cache.put(key(0), reply(), 0, 0.0)
    cache.failures.failed(key(1), b"", 0, 0.0, outage=False)
    assert [cache.forget(key(number)) for number in (0, 1, 2, 0)] == [True, True, False, False]
    assert (len(cache), cache.cost, len(cache.failures)) == (0, 0, 0)


def test_what_comes_back_never_takes_a_place() -> None:
    cache = full(2)
    cache.put(key(0), reply(300), 1, 100.0)
    assert not cache.restore(key(0), reply(3000), 0, 50.0, 3050.0, 100.0)
    assert cache.restore(key(1), reply(3000), 0, 50.0, 3050.0, 100.0)
    assert not cache.restore(key(2), reply(3000), 0, 50.0, 3050.0, 100.0)
    assert cache.answers[key(0)].upstream == 1
    assert cache.cost == 2 * COST


def test_what_comes_back_is_bound_by_the_settings_of_now() -> None:
    cache = full(10, max_ttl=100)
    assert cache.restore(key(0), reply(3000), 0, 50.0, 3050.0, 100.0)
    assert (cache.answers[key(0)].expires_at, cache.answers[key(0)].refresh_at) == (150.0, 140.0)
    assert not cache.restore(key(1), reply(rcode=2), 0, 50.0, 3050.0, 100.0)
    assert not cache.restore(key(2), reply(3000), 0, 150.0, 3050.0, 100.0)
    assert not cache.restore(key(3), reply(30), 0, 50.0, 80.0, 80.0 + DAY)


def test_everything_grows_older_at_once_when_the_clock_was_wrong() -> None:
    cache = full(10)
    cache.put(key(0), reply(300), 0, 0.0)
    cache.put(key(1), reply(300), 0, 60.0)
    cache.older(50.0, 290.0)
    assert cache.get(key(0), 20.0) is None
    assert cache.get(key(1), 100.0)
    answer = cache.answers[key(0)]
    assert (answer.stored_at, answer.refresh_at, answer.expires_at) == (-290.0, -20.0, 10.0)


class OldAnswers(RuleBasedStateMachine):
    """Whatever is done, the books are right, and nothing that is good is lost while there is something old to go."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = AnswerCache(8 * COST, replace(Lifetimes(), stale=60.0))
        self.now = 1000.0

    @rule(number=st.integers(0, 12), ttl=st.integers(1, 60))
    def put(self, number: int, ttl: int) -> None:
        fits = len(self.cache) < 8 or key(number) in self.cache.answers
        self.cache._sweep_at = 0.0
        self.cache._unseen.clear()
        self.cache.sweep(self.now, 100)
        old = {one for one, answer in self.cache.answers.items() if self.now >= answer.expires_at}
        before = set(self.cache.answers)
        self.cache.put(key(number), reply(ttl), 0, self.now)
        gone = before - set(self.cache.answers)
        assert len(gone) <= 1
        if fits:
            assert not gone
        elif old:
            assert gone <= old

    @rule(number=st.integers(0, 12))
    def forget(self, number: int) -> None:
        known = key(number) in self.cache.answers
        assert self.cache.forget(key(number)) is known
        assert key(number) not in self.cache.answers

    @rule(number=st.integers(0, 12), age=st.integers(0, 100), ttl=st.integers(1, 100))
    def restore(self, number: int, age: int, ttl: int) -> None:
        known = self.cache.answers.get(key(number))
        stored = self.now - age
        taken = self.cache.restore(key(number), reply(ttl), 0, stored, stored + ttl, self.now)
        if known is not None:
            assert not taken
            assert self.cache.answers[key(number)] is known

    @rule(number=st.integers(0, 12))
    def get(self, number: int) -> None:
        answer = self.cache.get(key(number), self.now)
        assert answer is None or answer.stored_at <= self.now < answer.expires_at

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.cache.sweep(self.now, 5)

    @rule(entries=st.integers(1, 8))
    def squeeze(self, entries: int) -> None:
        self.cache.resize(entries * COST, self.now)
        assert len(self.cache) <= entries
        self.cache.resize(8 * COST, self.now)

    @invariant()
    def books_are_right(self) -> None:
        cache = self.cache
        assert cache.cost == sum(answer.cost for answer in cache.answers.values()) <= 8 * COST
        assert set(cache.answers) <= set(cache._queue)
        assert all(answer.refresh_at <= answer.expires_at for answer in cache.answers.values())


TestOldAnswers = OldAnswers.TestCase
TestOldAnswers.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
