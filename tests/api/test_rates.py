"""Buckets of requests: each visitor has one, and the table does not grow."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.api.v1.identity import LOCAL, Identity, Role
from mirage_hole.api.v1.rates import Rates, key_of


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def allowed(rates: Rates, key: str) -> bool:
    found = rates.take(key)
    return found is None or not found.again


def test_everybody_has_a_bucket_of_his_own() -> None:
    rates = Rates(1, clock=Clock())
    assert [allowed(rates, "a") for _ in range(5)] == [True] * 4 + [False]
    assert allowed(rates, "b")
    assert rates.refused == 1


def test_no_rate_is_no_limit_and_a_rate_may_change() -> None:
    rates = Rates(0, clock=Clock())
    assert all(allowed(rates, "a") for _ in range(100))
    rates.change(1)
    assert [allowed(rates, "a") for _ in range(5)][-1] is False


def test_the_table_is_bounded_and_forgets_who_was_not_seen_for_longest() -> None:
    rates = Rates(1, clock=Clock(), most=10)
    for number in range(1000):
        rates.take(f"visitor {number}")
    assert len(rates) == 10


@given(st.lists(st.floats(0, 10), max_size=60))
def test_never_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    clock = Clock()
    rates = Rates(2, clock=clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        taken += allowed(rates, "a")
        assert taken <= 8 + 2 * clock.now + 1e-6


@given(st.integers(1, 1000))
def test_whoever_waits_as_long_as_he_is_told_is_let_in(rate: int) -> None:
    clock = Clock()
    rates = Rates(rate, clock=clock)
    while not (found := rates.take("a")) or not found.again:
        pass
    clock.now += found.again + 1e-6
    assert allowed(rates, "a")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "net 192.0.2.1"),
        ("2001:db8::1", "net 20010db800000000"),
        ("2001:db8::ffff:1", "net 20010db800000000"),
        ("::ffff:192.0.2.1", "net 192.0.2.1"),
    ],
)
def test_a_visitor_without_a_name_is_an_address_or_a_network_of_ipv6(address: str, key: str) -> None:
    request: Any = make_mocked_request("GET", "/").clone(remote=address)
    assert key_of(request, None) == key


def test_a_session_and_a_token_have_their_own() -> None:
    request: Any = make_mocked_request("GET", "/").clone(remote="192.0.2.1")
    assert key_of(request, Identity("ann", Role.VIEWER, "session", key="7")) == "session 7"
    assert key_of(request, Identity("token x", Role.VIEWER, "token", key="7")) == "token 7"
    assert key_of(request, LOCAL) == ""
