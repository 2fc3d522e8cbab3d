from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists.rule import Action, Reply, RichRule, Rule, Scope, Target
from mirage_hole.policy import build
from mirage_hole.policy.build import Builder, TooMuch
from mirage_hole.policy.index import ListInfo
from mirage_hole.wire.names import from_text, labels_of

names = st.sampled_from(["com", "a.com", "b.a.com", "c.b.a.com", "xa.com", "net", "a.net"]).map(from_text)
rules = st.builds(
    Rule,
    names,
    st.sampled_from(Action),
    st.sampled_from(Scope),
    st.integers(1, 9),
    st.sampled_from(Reply),
    st.booleans(),
)
lists = st.lists(st.lists(rules, max_size=8), max_size=4)


def built(*some):
    builder = Builder()
    for one in some:
        builder.add_list(one)
    return builder.build()


def meaning(rule):
    return rule.name, rule.action, rule.scope, rule.reply, rule.important


@settings(deadline=None)
@given(lists)
def test_counts_are_those_of_a_naive_computation(some):
    made = built(*some)
    assert made.repeated == [len(one) - len({meaning(rule) for rule in one}) for one in some]
    assert sum(made.uses) == len(made.names) == len({rule.name for one in some for rule in one})
    for list_id, one in enumerate(some):
        having = sum(uses for members, uses in zip(made.members, made.uses, strict=True) if list_id in dict(members))
        assert having == len({rule.name for rule in one})
    assert sorted(made.uses, reverse=True) == made.uses


@settings(deadline=None)
@given(lists)
def test_covered_names_are_those_of_a_naive_computation(some):
    def covered(one, name):
        above = {name[offset:] for offset in labels_of(name)[1:]}
        decided = {
            (rule.action, rule.reply, rule.important)
            for other in some
            for rule in other
            if rule.name in above and rule.scope is not Scope.EXACT
        }
        return {(rule.action, rule.reply, rule.important) for rule in one if rule.name == name} <= decided

    expected = [sum(covered(one, name) for name in {rule.name for rule in one}) for one in some]
    assert built(*some).covered == expected


def test_a_name_that_only_begins_alike_does_not_hide_what_is_below():
    names = ["a.com", "xa.com", "b.a.com", "ba.com", "net", "c.a.com"]
    some = [Rule(from_text(one), Action.BLOCK, Scope.SUBTREE, 1) for one in names]
    assert built(some).covered == [2]


def rich(number, text="||x^$client=1.2.3.4"):
    return RichRule(text, Action.BLOCK, Target.NAME, "x", line=number, clients=("1.2.3.4",))


def test_rich_rules_beyond_the_bound_are_left_out_and_counted(monkeypatch):
    monkeypatch.setattr(build, "MAX_RICH", 3)
    builder = Builder()
    for count in (2, 3):
        builder.add_list([])
        builder.add_rich(rich(number) for number in range(1, count + 1))
    made = builder.build()
    assert [(one[0], one[6]) for one in made.rich] == [(0, 1), (0, 2), (1, 1)]
    assert made.left_out == [0, 2]


def test_rich_rules_of_too_many_octets_are_left_out_and_counted(monkeypatch):
    monkeypatch.setattr(build, "MAX_RICH_OCTETS", 1000)
    builder = Builder()
    builder.add_list([])
    builder.add_rich([rich(1), rich(2, "x" * 2000), rich(3)])
    made = builder.build()
    assert [one[6] for one in made.rich] == [1, 3]
    assert made.left_out == [1]


def test_badfilters_stay_with_the_rich_rules():
    builder = Builder()
    builder.add_list([])
    builder.add_rich([rich(1)._replace(badfilter=True)])
    policy = builder.build().as_policy(1, [ListInfo("t", "s", "block", "adblock", 1, 0)])
    assert policy.badfilters


def test_there_is_a_bound_of_lists(monkeypatch):
    monkeypatch.setattr(build, "MAX_LISTS", 2)
    with pytest.raises(TooMuch, match="more than 2 lists"):
        built([], [], [])


def test_there_is_a_bound_of_rules(monkeypatch):
    monkeypatch.setattr(build, "MAX_RULES", 3)
    one = Rule(from_text("x"), Action.BLOCK, Scope.EXACT, 1)
    built([one] * 3)
    with pytest.raises(TooMuch, match="more than 3 rules"):
        built([one] * 2, [one] * 2)


def test_there_is_a_bound_of_combinations(monkeypatch):
    monkeypatch.setattr(build, "MAX_MEMBERS", 10)
    one = Rule(from_text("x"), Action.BLOCK, Scope.EXACT, 1)
    with pytest.raises(TooMuch, match="too many ways"):
        built(*[[one]] * 5)


@pytest.mark.parametrize("line", [1, 255, 256, 65_535, 65_536, 1 << 24, 0xFFFF_FFFF])
def test_lines_take_as_many_octets_as_the_largest(line):
    made = built(
        [Rule(from_text("a"), Action.BLOCK, Scope.EXACT, 1), Rule(from_text("b"), Action.BLOCK, Scope.EXACT, line)]
    )
    assert made.line_octets == (line.bit_length() + 7) // 8
    index = made.as_index(1, [ListInfo("t", "s", "block", "adblock", 2, 0)])
    assert [index.line_of(0, from_text(name), Scope.EXACT) for name in "ab"] == [1, line]
