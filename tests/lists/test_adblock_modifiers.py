from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists import adblock
from mirage_hole.lists.line import Found, Problem
from mirage_hole.lists.modifiers import MAX_CLIENT, MAX_VALUES, MODIFIERS, PLAIN, BadModifier, Modifiers, read_modifiers
from mirage_hole.lists.rule import EVERY_REWRITE, Action, Rewrite, RichRule, Scope, Target
from mirage_hole.policy.badfilters import normal_form
from mirage_hole.wire.codes import RRType
from mirage_hole.wire.names import from_text

A, AAAA, TXT, HTTPS = RRType.A, RRType.AAAA, RRType.TXT, RRType.HTTPS

# Each modifier, plain and negated, and what is kept of it.
GOOD = [
    ("important", {"important": True}),
    ("badfilter", {"badfilter": True}),
    ("dnstype=A", {"types": (A,)}),
    ("dnstype=aaaa|A", {"types": (A, AAAA)}),
    ("dnstype=~A", {"other_types": (A,)}),
    ("dnstype=~A|~AAAA|HTTPS", {"types": (HTTPS,), "other_types": (A, AAAA)}),
    ("dnstype=SPF", {"types": (99,)}),
    ("dnstype=ANY|A|A", {"types": (A, RRType.ANY)}),
    ("client=192.0.2.1", {"clients": ("192.0.2.1",)}),
    ("client=~192.0.2.1", {"other_clients": ("192.0.2.1",)}),
    ("client=192.0.2.9/24|2001:DB8:0::1", {"clients": ("192.0.2.0/24", "2001:db8::1")}),
    ("client=2001:db8::/32", {"clients": ("2001:db8::/32",)}),
    ("client=laptop", {"clients": ("laptop",)}),
    ("client='Frank\\'s laptop'", {"clients": ("Frank's laptop",)}),
    ("client=Frank's laptop", {"clients": ("Frank's laptop",)}),
    ("client=\"Mary's\\, John's\\, and Boris's laptops\"", {"clients": ("Mary's, John's, and Boris's laptops",)}),
    ("client=~'Kids'|'a\\|b'", {"clients": ("a|b",), "other_clients": ("Kids",)}),
    ("client='Room # 5'", {"clients": ("Room # 5",)}),
    ("client=\"it costs \\$5\"", {"clients": ("it costs $5",)}),
    ("client=b|a|b", {"clients": ("a", "b")}),
    ("ctag=device_tv", {"tags": ("device_tv",)}),
    ("ctag=~os_ios", {"other_tags": ("os_ios",)}),
    ("ctag=user_child|device_phone|~user_admin", {"tags": ("device_phone", "user_child"), "other_tags": ("user_admin",)}),
    ("denyallow=a.example", {"denyallow": ("a.example",)}),
    ("denyallow=B.example.|com|a_b.example|b\u00fccher.example", {"denyallow": ("a_b.example", "b.example", "com", "xn--bcher-kva.example")}),
    ("dnsrewrite=192.0.2.7", {"rewrite": Rewrite(0, A, b"\xc0\x00\x02\x07")}),
    ("dnsrewrite=NXDOMAIN", {"rewrite": Rewrite(3)}),
    ("important,dnstype=A,client=x,ctag=t,denyallow=com", {"important": True, "types": (A,), "clients": ("x",), "tags": ("t",), "denyallow": ("com",)}),
]  # fmt: skip

