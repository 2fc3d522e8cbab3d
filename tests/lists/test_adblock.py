from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists import adblock
from mirage_hole.lists.line import Found, Problem
from mirage_hole.lists.parse import MAX_RICH
from mirage_hole.lists.pattern import MAX_WILDCARDS, MIN_LITERAL
from mirage_hole.lists.rule import Action, RichRule, Scope, Target
from mirage_hole.wire.names import from_text
from tests.lists.adguard import adblock_rules, decides, fits
from tests.lists.reading import read, told

HOSTS = ("example.org", "a.example.org", "badexample.org")

# Pattern, which of HOSTS it is about, and how it is kept.
CONFORMANCE = [
    ("example.org", "Y..", "EXACT example.org"),
    ("0.0.0.0 example.org b.example c.example", "Y..", "EXACT example.org"),
    ("||example.org^", "YY.", "SUBTREE example.org"),
    ("||example.org^|", "YY.", "SUBTREE example.org"),
    ("||example.org", "YY.", "PATTERN ||example.org"),
    ("|example.org^", "Y..", "EXACT example.org"),
    ("example.org^", "YYY", "PATTERN example.org^"),
    (".example.org^", ".Y.", "BELOW example.org"),
    ("||*.example.org^", ".Y.", "BELOW example.org"),
    ("example", "...", "EXACT example"),
    ("a_b.example.org", "...", "EXACT a_b.example.org"),  # AdGuard Home: a piece of names, for the underscore
    ("example.org.", "Y..", "EXACT example.org"),  # AdGuard Home: a piece of names, for the dot
    ("/^a?\\.?example\\.org$/", "YY.", "REGEX ^a?\\.?example\\.org$"),
    ("||192.0.2.1^", "...", "ADDRESS 192.0.2.1/32"),
]


def applies(rule: Found | RichRule, name: str) -> bool:
    """What the policy makes of a rule."""
    return decides([rule], name) is not None


@pytest.mark.parametrize(("text", "hits", "kept"), CONFORMANCE)
def test_every_pattern_is_about_the_names_that_it_is_about_in_adguard_home(text, hits, kept):
    rules = adblock_rules(text)
    assert "".join("Y" if decides(rules, host) else "." for host in HOSTS) == hits
    assert f"BLOCK {kept}" in told(text, form="adblock")


