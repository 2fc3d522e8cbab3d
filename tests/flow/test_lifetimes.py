"""The least and the most that answers are kept, and that clients are told the same."""

from __future__ import annotations

from dataclasses import replace

from mirage_hole.cache.lifetimes import Lifetimes
from mirage_hole.policy.verdict import Outcome
from tests.make import SOA, Conversation, texts

NAME = "www.example.com"


def conversation(**lifetimes: object) -> Conversation:
    made = Conversation()
    made.engine.cache.change(replace(Lifetimes(), **lifetimes))
    return made


def test_a_shorter_ttl_is_raised_for_the_cache_and_for_clients():
    asking = conversation(min_ttl=60)
    said = asking.learn(NAME, f"{NAME} 300 CNAME w.example.com.", "w.example.com 0 A 192.0.2.7")
    assert [rrset.ttl for rrset in said.reply.answer] == [300, 60]
    asking.now += 53
    said = asking.ask(NAME)
    assert said.record.subject.outcome == Outcome.CACHED
    assert [rrset.ttl for rrset in said.reply.answer] == [247, 7]


def test_a_longer_ttl_is_lowered_for_the_cache_and_for_clients():
    asking = conversation(max_ttl=100)
    said = asking.learn(NAME, f"{NAME} 86400 A 192.0.2.7", additional=["ns.example.com 40 A 192.0.2.1"])
    assert texts(said.reply.answer) == [f"{NAME}. 100 A 192.0.2.7"]
    assert said.reply.additional[0].ttl == 40
    asking.now += 100
    assert asking.ask(NAME).asks


def test_a_negative_answer_is_kept_for_no_longer_than_is_set():
    """RFC 2308 5."""
    asking = conversation(negative_ttl=60)
    asking.learn(NAME, rcode="NXDOMAIN", authority=[SOA])
    asking.now += 59
    assert asking.ask(NAME).record.subject.outcome == Outcome.CACHED
    asking.now += 2
    assert asking.ask(NAME).asks


def test_negative_answers_need_not_be_kept_at_all():
    asking = conversation(negative_ttl=0)
    asking.learn(NAME, rcode="NXDOMAIN", authority=[SOA])
    assert asking.ask(NAME).asks


def test_the_least_time_makes_no_negative_answer_cacheable_that_is_not():
    """RFC 2308 5: without a SOA it SHOULD NOT be cached."""
    asking = conversation(min_ttl=60)
    asking.learn(NAME, rcode="NXDOMAIN")
    assert asking.ask(NAME).asks


def test_as_a_rule_ttls_are_what_upstreams_say():
    said = Conversation().learn(NAME, f"{NAME} 604800 CNAME w.example.com.", "w.example.com 1 A 192.0.2.7")
    assert [rrset.ttl for rrset in said.reply.answer] == [604_800, 1]
