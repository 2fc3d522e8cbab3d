"""Server cookies: the test vectors of RFC 9018 Appendix A, and what must not be believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.resolver.cookies import AHEAD, LIVES, REMEMBERED, RENEWED_AFTER, Cookies
from tests.make import address

OLD = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")
NEW = bytes.fromhex("445536bcd2513298075a5d379663c962")
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
CLIENT = address("198.51.100.100")
MINE = bytes.fromhex("2464c4abcf10c957")
NOW = 1559731985.0


def learnt(cookies: Cookies, client: bytes = CLIENT, now: float = NOW) -> bytes:
    back, proven = cookies.look(MINE, client, now)
    assert not proven
    return back


@pytest.mark.parametrize(
    ("secrets", "client", "now", "brought", "back", "good"),
    [
        # RFC 9018 A.1: learning a new server cookie.
        ([SECRET], "198.51.100.100", 1559731985, "2464c4abcf10c957",
         "2464c4abcf10c957010000005cf79f111f8130c3eee29480", False),
        # A.2: the same client, 40 minutes later: it is renewed.
        ([SECRET], "198.51.100.100", 1559734385, "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
         "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", True),
        # A.3: another client, whose cookie is too old and has reserved bits; young, it would be good, since they are hashed too.
        ([SECRET], "203.0.113.203", 1559734700, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
         "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", False),
        ([SECRET], "203.0.113.203", 1559727985, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
         "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", True),
        # A.4: IPv6, and a secret that was rolled.
        ([NEW, OLD], "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
         "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
         "22681ab97d52c298010000005cf7c609a6bb79d16625507a", True),
    ],
)  # fmt: skip
def test_cookies_are_those_of_rfc_9018(secrets, client, now, brought, back, good):
    assert Cookies(secrets, 0.0).look(bytes.fromhex(brought), address(client), now) == (bytes.fromhex(back), good)


@pytest.mark.parametrize("later", [0, RENEWED_AFTER])
def test_a_young_cookie_comes_back_as_it_is(later):
    cookies = Cookies([SECRET], 0.0)
    cookie = learnt(cookies)
    assert cookies.look(cookie, CLIENT, NOW + later) == (cookie, True)


@pytest.mark.parametrize(("later", "good"), [(LIVES, True), (LIVES + 1, False), (-AHEAD, True), (-AHEAD - 1, False)])
def test_a_cookie_is_good_for_an_hour_and_five_minutes_ahead_of_a_wrong_clock(later, good):
    """RFC 9018 4.3."""
    cookies = Cookies([SECRET], 0.0)
    assert cookies.look(learnt(cookies), CLIENT, NOW + later)[1] is good


def test_seconds_may_start_over_in_2106():
    """RFC 9018 4.3 has serial number arithmetic (RFC 1982)."""
    cookies = Cookies([SECRET], 0.0)
    end = float(1 << 32)
    cookie = learnt(cookies, now=end - 10)
    assert cookies.look(cookie, CLIENT, end + 10) == (cookie, True)


def test_another_client_can_not_use_it():
    cookies = Cookies([SECRET], 0.0)
    cookie = learnt(cookies)
    assert cookies.look(cookie, CLIENT, NOW)[1]
    assert not cookies.look(cookie, address("198.51.100.101"), NOW)[1]
    assert not cookies.look(cookie, address("::ffff:198.51.100.100"), NOW)[1]


@given(st.binary(min_size=16, max_size=40).filter(lambda cookie: cookie[:8] != MINE))
def test_whatever_is_invented_is_not_believed(cookie):
    back, proven = Cookies([SECRET], 0.0).look(cookie, CLIENT, NOW)
    assert not proven
    assert (back[:8], len(back)) == (cookie[:8], 24)


@given(st.integers(0, 23), st.integers(1, 255))
def test_one_octet_that_differs_makes_it_bad(at, flip):
    cookies = Cookies([SECRET], 0.0)
    forged = bytearray(learnt(cookies))
    forged[at] ^= flip
    assert not cookies.look(bytes(forged), CLIENT, NOW)[1]


def test_a_secret_that_is_gone_takes_its_cookies_along():
    cookies = Cookies([OLD], 0.0)
    cookie = learnt(cookies)
    cookies.use([NEW, OLD])
    back, proven = cookies.look(cookie, CLIENT, NOW)
    assert proven
    assert back != cookie  # made with the new one
    cookies.use([NEW])
    assert not cookies.look(cookie, CLIENT, NOW)[1]
    assert cookies.look(back, CLIENT, NOW) == (back, True)


def test_the_clock_of_the_world_may_be_put_right_meanwhile():
    cookies = Cookies([SECRET], 0.0)
    cookie = learnt(cookies)
    cookies.epoch = LIVES + 100.0
    assert not cookies.look(cookie, CLIENT, NOW)[1]
    assert cookies.look(cookie, CLIENT, NOW - LIVES - 100)[1]


def test_what_is_remembered_is_bounded():
    cookies = Cookies([SECRET], 0.0)
    for number in range(REMEMBERED + 5):
        mine = number.to_bytes(8, "big")
        back, _ = cookies.look(mine, CLIENT, NOW)
        assert cookies.look(back, CLIENT, NOW)[1]
    assert len(cookies._makers) <= REMEMBERED
    assert (cookies.proven, cookies.unproven) == (REMEMBERED + 5, REMEMBERED + 5)
