"""One rule as its owner writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.own import MAX_TEXT, BadRule, read_own
from mirage_hole.lists.rule import Action, Reply, RichRule, Scope, Target
from mirage_hole.wire.codes import RRType

BLOCK, ALLOW = Action.BLOCK, Action.ALLOW


@pytest.mark.parametrize(
    ("text", "action", "target", "subject", "scope"),
    [
        ("ads.example", BLOCK, Target.NAME, "ads.example", Scope.EXACT),
        ("  ADS.example.  ", BLOCK, Target.NAME, "ads.example", Scope.EXACT),
        ("bücher.example", BLOCK, Target.NAME, "xn--bcher-kva.example", Scope.EXACT),
        ("*.ads.example", BLOCK, Target.NAME, "ads.example", Scope.SUBTREE),
        ("||ads.example^", BLOCK, Target.NAME, "ads.example", Scope.SUBTREE),
        ("|ads.example^", BLOCK, Target.NAME, "ads.example", Scope.EXACT),
        ("@@ads.example", ALLOW, Target.NAME, "ads.example", Scope.EXACT),
        ("@@|ads.example^", ALLOW, Target.NAME, "ads.example", Scope.EXACT),
        ("@@||ads.example^", ALLOW, Target.NAME, "ads.example", Scope.SUBTREE),
        ("0.0.0.0 ads.example", BLOCK, Target.NAME, "ads.example", Scope.EXACT),
        ("ads-*.example", BLOCK, Target.PATTERN, "ads-*.example", Scope.EXACT),
        ("/^ads?[0-9]+/", BLOCK, Target.REGEX, "^ads?[0-9]+", Scope.EXACT),
        ("192.0.2.0/24", BLOCK, Target.ADDRESS, "192.0.2.0/24", Scope.EXACT),
    ],
)
def test_each_way_of_writing_a_rule(text, action, target, subject, scope):
    rule = read_own(text)
    assert (rule.action, rule.target, rule.scope) == (action, target, scope)
    assert rule.subject == subject
    assert rule.text == text.strip()


def test_options_of_pihole_stand_behind_an_expression():
    rule = read_own("/^ads/;querytype=A,AAAA;reply=nxdomain")
    assert set(rule.types) == {RRType.A, RRType.AAAA}
    assert rule.reply is Reply.NXDOMAIN
    assert read_own("/^ads/;invert").invert


def test_modifiers_of_adblock_stand_behind_any_of_its_patterns():
    rule = read_own("@@||ads.example^$dnstype=~A,important,client=192.0.2.7")
    assert (rule.important, rule.other_types, rule.clients) == (True, (RRType.A,), ("192.0.2.7",))
    assert read_own("/^ads[0-9]/$important").important


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "write a name"),
        ("   ", "write a name"),
        ("a.example\nb.example", "one rule a line"),
        ("a.example\x1b[2J", "control characters"),
        ("x" * (MAX_TEXT + 1), "at most"),
        ("two words", "write a name"),
        ("/(/", "RE2 refuses"),
        ("||a.example^$popup", r"\$popup"),
        ("https://a.example/page", "write"),
        ("0.0.0.0 a.example b.example", "one rule for each"),
        ("||*^", "too wide"),
        ("# a comment", "is no rule|write"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_to_write(text, told):
    with pytest.raises(BadRule, match=told):
        read_own(text)


@given(st.text(max_size=80))
def test_any_text_is_a_rule_or_a_refusal(text):
    try:
        rule = read_own(text)
    except BadRule:
        return
    assert isinstance(rule, RichRule)
    assert rule.text == text.strip()
