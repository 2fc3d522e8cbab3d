from __future__ import annotations

import pytest

from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action, Scope
from mirage_hole.policy.order import Step
from mirage_hole.policy.verdict import Match, plain_rule_in, rule_text, through_text
from mirage_hole.wire.names import from_text


@pytest.mark.parametrize("text", ["||ads-*.example^", "|ads-*.example^", "@@||*.ads.*^", "@@|ads*^"])
def test_a_rule_with_wildcards_is_told_as_it_is_written(text):
    parsed = parse([text.encode()], Action.BLOCK)
    assert list(parsed) == []
    (rule,) = parsed.rich
    bits = (Step.BLOCK, rule.reply, rule.important, rule)
    assert rule_text(Match(0, rule.action, rule.scope, from_text("ads-1.example"), 1, *bits)) == text


@pytest.mark.parametrize(
    ("action", "scope", "important", "text"),
    [
        (Action.BLOCK, Scope.EXACT, False, "ads.example"),
        (Action.BLOCK, Scope.EXACT, True, "|ads.example^$important"),
        (Action.BLOCK, Scope.SUBTREE, False, "||ads.example^"),
        (Action.BLOCK, Scope.SUBTREE, True, "||ads.example^$important"),
        (Action.BLOCK, Scope.BELOW, False, "||*.ads.example^"),
        (Action.BLOCK, Scope.BELOW, True, "||*.ads.example^$important"),
        (Action.ALLOW, Scope.EXACT, False, "@@|ads.example^"),
        (Action.ALLOW, Scope.EXACT, True, "@@|ads.example^$important"),
        (Action.ALLOW, Scope.SUBTREE, False, "@@||ads.example^"),
        (Action.ALLOW, Scope.SUBTREE, True, "@@||ads.example^$important"),
        (Action.ALLOW, Scope.BELOW, False, "@@||*.ads.example^"),
    ],
)
def test_a_rule_is_told_in_words_that_a_list_may_hold(action, scope, important, text):
    match = Match(0, action, scope, from_text("ads.example"), 1, Step.BLOCK, important=important)
    assert rule_text(match) == text
    assert plain_rule_in(through_text(match, from_text("www.ads.example"))) == match.name
    (rule,) = parse([text.encode()], Action.BLOCK)
    assert (rule.action, rule.scope, rule.important, rule.name) == (action, scope, important, from_text("ads.example"))


@pytest.mark.parametrize("text", ["||ads.example^", "/^ads$/", "", "||ads..example^ (via www.ads.example)"])
def test_no_plain_rule_is_found_where_no_alias_led_to_one(text):
    assert plain_rule_in(text) is None
