"""Clients that ask more than they may: truncated answers first, refusals then, and never a word against the others."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest

from mirage_hole.policy.limits import ClientLimits
from mirage_hole.policy.verdict import Outcome
from tests.make import Conversation, address, assert_at_rest, ede

HOG = "10.0.0.66"


@pytest.fixture
def conversation() -> Conversation:
    found = Conversation(blocks=["||ads.example^"])
    found.engine.limits = ClientLimits(5, 5)
    found.engine.limits.turn({address(HOG): 100}, found.now)
    return found


def test_a_client_over_its_limit_has_its_share_then_truncated_answers_then_refusals(conversation):
    """RFC 2181 9: TC says that there is more to be had, over TCP, whose addresses nobody forges."""
    said = [conversation.ask("ads.example", client=HOG) for _ in range(15)]
    assert [one.record.subject.outcome for one in said[:5]] == [Outcome.BLOCKED] * 5
    assert all(one.reply.flags & dns.flags.TC for one in said[5:10])
    assert {one.record.subject.outcome for one in said[5:]} == {Outcome.LIMITED}
    assert {one.reply.rcode() for one in said[10:]} == {dns.rcode.REFUSED}
    assert ede(said[-1].reply)[0][0] == 18
    assert conversation.engine.limits.limited == 10
    assert_at_rest(conversation.engine)


def test_truncated_answers_are_no_larger_than_queries_with_edns(conversation):
    """Nobody is flooded by what we send to a forged address."""
    for _ in range(5):
        conversation.ask("ads.example", client=HOG)
    said = conversation.ask("ads.example", client=HOG)
    assert len(said.wire) <= 12 + 13 + 4 + 11


def test_over_tcp_nothing_is_truncated(conversation):
    said = [conversation.ask("ads.example", client=HOG, transport="tcp") for _ in range(7)]
    assert not any(one.reply.flags & dns.flags.TC for one in said)
    assert said[-1].reply.rcode() == dns.rcode.REFUSED


def test_the_others_are_answered_as_ever(conversation):
    for _ in range(20):
        conversation.ask("ads.example", client=HOG)
    assert conversation.ask("ads.example", client="10.0.0.7").record.subject.outcome is Outcome.BLOCKED


def test_the_next_second_brings_a_new_share(conversation):
    for _ in range(20):
        conversation.ask("ads.example", client=HOG)
    conversation.engine.limits.turn({address(HOG): 100}, conversation.now + 1)
    assert conversation.ask("ads.example", client=HOG).record.subject.outcome is Outcome.BLOCKED


def test_without_limits_everybody_asks_as_much_as_they_like():
    conversation = Conversation(blocks=["||ads.example^"])
    said = [conversation.ask("ads.example", client=HOG) for _ in range(100)]
    assert {one.record.subject.outcome for one in said} == {Outcome.BLOCKED}
