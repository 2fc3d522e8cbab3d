"""What is answered when something is missing: lists, upstreams, places for questions, the right time."""

from __future__ import annotations

import dns.rcode
import pytest

from mirage_hole.lists.rule import Action, RichRule
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.crowding import LEAST
from mirage_hole.resolver.events import BlockingPaused, PolicyChanged
from tests.flow.rich_rules import policy_of, rewrite, rich
from tests.make import TICK, Conversation, assert_at_rest, ede, policy, texts

RECORD = "www.example.com 300 A 192.0.2.7"


# -- lists are loading --


def without_lists(*own: RichRule, ready: bool = False) -> Conversation:
    conversation = Conversation(rules=policy_of(own=own, generation=0))
    conversation.engine.ready = ready
    return conversation


def test_open_until_loaded_everything_is_forwarded():
    """A house without names is worse than one with advertisements for some seconds; it is the default."""
    assert without_lists(ready=True).ask("ads.example").asks


def test_closed_until_loaded_nothing_is_forwarded_and_clients_are_told_to_come_again():
    """RFC 8914 4.15: Not Ready; SERVFAIL is what clients do not take for an answer (RFC 1035 4.1.1)."""
    conversation = without_lists()
    for kind in ("A", "AAAA", "HTTPS", "TXT"):
        said = conversation.ask("www.example.com", kind)
        assert said.reply.rcode() == dns.rcode.SERVFAIL
        assert ede(said.reply) == [(14, "the blocklists are still being loaded")]
        assert said.record.subject.outcome is Outcome.FAILED
        assert not said.remembered
    assert_at_rest(conversation.engine)


@pytest.mark.parametrize(
    ("own", "outcome"), [(rich("ads.example"), Outcome.BLOCKED), (rewrite("ads.example", "A 192.0.2.1"), Outcome.LOCAL)]
)
def test_closed_until_loaded_the_users_own_rules_answer(own, outcome):
    said = without_lists(own).ask("ads.example")
    assert said.record.subject.outcome is outcome


def test_closed_until_loaded_what_the_user_allows_is_forwarded():
    """No list could take it away again."""
    assert without_lists(rich("www.example.com", action=Action.ALLOW)).ask("www.example.com").asks


@pytest.mark.parametrize("name", ["localhost", "1.1.168.192.in-addr.arpa", "mask.icloud.com"])
def test_closed_until_loaded_names_of_special_use_are_answered(name):
    """RFC 6761 6.3, RFC 6303: these need neither lists nor upstreams."""
    kind = "PTR" if name.endswith("arpa") else "A"
    assert without_lists().ask(name, kind).record.subject.outcome is Outcome.SPECIAL


def test_closed_until_loaded_a_pause_lets_everything_through():
    conversation = without_lists()
    conversation.tell(BlockingPaused(conversation.now + 60))
    assert conversation.ask("www.example.com").asks


def test_the_first_generation_opens_for_good():
    conversation = without_lists()
    conversation.tell(PolicyChanged(policy(["||ads.example^"])))
    assert conversation.ask("ads.example").record.subject.outcome is Outcome.BLOCKED
    assert conversation.ask("www.example.com").asks
    conversation.tell(PolicyChanged(policy_of(generation=0)))
    assert conversation.ask("other.example.com").asks


def test_new_rules_of_the_users_own_are_no_lists():
    conversation = without_lists()
    conversation.tell(PolicyChanged(policy_of(own=[rich("ads.example")], generation=0)))
    assert conversation.ask("ads.example").record.subject.outcome is Outcome.BLOCKED
    assert ede(conversation.ask("www.example.com").reply)[0][0] == 14


# -- upstreams are gone --


