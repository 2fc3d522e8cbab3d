from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists.rule import EVERY_REWRITE, Action, Rewrite
from mirage_hole.policy.clients import Clients
from mirage_hole.policy.explain import explain
from mirage_hole.policy.policy import empty_policy
from mirage_hole.wire.names import from_text, labels_of
from tests.policy.rules import a_policy, policy_of, rich

A, AAAA, HTTPS = 1, 28, 65


def told(index, name, **keywords):
    explanation = explain(index, from_text(name), **keywords)
    return explanation.outcome, [(rule.text, rule.match.list_id, rule.decides, rule.why) for rule in explanation.rules]


def others(policy, name, **keywords):
    return [(rule.text, rule.why) for rule in explain(policy, from_text(name), **keywords).others]


def test_a_name_without_rules_is_the_upstreams():
    explanation = explain(empty_policy(), from_text("a.example"))
    assert explanation.outcome == "no rule"
    assert explanation.told() == []
    assert explanation.deciding is None


def test_the_only_rule_decides():
    assert told(a_policy(["||ads.example^"]), "x.ads.example") == (
        "blocked",
        [("||ads.example^", 0, True, "the only rule that applies")],
    )


def test_every_rule_of_every_list_is_told_with_what_beats_it():
    index = a_policy(["||ads.example^", "x.ads.example"], ["@@||example^"], ["x.ads.example"])
    beaten = "@@||example^ goes before it: @@… of a blocklist before any other rule of a blocklist"
    assert told(index, "x.ads.example") == (
        "allowed",
        [
            ("@@||example^", 1, True, "@@… of a blocklist; that goes before any other rule of a blocklist"),
            ("x.ads.example", 0, False, beaten),
            ("x.ads.example", 2, False, beaten),
            ("||ads.example^", 0, False, beaten),
        ],
    )


def test_the_deepest_name_and_the_earlier_list_are_given_as_reasons():
    index = a_policy(["||ads.example^"], ["x.ads.example"], ["x.ads.example", "||x.ads.example^"])
    assert told(index, "x.ads.example") == (
        "blocked",
        [
            ("x.ads.example", 1, True, "the earlier list decides"),
            ("x.ads.example", 2, False, "an earlier list says it already"),
            ("||x.ads.example^", 2, False, "an earlier list says it already"),
            ("||ads.example^", 0, False, "x.ads.example is about a deeper name"),
        ],
    )
    deeper = a_policy(["||ads.example^"], ["x.ads.example"])
    assert told(deeper, "x.ads.example")[1][0] == ("x.ads.example", 1, True, "the deepest name decides")
    lines = a_policy(["ads.example", "||ads.example^"])
    assert told(lines, "ads.example")[1] == [
        ("ads.example", 0, True, "the earlier line decides"),
        ("||ads.example^", 0, False, "an earlier line says it already"),
    ]


def test_lists_that_are_not_asked_are_told_of_and_do_not_decide():
    index = a_policy(["@@ads.example"], ["ads.example"])
    assert told(index, "ads.example", lists=0b10) == (
        "blocked",
        [("ads.example", 1, True, "the only rule that applies")],
    )
    assert others(index, "ads.example", lists=0b10) == [("@@|ads.example^", "this list is not asked here")]
    assert told(index, "ads.example", lists=0)[0] == "no rule"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (rich("||ads.example^", types=(AAAA,)), "only for queries of type AAAA"),
        (
            rich("||ads.example^", types=(2, 5, 6, 12, 15, 16, 28)),
            "only for queries of type NS, CNAME, SOA, PTR, MX and 2 more",
        ),
        (rich("||ads.example^", types=(AAAA, HTTPS)), "only for queries of type AAAA and HTTPS"),
        (rich("||ads.example^", other_types=(A,)), "not for queries of type A"),
        (rich("||ads.example^", clients=("10.0.0.0/8", "Desk")), "only for 10.0.0.0/8 and Desk"),
        (rich("||ads.example^", other_clients=("Kid",)), "not for Kid"),
        (rich("||ads.example^", tags=("adult", "guest")), "only for clients with the tag adult or guest"),
        (rich("||ads.example^", other_tags=("child",)), "not for clients with the tag child"),
        (rich("||example^", denyallow=("ads.example",)), "$denyallow spares ads.example, and what is below"),
    ],
)
def test_a_rule_that_would_apply_but_for_a_condition_is_told_with_the_condition(rule, why):
    policy = policy_of([rule]).with_clients(Clients([("Kid", ["192.168.1.0/24"], ["child"])]))
    explanation = explain(policy, from_text("x.ads.example"), A, bytes((192, 168, 1, 7)))
    assert explanation.outcome == "no rule"
    assert [(one.text, one.why, one.decides) for one in explanation.others] == [(rule.text, why, False)]