BAD = [
    ("important=1", "has no value"),
    ("~important", "can't be negated"),
    ("important,important", "twice"),
    ("badfilter=x", "has no value"),
    ("~badfilter", "can't be negated"),
    ("dnstype", "without a value"),
    ("dnstype=", "without a value"),
    ("dnstype=~", "without a value"),
    ("dnstype=A|", "empty one"),
    ("dnstype=TYPE65", "unknown type"),
    ("dnstype=65", "unknown type"),
    ("dnstype=NONE", "unknown type"),
    ("dnstype=RESERVED", "unknown type"),
    ("dnstype=OPT", "unknown type"),
    ("dnstype=~~A", "unknown type"),
    ("dnstype=A,dnstype=AAAA", "twice"),
    ("~dnstype=A", "can't be negated"),
    ("client", "without a value"),
    ("client=a||b", "empty one"),
    ("client='a", "other half"),
    ("client=''", "other half"),
    ("client=192.0.2.0/33", "prefix"),
    ("client=" + "x" * (MAX_CLIENT + 1), "more than 64"),
    ("client=a\x07b", "printed"),
    ("ctag=", "without a value"),
    ("ctag=Device_TV", "a-z"),
    ("ctag=device-tv", "a-z"),
    ("ctag=\u0661", "a-z"),
    ("denyallow", "without a value"),
    ("denyallow=~a.example", "with ~"),
    ("denyallow=a.example|~b.example", "with ~"),
    ("denyallow=a.example|", "empty one"),
    ("denyallow=a.*", "wildcard"),
    ("denyallow=/a/", "expression"),
    ("denyallow=a b", "can't be in a domain name"),
    ("denyallow=192.0.2.1", "an address"),
    ("dnsrewrite", "without a value"),
    ("~dnsrewrite=NXDOMAIN", "can't be negated"),
    ("dnsrewrite=NXDOMAIN,dnsrewrite=REFUSED", "twice"),
    ("", "empty modifier"),
    ("important,", "empty modifier"),
    (",important", "empty modifier"),
    ("important,,badfilter", "empty modifier"),
    ("no-such-thing", "unknown modifier $no-such-thing"),
    ("important,no-such-thing=5", "unknown modifier $no-such-thing"),
    ("third-party", "$third-party is for browsers"),
    ("~third-party", "$third-party is for browsers"),
    ("domain=a.example", "$domain is for browsers"),
    ("script", "$script is for browsers"),
    ("~script,important", "$script is for browsers"),
    ("popup", "$popup is for browsers"),
    ("document", "$document is for browsers"),
    ("all", "$all is for browsers"),
    ("match-case", "$match-case is for browsers"),
    ("dnstype=" + "|".join(["A"] * (MAX_VALUES + 1)), "more than 256 values"),
    ("x" * 200, "unknown modifier"),
]  # fmt: skip

SUBJECTS = {
    "||x.example^": (Target.NAME, "x.example", Scope.SUBTREE),
    "|x.example^": (Target.NAME, "x.example", Scope.EXACT),
    "x.example": (Target.NAME, "x.example", Scope.EXACT),
    "||*.x.example^": (Target.NAME, "x.example", Scope.BELOW),
    "||ads*.example^": (Target.PATTERN, "||ads*.example^", Scope.EXACT),
    "/ads[0-9]$/": (Target.REGEX, "ads[0-9]$", Scope.EXACT),
    "||192.0.2.1^": (Target.ADDRESS, "192.0.2.1/32", Scope.EXACT),
}


def one(text: str, action: Action = Action.BLOCK) -> Found | RichRule | Problem:
    (finding,) = adblock.read(text, action)
    return finding


@pytest.mark.parametrize(("text", "fields"), GOOD)
def test_each_modifier_is_read(text, fields):
    rule = one(f"||x.example^${text}")
    if fields == {"important": True}:
        assert rule == Found(from_text("x.example"), Action.BLOCK, Scope.SUBTREE, important=True)
    else:
        expected = RichRule(f"||x.example^${text}", Action.BLOCK, Target.NAME, "x.example", Scope.SUBTREE)
        assert rule == expected._replace(**fields)


@pytest.mark.parametrize(("text", "words"), BAD)
def test_a_bad_modifier_drops_the_rule(text, words):
    for line in (f"||x.example^${text}", f"/ads[0-9]$/${text}"):
        problem = one(line)
        assert isinstance(problem, Problem)
        assert words in problem.reason
        assert len(problem.reason) < 160


