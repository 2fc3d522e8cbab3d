"""Old answers when nothing better can be had (RFC 8767): after a short wait, at once when upstreams have failed."""

from __future__ import annotations

from dataclasses import replace

import dns.flags
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.cache.lifetimes import Lifetimes
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.events import DrainEnded, PolicyChanged
from tests.flow.rich_rules import address, policy_of, rewrite, written
from tests.make import SOA, Conversation, assert_at_rest, ede, policy, query, texts

NAME = "www.example.com"
RECORD = "www.example.com 300 A 192.0.2.7"
NEWER = "www.example.com 300 A 192.0.2.8"
OLD = ["www.example.com. 30 A 192.0.2.7"]
WAIT = 1.8
TICKS = 0.1
"""Seconds by which a time may be noticed late."""


def over(**how: object) -> Conversation:
    """A conversation in which the answer for NAME has been over for a minute."""
    conversation = Conversation(**how)
    conversation.learn(NAME, RECORD)
    conversation.now += 360
    return conversation


def with_lifetimes(conversation: Conversation, **changes: object) -> Conversation:
    conversation.engine.cache.change(replace(Lifetimes(), **changes))
    return conversation


# -- the client response timer --


def test_a_client_waits_for_a_fresh_answer_first():
    """RFC 8767 5: the attempt to refresh comes first."""
    conversation = over()
    said = conversation.ask(NAME)
    assert not said.replies
    assert not conversation.wait(WAIT - TICKS).replies
    fresh = conversation.answer(said.ask, NEWER)
    assert texts(fresh.reply.answer) == ["www.example.com. 300 A 192.0.2.8"]
    assert fresh.record.subject.outcome == Outcome.FORWARDED
    assert_at_rest(conversation.engine)


def test_after_1_8_seconds_it_gets_the_old_one_with_ttl_30_and_ede_3():
    """RFC 8767 4 (TTL 30) and 5 (1.8 seconds), RFC 8914 4.4."""
    conversation = over()
    conversation.ask(NAME)
    said = conversation.wait(WAIT + TICKS)
    assert texts(said.reply.answer) == OLD
    assert said.reply.rcode() == dns.rcode.NOERROR
    ((code, text),) = ede(said.reply)
    assert code == 3
    assert "1m past its time" in text
    assert (said.record.subject.outcome, said.record.subject.upstream) == (Outcome.STALE, 0)
    assert WAIT <= said.record.duration <= WAIT + TICKS


def test_an_old_nxdomain_has_ede_19():
    """RFC 8914 4.20."""
    conversation = Conversation()
    conversation.learn(NAME, rcode="NXDOMAIN", authority=[SOA])
    conversation.now += 301
    conversation.ask(NAME)
    said = conversation.wait(WAIT + TICKS)
    assert said.reply.rcode() == dns.rcode.NXDOMAIN
    assert said.reply.authority[0].ttl == 30
    assert [code for code, _ in ede(said.reply)] == [19]
    assert said.record.subject.rcode == dns.rcode.NXDOMAIN


def test_everybody_who_waits_gets_it_and_none_waits_longer_than_the_first():
    conversation = over()
    conversation.ask(NAME, ticket="first")
    conversation.wait(1)
    assert not conversation.ask(NAME, ticket="second", transport="tcp").effects
    said = conversation.wait(WAIT - 1 + TICKS)
    assert said.tickets == ["first", "second"]
    assert len(said.records) == 2
    assert conversation.engine.waiting == 0


def test_the_question_goes_on_and_its_late_answer_is_kept():
    """RFC 8767 5: the resolution attempt continues after the client was answered."""
    conversation = over()
    ask = conversation.ask(NAME).ask
    conversation.wait(WAIT + TICKS)
    assert conversation.engine.in_flight == 1
    assert conversation.answer(ask, NEWER).effects == []
    said = conversation.ask(NAME)
    assert said.record.subject.outcome == Outcome.CACHED
    assert said.reply.answer[0].ttl == 300
    assert_at_rest(conversation.engine)


