"""The order of precedence: every step before the next, Pi-hole's steps, and the table in the docs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from mirage_hole.policy.order import ORDER, Step, table
from tests.policy.written import decided, outcome, policy

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"

# For each step a rule about x.a.example, and where it stands.
EXAMPLES = {
    Step.OWN_IMPORTANT_ALLOW: ("own", "@@||a.example^$important"),
    Step.OWN_IMPORTANT_BLOCK: ("own", "||a.example^$important"),
    Step.OWN_REWRITE: ("own", "||a.example^$dnsrewrite=192.0.2.1"),
    Step.OWN_ALLOW_NAME: ("own", "@@|x.a.example^"),
    Step.OWN_ALLOW: ("own", "@@||a.example^"),
    Step.OWN_BLOCK_NAME: ("own", "x.a.example"),
    Step.ALLOWLIST: ("allow", "||a.example^"),
    Step.REWRITE: ("block", "||a.example^$dnsrewrite=192.0.2.2"),
    Step.IMPORTANT_ALLOW: ("block", "@@||a.example^$important"),
    Step.IMPORTANT_BLOCK: ("block", "||a.example^$important"),
    Step.ALLOW: ("block", "@@||a.example^"),
    Step.BLOCK: ("block", "x.a.example"),
    Step.OWN_BLOCK: ("own", "/^x\\.a\\.example$/"),
}


def of(*steps: Step):
    """A policy with an example of each step; the blocklists stand in the opposite order."""
    texts = {
        place: [text for step in steps for where, text in [EXAMPLES[step]] if where == place]
        for place in ("block", "allow", "own")
    }
    return policy(*reversed(texts["block"]), allow=texts["allow"], own=texts["own"])


def test_every_step_has_a_place_in_the_table_in_order():
    assert [place.step for place in ORDER] == list(Step) == list(EXAMPLES)
    assert all(place.what and place.why for place in ORDER)


@pytest.mark.parametrize("step", Step)
def test_each_example_is_at_its_step(step):
    match = decided(of(step), "x.a.example")
    assert match is not None
    assert match.step is step


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(Step)))
def test_of_two_adjacent_steps_the_earlier_decides(earlier, later):
    match = decided(of(earlier, later), "x.a.example")
    assert match is not None
    assert match.step is earlier


@pytest.mark.parametrize("first", Step)
def test_a_step_goes_before_all_that_come_after_it_together(first):
    match = decided(of(*list(Step)[first:]), "x.a.example")
    assert match is not None
    assert match.step is first


def test_the_docs_print_exactly_this_table():
    assert table() in DOCS.read_text()


PI_HOLE = [  # what stands where, in the order of FTL's check_domain_blocked; who wins
    ("exact allow", {"own": "@@a.example"}, "allow"),
    ("regex allow", {"own": "@@/^a\\.ex/"}, "allow"),
    ("exact deny", {"own": "a.example"}, "block"),
    ("subscribed allow", {"allow": "||a.example^"}, "allow"),
    ("gravity", {"block": "||a.example^"}, "block"),
    ("regex deny", {"own": "/^a\\.exa/"}, "block"),
    ("nothing", {}, ""),
]


def pi_hole(*places):
    return policy(
        *(place["block"] for place in places if "block" in place),
        allow=[place["allow"] for place in places if "allow" in place],
        own=[place["own"] for place in places if "own" in place],
    )


@pytest.mark.parametrize("at", range(len(PI_HOLE)), ids=[what for what, *_ in PI_HOLE])
def test_pi_hole_s_steps_each_beats_all_that_follow(at):
    rules = pi_hole(*(place for _, place, _ in PI_HOLE[at:]))
    assert outcome(rules, "a.example") == PI_HOLE[at][2]
    for _, place, _ in PI_HOLE[at + 1 :]:
        assert outcome(pi_hole(PI_HOLE[at][1], place), "a.example") == PI_HOLE[at][2]


def test_pi_hole_s_first_trap_a_regex_allow_beats_an_exact_deny():
    assert outcome(policy("||z.example^", own=["a.example", "@@/^a/"]), "a.example") == "allow"


def test_pi_hole_s_second_trap_a_subscribed_allow_beats_a_regex_deny_and_not_an_exact_one():
    assert outcome(policy("||z.example^", allow=["a.example"], own=["/^a\\.ex/"]), "a.example") == "allow"
    assert outcome(policy("||z.example^", allow=["a.example"], own=["a.example"]), "a.example") == "block"


def test_a_regex_deny_with_a_reply_of_its_own_is_last_too():
    assert outcome(policy("||z.example^", own=["@@a.example", "/^a\\.ex/;reply=192.0.2.1"]), "a.example") == "allow"
    assert outcome(policy("||z.example^", own=["/^a\\.ex/;reply=192.0.2.1"]), "a.example") == "rewrite"


def test_pi_hole_s_options_of_expressions():
    rules = policy("||z.example^", own=["/^a\\.ex/;querytype=AAAA"])
    assert [outcome(rules, "a.example", qtype) for qtype in (1, 28)] == ["", "block"]
    others = policy("||z.example^", own=["/^a\\.ex/;querytype=!AAAA"])
    assert [outcome(others, "a.example", qtype) for qtype in (1, 28)] == ["block", ""]
    inverted = policy("||z.example^", own=["/\\.example$/;invert"])
    assert [outcome(inverted, name) for name in ("a.example", "a.org")] == ["", "block"]
    both = policy("||z.example^", own=["/\\.example$/;invert;querytype=TXT"])
    assert [outcome(both, "a.org", qtype) for qtype in (1, 16)] == ["", "block"]


def test_in_a_list_the_deepest_name_is_named_then_the_earlier_list_then_a_plain_rule():
    deepest = decided(policy("||example^", "||a.example^"), "x.a.example")
    assert deepest is not None
    assert deepest.list_id == 1
    earlier = decided(policy("||a.example^", "||a.example^"), "x.a.example")
    assert earlier is not None
    assert earlier.list_id == 0
    plain = decided(policy("||a.example^$dnstype=A\n||a.example^"), "x.a.example")
    assert plain is not None
    assert plain.line == 2
