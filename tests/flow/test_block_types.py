"""Query types can be switched off, and the hints at their addresses go with them."""

from __future__ import annotations

import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from tests.make import Conversation, ede, texts


def test_a_type_that_is_switched_off_has_no_data_and_says_why():
    """RFC 2308 2.2, RFC 8914 4.18."""
    conversation = Conversation()
    conversation.engine.block_types([28])
    said = conversation.ask("www.example", "AAAA")
    assert (said.asks, said.reply.rcode(), said.reply.answer) == ([], dns.rcode.NOERROR, [])
    assert said.reply.authority
    assert ede(said.reply) == [(17, "type AAAA is switched off here")]
    assert conversation.ask("www.example", "A").asks


def test_the_hints_of_a_type_that_is_switched_off_go_from_https_records():
    conversation = Conversation()
    conversation.engine.block_types([28])
    record = "www.example 60 HTTPS 1 . alpn=h2 ipv4hint=192.0.2.7 ipv6hint=2001:db8::7"
    said = conversation.learn("www.example", record, qtype="HTTPS")
    assert texts(said.reply.answer) == ['www.example. 60 HTTPS 1 . alpn="h2" ipv4hint="192.0.2.7"']


def test_that_is_replayed_from_memory():
    """Half of what browsers ask is AAAA."""
    conversation = Conversation()
    conversation.engine.block_types([28])
    (memory,) = conversation.ask("www.example", "AAAA").remembered
    assert conversation.now < memory.expires_at <= conversation.now + 10


@pytest.mark.parametrize(("qtype", "number"), [("ANY", 255), ("HTTPS", 65), ("TYPE65534", 65534)])
def test_every_type_can_be_switched_off(qtype, number):
    conversation = Conversation()
    conversation.engine.block_types([number])
    said = conversation.ask("www.example", qtype)
    assert (said.asks, said.reply.rcode(), said.reply.answer) == ([], dns.rcode.NOERROR, [])
    assert said.record.subject.outcome is Outcome.BLOCKED