def test_every_modifier_is_tried_good_and_bad():
    for tried in (GOOD, BAD):
        assert {name for text, _ in tried for name in MODIFIERS if name in text.replace("~", "")} == MODIFIERS


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize(
    "modifier",
    ["important", "badfilter", "dnstype=A", "client=~x", "ctag=t", "denyallow=a.example", "dnsrewrite=REFUSED"],
)
@pytest.mark.parametrize("sign", ["", "@@"])
def test_every_modifier_stands_behind_every_kind_of_pattern(subject, modifier, sign):
    target, text, scope = SUBJECTS[subject]
    action = Action.ALLOW if sign else Action.BLOCK
    rule = one(f"{sign}{subject}${modifier}")
    if target is Target.ADDRESS and modifier.startswith(("denyallow", "dnsrewrite")):
        assert isinstance(rule, Problem)
    elif target is Target.NAME and modifier == "important":
        assert rule == Found(from_text(text), action, scope, important=True)
    else:
        expected = RichRule(f"{sign}{subject}${modifier}", action, target, text, scope)
        assert rule == expected._replace(**read_modifiers(modifier, action)._asdict())


@pytest.mark.parametrize("modifier", [text for text, _ in GOOD if "badfilter" not in text and "denyallow" not in text])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_badfilter_makes_the_same_rule_that_applies_to_nothing(subject, modifier):
    for sign in ("", "@@"):
        rule = one(f"{sign}{subject}${modifier}")
        switch = one(f"{sign}{subject}${modifier},badfilter")
        if isinstance(rule, Problem):
            assert isinstance(switch, Problem)
        elif isinstance(rule, Found):
            assert (rule.name, rule.scope, rule.important) == (
                from_text(switch.subject),
                switch.scope,
                switch.important,
            )
        else:
            assert switch.badfilter
            assert normal_form(switch) == normal_form(rule)


@pytest.mark.parametrize(
    ("text", "switch"),
    [
        ("||x.example^$dnstype=A|AAAA,important", "||x.example^|$badfilter,important,dnstype=aaaa|a"),
        ("||*.x.example^$ctag=t", "*.x.example^$badfilter,ctag=t"),
        ("|x.example^$client=192.0.2.9/24", "x.example$client=192.0.2.0/24,badfilter"),
        ("/ads/$dnsrewrite=NOERROR;A;192.0.2.1", "/ads/$badfilter,dnsrewrite=192.0.2.1"),
    ],
)
def test_badfilter_knows_a_rule_in_another_spelling(text, switch):
    assert normal_form(one(switch)) == normal_form(one(text))


@pytest.mark.parametrize(
    "other",
    [
        "dnstype=A",
        "client=x",
        "ctag=t",
        "denyallow=a.example",
        "dnsrewrite=REFUSED",
        "important",
        "dnstype=~A",
        "client=~x",
    ],
)
def test_badfilter_knows_every_condition(other):
    assert normal_form(one(f"||x.example^${other},badfilter")) != normal_form(one("||x.example^$badfilter"))


def test_in_an_allowlist_every_rule_allows_and_none_rewrites():
    assert one("||x.example^$important", Action.ALLOW).action is Action.ALLOW
    assert one("||x.example^$dnstype=A", Action.ALLOW).action is Action.ALLOW
    assert "allowlist" in one("||x.example^$dnsrewrite=192.0.2.1", Action.ALLOW).reason
    assert "allowlist" in one("@@||x.example^$dnsrewrite", Action.ALLOW).reason


def test_an_exception_may_lift_every_rewrite():
    assert one("@@||x.example^$dnsrewrite").rewrite == EVERY_REWRITE
    assert one("@@||x.example^$dnsrewrite=").rewrite == EVERY_REWRITE


def test_a_dollar_in_an_expression_begins_no_modifiers():
    assert one("/^ads$/").subject == "^ads$"
    assert one("/^ads$|^bad$/$important").subject == "^ads$|^bad$"
    assert one("/ads$/$dnsrewrite=NOERROR;SVCB;1 . dohpath=/q/").subject == "ads$"
    assert one("/ads\\$/$dnstype=A").subject == "ads\\$"


@given(st.text("important,badfilterdnstype=clctgewo~|\\'\"$;*./ A", max_size=60), st.sampled_from(Action))
def test_any_text_is_modifiers_or_refused(text, action):
    try:
        modifiers = read_modifiers(text, action)
    except BadModifier:
        return
    assert isinstance(modifiers, Modifiers)
    assert modifiers != PLAIN
