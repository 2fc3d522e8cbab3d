"""A, AAAA, HTTPS and SVCB of one name never contradict each other: a browser would take the way that is left open."""

from __future__ import annotations

import itertools

import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver import inspection
from mirage_hole.resolver.events import BlockingPaused
from mirage_hole.upstream.groups import Group
from tests.flow.rich_rules import address as address_rule
from tests.flow.rich_rules import policy_of, rich
from tests.flow.test_chain import CHAIN
from tests.make import Conversation, an_upstream, texts

NAME = "www.shop.example"
TYPES = ("A", "AAAA", "HTTPS", "SVCB")
DATA = {"A": "192.0.2.7", "AAAA": "2001:db8::7", "HTTPS": "1 . alpn=h2", "SVCB": "1 . alpn=h2"}


def chain(qtype: str, ttl: int = 60) -> tuple[str, str]:
    """An answer that leads through a tracker."""
    return f"{NAME} 300 CNAME shop.tracker.example.", f"shop.tracker.example {ttl} {qtype} {DATA[qtype]}"


@pytest.mark.parametrize("mode", ["null", "nxdomain", "nodata", "refused"])
@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(TYPES, 2)))
def test_when_one_type_is_blocked_by_its_chain_so_are_the_others(first, second, mode):
    """RFC 8020 2: NXDOMAIN is about the name, so no type may have data beside it."""
    conversation = Conversation(blocks=["||tracker.example^"], mode=mode)
    blocked = conversation.learn(NAME, *chain(first), qtype=first).reply.rcode()
    said = conversation.ask(NAME, second)
    assert not said.asks
    assert said.record.subject.outcome is Outcome.BLOCKED
    assert said.record.subject.text == "||tracker.example^ (via shop.tracker.example)"
    assert said.reply.rcode() == blocked


def test_an_address_rule_blocks_the_other_types_too():
    conversation = Conversation(rules=policy_of([address_rule("192.0.2.7/32")]))
    assert conversation.learn("a.example", "a.example 60 A 192.0.2.7").record.subject.outcome is Outcome.BLOCKED
    said = conversation.ask("a.example", "AAAA")
    assert (said.asks, said.record.subject.outcome) == ([], Outcome.BLOCKED)


def test_what_was_said_of_another_type_before_is_not_replayed():
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.learn(NAME, f"{NAME} 300 AAAA 2001:db8::7", qtype="AAAA")
    said = conversation.learn(NAME, *CHAIN)
    assert said.forgot
    assert conversation.ask(NAME, "AAAA").record.subject.outcome is Outcome.BLOCKED


def test_nor_what_another_group_of_upstreams_said():
    groups = [Group(0, "default", [an_upstream(0)]), Group(1, "office", [an_upstream(1)])]
    conversation = Conversation(blocks=["||tracker.example^"], groups=groups, routes={"shop.example": 1})
    conversation.learn(NAME, f"{NAME} 300 AAAA 2001:db8::7", qtype="AAAA")
    assert conversation.learn(NAME, *CHAIN).forgot


def test_packets_are_kept_where_nothing_else_was_said():
    """Forgetting all of them for each tracker would be a way to slow everybody down."""
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.learn("other.example", "other.example 300 AAAA 2001:db8::7", qtype="AAAA")
    assert not conversation.learn(NAME, *CHAIN).forgot


def test_when_the_answer_is_over_the_name_is_judged_anew():
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.learn(NAME, *CHAIN)
    conversation.now += 61
    said = conversation.learn(NAME, f"{NAME} 60 A 192.0.2.9")
    assert texts(said.reply.answer) == [f"{NAME}. 60 A 192.0.2.9"]
    assert not conversation.engine.tainted


def test_an_answer_that_may_not_be_kept_counts_for_as_long_as_its_block_is_remembered():
    conversation = Conversation(blocks=["||tracker.example^"], ttl=10)
    conversation.learn(NAME, *chain("A", ttl=0))
    conversation.now += 9
    assert conversation.ask(NAME, "AAAA").record.subject.outcome is Outcome.BLOCKED
    conversation.now += 2
    assert conversation.ask(NAME, "AAAA").asks


def test_a_pause_opens_all_types():
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.learn(NAME, *CHAIN)
    conversation.tell(BlockingPaused(conversation.now + 30))
    assert conversation.ask(NAME, "AAAA").asks
    assert len(conversation.ask(NAME).reply.answer) == 3


def test_a_rule_for_one_type_leaves_the_others():
    """``$dnstype=A``: there somebody asked for the difference."""
    conversation = Conversation(rules=policy_of([rich("tracker.example", types=(1,))]))
    assert conversation.learn(NAME, *chain("A")).record.subject.outcome is Outcome.BLOCKED
    said = conversation.learn(NAME, *chain("AAAA"), qtype="AAAA")
    assert said.record.subject.outcome is Outcome.FORWARDED


def test_what_is_blocked_for_one_client_is_not_for_another():
    conversation = Conversation(rules=policy_of([rich("tracker.example", clients=("10.0.0.7",))]))
    ask = conversation.ask(NAME, client="10.0.0.7").ask
    assert conversation.answer(ask, *CHAIN).record.subject.outcome is Outcome.BLOCKED
    assert conversation.ask(NAME, "AAAA", client="10.0.0.7").record.subject.outcome is Outcome.BLOCKED
    assert conversation.ask(NAME, "AAAA", client="10.0.0.8").asks


def test_a_type_that_is_switched_off_says_of_blocked_names_what_other_types_say():
    """RFC 8020 2."""
    conversation = Conversation(blocks=["||ads.example^", "||tracker.example^"], mode="nxdomain")
    conversation.engine.block_types([28])
    assert conversation.ask("ads.example", "AAAA").reply.rcode() == dns.rcode.NXDOMAIN
    assert conversation.ask("www.example", "AAAA").reply.rcode() == dns.rcode.NOERROR
    conversation.learn(NAME, *CHAIN)
    assert conversation.ask(NAME, "AAAA").reply.rcode() == dns.rcode.NXDOMAIN


def test_the_names_that_are_remembered_are_bounded_and_the_oldest_goes_first(monkeypatch):
    monkeypatch.setattr(inspection, "MOST_TAINTED", 3)
    conversation = Conversation(blocks=["||tracker.example^"])
    for number in range(5):
        name = f"n{number}.example"
        conversation.learn(name, f"{name} 300 CNAME x.tracker.example.", "x.tracker.example 300 A 192.0.2.7")
    assert len(conversation.engine.tainted) == 3
    assert conversation.ask("n4.example", "AAAA").record.subject.outcome is Outcome.BLOCKED
    assert conversation.ask("n1.example", "AAAA").asks