def test_without_a_wait_the_old_answer_comes_at_once_and_the_fresh_one_is_fetched():
    conversation = with_lifetimes(over(), stale_wait=0.0)
    said = conversation.ask(NAME)
    assert texts(said.reply.answer) == OLD
    assert conversation.answer(said.ask, NEWER).silent
    assert conversation.ask(NAME).record.subject.outcome == Outcome.CACHED


# -- upstreams that fail --


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_when_upstreams_fail_it_comes_at_once_and_errors_never_take_its_place(rcode):
    """RFC 8767 4: an answer with an error is no data; it must not replace what is good."""
    conversation = over(upstreams=2)
    said = conversation.ask(NAME)
    said = conversation.answer(said.ask, rcode=rcode)
    said = conversation.answer(said.ask, rcode=rcode)
    assert texts(said.reply.answer) == OLD
    assert said.record.subject.outcome == Outcome.STALE
    assert texts(conversation.ask(NAME).reply.answer) == OLD
    assert_at_rest(conversation.engine)


def test_when_no_upstream_is_there_it_comes_at_once():
    conversation = over()
    said = conversation.ask(NAME)
    while said.asks:
        said = conversation.refuse(said.ask)
    assert texts(said.reply.answer) == OLD


def test_for_half_a_minute_after_a_failure_nobody_waits_and_nothing_is_asked():
    """RFC 8767 5: the failure recheck timer, 30 seconds."""
    conversation = over()
    conversation.answer(conversation.ask(NAME).ask, rcode="SERVFAIL")
    for _ in range(29):
        conversation.now += 1
        said = conversation.ask(NAME)
        assert not said.asks
        assert texts(said.reply.answer) == OLD
    conversation.now += 2
    assert conversation.ask(NAME).asks


def test_for_half_a_minute_after_a_wait_in_vain_nobody_waits():
    conversation = over(timeout=2.0)
    conversation.ask(NAME)
    conversation.wait(4)
    for _ in range(3):
        said = conversation.ask(NAME)
        assert (said.asks, texts(said.reply.answer)) == ([], OLD)
        conversation.now += 8
    conversation.now += 31
    assert conversation.ask(NAME).asks


def test_a_fresh_answer_ends_the_pause():
    conversation = over()
    ask = conversation.ask(NAME).ask
    conversation.wait(WAIT + TICKS)
    conversation.answer(ask, "www.example.com 5 A 192.0.2.8")
    conversation.now += 6
    assert not conversation.ask(NAME).replies  # over again, and worth a wait again


def test_when_too_much_is_asked_already_it_comes_at_once():
    conversation = over(max_in_flight=1)
    conversation.ask("other.example.com")
    assert texts(conversation.ask(NAME).reply.answer) == OLD


# -- how long --


def test_a_day_after_its_time_an_answer_is_of_no_use_any_more():
    """RFC 8767 4: the maximum stale timer, between one and three days."""
    conversation = Conversation()
    conversation.learn(NAME, RECORD)
    conversation.now += 300 + 86_400
    conversation.ask(NAME)
    assert not conversation.wait(WAIT + TICKS).replies
    assert conversation.wait(5).reply.rcode() == dns.rcode.SERVFAIL


def test_a_second_less_and_it_serves():
    conversation = Conversation()
    conversation.learn(NAME, RECORD)
    conversation.now += 300 + 86_390
    conversation.ask(NAME)
    assert texts(conversation.wait(WAIT + TICKS).reply.answer) == OLD


def test_it_can_be_switched_off():
    conversation = with_lifetimes(over(), stale=0.0)
    conversation.ask(NAME)
    assert conversation.wait(6).reply.rcode() == dns.rcode.SERVFAIL


def test_an_answer_that_may_not_be_kept_is_better_than_an_old_one():
    """A TTL of 0 says that things have changed, and change."""
    conversation = over()
    conversation.answer(conversation.ask(NAME).ask, "www.example.com 0 A 192.0.2.8")
    conversation.ask(NAME)
    assert not conversation.wait(WAIT + TICKS).replies


