from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists import pihole
from mirage_hole.lists.line import Problem
from mirage_hole.lists.own import read_own
from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action, RichRule, Target
from mirage_hole.lists.sniff import sniff
from tests.lists.reading import SHARED, needs_real_lists, read, told

OPTIONS = {
    ";querytype=A": " types A",
    ";querytype=a, AAAA": " types A+AAAA",
    ";querytype=!HTTPS": " not types HTTPS",
    ";querytype=!A,AAAA": " not types A+AAAA",
    ";querytype=!A,!AAAA": " not types A+AAAA",
    ";querytype=ANY": " types ANY",
    ";querytype=TYPE65": " types HTTPS",
    ";querytype=A,A": " types A",
    ";querytype=!OTHER": " types A+AAAA+ANY+SRV+SOA+PTR+TXT+NAPTR+MX+DS+RRSIG+DNSKEY+NS+SVCB+HTTPS",
    ";querytype=OTHER": " not types A+AAAA+ANY+SRV+SOA+PTR+TXT+NAPTR+MX+DS+RRSIG+DNSKEY+NS+SVCB+HTTPS",
    ";invert": " inverted",
    ";INVERT": " inverted",
    ";reply=NODATA": " NODATA",
    ";reply=nxdomain": " NXDOMAIN",
    ";reply=REFUSED": " REFUSED",
    ";reply=NONE": " DROP",
    ";reply=IP": "",
    ";reply=192.0.2.7": " -> A 192.0.2.7",
    ";reply=2001:db8::7": " -> AAAA 2001:db8::7",
    ";reply=garden.example": " -> CNAME garden.example.",
    ";querytype=A;invert;reply=NODATA": " NODATA inverted types A",
    " ; reply=NODATA ; querytype=A": " NODATA types A",
}
REFUSED = {
    ";querytype=": "query type",
    ";querytype=NONSENSE": "query type",
    ";querytype=!": "query type",
    ";querytype=A,,AAAA": "query type",
    ";querytype=A,OTHER": "stands alone",
    ";querytype=A;querytype=AAAA": "two ;querytype=",
    ";querytype=" + ",".join(f"TYPE{number}" for number in range(33)): "more than 32",
    ";invert=yes": "none of ;querytype=",
    ";reply=": "no address, no name",
    ";reply=not a name": "no address, no name",
    ";reply=192.0.2.7/24": "no address, no name",
    ";reply=NODATA;reply=NXDOMAIN": "exclude each other",
    ";reply=NODATA;reply=192.0.2.7": "exclude each other",
    ";colour=red": "none of ;querytype=",
    ";;invert": "none of ;querytype=",
    ";invert" * 9: "more than 8 options",
}


@pytest.mark.parametrize("expression", [r"^ads[0-9]+\.", r"/^ads[0-9]+\./"])
@pytest.mark.parametrize(("option", "words"), OPTIONS.items(), ids=OPTIONS)
def test_each_option_says_what_pi_hole_says(expression, option, words):
    assert told(expression + option, form="regex") == [rf"BLOCK REGEX ^ads[0-9]+\.{words}"]


@pytest.mark.parametrize(("option", "words"), REFUSED.items(), ids=[option[:30] for option in REFUSED])
def test_an_option_that_is_none_drops_the_rule_with_a_complaint(option, words):
    result = read(r"^ads[0-9]+\." + option, form="regex")
    assert result.parsed.rich == []
    assert words in result.reason


def test_two_answers_are_two_rules_that_count_together():
    assert told("^ads;reply=192.0.2.7;reply=2001:db8::7", form="regex") == [
        "BLOCK REGEX ^ads -> A 192.0.2.7",
        "BLOCK REGEX ^ads -> AAAA 2001:db8::7",
    ]


def test_in_an_allowlist_expressions_allow_and_reply_nothing():
    assert told("^good;querytype=A", Action.ALLOW, "regex") == ["ALLOW REGEX ^good types A"]
    assert told("^good;reply=NODATA", Action.ALLOW, "regex") == ["complaint: a reply of an expression that allows"]


