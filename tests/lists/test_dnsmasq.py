from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists import dnsmasq
from mirage_hole.lists.line import Found, Problem
from mirage_hole.lists.rule import Action
from tests.lists.reading import read


@pytest.mark.parametrize(
    "line",
    [
        "local=/Ads.example/",
        "server=/ads.example/",
        "address=/ads.example/",
        "address=/ads.example/#",
        "address=/ads.example/0.0.0.0",
        "address=/ads.example/127.0.0.1",
        "address=/ads.example/::",
        "address=/.ads.example/",
        "address=/*.ads.example/",
        "local=/ads.example./",
        "LOCAL=/ads.example/  # why",
        "server=/ads.example/\t# SMALL",
    ],
)
def test_each_form_blocks_the_name_and_everything_below(line):
    result = read(line, form="dnsmasq")
    assert result.texts == ["||ads.example^"]
    assert result.complaints == []


def test_a_line_may_name_several():
    assert read("local=/a.example/b.example/c.example/").texts == ["||a.example^", "||b.example^", "||c.example^"]


def test_the_usual_servers_are_an_exception():
    result = read("local=/a.example/\nserver=/www.a.example/#\t# Source")
    assert result.texts == ["||a.example^", "@@||www.a.example^"]


def test_in_an_allowlist_every_line_allows():
    assert read("local=/a.example/", Action.ALLOW).texts == ["@@||a.example^"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("address=/nas.example/192.0.2.7", "gives a name an address"),
        ("server=/corp.example/192.0.2.53", "server of their own"),
        ("server=/corp.example/192.0.2.53#5353", "server of their own"),
        ("local=/corp.example/#", "server of their own"),
        ("local=//", "every name"),
        ("address=/#/0.0.0.0", "every name"),
        ("address=/*ads.example/", "wildcard"),
        ("address=/a b/", "' '"),
        ("local=/" + "/".join(["a.example"] * 65) + "/", "more than 64"),
        ("ipset=/ads.example/ads", "not local="),
        ("local=ads.example", "not local="),
    ],
)
def test_what_does_more_or_less_than_block_is_a_complaint(line, words):
    result = read(line, form="dnsmasq")
    assert result.rules == []
    assert words in result.complaints[0][1]


def test_a_list_of_names_may_hold_such_lines():
    assert read("a.example\nb.example\nlocal=/c.example/").texts == ["a.example", "b.example", "||c.example^"]


def test_the_format_is_found_out():
    assert read("# comment\nlocal=/a.example/\nserver=/b.example/").parsed.format == "dnsmasq"


@given(st.text(max_size=60) | st.from_regex(r"(?:local|server|address)=/.{0,30}/.{0,10}", fullmatch=True))
def test_any_line_gives_rules_or_problems(text):
    assert all(isinstance(one, Found | Problem) for one in dnsmasq.read(text.strip() or "x", Action.BLOCK))
