"""Where an answer leads through is judged by the rules that judge a query: disguised trackers (CNAME cloaking)."""

from __future__ import annotations

import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import ForgetPackets
from mirage_hole.resolver.events import BlockingPaused
from tests.flow.rich_rules import address as address_rule
from tests.flow.rich_rules import policy_of
from tests.make import Conversation, assert_at_rest, ede, texts

CHAIN = (
    "www.shop.example 300 CNAME metrics.shop.example.",
    "metrics.shop.example 300 CNAME shop.tracker.example.",
    "shop.tracker.example 60 A 192.0.2.7",
)


def test_a_tracker_behind_aliases_is_blocked_with_the_whole_answer():
    """RFC 1034 3.6.2; RFC 8914 4.16."""
    conversation = Conversation(blocks=["||tracker.example^"])
    said = conversation.learn("www.shop.example", *CHAIN)
    assert texts(said.reply.answer) == ["www.shop.example. 10 A 0.0.0.0"]
    assert ede(said.reply) == [(15, "shop.tracker.example: ||tracker.example^ in list 0")]
    subject = said.record.subject
    assert (subject.outcome, subject.list_id) == (Outcome.BLOCKED, 0)
    assert subject.text == "||tracker.example^ (via shop.tracker.example)"
    assert_at_rest(conversation.engine)


def test_it_stays_blocked_from_the_cache():
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.learn("www.shop.example", *CHAIN)
    conversation.now += 5
    said = conversation.ask("www.shop.example")
    assert texts(said.reply.answer) == ["www.shop.example. 10 A 0.0.0.0"]
    assert not said.asks


def test_its_other_types_do_not_contradict():
    """A blocked A beside an HTTPS record that leads on would be no block."""
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.learn("www.shop.example", *CHAIN)
    for qtype in ("AAAA", "HTTPS"):
        said = conversation.ask("www.shop.example", qtype)
        assert not said.asks
        assert said.record.subject.outcome is Outcome.BLOCKED
        assert said.reply.rcode() == dns.rcode.NOERROR


def test_what_was_said_of_another_type_before_is_not_replayed():
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.learn("www.shop.example", "www.shop.example 300 AAAA 2001:db8::7", qtype="AAAA")
    said = conversation.learn("www.shop.example", *CHAIN)
    assert said.of(ForgetPackets)
    assert conversation.ask("www.shop.example", "AAAA").record.subject.outcome is Outcome.BLOCKED


def test_when_the_answer_is_over_the_name_is_judged_anew():
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.learn("www.shop.example", *CHAIN)
    conversation.now += 61
    said = conversation.learn("www.shop.example", "www.shop.example 60 A 192.0.2.9")
    assert texts(said.reply.answer) == ["www.shop.example. 60 A 192.0.2.9"]


def test_an_exception_for_the_asked_name_lets_its_chain_pass():
    conversation = Conversation(blocks=["||tracker.example^"], allows=["||shop.example^"])
    assert len(conversation.learn("www.shop.example", *CHAIN).reply.answer) == 3


def test_an_exception_for_an_alias_lets_what_is_behind_it_pass():
    """As in Pi-hole: an allowed name of the chain ends the inspection."""
    conversation = Conversation(blocks=["||tracker.example^"], allows=["metrics.shop.example"])
    assert len(conversation.learn("www.shop.example", *CHAIN).reply.answer) == 3


def test_nothing_of_a_chain_is_blocked_in_a_pause():
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.tell(BlockingPaused(conversation.now + 60))
    assert len(conversation.learn("www.shop.example", *CHAIN).reply.answer) == 3


def test_a_clean_chain_is_passed_on_as_it_came():
    conversation = Conversation(blocks=["||other.example^"])
    assert len(conversation.learn("www.shop.example", *CHAIN).reply.answer) == 3
    assert len(conversation.ask("www.shop.example").reply.answer) == 3


def test_the_target_of_an_https_record_is_judged():
    """RFC 9460 2.4.2: an alias in the HTTPS type."""
    conversation = Conversation(blocks=["||tracker.example^"])
    said = conversation.learn("www.shop.example", "www.shop.example 300 HTTPS 0 cdn.tracker.example.", qtype="HTTPS")
    assert not said.reply.answer
    assert said.record.subject.text.endswith("(via cdn.tracker.example)")


@pytest.mark.parametrize(
    "records",
    [
        ("a.example 60 CNAME a.example.",),
        ("a.example 60 CNAME b.example.", "b.example 60 CNAME a.example."),
        ("a.example 60 CNAME b.example.", "b.example 60 CNAME c.example.", "c.example 60 CNAME b.example."),
    ],
    ids=["itself", "two", "a tail"],
)
def test_aliases_that_lead_in_a_circle_are_no_answer(records):
    """RFC 1034 3.6.2: such loops are an error, to be signalled."""
    conversation = Conversation()
    said = conversation.learn("a.example", *records)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert "circle" in ede(said.reply)[0][1]
    assert_at_rest(conversation.engine)


def test_an_address_rule_blocks_the_other_types_too():
    conversation = Conversation(rules=policy_of([address_rule("192.0.2.7/32")]))
    assert conversation.learn("a.example", "a.example 60 A 192.0.2.7").record.subject.outcome is Outcome.BLOCKED
    said = conversation.ask("a.example", "AAAA")
    assert (said.asks, said.record.subject.outcome) == ([], Outcome.BLOCKED)