def test_without_upstreams_what_was_known_is_answered_and_the_rest_fails_with_a_reason():
    """RFC 8767 5 and RFC 8914 4.4 for what was known; RFC 8914 4.23, 4.24 for what was not."""
    conversation = Conversation(upstreams=2, blocks=["||ads.example^"])
    conversation.learn("www.example.com", RECORD)
    conversation.now += 600
    asked = conversation.ask("www.example.com")
    conversation.refuse(asked.ask)
    said = conversation.wait(10)
    assert texts(said.reply.answer) == ["www.example.com. 30 A 192.0.2.7"]
    assert [code for code, _ in ede(said.reply)] == [3]
    asked = conversation.ask("new.example.com")
    again = conversation.refuse(asked.ask)
    said = conversation.refuse(again.ask)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply)[0][0] in {22, 23}
    assert "192.0.2." in ede(said.reply)[0][1]
    assert conversation.ask("ads.example").record.subject.outcome is Outcome.BLOCKED


def test_without_any_upstream_configured_blocks_hold_and_the_rest_fails_with_a_reason():
    """RFC 8914 4.23."""
    conversation = Conversation(upstreams=0, blocks=["||ads.example^"])
    assert conversation.ask("ads.example").record.subject.outcome is Outcome.BLOCKED
    said = conversation.ask("www.example.com")
    assert (said.reply.rcode(), ede(said.reply)[0][0]) == (dns.rcode.SERVFAIL, 22)


# -- places for questions run out --


def crowded(*clients: str) -> Conversation:
    """Three quarters of all places are taken by these, since no upstream answers."""
    conversation = Conversation(max_in_flight=4 * LEAST)
    for number in range(3 * LEAST):
        assert conversation.ask(f"n{number}.example.com", client=clients[number % len(clients)]).asks
    return conversation


def test_one_client_can_not_take_all_the_places_of_those_who_wait():
    conversation = crowded("10.0.0.66")
    said = conversation.ask("more.example.com", client="10.0.0.66")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(0, "too many of your questions wait for answers")]
    for number in range(LEAST - 1):
        assert conversation.ask(f"o{number}.example.net", client="10.0.0.7").asks


def test_a_question_that_others_wait_for_already_is_no_way_around_it():
    conversation = crowded("10.0.0.66")
    conversation.ask("www.example.com", client="10.0.0.7")
    said = conversation.ask("www.example.com", client="10.0.0.66")
    assert said.reply.rcode() == dns.rcode.SERVFAIL


def test_what_needs_no_place_is_answered_in_a_crowd():
    conversation = crowded("10.0.0.66")
    conversation.engine.policy = policy(["||ads.example^"])
    assert conversation.ask("ads.example", client="10.0.0.66").record.subject.outcome is Outcome.BLOCKED


def test_the_crowd_is_over_when_the_answers_have_come():
    conversation = crowded("10.0.0.66")
    assert conversation.ask("more.example.com", client="10.0.0.66").replies
    conversation.wait(60)
    assert_at_rest(conversation.engine)
    assert conversation.ask("more.example.com", client="10.0.0.66").asks


def test_shares_are_counted_once_a_tick_at_the_most():
    """Counting costs as much as there are clients who wait; a flood must not make it happen for each of its questions."""
    conversation = crowded("10.0.0.66", "10.0.0.7")
    for number in range(LEAST // 2):
        assert conversation.ask(f"m{number}.example.net", client="10.0.0.66").asks
    conversation.now += TICK
    assert conversation.ask("last.example.net", client="10.0.0.66").replies
    assert conversation.ask("last.example.net", client="10.0.0.7").asks


# -- the clock --


def test_time_that_stands_still_or_leaps_leaves_nobody_waiting():
    """The engine's clock goes forward only, but a machine that slept goes far at once."""
    conversation = Conversation()
    conversation.learn("www.example.com", RECORD)
    asked = conversation.ask("slow.example.com")
    assert asked.asks
    conversation.now += 7 * 86_400
    said = conversation.wait(1)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)
    fresh = conversation.ask("www.example.com")
    assert fresh.asks, "an answer of last week is asked for again"


def test_a_rule_of_the_lists_is_a_block_whatever_the_time_is():
    conversation = Conversation(blocks=["||ads.example^"])
    for now in (0.0, 1e9, 1e12):
        conversation.now = now
        said = conversation.ask("ads.example")
        assert said.record.subject.outcome is Outcome.BLOCKED
    assert conversation.engine.policy.decide(b"\3ads\7example\0", (0, 4), 1, b"").action is Action.BLOCK
