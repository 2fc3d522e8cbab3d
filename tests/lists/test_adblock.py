from __future__ import annotations

import pytest

from mirage_hole.lists.parse import MAX_PATTERNS
from mirage_hole.lists.rule import Action
from tests.lists.reading import as_pattern, read


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


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("@@||aax-*.Amazon.*^", "@@||aax-*.amazon.*^"),
        ("||ad*.example.com^|", "||ad*.example.com^"),
        ("||*.example.com^", "||*.example.com^"),
        ("|*ads*^", "|*ads*^"),
        ("@@|good_*.example|", "@@|good_*.example^"),
    ],
)
def test_rules_with_wildcards_are_read_as_patterns(text, pattern):
    for form in ("adblock", "domains", None):
        result = read(text, form=form)
        assert (result.texts, result.complaints) == ([], [])
        assert [(as_pattern(rule), rule.line) for rule in result.parsed.patterns] == [(pattern, 1)]
        assert result.parsed.rules == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ads*.example.com", "without ||"),
        ("@@ads*.example.com", "without ||"),
        ("||ads*.example.com", "begins so"),
        ("||*^", "too wide"),
        ("||ads" + "*a" * 9 + ".example^", "more than 8 wildcards"),
        ("||a*.b.*^", "too wide"),
        ("||ads*..example^", "empty label"),
        ("||.ads*^", "empty label"),
        ("||ads*.^", "empty label"),
        ("||b\u00fccher*^", "may hold"),
        ("||ads[0-9]*.example^", "may hold"),
        ("||" + "a" * 300 + "*^", "longer than"),
        ("||ads*.example^$important", "modifiers"),
    ],
)
def test_other_wildcards_are_complaints(text, words):
    result = read(text, form="adblock")
    assert (result.rules, result.parsed.patterns) == ([], [])
    assert words in result.reason


def test_in_an_allowlist_patterns_allow():
    (rule,) = read("||ads*.example^", Action.ALLOW).parsed.patterns
    assert rule.action is Action.ALLOW


def test_patterns_are_bounded():
    result = read("\n".join(f"||ads{number}*.example^" for number in range(MAX_PATTERNS + 3)))
    assert len(result.parsed.patterns) == MAX_PATTERNS
    assert [line for line, _ in result.complaints] == [MAX_PATTERNS + 1, MAX_PATTERNS + 2, MAX_PATTERNS + 3]
    assert "more than 10000" in result.complaints[0][1]


def test_comments_and_headers_say_nothing():
    text = "\ufeff[Adblock Plus 2.0]\n! comment\n# comment\n### heading ###\n!\n#\n[AdGuard Home]\n!+ NOT_A_HINT\n"
    result = read(text, form="adblock")
    assert (result.rules, result.complaints) == ([], [])
