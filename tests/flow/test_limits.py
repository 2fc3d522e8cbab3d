"""Clients that ask more than they may: truncated answers first, refusals then, and never a word against the others."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest

from mirage_hole.policy.limits import ClientLimits, RepeatedAnswers
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.names import from_text
from tests.make import Conversation, address, assert_at_rest, ede

HOG = "10.0.0.66"
VICTIM = "198.51.100.{}"
"""A network of somebody else's, whose addresses are forged."""


@pytest.fixture
def conversation() -> Conversation:
    found = Conversation(blocks=["||ads.example^"])
    found.engine.limits = ClientLimits(5, 5)
    found.engine.limits.turn({address(HOG): 16}, found.now)
    return found


def test_a_client_over_its_limit_has_its_share_then_truncated_answers_then_refusals(conversation):
    """RFC 2181 9: TC says that there is more to be had, over TCP, whose addresses nobody forges; RFC 8914 4.19."""
    said = [conversation.ask("ads.example", client=HOG) for _ in range(15)]
    assert [one.record.subject.outcome for one in said[:5]] == [Outcome.BLOCKED] * 5
    assert all(one.reply.flags & dns.flags.TC for one in said[5:10])
    assert {one.record.subject.outcome for one in said[5:]} == {Outcome.LIMITED}
    assert {one.reply.rcode() for one in said[10:]} == {dns.rcode.REFUSED}
    assert ede(said[-1].reply)[0][0] == 18
    assert (conversation.engine.limits.slipped, conversation.engine.limits.refused) == (5, 5)
    assert_at_rest(conversation.engine)


def test_truncated_answers_are_no_larger_than_queries_with_edns(conversation):
    """Nobody is flooded by what we send to a forged address."""
    for _ in range(5):
        conversation.ask("ads.example", client=HOG)
    said = conversation.ask("ads.example", client=HOG)
    assert len(said.wire) <= 12 + 13 + 4 + 11


def test_a_client_that_is_truncated_is_answered_over_tcp(conversation):
    """RFC 7766 5: what makes it come must be there. How fast a connection is read is the edge's (tests/net/test_tcp.py)."""
    for _ in range(50):
        conversation.ask("ads.example", client=HOG)
    said = conversation.ask("ads.example", client=HOG, transport="tcp")
    assert said.record.subject.outcome is Outcome.BLOCKED
    assert not said.reply.flags & dns.flags.TC


def test_the_others_are_answered_as_ever(conversation):
    for _ in range(20):
        conversation.ask("ads.example", client=HOG)
    assert conversation.ask("ads.example", client="10.0.0.7").record.subject.outcome is Outcome.BLOCKED


def test_the_next_second_brings_a_new_share(conversation):
    for _ in range(20):
        conversation.ask("ads.example", client=HOG)
    conversation.engine.limits.turn({address(HOG): 16}, conversation.now + 1)
    assert conversation.ask("ads.example", client=HOG).record.subject.outcome is Outcome.BLOCKED


def test_this_machine_is_never_limited():
    conversation = Conversation(blocks=["||ads.example^"])
    conversation.engine.limits = ClientLimits(5, 5)
    conversation.engine.limits.turn({address("127.0.0.1"): 10_000}, conversation.now)
    said = [conversation.ask("ads.example", client="127.0.0.1") for _ in range(100)]
    assert {one.record.subject.outcome for one in said} == {Outcome.BLOCKED}


def test_without_limits_everybody_asks_as_much_as_they_like():
    conversation = Conversation(blocks=["||ads.example^"])
    said = [conversation.ask("ads.example", client=HOG) for _ in range(100)]
    assert {one.record.subject.outcome for one in said} == {Outcome.BLOCKED}


# -- open resolvers (RFC 5358), and answers to forged addresses --


@pytest.mark.parametrize("client", ["198.51.100.7", "2001:db8::7"])
def test_who_is_not_in_the_network_gets_no_datagram_at_all(client):
    """RFC 5358 4: a resolver serves its own, and what it does not send can't be used against anybody."""
    said = Conversation().ask("www.example.com", client=client)
    assert said.silent
    assert said.record.subject.outcome is Outcome.DROPPED


@pytest.fixture
def open_to_all() -> Conversation:
    found = Conversation(blocks=["||ads.example^"], allow_from=["0.0.0.0/0"])
    limits = found.engine.limits = ClientLimits(1000, 1000, repeated=RepeatedAnswers(4))
    names = {(address(VICTIM.format(number)), from_text("ads.example")): 10 for number in range(20)}
    limits.turn({client: 10 for client, _ in names}, found.now, names)
    return found


def test_the_same_answer_goes_to_one_network_only_so_often_whatever_addresses_ask(open_to_all):
    """RFC 5358 3: answers that are larger than queries are what attackers want; BIND's response rate limiting."""
    said = [open_to_all.ask("ads.example", client=VICTIM.format(number)) for number in range(10)]
    assert [one.record.subject.outcome for one in said[:4]] == [Outcome.BLOCKED] * 4
    assert [bool(one.reply.flags & dns.flags.TC) for one in said[4:10:2]] == [True] * 3
    assert all(one.silent for one in said[5:10:2])
    assert {one.record.subject.outcome for one in said[4:]} == {Outcome.LIMITED}


@pytest.mark.parametrize("kind", ["AAAA", "TXT", "HTTPS"])
def test_another_type_is_no_way_around_it(open_to_all, kind):
    for number in range(10):
        open_to_all.ask("ADS.example", kind, client=VICTIM.format(number))
    assert open_to_all.engine.limits.slipped == open_to_all.engine.limits.dropped == 3


def test_other_networks_other_names_and_tcp_are_answered_as_ever(open_to_all):
    for number in range(10):
        open_to_all.ask("ads.example", client=VICTIM.format(number))
    for client, name, transport in (
        ("203.0.113.7", "ads.example", "udp"),
        (VICTIM.format(7), "sub.ads.example", "udp"),
        (VICTIM.format(7), "ads.example", "tcp"),
    ):
        said = open_to_all.ask(name, client=client, transport=transport)
        assert said.record.subject.outcome is Outcome.BLOCKED