@pytest.mark.parametrize(("text", "hits", "kept"), CONFORMANCE)
def test_every_pattern_allows_behind_at_signs_and_in_allowlists(text, hits, kept):
    assert f"ALLOW {kept}" in told(text, Action.ALLOW, "adblock")
    if not text.startswith("0"):
        assert told(f"@@{text}", form="adblock") == [f"ALLOW {kept}"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("||Ads.Example.COM.^", "SUBTREE ads.example.com"),
        ("||ads.example.com|", "SUBTREE ads.example.com"),
        ("||zip^", "SUBTREE zip"),
        ("||a_b.example^", "SUBTREE a_b.example"),
        ("||b\u00fccher.example^", "SUBTREE xn--bcher-kva.example"),
        ("|only.example|", "EXACT only.example"),
        ("|only.example^|", "EXACT only.example"),
        ("^only.example^", "EXACT only.example"),
        ("|http://only.example^", "EXACT only.example"),
        ("http://only.example/", "EXACT only.example"),
        ("://only.example^", "EXACT only.example"),
        ("||a.example/*", "SUBTREE a.example"),
        ("||a.example/", "SUBTREE a.example"),
        ("||a.example^*", "SUBTREE a.example"),
        ("*.x.example^", "BELOW x.example"),
        ("|*.x.example^", "BELOW x.example"),
        ("||a.example^ # why", "SUBTREE a.example"),
        ("||a.example^ ! why", "SUBTREE a.example"),
        ("||aax-*.Amazon.*^", "PATTERN ||aax-*.amazon."),
        ("||ad*.example.com^|", "PATTERN ||ad*.example.com^"),
        ("|*ads*^", "PATTERN ads"),
        ("||ads", "PATTERN ||ads"),
        ("|good_*.example|", "PATTERN |good_*.example^"),
        ("ads***x", "PATTERN ads*x"),
        ("*x.example^", "PATTERN x.example^"),
        ("://ww10.", "PATTERN |ww10."),
        ("http://secured21.*.com/|", "PATTERN |secured21.*.com^"),
        ("/ads.", "PATTERN |ads."),
        (".www.booking.", "PATTERN .www.booking."),
        ("salg.", "PATTERN salg."),
        ("|192.0.2.1|", "ADDRESS 192.0.2.1/32"),
        ("192.0.2.1^", "ADDRESS 192.0.2.1/32"),
        ("||198.51.100.0/24^", "ADDRESS 198.51.100.0/24"),
        ("||2001:db8::1^", "ADDRESS 2001:db8::1/128"),
        ("://[2001:db8::/32]^", "ADDRESS 2001:db8::/32"),
        ("://198.51.100.*", "ADDRESS 198.51.100.0/24"),
        ("|198.51.100.", "ADDRESS 198.51.100.0/24"),
        ("|198.51.*", "ADDRESS 198.51.0.0/16"),
        ("/^198\\.51\\.100\\.\\d{1,3}$/", "ADDRESS 198.51.100.0/24"),
        ("/^(.*://)?198\\.51\\.100\\.[12]?\\d?\\d(/.*)?$/", "ADDRESS 198.51.100.0/24"),
        ("/^198\\.51\\.4[4-7]\\.\\d+$/", "ADDRESS 198.51.44.0/22"),
        ("/^198\\.51\\.100\\.7$/", "ADDRESS 198.51.100.7/32"),
        ("/ads[0-9]+/", "REGEX ads[0-9]+"),
        ("/^((https?|tcp)://)?(www\\.)?bad[a-z]{3,8}\\.com(/.*)?$/", "REGEX ^(www\\.)?bad[a-z]{3,8}\\.com(/.*)?$"),
        ("/^(.*://|.*\\.)?x{3}\\.xyz$/", "REGEX ^(.*\\.)?x{3}\\.xyz$"),
    ],
)  # fmt: skip
def test_spellings_are_read_as_what_they_mean(text, kept):
    assert told(text, form="adblock") == [f"BLOCK {kept}"]


@pytest.mark.parametrize("form", ["adblock", "domains", "hosts", "dnsmasq", None])
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("||a.example^", "BLOCK SUBTREE a.example"),
        ("@@||a.example^$important", "ALLOW SUBTREE a.example"),
        ("a.example^", "BLOCK PATTERN a.example^"),
        ("a.example$dnstype=A", "BLOCK EXACT a.example types A"),
        ("*$ctag=device_tv", "BLOCK SUBTREE ."),
        ("/ads[0-9]/$important", "BLOCK REGEX ads[0-9]"),
    ],
)
def test_rules_that_are_plainly_in_this_syntax_are_read_in_lists_of_any_format(text, kept, form):
    assert told(text, form=form) == [kept]


def test_an_expression_of_an_address_may_stand_for_several_networks():
    assert told("/^198\\.51\\.10[02]\\.\\d+$/", form="adblock") == [
        "BLOCK ADDRESS 198.51.100.0/24",
        "BLOCK ADDRESS 198.51.102.0/24",
    ]


@pytest.mark.parametrize(
    "text",
    ["||*^", "||^", "|", "||", "*", "^", "**", "|*", "*^*", "||*|", "@@*", "*$important", "://", "a*", "||ad", "..."],
)
def test_rules_about_every_name_are_refused(text):
    result = read(text, form="adblock")
    assert (result.rules, result.parsed.rich) == ([], [])
    assert "too wide" in result.reason or "empty label" in result.reason


