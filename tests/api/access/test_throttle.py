"""Guessers wait, owners do not."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.api.access.throttle import (
    FORGET,
    FREE,
    FREE_OF_ACCOUNT,
    LONGEST,
    LONGEST_OF_ACCOUNT,
    MOST,
    Attempt,
    Throttle,
    Wait,
    network_of,
)
from tests.api.access.door import GOOD, Door


def tried(throttle: Throttle, address: str, account: str, now: float) -> float:
    """Fails to log in; the seconds to wait, or 0 when the password was looked at."""
    found = throttle.begin(address, account, now)
    return found.seconds if isinstance(found, Wait) else 0.0


def test_a_few_mistakes_cost_nothing_and_then_the_delay_doubles() -> None:
    throttle, now = Throttle(), 0.0
    assert [tried(throttle, "192.0.2.7", "ada", now) for _ in range(FREE)] == [0.0] * FREE
    delays = []
    for _ in range(12):
        wait = tried(throttle, "192.0.2.7", "ada", now)
        delays.append(wait)
        now += wait
        assert tried(throttle, "192.0.2.7", "ada", now) == 0.0
    assert delays[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert max(delays) == LONGEST


def test_asking_while_one_has_to_wait_does_not_make_it_longer() -> None:
    throttle = Throttle()
    for _ in range(FREE + 3):
        tried(throttle, "192.0.2.7", "ada", 0.0)
    assert [tried(throttle, "192.0.2.7", "ada", 0.5) for _ in range(20)] == [0.5] * 20


def test_one_network_is_one_guesser_whatever_accounts_it_tries() -> None:
    throttle = Throttle()
    for number in range(FREE):
        assert tried(throttle, f"2001:db8:1:2::{number}", f"user{number}", 0.0) == 0.0
    assert tried(throttle, "2001:db8:1:7f::1", "another", 0.0) == 1.0
    assert tried(throttle, "2001:db8:2::1", "another", 0.0) == 0.0
    assert network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("2001:db8:1:2::5") == "2001:db8:1::/56"
    assert network_of("fe80::1%eth0") == "fe80::/56"
    assert network_of("") == "local"


def test_many_guessers_of_one_account_wait_and_its_owner_at_home_does_not() -> None:
    throttle = Throttle()
    home = throttle.begin("192.168.1.20", "ada", 0.0)
    assert isinstance(home, Attempt)
    throttle.succeeded(home)
    now = 1.0
    for number in range(FREE_OF_ACCOUNT + 200):
        tried(throttle, f"198.51.{number >> 8}.{number & 255}", "Ada", now)
    wait = tried(throttle, "203.0.113.7", "ada", now)
    assert 0 < wait <= LONGEST_OF_ACCOUNT
    assert tried(throttle, "192.168.1.20", "ada", now) == 0.0
    assert tried(throttle, "203.0.113.7", "bob", now) == 0.0
    assert tried(throttle, "203.0.113.8", "ada", now + LONGEST_OF_ACCOUNT) == 0.0


def test_a_success_forgets_the_failures_before_it() -> None:
    throttle = Throttle()
    for _ in range(FREE - 1):
        tried(throttle, "192.0.2.7", "ada", 0.0)
    good = throttle.begin("192.0.2.7", "ada", 0.0)
    assert isinstance(good, Attempt)
    throttle.succeeded(good)
    assert [tried(throttle, "192.0.2.7", "ada", 0.0) for _ in range(FREE)] == [0.0] * FREE


def test_an_account_of_ones_own_does_not_buy_guesses_at_others() -> None:
    throttle = Throttle()
    waits = []
    for _ in range(FREE + 2):
        waits.append(tried(throttle, "192.0.2.7", "ada", 0.0))
        own = throttle.begin("192.0.2.7", "eve", 0.0)
        if isinstance(own, Attempt):
            throttle.succeeded(own)
    assert waits[-1] > 0


def test_an_attempt_that_is_withdrawn_is_as_if_it_had_not_been() -> None:
    throttle = Throttle()
    for _ in range(FREE * 5):
        found = throttle.begin("192.0.2.7", "ada", 0.0)
        assert isinstance(found, Attempt)
        throttle.withdraw(found)
    assert len(throttle) == 0


def test_failures_are_forgotten_after_a_day() -> None:
    throttle = Throttle()
    for _ in range(FREE + 1):
        tried(throttle, "192.0.2.7", "ada", 0.0)
    assert tried(throttle, "192.0.2.7", "ada", FORGET) == 0.0
    assert tried(throttle, "192.0.2.7", "ada", FORGET) == 0.0


def test_the_table_is_bounded() -> None:
    throttle = Throttle()
    for number in range(MOST + 500):
        found = throttle.begin(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"user{number}", 0.0)
        assert isinstance(found, Attempt)
        throttle.remember(found.network, found.account)
    assert len(throttle) == 3 * MOST


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans(), st.floats(0, 100)), max_size=60))
def test_nobody_ever_waits_longer_than_the_longest(steps: list[tuple[int, int, bool, float]]) -> None:
    throttle, now = Throttle(), 0.0
    for network, account, good, later in steps:
        now += later
        found = throttle.begin(f"192.0.2.{network}", f"user{account}", now)
        if isinstance(found, Wait):
            assert 0 < found.seconds <= LONGEST
        elif good:
            throttle.succeeded(found)


async def test_a_guesser_is_told_when_to_come_again_and_others_log_in_meanwhile(door: Door) -> None:
    owner = await door.set_up()
    thief = door.visitor("198.51.100.7")
    for _ in range(FREE):
        await thief.log_in("ada", "wrong", status=401)
    answer = await thief.ask("POST", "/api/v1/login", {"name": "ada", "password": GOOD})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    await owner.good("GET", "/api/v1/session")
    await door.visitor("198.51.100.8").log_in("ada", GOOD)
    door.ticks.now += 1
    await thief.log_in("ada", GOOD)


async def test_guesses_at_the_same_time_count_each(door: Door) -> None:
    await door.set_up()
    visitors = [door.visitor("198.51.100.7") for _ in range(FREE + 8)]
    body = {"name": "ada", "password": "wrong"}
    answers = await asyncio.gather(*(visitor.ask("POST", "/api/v1/login", body) for visitor in visitors))
    assert sorted(answer.status for answer in answers) == [401] * FREE + [429] * 8


async def test_guesses_of_the_setup_token_are_slowed_down(door: Door) -> None:
    await door.service.setup_token()
    thief = door.visitor("198.51.100.7")
    body = {"token": "guess", "name": "eve", "password": GOOD}
    statuses = [(await thief.ask("POST", "/api/v1/setup", body)).status for _ in range(FREE + 1)]
    assert statuses == [401] * FREE + [429]


async def test_an_owner_with_a_session_from_there_is_known_after_a_restart(door: Door) -> None:
    await door.set_up()
    for number in range(FREE_OF_ACCOUNT + 1):
        door.service.throttle._known.clear()  # as after a restart
        found = door.service.throttle.begin(f"203.0.113.{number}", "ada", door.ticks.now)
        assert isinstance(found, Attempt) is (number <= FREE_OF_ACCOUNT - 1)
    assert (
        await door.visitor("198.51.100.7").ask("POST", "/api/v1/login", {"name": "ada", "password": GOOD})
    ).status == 429
    await door.visitor("127.0.0.1").log_in("ada", GOOD)
