"""The engines against a model that knows no engines: a list of rules, tried one after another."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists.rule import EVERY_REWRITE, Action, Reply, Rewrite, RichRule, Rule, Scope, Target
from mirage_hole.policy.explain import explain
from mirage_hole.policy.order import Step, step_of
from mirage_hole.policy.policy import Policy
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.wire.names import from_text, labels_of
from tests.policy.rules import policy_of
from tests.policy.written import DESK, HOUSE, KID

LISTS = 3  # 0 and 1 block, 2 allows
NAMES = ["a.b.c", "b.c", "c", "ab.c", "a.ab.c", "b.a.c", "x-a.b.c", "d", "bb.b.c"]
PATTERNS = [
    "||a*b.c^",
    "||b.c^",
    "b.c^",
    ".b.c^",
    "|a",
    "|a.b.c|",
    "a*c",
    "a",
    "||a",
    "^a.b^|",
    "||*.c^",
    "*",
    "b*b",
    "||x-*^",
]
REGEXES = ["^a", "b\\.c$", "a.*b", "^[ab]+\\.", "(^|\\.)ab?\\.", "c|d", "b{2}", "x-a\\.b"]
TYPES = [1, 28, 65]
CLIENTS = {KID: ("kid", "user_child"), DESK: ("desk", "user_admin"), b"": ("", "")}
REWRITES = [Rewrite(0, 1, bytes(4)), Rewrite(0, 28, bytes(16)), Rewrite(0, 5, b"\1d\0"), Rewrite(3), Rewrite(0)]


def tuples(values, most=2):
    return st.one_of(st.just(()), st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple))


conditions = st.fixed_dictionaries(
    {},
    optional={
        "types": tuples(TYPES),
        "other_types": tuples(TYPES),
        "clients": tuples(["Kid", "192.168.1.0/24", "192.168.1.9"]),
        "other_clients": tuples(["Desk", "192.168.1.20"]),
        "tags": tuples(["user_child", "user_admin"]),
        "other_tags": tuples(["user_child"]),
        "denyallow": tuples(["a.b.c", "b.c"]),
    },
)


@st.composite
def rich_rules(draw):
    target = draw(st.sampled_from([Target.NAME, Target.PATTERN, Target.REGEX]))
    subject = draw(st.sampled_from({Target.NAME: NAMES, Target.PATTERN: PATTERNS, Target.REGEX: REGEXES}[target]))
    action = draw(st.sampled_from(Action))
    rewrite = draw(st.sampled_from([None] * 6 + REWRITES))
    if action is Action.ALLOW and rewrite is not None:
        rewrite = draw(st.sampled_from([EVERY_REWRITE, *REWRITES]))
    local = action is Action.BLOCK and rewrite is not None and draw(st.booleans())
    return RichRule(
        "text",
        action,
        target,
        subject,
        draw(st.sampled_from(Scope)) if target is Target.NAME else Scope.EXACT,
        important=draw(st.booleans()),
        invert=target is Target.REGEX and draw(st.integers(0, 4)) == 0,
        reply=Reply.NODATA if local else Reply.MODE,
        rewrite=rewrite,
        badfilter=draw(st.integers(0, 5)) == 0,
        **(draw(conditions) if draw(st.booleans()) else {}),
    )


plain_rules = st.builds(
    Rule,
    st.sampled_from(NAMES).map(from_text),
    st.sampled_from(Action),
    st.sampled_from(Scope),
    st.just(1),
    st.sampled_from([Reply.MODE, Reply.NXDOMAIN]),
    st.booleans(),
)
lists = st.lists(st.one_of(plain_rules, rich_rules()), max_size=5)


def allowing(rule):
    """As the parsers read a rule in an allowlist."""
    rule = rule._replace(action=Action.ALLOW, reply=Reply.MODE)
    return rule._replace(rewrite=None) if isinstance(rule, RichRule) else rule


def stands_for(rule, name):
    """The part of the name that the rule's subject stands for; None when it does not fit."""
    if rule.target is Target.NAME:
        below = name.endswith(f".{rule.subject}")
        fits = (name == rule.subject and rule.scope is not Scope.BELOW) or (below and rule.scope is not Scope.EXACT)
        return rule.subject if fits else None
    if rule.target is Target.REGEX:
        return name if (re.search(rule.subject, name) is None) is rule.invert else None
    text, starts = rule.subject, lambda at: True
    if text.startswith("||"):
        text, starts = text[2:], lambda at: at == 0 or name[at - 1] == "."
    elif text[0] in "|^":
        text, starts = text[1:], lambda at: at == 0
    end = next((one for one in ("^|", "^", "|") if text.endswith(one)), "")
    body = re.escape(text.removesuffix(end)).replace(r"\*", ".*")
    expression = re.compile(f"(?s){body}{'$' if end else ''}")
    begins = next((at for at in range(len(name) + 1) if starts(at) and expression.match(name, at)), None)
    if begins is None or not end:
        return begins if begins is None else name
    # A dot in front belongs to what is below: the name behind it is what it stands for.
    return name[begins + 1 :] if name[begins : begins + 1] == "." else name[name.rfind(".", 0, begins) + 1 :]