def test_a_rule_that_is_switched_off_names_what_does_it():
    policy = policy_of(["||ads.example^"], [rich("||ads.example^", badfilter=True, line=9)])
    explanation = explain(policy, from_text("ads.example"))
    assert explanation.outcome == "no rule"
    assert others(policy, "ads.example") == [
        ("||ads.example^", "||ads.example^$badfilter in list 1 line 9 switches it off")
    ]
    assert [(one.list.title, one.outcome, one.changes) for one in explanation.without] == [("list 1", "blocked", True)]


def test_a_rewrite_that_is_lifted_names_the_exception():
    rewrite = rich("||nas.example^", rewrite=Rewrite(0, 1, bytes((192, 0, 2, 1))))
    lift = rich("@@||nas.example^", action=Action.ALLOW, rewrite=EVERY_REWRITE)
    policy = policy_of([rewrite], [lift])
    assert told(policy, "nas.example") == ("no rule", [])
    assert others(policy, "nas.example") == [
        (rewrite.text, f"{lift.text} in list 1 lifts it"),
        (lift.text, "it lifts rewrites"),
    ]
    alone = policy_of([], [lift])
    assert others(alone, "nas.example") == [(lift.text, "it lifts rewrites, and there is none that it could lift")]


def test_rewrites_tell_whether_their_answer_is_part_of_the_answer():
    def given(kind, data):
        return rich("||nas.example^", rewrite=Rewrite(0, kind, data))

    records = policy_of([given(1, bytes((192, 0, 2, 1))), given(1, bytes((192, 0, 2, 2)))])
    assert told(records, "nas.example")[0] == "rewritten"
    assert told(records, "nas.example")[1][1][3] == "its answer is part of the answer"
    alias = policy_of([given(1, bytes((192, 0, 2, 1))), given(5, from_text("b.example"))])
    assert [why for *_, why in told(alias, "nas.example")[1]][1] == "a CNAME wins over all, then a code, then records"


def test_for_each_list_with_a_part_in_it_there_is_what_would_be_without_it():
    policy = policy_of(["||ads.example^"], ["@@||ads.example^"], own=[rich("ads.example")])
    explanation = explain(policy, from_text("ads.example"))
    assert [(one.list.title, one.outcome, one.rule, one.title, one.changes) for one in explanation.without] == [
        ("list 0", "blocked", "ads.example", "your own rules", False),
        ("list 1", "blocked", "ads.example", "your own rules", False),
        ("your own rules", "allowed", "@@||ads.example^", "list 1", True),
    ]
    alone = explain(policy_of(["||ads.example^"]), from_text("ads.example"))
    assert [(one.outcome, one.rule, one.changes) for one in alone.without] == [("no rule", "", True)]


def test_two_lists_that_say_the_same_make_each_other_superfluous():
    explanation = explain(policy_of(["ads.example"], ["||ads.example^"]), from_text("ads.example"))
    assert [one.changes for one in explanation.without] == [False, False]


def test_the_lines_name_list_source_line_and_what_would_be_without():
    index = a_policy(["x.example", "||ads.example^"])
    assert explain(index, from_text("ads.example")).told() == [
        "> ||ads.example^  in list 0 (0.txt) line 2: the only rule that applies",
        "  without list 0: no rule applies",
    ]
    conditions = policy_of([rich("||ads.example^", types=(AAAA,), line=4)], ["ads.example"])
    assert explain(conditions, from_text("ads.example"), A).told() == [
        "> ads.example  in list 1 (1.txt) line 1: the only rule that applies",
        "- ||ads.example^$dnstype=AAAA  in list 0 (0.txt) line 4: only for queries of type AAAA",
        "  without list 1: no rule applies",
    ]


def test_a_name_that_a_thousand_rules_are_about_is_told_with_the_first_hundred():
    policy = policy_of([rich("ads.example", line=line) for line in range(1000)])
    assert len(explain(policy, from_text("ads.example")).rules) == 100


rules = st.lists(
    st.sampled_from(["a.b.c", "||a.b.c^", "||b.c^", "b.c", "||c^", "@@||b.c^", "@@a.b.c", "@@||c^", "x.c"]), max_size=5
)


@settings(deadline=None)
@given(st.lists(rules, max_size=4), st.sampled_from(["a.b.c", "b.c", "x.a.b.c", "c", "x.c", "d"]), st.integers(-1, 15))
def test_an_explanation_says_what_the_index_decides(lists, name, mask):
    index = a_policy(*lists)
    wire = from_text(name)
    explanation = explain(index, wire, lists=mask)
    decided = index.decide(wire, labels_of(wire), lists=mask)
    assert [rule.match for rule in explanation.rules if rule.decides] == ([decided] if decided else [])
    assert len(explanation.rules) + len(explanation.others) == len(index.matches(wire, labels_of(wire)))
    assert all(rule.why for rule in (*explanation.rules, *explanation.others))
    for one in explanation.without:
        assert one.changes <= (explanation.outcome != one.outcome)
