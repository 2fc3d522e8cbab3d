from __future__ import annotations

import pytest

from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action, Scope
from mirage_hole.policy.verdict import Match, rule_text
from mirage_hole.wire.names import from_text


@pytest.mark.parametrize("text", ["||ads-*.example^", "|ads-*.example^", "@@||*.ads.*^", "@@|ads*^"])
def test_a_rule_with_wildcards_is_told_as_it_is_written(text):
    parsed = parse([text.encode()], Action.BLOCK)
    assert list(parsed) == []
    (rule,) = parsed.patterns
    assert rule_text(Match(0, rule.action, rule.scope, from_text("ads-1.example"), 1, rule.pattern)) == text


@pytest.mark.parametrize(
    ("action", "scope", "text"),
    [
        (Action.BLOCK, Scope.EXACT, "ads.example"),
        (Action.BLOCK, Scope.SUBTREE, "||ads.example^"),
        (Action.ALLOW, Scope.EXACT, "@@|ads.example^"),
        (Action.ALLOW, Scope.SUBTREE, "@@||ads.example^"),
    ],
)
def test_a_rule_is_told_in_words_that_a_list_may_hold(action, scope, text):
    assert rule_text(Match(0, action, scope, from_text("ads.example"), 1)) == text
    (rule,) = parse([text.encode()], Action.BLOCK)
    assert (rule.action, rule.scope, rule.name) == (action, scope, from_text("ads.example"))
