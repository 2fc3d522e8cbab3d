from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists.rule import Action, Scope
from mirage_hole.policy.explain import explain
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.verdict import OWN_LIST, rule_text
from mirage_hole.wire.names import from_text, labels_of
from tests.policy.rules import a_policy, decide, pattern


def applies(rule: str, name: str) -> bool:
    return decide(a_policy([rule]), name) is not None


@pytest.mark.parametrize(
    ("rule", "names", "others"),
    [
        (
            "@@||aax-*.amazon.*^",
            ["aax-eu.amazon.de", "aax-.amazon.co.uk", "x.aax-eu.amazon.com", "aax-a.b.amazon.com"],
            ["aax-eu.amazon", "baax-eu.amazon.de", "aax-eu-amazon.de", "amazon.de"],
        ),
        (
            "||ad*.example.com^",
            ["ad.example.com", "ad9.example.com", "a.ads.x.example.com"],
            ["bad9.example.com", "example.com"],
        ),
        ("||*.example.com^", ["a.example.com", "b.a.example.com"], ["example.com", "aexample.com"]),
        ("||*ads*^", ["ads", "ads.com", "bad-ads.com", "a.ads.b"], ["a.d.s", "ad.sx"]),
        ("||track*er*ing.com^", ["trackering.com", "trackXer.ing.com", "x.trackererering.com"], ["tracking.com"]),
        ("|ad*.com^", ["ad.com", "ads.x.com"], ["x.ad.com", "ad.com.net"]),
        ("||abc*abc^", ["abcabc", "abc.abc", "x.abc.abc"], ["abc", "xabcabc"]),
    ],
)
def test_an_asterisk_stands_for_any_characters(rule, names, others):
    assert [name for name in names if not applies(rule, name.lower())] == []
    assert [name for name in others if applies(rule, name)] == []


def test_the_name_of_a_match_is_what_the_pattern_stands_for():
    index = a_policy(["x.org", "||ads-*.example.com^"])
    match = decide(index, "a.b.ads-7.example.com")
    assert match is not None
    assert (match.name, match.scope, match.line) == (from_text("ads-7.example.com"), Scope.SUBTREE, 2)
    assert rule_text(match) == "||ads-*.example.com^"


def test_patterns_obey_the_same_order_as_other_rules():
    allowed = decide(a_policy(["||deep.ads.example^"], ["@@||ads*.example^"]), "deep.ads.example")
    assert allowed is not None
    assert allowed.action is Action.ALLOW
    deepest = decide(a_policy(["||ads*.example^"], ["||deep.ads.example^"]), "deep.ads.example")
    assert deepest is not None
    assert deepest.list_id == 1
    earlier = decide(a_policy(["||ads*.example^"], ["||ads.example^"]), "x.ads.example")
    assert earlier is not None
    assert earlier.list_id == 0
    plain = decide(a_policy(["||ads*.example^", "||ads.example^"]), "x.ads.example")
    assert plain is not None
    assert plain.rich is None
    assert decide(a_policy(["||ads*.example^"], ["a.example"]), "ads.example", lists=0b10) is None


def test_a_dot_inside_a_label_is_no_boundary():
    index = a_policy(["||ads*.example^"])
    for labels in ([b"x.ads", b"example"], [b"ads.example"]):
        name = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
        assert index.decide(name, labels_of(name)) is None
    name = b"\x07ads.x\xffy\x07example\0"
    assert index.decide(name, labels_of(name)) is not None


def test_a_label_as_long_as_a_dot_is_a_number_is_a_label_like_any_other():
    assert ord(".") == 46
    name = "a" * 43 + "ads" + ".example"
    assert applies("||*ads.example^", name)
    assert not applies("||ads*.example^", name)


def test_explain_tells_of_patterns():
    index = a_policy(["||ads*.example^"], ["@@||ads1.example^"])
    lines = explain(index, from_text("x.ads1.example")).told()
    assert lines[0].startswith("> @@||ads1.example^")
    assert lines[1].startswith("  ||ads*.example^  in list 0 (0.txt) line 1: @@||ads1.example^ goes before it")


texts = st.text("ab.*-", min_size=1, max_size=9).filter(lambda text: "*" in text)
names = st.lists(st.text("ab-", min_size=1, max_size=4), min_size=1, max_size=4).map(".".join)


def model(text: str, scope: Scope, name: str) -> str | None:
    """The longest end of the name, from a label on, that the pattern matches; by regular expression."""
    expression = re.compile(re.escape(text).replace(r"\*", ".*"), re.DOTALL)
    labels = name.split(".")
    ends = [".".join(labels[at:]) for at in range(len(labels) if scope is Scope.SUBTREE else 1)]
    return next((end for end in ends if expression.fullmatch(end)), None)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(texts, st.sampled_from((Scope.EXACT, Scope.SUBTREE))), min_size=1, max_size=6), names)
def test_patterns_match_what_a_regular_expression_would(patterns, name):
    wire = from_text(name)
    rules = [
        (OWN_LIST, pattern(f"{'||' if scope is Scope.SUBTREE else '|'}{text}^", line))
        for line, (text, scope) in enumerate(patterns, 1)
    ]
    found = {match.line: match.name for match in RichRules(rules).matches(wire, labels_of(wire))}
    expected = {}
    for line, (text, scope) in enumerate(patterns, 1):
        end = model(text, scope, name)
        if end is not None:
            expected[line] = from_text(end)
    assert found == expected


def test_a_generation_without_patterns_does_not_load_the_automaton():
    code = (
        "import sys, mirage_hole.runtime.generation, mirage_hole.policy.policy as i; i.empty_policy();"
        "print([name for name in sys.modules if name in {'ahocorasick', 're2', 'mirage_hole.policy.searches'}])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout.strip() == "[]"
