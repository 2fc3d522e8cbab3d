"""Queries for ANY get little, so that they are no use as a weapon, and never more than any other type would (RFC 8482)."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.events import BlockingPaused, LocalChanged, PolicyChanged
from tests.flow.rich_rules import policy_of, rewrite
from tests.local.data import local_data
from tests.make import Conversation, ede, policy, texts

NAME = "www.example.com"
HINFO = ['www.example.com. 3600 HINFO "RFC8482" ""']


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("dnssec", [False, True])
def test_any_is_answered_with_a_record_that_says_nothing(transport, dnssec):
    """RFC 8482 4.2; 4.4: over TCP as well."""
    said = Conversation().ask(NAME, "ANY", transport=transport, dnssec=dnssec)
    assert (said.asks, said.reply.rcode(), texts(said.reply.answer)) == ([], dns.rcode.NOERROR, HINFO)
    assert not said.reply.flags & dns.flags.AD
    assert said.record.subject.outcome is Outcome.SPECIAL


def test_the_answer_is_hardly_longer_than_the_query():
    """RFC 8482 3: what makes ANY a weapon is how long its answers are."""
    assert len(Conversation().ask(NAME, "ANY", edns=False).wire) <= 12 + 21 + 12 + 9


def test_a_known_answer_is_not_told_in_its_place():
    talk = Conversation()
    talk.learn(NAME, "www.example.com 300 A 192.0.2.7")
    assert texts(talk.ask(NAME, "ANY").reply.answer) == HINFO


def test_that_is_replayed_from_memory_for_a_while():
    talk = Conversation()
    (memory,) = talk.ask(NAME, "ANY").remembered
    assert talk.now < memory.expires_at <= talk.now + 10
    assert not talk.ask(NAME, "ANY", transport="tcp").remembered


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_it_may_be_refused(transport):
    """RFC 8482 7 leaves it to the operator."""
    talk = Conversation()
    talk.engine.block_types([], any_answer="refuse")
    said = talk.ask(NAME, "ANY", transport=transport)
    assert (said.asks, said.reply.rcode()) == ([], dns.rcode.REFUSED)
    assert ede(said.reply) == [(21, "no queries of type ANY here: ask for the type you want")]
    assert said.record.subject.outcome is Outcome.REFUSED


def test_it_may_be_forwarded():
    talk = Conversation()
    talk.engine.block_types([], any_answer="forward")
    found = talk.answer(talk.ask(NAME, "ANY").ask, f"{NAME} 60 A 192.0.2.7", f"{NAME} 60 TXT x").reply
    assert len(found.answer) == 2
    assert not talk.ask(NAME, "ANY").asks


@pytest.mark.parametrize("how", ["hinfo", "refuse", "forward"])
def test_a_blocked_name_is_blocked_for_any_whatever_it_is_answered_otherwise(how):
    talk = Conversation(blocks=["||ads.example^"])
    talk.engine.block_types([], any_answer=how)
    said = talk.ask("x.ads.example", "ANY")
    assert texts(said.reply.answer) == ["x.ads.example. 10 A 0.0.0.0", "x.ads.example. 10 AAAA ::"]
    assert said.record.subject.outcome is Outcome.BLOCKED
    assert ede(said.reply)[0][0] == 15


@pytest.mark.parametrize(("mode", "rcode"), [("nxdomain", "NXDOMAIN"), ("nodata", "NOERROR"), ("refused", "REFUSED")])
def test_it_is_blocked_in_the_manner_of_all_types(mode, rcode):
    """RFC 8020: no two types of a name contradict each other."""
    said = Conversation(blocks=["||ads.example^"], mode=mode).ask("ads.example", "ANY")
    assert (dns.rcode.to_text(said.reply.rcode()), said.reply.answer) == (rcode, [])


def test_an_exception_lets_a_name_through_to_the_usual_answer():
    talk = Conversation(blocks=["||example.com^"], allows=["||www.example.com^"])
    assert texts(talk.ask(NAME, "ANY").reply.answer) == HINFO


@pytest.mark.parametrize("how", ["hinfo", "refuse", "forward"])
def test_a_rules_own_answer_is_told_and_its_alias_is_not_followed(how):
    """RFC 8482 4.3: with a CNAME, that is the answer."""
    talk = Conversation(rules=policy_of([rewrite("nas.example", "CNAME b.example.")]))
    talk.engine.block_types([], any_answer=how)
    said = talk.ask("nas.example", "ANY")
    assert (said.asks, [text.split(" ", 2)[2] for text in texts(said.reply.answer)]) == ([], ["CNAME b.example."])


def test_a_local_alias_is_not_followed_either():
    """RFC 8482 4.3. Where it leads, ANY must not be asked of upstreams behind the user's back."""
    talk = Conversation()
    talk.tell(LocalChanged(local_data(["printer.lan 60 CNAME www.example.com"])))
    said = talk.ask("printer.lan", "ANY")
    assert (said.asks, texts(said.reply.answer)) == ([], ["printer.lan. 60 CNAME www.example.com."])


def test_a_new_rule_and_the_end_of_a_pause_hold_at_once():
    talk = Conversation(blocks=["||ads.example^"])
    talk.tell(BlockingPaused(talk.now + 60))
    said = talk.ask("ads.example", "ANY")
    assert [text.split(" ")[2] for text in texts(said.reply.answer)] == ["HINFO"]
    assert not said.remembered
    talk.now += 61
    assert talk.ask("ads.example", "ANY").record.subject.outcome is Outcome.BLOCKED
    assert talk.tell(PolicyChanged(policy(["||example.com^"], generation=2))).forgot
    assert talk.ask(NAME, "ANY").record.subject.outcome is Outcome.BLOCKED


def test_a_name_that_led_to_something_blocked_is_blocked_for_any_as_well():
    """An answer for one type and a block for another would contradict each other."""
    talk = Conversation(blocks=["||tracker.example^"])
    talk.learn("cloak.example", "cloak.example 60 CNAME tracker.example.", "tracker.example 60 A 192.0.2.7")
    said = talk.ask("cloak.example", "ANY")
    assert said.record.subject.outcome is Outcome.BLOCKED


def test_any_that_is_switched_off_has_no_data():
    talk = Conversation()
    talk.engine.block_types([255])
    assert talk.ask(NAME, "ANY").reply.answer == []
