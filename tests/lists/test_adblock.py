from __future__ import annotations

import pytest

from mirage_hole.lists.rule import Action
from tests.lists.reading import read


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("||ads.example.com^", "||ads.example.com^"),
        ("||Ads.Example.COM.^", "||ads.example.com^"),
        ("||ads.example.com^|", "||ads.example.com^"),
        ("||ads.example.com|", "||ads.example.com^"),
        ("||zip^", "||zip^"),
        ("||a_b.example^", "||a_b.example^"),
        ("||bücher.example^", "||xn--bcher-kva.example^"),
        ("@@||good.example^", "@@||good.example^"),
        ("@@||good.example^|", "@@||good.example^"),
        ("|only.example^", "only.example"),
        ("|only.example|", "only.example"),
        ("@@|only.example^|", "@@only.example"),
        ("plain.example", "plain.example"),
        ("@@plain.example", "@@plain.example"),
        ("||a.example^ # why", "||a.example^"),
        ("||a.example^ ! why", "||a.example^"),
    ],
)
def test_rules_about_names_are_read(text, rule):
    for form in ("adblock", "domains", None):
        result = read(text, form=form)
        assert (result.texts, result.complaints) == ([rule], [])


def test_in_an_allowlist_every_rule_allows():
    assert read("||a.example^\n@@||b.example^\nc.example", Action.ALLOW).texts == [
        "@@||a.example^",
        "@@||b.example^",
        "@@c.example",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("||ads.example.com^$important", "modifiers"),
        ("||ads.example.com^$third-party,domain=x.example", "modifiers"),
        ("@@||good.example^$badfilter", "modifiers"),
        ("||ads.example.com", "begins so"),
        ("||ads.", "begins so"),
        ("|ads.example.com", "begins so"),
        ("ads.example.com^", "ends so"),
        ("/ads[0-9]+/", "regular expression"),
        ("/^ads/$important", "regular expression"),
        ("@@/good/", "regular expression"),
        ("||ads.example.com/banner.js", "path"),
        ("/banner/ads.", "path"),
        ("|https://ads.example.com^", "URL"),
        ("@@://blog.example", "URL"),
        ("##.banner", "cosmetic"),
        ("example.com##.banner", "cosmetic"),
        ("example.com#@#+js(x)", "cosmetic"),
        ("example.com#?#div:has(x)", "cosmetic"),
        ("example.com#%#//scriptlet('x')", "cosmetic"),
        ("example.com$$script[tag]", "cosmetic"),
        ("||192.0.2.1^", "an address"),
        ("||192.0.2.0/24^", "an address"),
        ("192.0.2.1", "an address"),
        ("||^", "no name"),
        ("|||a.example^", "'|'"),
        ("||a b.example^", "' '"),
        ("@@", "no name"),
        ("@@ # x", "no name"),
        ("adsbygoogle", "one word"),
        ("!#include more.txt", "preprocessor"),
        ("!#if adguard", "preprocessor"),
    ],
)
def test_rules_about_anything_else_are_complaints_and_never_half_applied(text, words):
    result = read(text, form="adblock")
    assert result.rules == []
    assert words in result.reason


def test_comments_and_headers_say_nothing():
    text = "\ufeff[Adblock Plus 2.0]\n! comment\n# comment\n### heading ###\n!\n#\n[AdGuard Home]\n!+ NOT_A_HINT\n"
    result = read(text, form="adblock")
    assert (result.rules, result.complaints) == ([], [])
