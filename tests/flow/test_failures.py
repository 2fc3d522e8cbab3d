"""Questions that failed are remembered for a short while (RFC 9520), and forgotten as soon as they may succeed."""

from __future__ import annotations

from dataclasses import replace

import dns.rcode
import pytest

from mirage_hole.cache.lifetimes import Lifetimes
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.events import UpstreamUnreachable
from tests.make import Conversation, assert_at_rest, ede

NAME = "www.example.com"
RECORD = "www.example.com 300 A 192.0.2.7"


def broken(**how: object) -> Conversation:
    """A conversation in which the only upstream has just said SERVFAIL for NAME."""
    conversation = Conversation(**how)
    conversation.learn(NAME, rcode="SERVFAIL")
    return conversation


def seconds_of_failure(conversation: Conversation) -> int:
    """How long it takes until NAME is asked again; it is then."""
    for seconds in range(1, 1000):
        conversation.now += 1
        said = conversation.ask(NAME)
        if said.asks:
            conversation.answer(said.ask, rcode="SERVFAIL")
            return seconds
    raise AssertionError


def test_a_failure_is_told_again_for_five_seconds_without_asking():
    """RFC 9520 3.2: for at least one second."""
    conversation = broken()
    for _ in range(5):
        said = conversation.ask(NAME)
        assert said.reply.rcode() == dns.rcode.SERVFAIL
        assert not said.asks
        assert (said.record.subject.outcome, said.record.subject.upstream) == (Outcome.FAILED, 0)
        conversation.now += 0.99
    conversation.now += 0.1
    assert conversation.ask(NAME).asks


def test_it_says_that_it_is_remembered_and_why():
    """RFC 8914 4.14: Cached Error; the reason of then comes with it."""
    said = broken().ask(NAME)
    assert ede(said.reply) == [(13, "asked again in 5 s"), (22, "192.0.2.1:53: answered SERVFAIL")]


def test_the_upstreams_own_reason_is_kept():
    conversation = Conversation()
    conversation.learn(NAME, rcode="SERVFAIL", ede=(9, "no key"))
    assert ede(conversation.ask(NAME).reply)[1] == (9, "no key")


def test_a_client_without_edns_gets_no_options():
    assert broken().ask(NAME, edns=False).reply.edns == -1


def test_each_further_failure_is_remembered_twice_as_long_up_to_five_minutes():
    """RFC 9520 3.2: no longer than five minutes."""
    conversation = broken()
    assert [seconds_of_failure(conversation) for _ in range(9)] == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_failure_long_ago_does_not_count():
    conversation = broken()
    seconds_of_failure(conversation)
    conversation.now += 10 + 300
    conversation.learn(NAME, rcode="SERVFAIL")
    assert seconds_of_failure(conversation) == 5


def test_an_answer_ends_it():
    conversation = broken()
    seconds_of_failure(conversation)
    conversation.now += 11
    conversation.learn(NAME, "www.example.com 1 A 192.0.2.7")
    conversation.now += 2
    conversation.engine.cache.clear()
    conversation.learn(NAME, rcode="SERVFAIL")
    assert seconds_of_failure(conversation) == 5


@pytest.mark.parametrize("asked", [{"qtype": "AAAA"}, {"dnssec": True}, {"flags": "RD CD"}])
def test_it_holds_for_the_question_that_failed_alone(asked):
    """RFC 9520 3.3: what is remembered is the failure of one question."""
    assert broken().ask(NAME, **asked).asks


def test_how_long_can_be_set():
    conversation = Conversation()
    conversation.engine.cache.change(replace(Lifetimes(), failure_ttl=60.0))
    conversation.learn(NAME, rcode="SERVFAIL")
    assert seconds_of_failure(conversation) == 60


def test_after_an_outage_every_name_is_asked_again_as_soon_as_one_is_answered():
    """An outage says nothing about names, and must not go on for minutes when it is over."""
    conversation = Conversation()
    for number in range(20):
        said = conversation.ask(f"n{number}.example")
        while said.asks:
            said = conversation.refuse(said.ask)
    assert not conversation.ask("n7.example").asks
    conversation.learn(NAME, RECORD)
    assert conversation.ask("n7.example").asks
    assert conversation.ask("n8.example").asks


def test_an_outage_is_not_remembered_longer_each_time():
    conversation = Conversation()
    for _ in range(6):
        said = conversation.ask(NAME)
        while said.asks:
            said = conversation.refuse(said.ask)
        conversation.now += 5
    assert conversation.ask(NAME).asks


def test_a_name_whose_own_servers_fail_is_not_asked_again_since_others_are_answered():
    conversation = broken()
    conversation.learn("other.example", "other.example 300 A 192.0.2.7")
    assert not conversation.ask(NAME).asks


def test_what_is_our_own_fault_is_not_remembered():
    conversation = Conversation()
    ask = conversation.ask(NAME).ask
    said = conversation.tell(UpstreamUnreachable(ask.upstream, ask.ident, "too much at once", ours=True))
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert conversation.ask(NAME).asks


def test_being_too_busy_is_not_remembered():
    conversation = Conversation(max_in_flight=1)
    first = conversation.ask("first.example").ask
    assert conversation.ask(NAME).reply.rcode() == dns.rcode.SERVFAIL
    conversation.answer(first, "first.example 60 A 192.0.2.7")
    assert conversation.ask(NAME).asks


def test_packets_of_failures_are_replayed_for_a_second_at_most():
    conversation = broken()
    (packet,) = conversation.ask(NAME).remembered
    assert packet.expires_at == conversation.now + 1
    conversation.now += 4.5
    (packet,) = conversation.ask(NAME).remembered
    assert packet.expires_at == pytest.approx(conversation.now + 0.5)


def test_ten_thousand_failures_are_bounded():
    conversation = Conversation()
    for number in range(5000):
        conversation.learn(f"n{number}.example", rcode="SERVFAIL")
    assert len(conversation.engine.cache.failures) == 4096
    assert conversation.ask("n0.example").asks
    assert not conversation.ask("n4999.example").asks


def test_a_failure_leaves_nothing_behind():
    conversation = broken()
    conversation.ask(NAME)
    assert_at_rest(conversation.engine)