def holds(rule, name, qtype, client):
    who, tag = CLIENTS[client]

    def meant(texts):
        return any(
            one.lower() == who if one.isalpha() else client != b"" and ip_address(client) in ip_network(one)
            for one in texts
        )

    return (
        qtype not in rule.other_types
        and (not rule.types or qtype in rule.types)
        and not meant(rule.other_clients)
        and (not rule.clients or meant(rule.clients))
        and tag not in rule.other_tags
        and (not rule.tags or tag in rule.tags)
        and not any(name == one or name.endswith(f".{one}") for one in rule.denyallow)
    )


def as_rich(rule):
    if isinstance(rule, RichRule):
        return rule
    from mirage_hole.wire.names import to_text

    name, action, scope, line, reply, important = rule
    return RichRule("", action, Target.NAME, to_text(name), scope, line, important, reply=reply)


def alike(rule):
    plain = rule._replace(text="", line=0, badfilter=False)
    return tuple(frozenset(one) if isinstance(one, tuple) and not isinstance(one, Rewrite) else one for one in plain)


def model(rules, name, qtype, client, mask):
    """(step, what the deciding rule stands for, its list, its answers) and the number of rules that apply; by brute force."""
    asked = [(at, one) for at, one in rules if at == OWN_LIST or mask >> at & 1]
    off = [(at == 2, alike(one)) for at, one in asked if one.badfilter]
    found = []
    for number, (at, one) in enumerate(asked):
        part = stands_for(one, name)
        if one.badfilter or part is None or not holds(one, name, qtype, client) or (at == 2, alike(one)) in off:
            continue
        rewrites = one.rewrite is not None and one.reply is Reply.MODE
        step = step_of(
            one.action, important=one.important, rewrites=rewrites, own=at == OWN_LIST, allowlist=at == 2,
            target=one.target, scope=one.scope,
        )  # fmt: skip
        found.append((step, -len(part), at, number, part, one))
    steps = (Step.REWRITE, Step.OWN_REWRITE)
    lifting = [one for one in found if one[0] in steps and one[5].action is Action.ALLOW]
    standing = [one for one in found if one not in lifting and not (one[0] in steps and any(map(lifts(one), lifting)))]
    if not standing:
        return None
    first = min(standing, key=lambda one: one[:3])
    return first[0], first[5].action


def lifts(rewrite):
    def by(exception):
        if rewrite[5].important and not exception[5].important:
            return False
        if rewrite[2] == OWN_LIST and exception[2] != OWN_LIST:
            return False
        return exception[5].rewrite in (EVERY_REWRITE, rewrite[5].rewrite)

    return by


@settings(max_examples=300, deadline=None)
@given(
    st.lists(lists, min_size=LISTS, max_size=LISTS),
    st.lists(rich_rules(), max_size=4),
    st.sampled_from(NAMES),
    st.sampled_from([0, *TYPES]),
    st.sampled_from(list(CLIENTS)),
    st.sampled_from([-1, -1, 0, 1, 3, 5]),
)
def test_the_engines_decide_as_a_model_does_that_tries_every_rule(listed, own, name, qtype, client, mask):
    listed[2] = [allowing(one) for one in listed[2]]
    policy: Policy = policy_of(*listed, own=own, kinds="bba").with_clients(HOUSE)
    wire = from_text(name)
    labels = labels_of(wire)
    rules = [(OWN_LIST, one) for one in own] + [(at, as_rich(one)) for at, each in enumerate(listed) for one in each]
    expected = model(rules, name, qtype, client, mask)
    decided = policy.decide(wire, labels, qtype, client, mask)
    assert (decided and (decided.step, decided.action)) == expected
    all_of_them = policy.matches(wire, labels, qtype, client, mask)
    assert next(iter(all_of_them), None) == decided
    explanation = explain(policy, wire, qtype, client, mask)
    assert explanation.deciding == decided
    for one in explanation.without:
        at = OWN_LIST if one.list.kind == "own" else int(one.list.title[-1])
        rest = [(list_id, rule) for list_id, rule in rules if list_id != at]
        without = model(rest, name, qtype, client, mask)
        assert (one.outcome == "no rule") == (without is None)
        assert without is None or (one.outcome == "allowed") == (without[1] is Action.ALLOW)


@settings(max_examples=200, deadline=None)
@given(st.lists(rich_rules(), min_size=1, max_size=6), st.sampled_from(NAMES))
def test_each_match_stands_for_the_part_that_the_model_says(rules, name):
    bare = [
        RichRule("", one.action, one.target, one.subject, one.scope, line, invert=one.invert)
        for line, one in enumerate(rules, 1)
    ]
    policy = policy_of(bare)
    wire = from_text(name)
    found = {match.line: match.name for match in policy.rich.matches(wire, labels_of(wire))}
    expected = {one.line: from_text(part) for one in bare if (part := stands_for(one, name)) is not None}
    assert found == expected
