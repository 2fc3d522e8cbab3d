from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists import dnsmasq
from mirage_hole.lists.line import Found, Problem
from mirage_hole.lists.rule import Action, RichRule
from tests.lists.reading import read, told


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
        ("address=/nas.example/nonsense", "ends in no address"),
        ("address=/:(a)\\1:/", "back-reference"),
        ("address=/:.*:/", "nearly every name"),
        ("address=/::/", "without anything in it"),
        ("host-record=192.0.2.7", "host-record= that is not names"),
        ("host-record=nas.example", "host-record= that is not names"),
        ("host-record=nas.example,192.0.2.7,192.0.2.8,192.0.2.9", "host-record= that is not names"),
        ("host-record=nas.example,192.0.2.7,other.example", "host-record= that is not names"),
        ("cname=a.example", "without a target"),
        ("cname=a.example,60", "without a target"),
        ("cname=60", "without a target"),
        ("host-record=60", "host-record= that is not names"),
        ("cname=a.example,b c", "the data of CNAME"),
        ("cname=" + "a.example," * 64 + "b.example", "more than 64"),
        ("server=/corp.example/192.0.2.53", "server of their own"),
        ("server=/corp.example/192.0.2.53#5353", "server of their own"),
        ("local=/corp.example/#", "server of their own"),
        ("local=//", "every name"),
        ("address=/#/0.0.0.0", "every name"),
        ("address=/*ads.example/", "wildcard"),
        ("address=/a b/", "' '"),
        ("local=/" + "/".join(["a.example"] * 65) + "/", "more than 64"),
        ("ipset=/ads.example/ads", "none of local="),
        ("local=ads.example", "none of local="),
    ],
)
def test_what_does_more_or_less_than_block_is_a_complaint(line, words):
    result = read(line, form="dnsmasq")
    assert result.rules == []
    assert words in result.complaints[0][1]


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("address=/nas.example/192.0.2.7", ["BLOCK SUBTREE nas.example -> A 192.0.2.7"]),
        ("address=/nas.example/2001:db8::7", ["BLOCK SUBTREE nas.example -> AAAA 2001:db8::7"]),
        (
            "address=/a.example/.b.example/192.0.2.7  # two",
            ["BLOCK SUBTREE a.example -> A 192.0.2.7", "BLOCK SUBTREE b.example -> A 192.0.2.7"],
        ),
        (
            "host-record=nas.example,n.example,192.0.2.7,2001:db8::7,300",
            [
                "BLOCK EXACT nas.example -> A 192.0.2.7",
                "BLOCK EXACT nas.example -> AAAA 2001:db8::7",
                "BLOCK EXACT n.example -> A 192.0.2.7",
                "BLOCK EXACT n.example -> AAAA 2001:db8::7",
            ],
        ),
        ("host-record=nas.example,0.0.0.0", ["BLOCK EXACT nas.example"]),
        ("cname=a.example,b.example,60", ["BLOCK EXACT a.example -> CNAME b.example."]),
        (
            "cname=*.a.example,c.example,b.example",
            ["BLOCK BELOW a.example -> CNAME b.example.", "BLOCK EXACT c.example -> CNAME b.example."],
        ),
    ],
)
def test_local_data_is_an_answer_of_the_name_s_own(line, rules):
    assert told(line) == rules


@pytest.mark.parametrize("line", ["address=/nas.example/192.0.2.7", "cname=nas.example,b.example"])
def test_in_an_allowlist_local_data_lets_the_name_through(line):
    (rule,) = told(line, Action.ALLOW)
    assert rule.startswith("ALLOW ")
    assert "->" not in rule


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (r"server=/:^ads[0-9]+\.:/", r"BLOCK REGEX ^ads[0-9]+\."),
        (r"local=/:^ads[0-9]+\.:/", r"BLOCK REGEX ^ads[0-9]+\."),
        (r"address=/:^ads[0-9]+\.:/0.0.0.0", r"BLOCK REGEX ^ads[0-9]+\."),
        (r"address=/:^ads[0-9]+\.:/192.0.2.7", r"BLOCK REGEX ^ads[0-9]+\. -> A 192.0.2.7"),
        (r"server=/:^ads[0-9]+\.:/#", r"ALLOW REGEX ^ads[0-9]+\."),
    ],
)
def test_names_between_colons_are_expressions(line, rule):
    assert told(line, form="dnsmasq") == [rule]


def test_an_expression_and_a_name_may_share_a_line():
    assert told("local=/a.example/:^b[0-9]:/") == ["BLOCK SUBTREE a.example", "BLOCK REGEX ^b[0-9]"]


def test_a_list_of_names_may_hold_such_lines():
    assert read("a.example\nb.example\nlocal=/c.example/").texts == ["a.example", "b.example", "||c.example^"]


def test_the_format_is_found_out():
    assert read("# comment\nlocal=/a.example/\nserver=/b.example/").parsed.format == "dnsmasq"


@given(
    st.text(max_size=60)
    | st.from_regex(r"(?:(?:local|server|address)=/.{0,30}/|cname=|host-record=).{0,20}", fullmatch=True)
)
def test_any_line_gives_rules_or_problems(text):
    assert all(isinstance(one, Found | RichRule | Problem) for one in dnsmasq.read(text.strip() or "x", Action.BLOCK))
