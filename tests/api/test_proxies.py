"""Trusted proxies are believed who asks; nobody else is, whatever he writes."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from mirage_hole.api.problems import Refusal
from mirage_hole.api.proxies import Proxies, Visitor

PROXIES = Proxies(["10.0.0.0/8", "fd00::/16"])


def seen(peer: str, *headers: tuple[str, str], scheme: str = "http", host: str = "hole.lan") -> Visitor:
    return PROXIES.visitor(peer, CIMultiDict(headers), scheme=scheme, host=host)


def test_what_a_stranger_says_of_himself_is_ignored() -> None:
    forged = [
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", 'for=192.0.2.2;proto=https;host="evil.example"'),
    ]
    assert seen("198.51.100.7", *forged) == ("198.51.100.7", "http", "hole.lan")
    assert seen("::ffff:198.51.100.7", *forged).client == "198.51.100.7"


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1,198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("198.51.100.7:50123", "198.51.100.7"),
        ("[2001:db8::1]:50123", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.9, 10.0.0.3", "10.0.0.9"),
        ("nonsense, 198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(chain: str, client: str) -> None:
    assert seen("10.0.0.1", ("X-Forwarded-For", chain)).client == client


def test_several_lines_are_one_chain() -> None:
    assert (
        seen("10.0.0.1", ("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "2.2.2.2, 10.0.0.4")).client == "2.2.2.2"
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("for=198.51.100.7", ("198.51.100.7", "http", "hole.lan")),
        ('For="[2001:db8::1]:4711";Proto=https;by=10.0.0.1', ("2001:db8::1", "https", "hole.lan")),
        ('for=1.2.3.4;host=evil.example, for=198.51.100.7 ;host="dns.example";proto=HTTPS, for=10.0.0.2;proto=http',
         ("198.51.100.7", "https", "dns.example")),
        (r'for="198.51.100.\7"', ("198.51.100.7", "http", "hole.lan")),
    ],
)  # fmt: skip
def test_forwarded_is_read_as_rfc_7239_has_it(told: str, expected: tuple[str, str, str]) -> None:
    assert seen("10.0.0.1", ("Forwarded", told)) == expected


def test_scheme_and_host_are_those_of_the_nearest_proxy_or_of_each() -> None:
    assert seen("10.0.0.1", ("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https")).scheme == "https"
    each = [("X-Forwarded-For", "1.1.1.1, 10.0.0.2"), ("X-Forwarded-Proto", "https, http")]
    assert seen("10.0.0.1", *each).scheme == "https"
    assert seen("10.0.0.1", ("X-Forwarded-Host", "evil.example, dns.example")).host == "dns.example"
    assert seen("10.0.0.1", scheme="https") == ("10.0.0.1", "https", "hole.lan")


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-For", "unknown")],
        [("X-Forwarded-For", "1.1.1.1, ")],
        [("X-Forwarded-For", "1.1.1.1, 999.1.1.1")],
        [("X-Forwarded-For", "evil.example")],
        [("X-Forwarded-For", ",".join(["10.0.0.2"] * 33))],
        [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "javascript")],
        [("Forwarded", "for=_hidden")],
        [("Forwarded", "for=1.1.1.1;for=2.2.2.2")],
        [("Forwarded", 'for="1.1.1.1')],
        [("Forwarded", "for=1.1.1.1;")],
        [("Forwarded", "proto=https")],
        [("Forwarded", ",")],
        [("Forwarded", "for=1.1.1.1, " * 40 + "for=1.1.1.1")],
        [("X-Forwarded-For", "1.1.1.1"), ("Forwarded", "for=2.2.2.2")],
    ],
)
def test_a_chain_that_leaves_doubt_who_asks_is_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Refusal) as refused:
        seen("10.0.0.1", *headers)
    assert refused.value.status == 400
    assert refused.value.faults[0].instead


def test_both_headers_may_say_the_same() -> None:
    assert (
        seen("10.0.0.1", ("X-Forwarded-For", "1.1.1.1"), ("Forwarded", "for=1.1.1.1;proto=https")).client == "1.1.1.1"
    )


TEXT = st.text(alphabet='for=by;proto,host[]:."\\ \t_-0123456789abcdef%', max_size=120)
CHAINS = st.lists(
    st.tuples(st.sampled_from(["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"]), TEXT),
    max_size=5,
)


@given(CHAINS, st.sampled_from(["10.0.0.1", "fd00::1"]))
def test_whatever_a_proxy_says_gives_an_address_and_a_scheme_or_a_refusal(
    headers: list[tuple[str, str]], peer: str
) -> None:
    try:
        visitor = seen(peer, *headers)
    except Refusal as refusal:
        visitor = None
        status = refusal.status
    if visitor is None:
        assert status == 400
    else:
        assert ip_address(visitor.client)
        assert visitor.scheme in {"http", "https"}


@given(CHAINS, st.ip_addresses().filter(lambda one: not PROXIES.trusts(one) and not getattr(one, "ipv4_mapped", None)))
def test_a_stranger_stays_who_he_is_whatever_he_says(headers: list[tuple[str, str]], peer: object) -> None:
    assert seen(str(peer), *headers) == (str(peer), "http", "hole.lan")


@given(TEXT, st.ip_addresses(v=4).filter(lambda one: not PROXIES.trusts(one)))
def test_what_stands_left_of_the_client_changes_nothing(claim: str, client: object) -> None:
    chain = f"{claim},{client}"
    if chain.count(",") < 32:
        assert seen("10.0.0.1", ("X-Forwarded-For", chain)).client == str(client)
