"""Where an answer leads through is judged by the rules that judge a query: disguised trackers (CNAME cloaking)."""

from __future__ import annotations

import sys

import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.events import BlockingPaused, LocalChanged, PolicyChanged
from mirage_hole.resolver.inspection import UNREADABLE
from mirage_hole.wire.names import to_text
from tests.flow.rich_rules import policy_of, rich
from tests.local.data import local_data
from tests.make import SOA, Conversation, assert_at_rest, ede, policy, texts

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


def test_a_chain_without_end_is_no_answer():
    """RFC 1034 3.6.2; resolvers give up after about a dozen aliases, and this one after 32."""
    conversation = Conversation()
    records = [f"n{number}.example 60 CNAME n{number + 1}.example." for number in range(33)]
    said = conversation.learn("n0.example", *records, "n33.example 60 A 192.0.2.7")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    said = Conversation().learn("n1.example", *records[1:], "n33.example 60 A 192.0.2.7")
    assert len(said.reply.answer) == 33


def test_what_leads_in_a_circle_here_is_asked_for_elsewhere():
    conversation = Conversation(upstreams=2)
    said = conversation.answer(conversation.ask("a.example").ask, "a.example 60 CNAME a.example.")
    reply = conversation.answer(said.ask, "a.example 60 A 192.0.2.7").reply
    assert texts(reply.answer) == ["a.example. 60 A 192.0.2.7"]


def test_a_name_that_another_name_was_made_into_is_judged():
    """RFC 6672 3.1: beside a DNAME stands the CNAME that it makes."""
    conversation = Conversation(blocks=["||tracker.example^"])
    records = ("shop.example 60 DNAME tracker.example.", "www.shop.example 60 CNAME www.tracker.example.")
    said = conversation.learn("www.shop.example", *records, "www.tracker.example 60 A 192.0.2.7")
    assert said.record.subject.text == "||tracker.example^ (via www.tracker.example)"


def test_a_name_without_the_type_is_judged_by_its_aliases_too():
    """RFC 2308 2.2: no data at the end of a chain."""
    conversation = Conversation(blocks=["||tracker.example^"])
    said = conversation.learn("www.shop.example", *CHAIN[:2], qtype="AAAA", authority=[SOA])
    assert said.record.subject.outcome is Outcome.BLOCKED


@pytest.mark.parametrize("many", [1, 40, 63])
def test_no_number_of_targets_hides_one(many):
    conversation = Conversation(blocks=["||tracker.example^"])
    records = [f"www.shop.example 60 HTTPS {at + 1} n{at}.example." for at in range(many)]
    records.append(f"www.shop.example 60 HTTPS {many + 1} cdn.tracker.example.")
    said = conversation.learn("www.shop.example", *records, qtype="HTTPS")
    assert said.record.subject.text.endswith("(via cdn.tracker.example)")


def test_an_answer_with_more_targets_than_are_judged_is_no_answer():
    """RFC 8914 4.24: what nobody looked at may not pass."""
    conversation = Conversation(blocks=["||tracker.example^"])
    records = [f"www.shop.example 60 HTTPS 1 n{at}.example." for at in range(70)]
    records.append("www.shop.example 60 HTTPS 2 cdn.tracker.example.")
    said = conversation.learn("www.shop.example", *records, qtype="HTTPS")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(23, UNREADABLE)]
    assert conversation.ask("www.shop.example", "HTTPS").reply.rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize("blocks", [[], ["||n9.example^"]])
@pytest.mark.parametrize("dnssec", [False, True])
def test_an_answer_is_read_once_however_many_wait_for_it(monkeypatch, blocks, dnssec):
    """Hundreds of clients and one hostile answer, whose names lead through a hundred pointers each, took seconds."""
    read = []
    for module, name in (("inspection", "targets"), ("inspection", "addresses_of"), ("endings", "without_signatures")):
        place = f"mirage_hole.resolver.{module}.{name}"
        function = getattr(sys.modules[f"mirage_hole.resolver.{module}"], name)
        monkeypatch.setattr(place, lambda *how, called=name, function=function: read.append(called) or function(*how))
    conversation = Conversation(blocks=blocks)
    conversation.engine.rebinding = frozenset()
    said = conversation.ask("www.shop.example", "HTTPS", dnssec=dnssec)
    for number in range(1, 50):
        conversation.ask("www.shop.example", "HTTPS", client=f"10.0.0.{number}", dnssec=dnssec)
    records = [f"www.shop.example 60 HTTPS 1 n{number}.example. ipv4hint=192.0.2.{number}" for number in range(10)]
    signature = "www.shop.example 60 RRSIG HTTPS 13 3 60 20300101000000 20200101000000 1 shop.example. AAAA"
    said = conversation.answer(said.ask, *records, signature)
    assert len(said.replies) == 50
    assert len({record.subject.outcome for record in said.records}) == 1
    assert len(set(read)) == len(read)


def test_who_waits_with_somebody_behind_a_local_alias_is_judged_all_the_same():
    """What the user's own records lead to is not judged; who asks for the same name without them is."""
    conversation = Conversation(blocks=["||tracker.example^"])
    conversation.tell(LocalChanged(local_data(["mine.lan 60 CNAME x.example"], "lan")))
    first = conversation.ask("mine.lan")
    assert not conversation.ask("x.example").effects
    records = ("x.example 60 CNAME shop.tracker.example.", "shop.tracker.example 60 A 192.0.2.7")
    said = conversation.answer(first.ask, *records)
    assert [record.subject.outcome for record in said.records] == [Outcome.LOCAL, Outcome.BLOCKED]


def test_each_of_several_clients_is_judged_for_itself():
    """A chain that is blocked for one client is passed on to another that waits for the same answer."""
    conversation = Conversation(rules=policy_of([rich("tracker.example", clients=("10.0.0.7",))]))
    asks = [
        *conversation.ask("www.shop.example", client="10.0.0.7", ticket="child").asks,
        *conversation.ask("www.shop.example", client="10.0.0.8", ticket="adult").asks,
    ]
    said = conversation.answer(asks[0], *CHAIN)
    assert len(asks) == 1
    got = dict(zip(said.tickets, said.records, strict=True))
    assert got["child"].subject.outcome is Outcome.BLOCKED
    assert got["adult"].subject.outcome is Outcome.FORWARDED
    for client, outcome in (("10.0.0.7", Outcome.BLOCKED), ("10.0.0.8", Outcome.CACHED)):
        assert conversation.ask("www.shop.example", client=client).record.subject.outcome is outcome


def test_a_clean_answer_is_looked_at_once_and_again_when_rules_change():
    conversation = Conversation(blocks=["||other.example^"])
    conversation.learn("www.shop.example", *CHAIN)
    conversation.ask("www.shop.example")
    (answer,) = conversation.engine.cache.answers.values()
    assert answer.passed is conversation.engine.policy
    conversation.tell(PolicyChanged(policy(["||tracker.example^"], generation=2)))
    assert conversation.ask("www.shop.example").record.subject.outcome is Outcome.BLOCKED


def test_the_log_names_the_rule_and_the_alias():
    """What the API and the command line show of a query: see ``observe/recent.py``."""
    conversation = Conversation(blocks=["||tracker.example^"])
    said = conversation.learn("www.shop.example", *CHAIN)
    subject = said.record.subject
    assert (to_text(subject.name), subject.text) == (
        "www.shop.example",
        "||tracker.example^ (via shop.tracker.example)",
    )
