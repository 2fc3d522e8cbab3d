"""What the order of the stages promises; what each stage says is in tests/flow."""

from __future__ import annotations

import dns.rcode

from mirage_hole.policy.verdict import Outcome
from tests.make import Conversation, policy


def test_a_stranger_does_not_learn_that_a_class_is_not_served():
    said = Conversation().ask("version.bind", "TXT", qclass="CH", client="203.0.113.9", transport="tcp")
    assert said.record.subject.outcome == Outcome.REFUSED
    assert said.reply.options[0].code == 18


def test_a_zone_transfer_of_a_blocked_zone_is_refused_and_not_blocked():
    said = Conversation(blocks=["||ads.example^"]).ask("ads.example", "AXFR", transport="tcp")
    assert said.record.subject.outcome == Outcome.REFUSED


def test_an_old_answer_does_not_outlive_a_new_rule():
    conversation = Conversation()
    conversation.learn("ads.example", "ads.example 300 A 192.0.2.7")
    conversation.engine.policy = policy(["ads.example"])
    assert conversation.ask("ads.example").record.subject.outcome == Outcome.BLOCKED


def test_a_known_answer_needs_no_upstream():
    conversation = Conversation()
    conversation.learn("www.example", "www.example 300 A 192.0.2.7")
    conversation.engine.groups[0].upstreams = []
    assert conversation.ask("www.example").record.subject.outcome == Outcome.CACHED
    assert conversation.ask("other.example").reply.rcode() == dns.rcode.SERVFAIL
