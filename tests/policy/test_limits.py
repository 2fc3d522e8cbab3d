from __future__ import annotations

import pytest

from mirage_hole.policy.limits import (
    AT_LARGE,
    FLOODS,
    MOST_FLOODS,
    STOPPED_FOR,
    ClientLimits,
    Networks,
    RepeatedAnswers,
    name_in,
)
from mirage_hole.wire.names import from_text
from tests.make import address, query

ONE, OTHER = address("10.0.0.1"), address("10.0.0.2")
NAME = from_text("www.example.com")


def some(number: int) -> bytes:
    return address(f"10.0.1.{number}")


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_has_no_limit(text):
    limits = ClientLimits(10, 10)
    assert limits.turn({address(text): 10_000}, 1.0) == []
    assert not limits.busy
    assert not limits.flooding


def test_a_network_within_an_exempt_one_may_have_a_limit_all_the_same():
    limits = ClientLimits(10, 10, exempt=["10.0.0.0/8"], enforced=["10.0.0.2/32"])
    assert limits.turn({ONE: 100, OTHER: 100}, 1.0) == [OTHER]


def test_addresses_are_known_in_both_spellings():
    networks = Networks(["10.0.0.0/8", "fd00::/8"])
    assert networks.has(ONE)
    assert networks.has(address("::ffff:10.0.0.1"))
    assert networks.has(address("fd00::1"))
    assert not networks.has(address("192.0.2.1"))


def test_one_that_asks_many_times_its_share_is_a_flood_for_some_seconds_beyond_its_end():
    limits = ClientLimits(10, 10)
    limits.turn({ONE: 10 * FLOODS + 1, OTHER: 10 * FLOODS}, 1.0)
    assert limits.flooding == (ONE,)
    limits.turn({ONE: 11}, 2.0)
    assert limits.flooding == (ONE,)
    limits.turn({ONE: 11}, 1.0 + STOPPED_FOR)
    assert limits.flooding == ()


def test_a_flood_has_no_share_beside_what_is_dropped():
    """One datagram in some hundred is read to see whether it goes on; thousands a second may be left of it."""
    limits = ClientLimits(10, 10)
    limits.turn({ONE: 10 * FLOODS + 1, OTHER: 20}, 1.0)
    assert limits.over == {ONE: 10, OTHER: 0}


def test_many_that_are_over_together_are_floods_until_the_rest_is_bearable():
    """Each stays below what makes it a flood, and all of them together would take the processor."""
    limits = ClientLimits(10, 10)
    limits.turn({some(number): 20 + number % 10 for number in range(50)}, 1.0)
    assert limits.flooding
    rest = [number for number in range(50) if some(number) not in limits.flooding]
    assert sum(20 + number % 10 for number in rest) <= 10 * AT_LARGE
    assert min(20 + number % 10 for number in range(50) if number not in rest) >= max(20 + n % 10 for n in rest)


def test_the_worst_floods_are_named_and_no_more_than_fit():
    limits = ClientLimits(10, 10)
    limits.turn({some(number): 10 * FLOODS + 1 + number for number in range(200)}, 1.0)
    assert len(limits.flooding) == MOST_FLOODS
    assert limits.flooding[0] == some(199)


def test_nobody_is_stopped_when_nobody_is_over():
    limits = ClientLimits(10, 10)
    limits.turn({ONE: 1000}, 1.0)
    for now in range(2, 8):
        limits.turn({}, float(now))
    assert (limits.flooding, limits.busy) == ((), False)


def test_a_minute_of_sleep_is_no_more_than_a_full_bucket():
    limits = ClientLimits(10, 20)
    limits.turn({}, 1.0)
    assert limits.turn({ONE: 21}, 1000.0) == [ONE]


# -- the same answer again and again --


def test_the_same_answer_to_forged_neighbours_is_one_sum():
    repeated = RepeatedAnswers(10)
    repeated.turn({(address(f"198.51.100.{number}"), NAME): 1 for number in range(100)}, 1.0, 1.0)
    assert repeated.names == {NAME}
    assert repeated.key(address("198.51.100.7"), NAME) in repeated.over
    assert repeated.key(address("203.0.113.7"), NAME) not in repeated.over


def test_of_ipv6_a_56_is_one_network():
    repeated = RepeatedAnswers(10)
    assert repeated.key(address("2001:db8:0:ff::1"), NAME) == repeated.key(address("2001:db8::2"), NAME)
    assert repeated.key(address("2001:db8:0:100::1"), NAME) != repeated.key(address("2001:db8::2"), NAME)


@pytest.mark.parametrize("text", ["10.0.0.1", "192.168.1.1", "fd00::1", "fe80::1", "127.0.0.1", "::ffff:10.0.0.1"])
def test_private_networks_get_the_same_answer_as_often_as_they_ask(text):
    assert RepeatedAnswers(10).key(address(text), NAME) is None


def test_of_what_is_over_every_second_answer_slips():
    repeated = RepeatedAnswers(2)
    client = address("198.51.100.7")
    repeated.turn({(client, NAME): 100}, 1.0, 1.0)
    key = repeated.key(client, NAME)
    assert [repeated.slips(key) for _ in range(6)] == [None, None, True, False, True, False]


@pytest.mark.parametrize("name", ["www.example.com", "WWW.Example.COM", ".", "a" * 63 + ".example"])
def test_a_query_tells_its_name(name):
    assert name_in(query(name)[2:]) == from_text(name.lower())


@pytest.mark.parametrize("octets", [b"", bytes(9), bytes(10), b"\xff" * 40, bytes(10) + b"\x3fabc"])
def test_what_is_no_query_has_some_name_or_none(octets):
    assert len(name_in(octets)) <= len(octets)


def test_a_zero_octet_within_a_label_hides_nothing():
    assert name_in(bytes(10) + b"\x03a\0b\x03com\0\0\1\0\1") == b"\x03a\0b\x03com\0"
