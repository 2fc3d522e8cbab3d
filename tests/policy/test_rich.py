from __future__ import annotations

import pytest

from mirage_hole.lists.rule import Action, RichRule, Rule, Scope, Target
from mirage_hole.policy.clients import Clients
from mirage_hole.policy.index import BadIndex, ListInfo
from mirage_hole.policy.policy import empty_policy
from mirage_hole.policy.rich import RichRules, read_stored
from mirage_hole.wire.names import from_text, labels_of
from tests.policy.rules import OWN, decide, matches, policy_of, rich

INFO = ListInfo("a", "a", "block", "adblock", 1, 0)


@pytest.mark.parametrize(
    "rule",
    [
        RichRule("", Action.BLOCK, Target.NAME, "a..b"),
        RichRule("", Action.BLOCK, Target.ADDRESS, "phone"),
        RichRule("", Action.BLOCK, Target.NAME, "a.b", denyallow=("x..y",)),
    ],
)
def test_a_rule_that_no_parser_lets_through_is_a_damaged_file(rule):
    with pytest.raises(BadIndex, match="damaged"):
        RichRules([(0, rule)], [INFO])
    with pytest.raises(BadIndex, match="list 3"):
        RichRules([(3, rich("a.b"))], [INFO])


@pytest.mark.parametrize("stored", [[[]], [[0, "x"]], [["x", "", 0, 0, ""]], [[0, "", 9, 0, "a"]], [7]])
def test_damaged_rules_on_disk_are_refused(stored):
    with pytest.raises(BadIndex, match="rich rule 0 is damaged"):
        read_stored(stored)


@pytest.mark.parametrize(
    ("scope", "hits"), [(Scope.EXACT, "Y--"), (Scope.SUBTREE, "YY-"), (Scope.BELOW, "-Y-")], ids=lambda one: str(one)
)
def test_the_scope_of_a_name_is_kept(scope, hits):
    policy = policy_of(own=[rich("b.c", scope=scope)])
    assert "".join("Y" if decide(policy, name) else "-" for name in ("b.c", "a.b.c", "c")) == hits


def test_own_rules_and_clients_stay_when_the_other_changes():
    house = Clients([("Kid", ["10.0.0.0/8"], [])])
    own = RichRules([(OWN, rich("a.b", clients=("Kid",)))])
    for policy in (empty_policy().with_own(own).with_clients(house), empty_policy().with_clients(house).with_own(own)):
        assert (policy.own, policy.clients) == (own, house)
        assert decide(policy, "a.b", client=bytes((10, 0, 0, 1))) is not None
        assert decide(policy, "a.b", client=bytes((11, 0, 0, 1))) is None


def test_whether_answers_and_clients_matter_is_known():
    address = RichRule("", Action.BLOCK, Target.ADDRESS, "10.0.0.0/8")
    plain = policy_of([Rule(from_text("a.b"), Action.BLOCK, Scope.EXACT, 1)])
    assert (plain.judges_answers, plain.judges_clients) == (False, False)
    assert policy_of([address]).judges_answers
    assert policy_of(own=[address]).judges_answers
    assert policy_of([rich("a.b", tags=("x",))]).judges_clients
    assert policy_of(own=[rich("a.b", other_clients=("x",))]).judges_clients
    assert not policy_of([rich("a.b", types=(1,))]).judges_clients


def test_a_masked_list_has_neither_rules_nor_badfilters_nor_exceptions():
    policy = policy_of(["a.b"], [rich("a.b", badfilter=True)], [rich("a.b", types=(1,))])
    assert decide(policy, "a.b", qtype=28) is None
    assert decide(policy, "a.b", qtype=28, lists=0b101) is not None
    assert decide(policy, "a.b", qtype=1, lists=0b011) is None
    assert [match.list_id for match in matches(policy, "a.b", qtype=1, lists=0b100)] == [2]


def test_rules_without_patterns_leave_the_automaton_alone():
    rules = RichRules([(OWN, rich("a.b", types=(1,)))])
    assert rules.refused_rules() == []
    wire = from_text("a.b")
    assert rules.matches(wire, labels_of(wire), 1)[0].name == wire
