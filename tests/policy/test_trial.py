"""Rules that nobody has taken yet."""

from __future__ import annotations

from mirage_hole.lists.own import read_own
from mirage_hole.policy.index import Index
from mirage_hole.policy.policy import Policy
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.trial import Trial, attempt
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.wire.names import from_text


def tried(*texts: str, name: str, own: tuple[str, ...] = (), qtype: int = 1, client: bytes = b"") -> Trial:
    there = [(OWN_LIST, read_own(text)._replace(line=number + 1)) for number, text in enumerate(own)]
    policy = Policy(Index.EMPTY, RichRules(), RichRules(there))
    return attempt(policy, there, [read_own(text) for text in texts], from_text(name), qtype, client)


def test_each_rule_is_tried_alone_and_all_of_them_together() -> None:
    found = tried("||ads.example^", "other.example", "@@|www.ads.example^", name="www.ads.example")
    assert found.applies == (True, False, True)
    assert (found.before.outcome, found.after.outcome) == ("no rule", "allowed")


def test_a_rule_stands_behind_those_that_there_are() -> None:
    found = tried("||ads.example^", name="ads.example", own=("@@||ads.example^",))
    assert found.applies == (True,)
    assert (found.before.outcome, found.after.outcome) == ("allowed", "allowed")
    assert [rule.text for rule in found.after.rules] == ["@@||ads.example^", "||ads.example^"]


def test_a_rule_for_a_type_or_a_client_applies_to_those_only() -> None:
    rule = "||ads.example^$dnstype=AAAA,client=192.0.2.7"
    assert tried(rule, name="ads.example", qtype=28, client=bytes((192, 0, 2, 7))).applies == (True,)
    assert tried(rule, name="ads.example", qtype=1, client=bytes((192, 0, 2, 7))).applies == (False,)
    assert tried(rule, name="ads.example", qtype=28, client=bytes((192, 0, 2, 8))).applies == (False,)


def test_no_rules_change_nothing() -> None:
    found = tried(name="ads.example", own=("ads.example",))
    assert (found.applies, found.before.outcome, found.after.outcome) == ((), "blocked", "blocked")
