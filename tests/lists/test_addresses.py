from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists import addresses
from mirage_hole.lists.line import Problem
from mirage_hole.lists.parse import MAX_RICH, parse
from mirage_hole.lists.rule import Action, RichRule, Target
from tests.lists.reading import SHARED, needs_real_lists, read, told


@pytest.mark.parametrize(
    ("line", "network"),
    [
        ("198.51.100.7", "198.51.100.7/32"),
        ("198.51.100.0/24", "198.51.100.0/24"),
        ("198.51.100.7/24", "198.51.100.0/24"),
        ("198.51.100.7 # why", "198.51.100.7/32"),
        ("198.51.100.0/24 ; SBL1", "198.51.100.0/24"),
        ("198.51.100.7#why", "198.51.100.7/32"),
        ("2001:DB8::7", "2001:db8::7/128"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("8.0.0.0/8", "8.0.0.0/8"),
    ],
)
def test_an_address_or_a_network_is_looked_for_in_answers(line, network):
    for form in (None, "addresses", "domains", "adblock"):
        assert told(line, form=form) == [f"BLOCK ADDRESS {network}"]


@pytest.mark.parametrize(
    "line",
    [
        "0.0.0.0", "127.0.0.1", "10.1.2.3", "172.16.0.0/12", "192.168.1.0/24", "169.254.1.1", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1", "fd00::/64", "ff02::1", "::ffff:192.0.2.1", "172.0.0.0/8",
    ],
)  # fmt: skip
def test_answers_of_blocked_names_and_of_the_lan_are_refused(line):
    assert "blocked answers or of private networks" in read(line, form="addresses").reason
    (rule,) = told(line, Action.ALLOW, "addresses")
    assert rule.startswith("ALLOW ADDRESS ")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0.0.0.0/0", "wider than /8"),
        ("::/0", "wider than /16"),
        ("198.51.100.7/7", "wider than /8"),
        ("198.51.100.7:3000", "something behind"),
        ("198.51.100.7/33", "no address and no network"),
        ("198.51.100.7/24/1", "something behind"),
        ("198.51.100.1-198.51.100.9", "a range of addresses"),
        ("999.1.2.3", "end in a number"),
    ],
)
def test_what_is_no_network_is_a_complaint(line, words):
    result = read(line, form="addresses")
    assert (result.rules, result.parsed.rich) == ([], [])
    assert len(result.complaints) == 1, result.complaints
    assert words in result.reason


def test_a_list_of_addresses_may_hold_names():
    result = read("198.51.100.7\n198.51.100.8\na.example\n||b.example^")
    assert (result.parsed.format, result.texts, len(result.parsed.rich)) == (
        "addresses",
        ["a.example", "||b.example^"],
        2,
    )


def test_a_lone_address_in_a_hosts_list_is_a_line_without_its_name():
    assert "without a name" in read("0.0.0.0 a.example\n0.0.0.0 b.example\n198.51.100.7").reason


def test_addresses_are_bounded():
    parsed = parse(
        (f"8.{n >> 16}.{n >> 8 & 255}.{n & 255}".encode() for n in range(MAX_RICH + 5)), Action.BLOCK, "addresses"
    )
    assert list(parsed) == []
    assert (len(parsed.rich), parsed.complaint_count) == (MAX_RICH, 5)


@needs_real_lists
def test_a_real_list_of_addresses_is_read_with_its_four_ports_complained_about():
    parsed = parse((SHARED / "adblock/dandelion-answer-ips.txt").read_bytes().split(b"\n"), Action.BLOCK)
    assert list(parsed) == []
    assert {rule.target for rule in parsed.rich} == {Target.ADDRESS}
    assert (parsed.format, len(parsed.rich)) == ("addresses", 216)
    assert dict(parsed.reasons) == {
        "an address with something behind it; rules are about addresses and networks alone": 4
    }


@given(st.ip_addresses(), st.integers(0, 128))
def test_any_network_is_kept_as_it_is_or_refused(address, length):
    text = f"{address}/{min(length, address.max_prefixlen)}"
    (rule,) = addresses.read(text, Action.ALLOW)
    assert isinstance(rule, RichRule)
    assert ip_network(rule.subject) == ip_network(text, strict=False)
    (blocked,) = addresses.read(text, Action.BLOCK)
    assert isinstance(blocked, Problem) or blocked.subject == rule.subject


@given(st.text("0123456789abcdef:./#; ", min_size=1, max_size=30))
def test_any_line_gives_a_rule_or_a_problem(text):
    (found,) = addresses.read(text, Action.BLOCK)
    assert isinstance(found, RichRule | Problem)
    assert isinstance(addresses.looks_so(text), bool)
