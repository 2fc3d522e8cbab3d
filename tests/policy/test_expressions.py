from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists.rule import Action, RichRule, Target
from mirage_hole.policy import expressions
from mirage_hole.policy.expressions import Expressions
from mirage_hole.policy.rich import RichRules
from mirage_hole.wire.names import from_text, labels_of
from tests.policy.rules import OWN, regex


def lines(rules: RichRules, name: str | bytes) -> list[int]:
    wire = from_text(name) if isinstance(name, str) else name
    return [match.line for match in rules.matches(wire, labels_of(wire))]


def own(*texts: str, **more: object) -> RichRules:
    return RichRules([(OWN, regex(text, line, **more)) for line, text in enumerate(texts, 1)])


def test_an_expression_is_searched_for_anywhere_in_the_name_without_its_final_dot():
    rules = own("/ads/", "/^ads/", "/ads$/", "/\\.ads\\./", "/^$/", "/^[a-z]+\\.example$/")
    assert lines(rules, "ads.example") == [1, 2, 6]
    assert lines(rules, "x.ads") == [1, 3]
    assert lines(rules, "x.ads.example") == [1, 4]
    assert lines(rules, ".") == [5]


def test_a_dot_inside_a_label_is_no_dot():
    name = b"\x07ads.foo\x07example\0"
    assert lines(own(r"/ads\.foo/", "/ads.foo/"), name) == [2]


def test_octets_that_are_no_text_are_searched_octet_by_octet():
    assert lines(own("/a.b/", r"/a[^x]b\.example/"), b"\x03a\xffb\x07example\0") == [1, 2]


def test_thousands_of_expressions_are_told_apart():
    texts = [f"/^host{number}-[0-9]+\\./" for number in range(2000)] + [
        f"/^x{number:03}[a-f]/" for number in range(500)
    ]
    rules = own(*texts)
    assert rules.refused == ()
    for number in (0, 63, 64, 999, 1999):
        assert lines(rules, f"host{number}-7.example") == [number + 1]
    assert lines(rules, "x123b.example") == [2000 + 124]
    assert lines(rules, "other.example") == []


def test_the_same_expression_in_two_rules_is_both_rules():
    rules = RichRules([(OWN, regex("/track/", 1)), (OWN, regex("/track/", 2, types=(28,)))])
    wire = from_text("track.example")
    assert [match.line for match in rules.matches(wire, labels_of(wire), 28)] == [1, 2]
    assert lines(rules, "track.example") == [1]


def test_what_re2_does_not_take_never_applies_and_is_counted():
    rules = own("/(?=ads)/", "/ads/", "/(/", "/(?=x)/")
    assert lines(rules, "ads.example") == [2]
    assert [rule.text for _, rule in rules.refused_rules()] == ["/(?=ads)/", "/(/", "/(?=x)/"]
    inverted = own("/(?=ads)/", "/ads/", invert=True)
    assert lines(inverted, "other.example") == [2]


def test_one_bad_expression_among_many_takes_none_with_it():
    texts = [f"/^[a-c]{{{number}}}x/" for number in range(1, 40)]
    rules = own(*texts, "/(?<n/", "/z+x/")
    assert [rule.text for _, rule in rules.refused_rules()] == ["/(?<n/"]
    assert lines(rules, "abx.example") == [2]
    assert lines(rules, "zx.example") == [41]


@pytest.mark.parametrize(
    "text", ["((a{1,30}){1,30})b", "(x+x+)+y", "(a|aa)+$", "(.*a){20}", "[a-z]{1,200}.*[0-9]{1,200}z"]
)
def test_hostile_expressions_are_searched_in_linear_time_or_refused(text):
    rules = own(f"/{text}/", "/fine/")
    hostile = ".".join(["a" * 63, "x" * 63, "a" * 63, "1" * 58])
    assert lines(rules, hostile) in ([], [1])
    assert lines(rules, "fine.example")[-1:] == [2]


def test_large_expressions_are_taken_as_long_as_there_is_room(monkeypatch):
    monkeypatch.setattr(expressions, "_MAX_LARGE", 2)
    monkeypatch.setattr(expressions, "_MOST", 1 << 14)
    large = [f"(a|b)*a(a|b){{{200 + number}}}c" for number in range(4)]
    found = Expressions([*large, "small"])
    assert len(found.refused) == 2
    names = b"a" * 300
    groups = [*found.everywhere, *(group for groups in found.by_word.values() for group in groups)]
    assert sorted(number for group in groups for number in group.fitting(names + b"c small")) == sorted(
        {0, 1, 2, 3, 4} - set(found.refused)
    )


def test_beyond_the_limit_expressions_are_refused(monkeypatch):
    monkeypatch.setattr(expressions, "MAX_EXPRESSIONS", 3)
    assert Expressions(["aaaa", "bbbb", "cccc", "dddd"]).refused == [3]


def test_inverted_expressions_apply_where_they_are_not_found():
    rules = RichRules([(OWN, RichRule("", Action.BLOCK, Target.REGEX, "ample", invert=True, line=4))])
    assert lines(rules, "example.org") == []
    assert lines(rules, "other.org") == [4]


pieces = st.sampled_from(["ads", "a", "b+", "[ab]", ".", r"\.", "(ads|b)", "x?", "tele", "metry", "^", "$", "(a|b){2}"])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(pieces, min_size=1, max_size=5).map("".join), min_size=1, max_size=30),
    st.lists(st.sampled_from(["ads", "a", "bb", "tele", "telemetry", "x"]), min_size=1, max_size=4).map(".".join),
)
def test_what_is_found_is_what_each_expression_alone_would_find(texts, name):
    rules = RichRules(
        [(OWN, RichRule("", Action.BLOCK, Target.REGEX, text, line=at)) for at, text in enumerate(texts, 1)]
    )
    assert lines(rules, name) == [at for at, text in enumerate(texts, 1) if re.search(text, name)]
