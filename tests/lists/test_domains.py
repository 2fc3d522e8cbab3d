from __future__ import annotations

import pytest

from mirage_hole.lists.rule import Action
from tests.lists.reading import read


def test_a_name_stands_for_itself_alone():
    assert read(
        "Ads.Example.com\n  b.example.  \nc.example # why\nd_e.example\n-f-.example\nxn--bcher-kva.example"
    ).texts == [
        "ads.example.com",
        "b.example",
        "c.example",
        "d_e.example",
        "-f-.example",
        "xn--bcher-kva.example",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.EXAMPLE", "xn--bcher-kva.example"),
        ("_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example"),
        ("bücher。example", "xn--bcher-kva.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("пример.рф.", "xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_internationalised_names_become_a_labels(text, name):
    assert read(text).texts == [name]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("forbidden", "one word is no domain name"),
        ("not found", "several words"),
        ("a..example", "two dots"),
        ("." + "a.example", "leading dot"),
        ("a" * 64 + ".example", "label of 64 octets"),
        (".".join(["a" * 60] * 5), "255 is the limit"),
        ("a." * 700 + "example", "longer than any"),
        ("192.0.2.1:443", "an address with something behind"),
        ("fe80::1%lo0", "an address with something behind"),
        ("1.2.3", "end in a number"),
        ("a,b.example", "','"),
        ("ads*.example.com", "wildcard inside"),
        ("^ads?[0-9]*\\.", "regular expression"),
        ("https://ads.example.com/x.js", "a URL"),
        ("ipset=/ads.example.com/ads", "dnsmasq"),
        ('private-domain: "ads.example.com"', "unbound"),
        ("ads IN CNAME .", "zone file"),
        ('zone "ads.example.com" { type master; };', "BIND"),
        ("<!DOCTYPE html>", "HTML"),
        ('{"ads.example.com": true}', "JSON"),
        ("example.com##.banner", "cosmetic"),
        ("example.com#@#.banner", "cosmetic"),
        ("xn\u200d.example", "internationalised"),
        ("\ufffd.example", "internationalised"),
        ("ab\u00a0cd.example", "several words"),
    ],
)
def test_a_complaint_says_what_the_line_seems_to_be(text, words):
    result = read(text, form="domains")
    assert result.rules == []
    assert words in result.reason


def test_a_hash_after_a_space_is_a_comment_not_a_cosmetic_filter():
    assert read("a.example ## b\nc.example\t#@#").texts == ["a.example", "c.example"]


def test_a_list_may_be_said_to_name_subtrees():
    result = read("a.example\nB.example.  # why\n0.0.0.0 c.example\nd", form="subtrees")
    assert result.texts == ["||a.example^", "||b.example^", "c.example"]
    assert "one word" in result.reason


def test_a_list_of_names_may_allow():
    assert read("a.example", Action.ALLOW).texts == ["@@a.example"]