@pytest.mark.parametrize("condition", ["client=192.0.2.1", "ctag=device_tv", "dnstype=AAAA", "denyallow=x.example"])
@pytest.mark.parametrize("text", ["*", "||*^", "||", "|", "", "^"])
def test_rules_about_every_name_are_read_with_a_condition(text, condition):
    (rule,) = read(f"{text}${condition}", form="adblock").parsed.rich
    assert (rule.target, rule.subject, rule.scope) == (Target.NAME, ".", Scope.SUBTREE)
    assert all(applies(rule, host) for host in HOSTS) or condition[:9] != "denyallow"


def test_short_patterns_are_read_with_a_condition():
    assert told("||a*^$dnstype=A", form="adblock") == ["BLOCK PATTERN ||a types A"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("||ads.example.com/banner.js", "path"),
        ("/banner/ads.", "path"),
        ("|https://ads.example.com^", "URL"),
        ("wss://ads.example.com^", "URL"),
        ("##.banner", "cosmetic"),
        ("example.com##.banner", "cosmetic"),
        ("example.com#@#+js(x)", "cosmetic"),
        ("example.com#?#div:has(x)", "cosmetic"),
        ("example.com#%#//scriptlet('x')", "cosmetic"),
        ("example.com$$script[tag]", "cosmetic"),
        ("|||a.example^", "no name begins"),
        ("a|b.example^", "no name begins"),
        ("||a^b.example^", "can't be in a domain name"),
        ("||a^b*.example", "no name begins"),
        ("||a b.example^", "' '"),
        ("||a.example:8080^", "':'"),
        ("@@", "no name"),
        ("@@ # x", "no name"),
        ("||.a.example^", "empty label"),
        ("||.ads*", "empty label"),
        ("||ads*..example^", "empty label"),
        ("||ads*.^", "empty label"),
        ("..a.example^", "empty label"),
        ("||" + "a" * 64 + ".example^", "label of 64"),
        ("||example.1^", "number"),
        ("||ads" + "*a" * (MAX_WILDCARDS + 1) + ".example^", "more than 8 wildcards"),
        ("||b\u00fccher*^", "xn--"),
        ("||ads[0-9]*.example^", "may hold"),
        ("||" + "a" * 300 + "*^", "longer than"),
        ("||" + "a." * 200 + "b^", "255"),
        ("||127.0.0.1^", "private networks"),
        ("||192.168.0.0/16^", "private networks"),
        ("||192.0.2.0/33^", "no address"),
        ("||192.0.2.1:8080^", "':'"),
        ("||192.0.2.1^$denyallow=a.example", "about names"),
        ("||192.0.2.1^$dnsrewrite=NXDOMAIN", "about names"),
        ("/(?=ads)/", "look-around"),
        ("/(a)\\1/", "back-reference"),
        ("/ads(/", "RE2 refuses"),
        ("/.*/", "nearly every name"),
        ("/^https?://ads/", "URL"),
        ("/" + "a|" * 600 + "b/", "more than 1024"),
        ("/" + "((((a{9}){9}){9}){9}){9}" + "/", ""),
        ("!#include more.txt", "preprocessor"),
        ("!#if adguard", "preprocessor"),
    ],
)
def test_anything_else_is_a_complaint_and_never_half_applied(text, words):
    result = read(text, form="adblock")
    assert (result.rules, result.parsed.rich) == ([], [])
    assert words in result.reason
    assert len(result.reason) < 160


def test_an_expression_that_every_name_fits_is_read_with_a_condition():
    assert told("/.*/$dnstype=A", form="adblock") == ["BLOCK REGEX .* types A"]


def test_the_shortest_pattern_is_of_three_characters():
    assert read("x" * MIN_LITERAL + "*y", form="adblock").complaints == []
    assert "too wide" in read("||" + "x" * (MIN_LITERAL - 1), form="adblock").reason


def test_names_of_the_machine_itself_are_no_rules():
    result = read("localhost\n0.0.0.0 localhost\nbroadcasthost", form="adblock")
    assert (result.rules, result.complaints) == ([], [])


def test_rules_that_are_more_than_a_name_are_bounded():
    result = read("\n".join(f"||ads{number}*.example^" for number in range(MAX_RICH + 2)), form="adblock")
    assert len(result.parsed.rich) == MAX_RICH
    assert [line for line, _ in result.complaints] == [MAX_RICH + 1, MAX_RICH + 2]


