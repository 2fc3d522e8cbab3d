from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.policy.explain import blocked_answer, explain
from mirage_hole.policy.policy import empty_policy
from mirage_hole.wire.names import from_text, labels_of
from tests.policy.rules import a_policy


def told(index, name, **keywords):
    explanation = explain(index, from_text(name), **keywords)
    return explanation.outcome, [(rule.text, rule.match.list_id, rule.decides, rule.why) for rule in explanation.rules]


def test_a_name_without_rules_is_the_upstreams():
    explanation = explain(empty_policy(), from_text("a.example"))
    assert explanation.outcome == "no rule"
    assert explanation.lines() == ["a.example: no rule applies", "answer: what the upstream says"]


def test_the_only_rule_decides():
    assert told(a_policy(["||ads.example^"]), "x.ads.example") == (
        "blocked",
        [("||ads.example^", 0, True, "the only rule that applies")],
    )


def test_every_rule_of_every_list_is_told_with_what_beats_it():
    index = a_policy(["||ads.example^", "x.ads.example"], ["@@||example^"], ["x.ads.example"])
    assert told(index, "x.ads.example") == (
        "allowed",
        [
            ("@@||example^", 1, True, "allow beats block"),
            ("x.ads.example", 0, False, "@@||example^ allows, and allow beats block"),
            ("x.ads.example", 2, False, "@@||example^ allows, and allow beats block"),
            ("||ads.example^", 0, False, "@@||example^ allows, and allow beats block"),
        ],
    )


def test_the_deepest_name_and_the_earlier_list_are_given_as_reasons():
    index = a_policy(["||ads.example^"], ["x.ads.example"], ["x.ads.example", "||x.ads.example^"])
    assert told(index, "x.ads.example") == (
        "blocked",
        [
            ("x.ads.example", 1, True, "the deepest name decides"),
            ("x.ads.example", 2, False, "an earlier list says it already"),
            ("||x.ads.example^", 2, False, "an earlier list says it already"),
            ("||ads.example^", 0, False, "x.ads.example is about a deeper name"),
        ],
    )
    same = a_policy(["ads.example"], ["ads.example"])
    assert told(same, "ads.example")[1][0] == ("ads.example", 0, True, "the earlier list decides")
    lines = a_policy(["ads.example", "||ads.example^"])
    assert told(lines, "ads.example")[1] == [
        ("ads.example", 0, True, "the earlier line decides"),
        ("||ads.example^", 0, False, "an earlier line says it already"),
    ]


def test_lists_that_are_not_asked_are_told_of_and_do_not_decide():
    index = a_policy(["@@ads.example"], ["ads.example"])
    assert told(index, "ads.example", lists=0b10) == (
        "blocked",
        [
            ("ads.example", 1, True, "the only rule that applies"),
            ("@@|ads.example^", 0, False, "this list is not asked here"),
        ],
    )
    assert told(index, "ads.example", lists=0)[0] == "no rule"


def test_the_lines_name_list_source_line_and_answer():
    index = a_policy(["x.example", "||ads.example^"])
    lines = explain(index, from_text("ads.example")).lines(blocked_answer("null", 10))
    assert lines == [
        "ads.example: blocked",
        "> ||ads.example^  in list 0 (0.txt) line 2: the only rule that applies",
        "answer: A 0.0.0.0, AAAA ::, NODATA for any other type, TTL 10 s",
    ]
    allowed = explain(a_policy(["@@ads.example"]), from_text("ads.example")).lines()
    assert allowed[-1] == "answer: what the upstream says"


@pytest.mark.parametrize(
    ("mode", "ipv4", "text"),
    [
        ("null", "", "A 0.0.0.0, AAAA ::, NODATA for any other type, TTL 10 s"),
        ("ip", "192.0.2.1", "A 192.0.2.1, NODATA for any other type, TTL 10 s"),
        ("ip", "", "NODATA for every type, TTL 10 s"),
        ("nxdomain", "", "NXDOMAIN for every type, TTL 10 s"),
        ("nodata", "", "NODATA for every type, TTL 10 s"),
        ("refused", "", "REFUSED"),
    ],
)
def test_the_answer_to_a_blocked_name_is_told_in_words(mode, ipv4, text):
    assert blocked_answer(mode, 10, ipv4) == text


rules = st.lists(
    st.sampled_from(["a.b.c", "||a.b.c^", "||b.c^", "b.c", "||c^", "@@||b.c^", "@@a.b.c", "@@||c^", "x.c"]), max_size=5
)


@given(st.lists(rules, max_size=4), st.sampled_from(["a.b.c", "b.c", "x.a.b.c", "c", "x.c", "d"]), st.integers(-1, 15))
def test_an_explanation_says_what_the_index_decides(lists, name, mask):
    index = a_policy(*lists)
    wire = from_text(name)
    explanation = explain(index, wire, mask)
    decided = index.decide(wire, labels_of(wire), lists=mask)
    assert [rule.match for rule in explanation.rules if rule.decides] == ([decided] if decided else [])
    assert len(explanation.rules) == len(index.matches(wire, labels_of(wire)))
    assert all(rule.why for rule in explanation.rules)