# -- what may be replayed --


def test_packets_of_old_answers_are_replayed_for_a_second_at_most():
    conversation = over()
    conversation.answer(conversation.ask(NAME).ask, rcode="SERVFAIL")
    wire = query(NAME)
    said = conversation.send(wire)
    (packet,) = said.remembered
    assert (packet.octets, packet.answer) == (wire[2:], said.wire)
    assert packet.expires_at <= conversation.now + 1
    assert packet.ttl_offsets == ()


def test_nobody_has_checked_the_signatures_of_an_old_answer():
    conversation = Conversation()
    conversation.learn(NAME, RECORD, flags="QR RD RA AD")
    conversation.now += 360
    conversation.ask(NAME, dnssec=False, flags="RD AD")
    assert not conversation.wait(WAIT + TICKS).reply.flags & dns.flags.AD


# -- rules --


def test_a_rule_that_comes_meanwhile_holds_for_old_answers_too():
    conversation = over()
    conversation.ask(NAME)
    said = conversation.tell(PolicyChanged(policy([f"||{NAME}^"])))
    assert said.record.subject.outcome == Outcome.BLOCKED
    assert not conversation.wait(WAIT + TICKS).replies
    assert conversation.ask(NAME).record.subject.outcome == Outcome.BLOCKED


def test_rules_about_addresses_judge_old_answers():
    conversation = over()
    conversation.tell(PolicyChanged(policy_of([address("192.0.2.0/24")])))
    conversation.ask(NAME)
    said = conversation.wait(WAIT + TICKS)
    assert texts(said.reply.answer) == ["www.example.com. 10 A 0.0.0.0"]
    assert said.record.subject.outcome == Outcome.BLOCKED


def test_a_rule_about_addresses_may_lead_an_old_answer_elsewhere():
    conversation = over()
    conversation.tell(PolicyChanged(policy_of([address("192.0.2.0/24", rewrite=written("CNAME garden.lan."))])))
    conversation.ask(NAME)
    said = conversation.wait(WAIT + TICKS)
    reply = conversation.answer(said.asks[-1], "garden.lan 60 A 203.0.113.77").reply
    assert texts(reply.answer)[-1] == "garden.lan. 60 A 203.0.113.77"


def test_an_alias_leads_to_an_old_answer_too():
    conversation = Conversation(rules=policy_of((), [rewrite("alias.lan", f"CNAME {NAME}.")]))
    conversation.learn(NAME, RECORD)
    conversation.now += 360
    conversation.ask("alias.lan")
    said = conversation.wait(WAIT + TICKS)
    assert texts(said.reply.answer)[-1] == OLD[0]
    assert said.record.subject.outcome == Outcome.STALE


# -- the end --


def test_who_waits_when_the_program_ends_is_told():
    conversation = over()
    conversation.ask(NAME)
    assert conversation.tell(DrainEnded()).reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)


@given(st.lists(st.sampled_from(["ask", "wait", "answer", "fail", "long"]), max_size=25))
def test_whatever_happens_each_query_ends_once_and_with_data(happening: list[str]) -> None:
    """Once there was an answer, a client never sees SERVFAIL within a day of it, nor waits longer than 1.8 seconds."""
    conversation = over(timeout=4.0)
    asked, asks, ended = 0, [], []
    for what in happening:
        if what == "ask":
            asked += 1
            said = conversation.ask(NAME)
        elif what == "answer" and asks:
            said = conversation.answer(asks.pop(0), RECORD)
        elif what == "fail" and asks:
            said = conversation.answer(asks.pop(0), rcode="SERVFAIL")
        else:
            said = conversation.wait(200.0 if what == "long" else 0.7)
        asks += said.asks
        ended += said.replies
        assert all(record.duration <= WAIT + TICKS for record in said.records)
    ended += conversation.wait(6).replies
    assert len(ended) == asked
    assert all(reply.rcode() == dns.rcode.NOERROR and reply.answer for reply in ended)
    assert_at_rest(conversation.engine)