@pytest.mark.parametrize("expression", [".*", ".", r"\.", "(ads|)"])
def test_a_list_must_not_mean_every_name_unless_for_some_types(expression):
    assert "nearly every name" in read(expression, form="regex").reason
    assert told(f"{expression};querytype=HTTPS", form="regex") == [f"BLOCK REGEX {expression} types HTTPS"]
    assert all(isinstance(one, RichRule) for one in pihole.read(expression, Action.BLOCK, own=True))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a.example\n/^ads[0-9]/\nb.example", "BLOCK REGEX ^ads[0-9]"),
        ("0.0.0.0 a.example\n0.0.0.0 b.example\n/^ads[0-9]/;invert", "BLOCK REGEX ^ads[0-9] inverted"),
        ("/^ads[0-9]/", "BLOCK REGEX ^ads[0-9]"),
        ("a.example\n/^ads[0-9]/  # why", "BLOCK REGEX ^ads[0-9]"),
        ("^ads[0-9];invert  # why", "BLOCK REGEX ^ads[0-9] inverted"),
    ],
)
def test_a_list_of_names_may_hold_expressions_between_slashes(text, rule):
    assert rule in told(text)


def test_a_list_of_expressions_may_hold_rules_of_other_formats():
    text = "^ads[0-9]\n||b.example^\n*.c.example\n0.0.0.0 d.example\nlocal=/e.example/\n@@||f.example^"
    assert told(text, form="regex") == [
        "BLOCK SUBTREE b.example",
        "BLOCK SUBTREE c.example",
        "BLOCK EXACT d.example",
        "BLOCK SUBTREE e.example",
        "ALLOW SUBTREE f.example",
        "BLOCK REGEX ^ads[0-9]",
    ]


def test_a_plain_name_in_a_list_of_expressions_is_one_as_in_pi_hole():
    assert told("doubleclick\na.example", form="regex") == ["BLOCK REGEX doubleclick", "BLOCK REGEX a.example"]


EXPRESSIONS = [
    r"^(.+[_.-])?adse?rv(er?|ice)?s?[0-9]*[_.-]", r"(\.|^)ads\.example$", r"(^|\.)ads\.example$", "^mads\\.", "^pixels?[-.]",
    r"^ads.*\.example$;querytype=A", r"ads[0-9]+\.example", r"\.ru$", "^analytics", ".*ads.*", "[[:digit:]]{4}ads",
]  # fmt: skip
PLAIN = [
    "a.example", "ads", "*.a.example", "||a.example^", "@@||a.example^", "|a.example^", "a.example^", ".a.example", "-ads-",
    "||a.example^$important", "/ads/banner.js", "example.com##.banner", "&ad_box_", "a.*.example", "ads*.example", "a_b.example",
    "0.0.0.0 a.example", "1.2.3.4", "[2001:db8::1]", "^$popup", "a.example^$third-party", "https://a.example/x[1].js", "a,b,c",
    '{"a": [1]}', "foo(bar) baz", "a.example # why (not)", "a.example CNAME .", 'local-zone: "a" static', "$TTL 60",
]  # fmt: skip


@pytest.mark.parametrize("line", EXPRESSIONS)
def test_what_can_only_be_an_expression_is_seen(line):
    assert pihole.looks_so(line)
    assert sniff([line.encode()]).name == "regex"


@pytest.mark.parametrize("line", PLAIN)
def test_what_may_be_something_else_is_not(line):
    assert not pihole.looks_so(line)
    assert sniff([line.encode()]).name != "regex"


@needs_real_lists
def test_a_real_list_of_expressions_is_read_whole():
    lines = (SHARED / "regex/mmotti.list").read_bytes().split(b"\n")
    parsed = parse(lines, Action.BLOCK)
    assert list(parsed) == []
    assert (parsed.format, len(parsed.rich), parsed.complaint_count) == ("regex", 14, 0)
    assert {rule.target for rule in parsed.rich} == {Target.REGEX}


@needs_real_lists
def test_no_real_list_of_another_kind_is_taken_for_expressions():
    others = [path for path in SHARED.rglob("*.*") if path.is_file() and path.name != "mmotti.list"]
    assert len(others) > 15
    for path in others:
        with path.open("rb") as file:
            head = [line for line, _ in zip(file, range(1000), strict=False)]
        assert sniff(head).name != "regex", path
        names = [line for line in head if pihole.looks_so(line.decode("utf-8", "replace").strip() or "x")]
        assert names == [], path


@given(
    st.text(max_size=60)
    | st.builds(
        lambda one, two: f"^ads{one}={two}", st.sampled_from([";reply", ";querytype", ";invert"]), st.text(max_size=20)
    ),
    st.sampled_from(Action),
)
def test_any_line_gives_rules_or_problems(text, action):
    found = pihole.read(text, action)
    assert found
    assert all(isinstance(one, RichRule | Problem) for one in found)


def test_the_owner_may_mean_every_name():
    assert read_own("/.*/").subject == ".*"
    assert read_own("/^ads[0-9]/;querytype=A").types == (1,)
