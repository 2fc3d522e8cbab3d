from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists.expression import MAX_EXPRESSION, MAX_SIZE, BadExpression, is_too_wide, read_expression


def fits(expression: str, name: str) -> bool:
    return re2.compile(read_expression(expression)).search(name) is not None


@pytest.mark.parametrize(
    ("expression", "name", "yes"),
    [
        ("ads", "my-ads.example", True),
        ("^ads", "my-ads.example", False),
        (r"(^|\.)ads\.example$", "x.ads.example", True),
        (r"(^|\.)ads\.example$", "xads.example", False),
        (r"^ad([sxv]?[0-9]*|system)[_.-]([^.[:space:]]+\.){1,}", "ads4.x.example", True),
        (r"[[:digit:]]{3,}\.example", "a123.example", True),
        (r"[[:^digit:]]\.example", "a1.example", False),
        ("[]a]ds", "ads", True),
        ("x{,2}y$", "xxy", True),
        ("^x{,2}y$", "xxxy", False),
        (r"\x61ds", "ads", True),
        ("(?P<word>ads)(?<other>[0-9])", "ads4", True),
        ("(?i)ADS", "ads", True),
        (r"a\{", "a", False),
        ("^((a*)*)*b", "aaaab", True),
    ],
)
def test_an_expression_is_searched_as_its_engine_would(expression, name, yes):
    assert fits(expression, name) is yes


@pytest.mark.parametrize("expression", ["ADS", "[A-C]ds", "^Ads", r"[[:upper:]]ds"])
def test_case_is_folded(expression):
    assert fits(expression, "ads")
    assert fits(expression, "bds") is (expression in {"[A-C]ds", "[[:upper:]]ds"})


def test_escapes_with_capitals_do_not_make_it_fold():
    assert read_expression(r"\Sads\D") == r"\Sads\D"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "without anything"),
        (r"(a)\1", "back-reference"),
        (r"(a)\9b", "back-reference"),
        (r"(?P<x>a)\k<x>", "back-reference"),
        ("a(?#why)", "a comment"),
        ("a(?=b)", "look-around"),
        ("a(?!b)", "look-around"),
        ("(?<=a)b", "look-around"),
        ("(?<!a)b", "look-around"),
        ("(?>a)b", "atomic"),
        ("(?(1)a|b)", "condition"),
        ("a++b", "possessive"),
        ("a*+b", "possessive"),
        ("ads{~1}", "approximate"),
        ("ads{+1-1#2}", "approximate"),
        ("(ads){2i + 3d < 4}", "approximate"),
        ("ads{", "braces"),
        ("[[.a.]]", "collating"),
        ("[[=a=]]", "collating"),
        (r"\<ads\>", r"write \b"),
        ("ads[", "RE2 refuses: missing ]"),
        ("(ads", "RE2 refuses: missing )"),
        ("ads)", "RE2 refuses: unexpected )"),
        ("*.ads.example", "RE2 refuses"),
        ("ads\\", "RE2 refuses"),
        ("bücher", "beyond ASCII"),
        ("/banner/", "slash"),
        (r"^https?:\/\/ads", "about a URL"),
        ("^https://ads", "about a URL"),
        ("a" * (MAX_EXPRESSION + 1), "more than 1024"),
        ("a{999999}", "too large"),
        ("(abcde){900}", "too large"),
        ("((abcdefgh{10}){10}){30}", "too large"),
        ("a{1001}", "RE2 refuses: invalid repetition"),
        (r"\pL+", "Unicode"),
        (r"\P{Greek}", "Unicode"),
        (r"[a\pL]", "Unicode"),
    ],
)
def test_what_re2_lacks_is_refused_with_a_word_for_it(expression, words):
    with pytest.raises(BadExpression) as caught:
        read_expression(expression)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "wide"),
    [
        (".*", True), (".", True), ("^", True), ("$", True), (r"\.", True), ("a*", True), ("ads|", True),
        ("^[a-z0-9._-]+$", True), ("[^x]", True), (r"\S+", True), ("(a?){5}", True),
        ("ads", False), (r"\.com$", False), ("[0-9]", False), ("^.{5}$", False), ("a", False), ("-", False),
    ],
)  # fmt: skip
def test_what_nearly_every_name_fits_is_seen(expression, wide):
    assert is_too_wide(read_expression(expression)) is wide


# Shapes that make backtracking engines take minutes, or others fill memory.
HOSTILE = [
    "(a+)+$", "((a*)*)*b", "(a|a)*b", "(.*)*x", "(.{1,30}){1,30}x", "a?" * 300 + "a" * 300, "(?:" * 200 + "a" + ")*" * 200,
    "|".join("abcdefg"[: number % 7 + 1] for number in range(180)), "[a-z]{1,63}" * 15, r"\pL{500}", "(((a{10}){10}){10})",
    "((((" + "x" * 900 + "){10}){10}){10})", "[" * 1000, "(" * 1000, "\\" * 999, "{" * 1000, "(?" * 500,
]  # fmt: skip


@pytest.mark.parametrize("expression", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_expressions_are_searched_in_linear_time_or_refused(expression):
    try:
        fits(expression, "a" * 253)
    except BadExpression as problem:
        assert len(str(problem)) < 120  # noqa: PT017


signs = st.sampled_from([*"ab.^$*+?()[]{}|\\-,0~#=:<>!P", "(?", "[:digit:]", "{2,3}", "\\1", "\\.", "(?=", "[^"])
near = st.lists(signs, max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(near | st.text(max_size=20))
def test_any_text_is_an_expression_or_says_why(text):
    try:
        expression = read_expression(text)
    except BadExpression as problem:
        assert str(problem)  # noqa: PT017
    else:
        re2.compile(expression)
        is_too_wide(expression)


plain = st.recursive(
    st.sampled_from(["a", "b", "0", r"\.", ".", "[ab]", "[^a]", "[0-9]", "-"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.builds(lambda one, sign: f"({one}){sign}", inner, st.sampled_from(["", "?", "*", "+", "{1,2}", "{2}"])),
        st.builds(lambda one, other: f"({one}|{other})", inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(plain, st.sampled_from(["", "^"]), st.sampled_from(["", "$"]), st.text("ab0.-", max_size=12))
def test_what_both_know_is_found_where_python_finds_it(middle, start, end, name):
    expression = f"{start}{middle}{end}"
    assert fits(expression, name) is (re.search(expression, name) is not None)


def test_the_bounds_are_those_that_are_promised():
    assert read_expression("a" * MAX_EXPRESSION)
    assert read_expression("a{999}" * (MAX_SIZE // 999))
