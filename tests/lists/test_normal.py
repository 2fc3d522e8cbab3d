from __future__ import annotations

import pytest

from mirage_hole.lists.line import Found
from mirage_hole.lists.normal import normal_form, plain_rule
from mirage_hole.lists.rule import Action, Reply, Rewrite, RichRule, Rule, Scope, Target
from mirage_hole.wire.names import from_text

NAME = RichRule("||x.example^", Action.BLOCK, Target.NAME, "x.example", Scope.SUBTREE)
CONDITIONS = {
    "action": Action.ALLOW,
    "scope": Scope.EXACT,
    "subject": "y.example",
    "important": True,
    "invert": True,
    "reply": Reply.NXDOMAIN,
    "types": (1,),
    "other_types": (1,),
    "clients": ("192.0.2.1",),
    "other_clients": ("192.0.2.1",),
    "tags": ("device_tv",),
    "other_tags": ("device_tv",),
    "denyallow": ("a.x.example",),
    "rewrite": Rewrite(3),
}


@pytest.mark.parametrize("field", CONDITIONS)
def test_every_condition_makes_another_rule(field):
    assert normal_form(NAME._replace(**{field: CONDITIONS[field]})) != normal_form(NAME)


@pytest.mark.parametrize("field", CONDITIONS)
def test_badfilter_line_and_spelling_make_no_other_rule(field):
    rule = NAME._replace(**{field: CONDITIONS[field]})
    assert normal_form(rule._replace(badfilter=True, line=7, text="other")) == normal_form(rule)


@pytest.mark.parametrize(
    "field", ["types", "other_types", "clients", "other_clients", "tags", "other_tags", "denyallow"]
)
def test_the_order_of_values_makes_no_other_rule(field):
    values = (1, 28) if "types" in field else ("a", "b")
    assert normal_form(NAME._replace(**{field: values})) == normal_form(
        NAME._replace(**{field: (*values[::-1], values[0])})
    )


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("important", [False, True])
def test_a_plain_rule_is_the_rich_one_that_says_the_same(scope, important):
    rich = NAME._replace(scope=scope, important=important)
    found = Found(from_text("x.example"), Action.BLOCK, scope, Reply.MODE, important)
    stored = Rule(from_text("x.example"), Action.BLOCK, scope, 3, Reply.MODE, important)
    assert normal_form(found) == normal_form(stored) == normal_form(rich)
    assert plain_rule(rich._replace(badfilter=True)) == found


@pytest.mark.parametrize("field", sorted(set(CONDITIONS) - {"action", "scope", "subject", "important", "reply"}))
def test_no_plain_rule_has_conditions(field):
    assert plain_rule(NAME._replace(**{field: CONDITIONS[field]})) is None


@pytest.mark.parametrize("target", [Target.PATTERN, Target.REGEX, Target.ADDRESS])
def test_no_plain_rule_is_about_anything_but_a_name(target):
    assert plain_rule(NAME._replace(target=target, scope=Scope.EXACT)) is None
