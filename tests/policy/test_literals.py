from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.policy.literals import MOST, telling_literals


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("doubleclick", {"doubleclick"}),
        (r"^ad([sxv]?[0-9]*|system)[_.-]doubleclick", {"doubleclick"}),
        (r"^(.+[_.-])?telemetry[_.-]", {"telemetry"}),
        ("(tele[mn]etry)", {"telemetry", "telenetry"}),
        ("track(er|ing)?s", {"tracks", "trackers", "trackings"}),
        ("(abcd|efgh)+x", {"abcd", "efgh"}),
        ("(?:abcd){2,}", {"abcd"}),
        (r"\Qa.b\Ecdef", {"a.bcdef"}),
        ("(?i)DoubleClick", {"doubleclick"}),
        ("a{0}bcdef", {"bcdef"}),
        ("banners?", {"banner"}),
        ("abcd.*uvwxyz", {"uvwxyz"}),
        (r"ab\.cd\.", {"ab.cd."}),
    ],
)
def test_the_words_that_every_match_holds_one_of(expression, words):
    assert telling_literals(expression) == words


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "()",
        "foo|barbaz",
        r"^[0-9a-f]{8}\.com$",
        "(abcd)?",
        "(abcd)*",
        "abc",
        "(?U)abcd",
        "[abcd]{9}",
        r"\x61bc",
        r"\w+\d",
    ],
)
def test_an_expression_may_have_none(expression):
    assert telling_literals(expression) is None


def test_alternatives_without_end_are_not_told_apart():
    assert telling_literals("|".join(f"word{at:04}" for at in range(MOST + 1))) is None
    words = telling_literals("(a|b)(c|d)(e|f)(g|h)(i|j)klmn")
    assert words is not None
    assert len(words) <= MOST


pieces = st.recursive(
    st.sampled_from(["ads", "track", ".", r"\.", "[ab]", "[^a]", "^", "$", r"\b", "x", "-", r"\d", "[a-z]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{0,1}", "{1,}", "{1}"])).map(
            lambda two: f"({two[0]}){two[1]}"
        ),
    ),
    max_leaves=10,
)
texts = st.lists(st.sampled_from(["ads", "track", "ing", "a", "b", "x", "-", ".", "7"]), max_size=12).map("".join)


@settings(max_examples=1000, deadline=None)
@given(pieces, texts)
def test_whatever_an_expression_is_found_in_holds_one_of_its_words(expression, text):
    words = telling_literals(expression)
    if words is not None and re.search(expression, text):
        assert any(word in text for word in words)