def test_comments_and_headers_say_nothing():
    text = "\ufeff[Adblock Plus 2.0]\n! comment\n# comment\n### heading ###\n!\n#\n[AdGuard Home]\n!+ NOT_A_HINT\n! Title: T"
    result = read(text, form="adblock")
    assert (result.rules, result.complaints, result.parsed.title) == ([], [], "T")


def test_a_rich_rule_keeps_its_line_without_the_comment():
    (rule,) = read("\n@@||ads*.example^$important  # why", form="adblock").parsed.rich
    assert (rule.text, rule.line) == ("@@||ads*.example^$important", 2)


LABEL = st.sampled_from(["a", "ads", "bad", "x1", "b-c", "d_e", "org", "example"])
NAMES = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
PIECES = st.lists(
    st.sampled_from(["a", "ads", "bad", "x1", "-", "_", ".", "org", "example", "*"]), min_size=1, max_size=6
)
PATTERNS = st.tuples(
    st.sampled_from(["", "|", "||", "*", "||*", "|*", "://"]), PIECES.map("".join), st.sampled_from(["", "^", "|", "^|", "*", "*^", "^*"])
).map("".join)  # fmt: skip


@settings(max_examples=400)
@given(PATTERNS, NAMES)
def test_patterns_are_about_the_names_that_adguard_home_takes_them_for(text, name):
    (finding,) = adblock.read(text, Action.BLOCK)
    bare = not any(one in text for one in "|^*/")  # AdGuard Home takes those without an odd letter for lines of hosts
    absolute = isinstance(finding, Found) and text.rstrip("|^*").endswith(".")
    if not isinstance(finding, Problem) and not bare and not absolute:
        assert applies(finding, name) == fits(text, name)


@given(PATTERNS, st.lists(NAMES, min_size=20, max_size=20))
def test_patterns_that_are_refused_are_about_no_name_or_are_too_wide(text, names):
    (finding,) = adblock.read(text, Action.BLOCK)
    if isinstance(finding, Problem) and "too wide" not in finding.reason and "wildcards" not in finding.reason:
        assert not any(fits(text, name) for name in names if "." in name)


@given(st.text(max_size=120) | st.text("|^*$/@~,=.\\#!'\"[](){}+?abc1:;\u00fc ", max_size=60), st.sampled_from(Action))
def test_any_text_is_rules_or_problems(text, action):
    for one in adblock.read(text, action):
        assert isinstance(one, Found | RichRule | Problem)
        if isinstance(one, RichRule):
            assert one.target is not Target.NAME or from_text(one.subject)
        if not isinstance(one, Problem) and action is Action.ALLOW:
            assert one.action is Action.ALLOW


@pytest.mark.parametrize(
    "text",
    [
        "/" + "(" * 2000 + "a" + ")" * 2000 + "/",
        "/" + "(a*)*" * 200 + "/",
        "/(((((a{30}){30}){30}){30}){30})/",
        "/" + "|".join(f"ads{one}" for one in range(600)) + "/",
        "/(" * 2000 + "/",
        "/" + "(://" * 1000 + "/",
        "/" + "/$a," * 1000,
        "*" * 4096,
        "|" * 4096,
        "a*" * 2048,
        "*" * 4000 + "a",
        "||" + "a." * 2000 + "^",
        "$" * 4096,
        "x$" + "," * 4000,
        "x$client=" + "|" * 4000,
        "x$client=" + "\\" * 4000,
        "x$client='" + "\\'" * 2000,
        "x$dnsrewrite=" + ";" * 4000,
        "x$dnsrewrite=NOERROR;TXT;" + '"' * 3999,
        "x$denyallow=" + "|".join(["a.example"] * 300),
    ],
)
def test_hostile_lines_are_told_of_and_nothing_more(text):
    (finding,) = adblock.read(text, Action.BLOCK)
    assert isinstance(finding, Problem)
    assert len(finding.reason) < 200
