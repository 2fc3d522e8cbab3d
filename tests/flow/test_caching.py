"""What is asked upstream once and answered many times: coalescing, the answer cache, and what packets may be replayed."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest

from mirage_hole.observe.record import TCP, UDP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.asking import MAX_WAITING
from mirage_hole.wire.names import from_text
from tests.make import SOA, Conversation, address, assert_at_rest, ede, query, texts

NAME = "www.example.com"
RECORD = "www.example.com 300 A 192.0.2.7"


# -- identical questions in flight --


def test_identical_questions_are_asked_once_and_all_answered():
    conversation = Conversation()
    ask = conversation.ask(NAME, ticket="first").ask
    for ticket in ("second", "third"):
        said = conversation.ask(NAME, ticket=ticket)
        assert said.effects == []
    said = conversation.answer(ask, RECORD)
    assert said.tickets == ["first", "second", "third"]
    assert len(said.records) == 3
    assert_at_rest(conversation.engine)


def test_each_of_them_gets_its_own_id_spelling_transport_and_duration():
    conversation = Conversation()
    ask = conversation.ask("www.example.com", ident=7, client="10.0.0.1").ask
    conversation.now += 0.25
    conversation.ask("WWW.Example.COM", ident=8, client="10.0.0.2", transport="tcp", edns=False)
    conversation.now += 0.25
    said = conversation.answer(ask, RECORD)
    first, second = said.replies
    assert (first.id, str(first.question[0].name), first.edns) == (7, "www.example.com.", 0)
    assert (second.id, str(second.question[0].name), second.edns) == (8, "WWW.Example.COM.", -1)
    assert [(told.client, told.transport, told.duration) for told in said.records] == [
        (address("10.0.0.1"), UDP, 0.5),
        (address("10.0.0.2"), TCP, 0.25),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"dnssec": True},
        {"flags": "RD CD"},
        {"dnssec": True, "flags": "RD CD"},
        {"qtype": "AAAA"},
        {"name": "example.com"},
    ],
)
def test_what_shapes_the_answer_keeps_questions_apart(other):
    """DO decides about RRSIG records (RFC 3225), CD about validation (RFC 4035 4.7)."""
    conversation = Conversation()
    conversation.ask(NAME)
    assert conversation.ask(**{"name": NAME, **other}).asks
    assert conversation.engine.in_flight == 2


@pytest.mark.parametrize("same", [{"flags": "RD AD"}, {"edns": False}, {"payload": 4096}, {"client": "::1"}])
def test_what_does_not_shape_it_does_not(same):
    conversation = Conversation()
    conversation.ask(NAME)
    assert not conversation.ask(NAME, **same).asks


def test_too_many_who_wait_for_one_question_are_told_so():
    conversation = Conversation()
    ask = conversation.ask(NAME).ask
    for _ in range(MAX_WAITING - 1):
        assert conversation.ask(NAME).effects == []
    said = conversation.ask(NAME)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(0, "too many clients wait for answers")]
    assert said.record.subject.outcome == Outcome.FAILED
    assert len(conversation.answer(ask, RECORD).replies) == MAX_WAITING


# -- answers that are known --


def test_a_known_answer_is_given_without_asking():
    conversation = Conversation()
    conversation.learn(NAME, RECORD)
    said = conversation.ask(NAME)
    assert texts(said.reply.answer) == ["www.example.com. 300 A 192.0.2.7"]
    subject = said.record.subject
    assert (subject.outcome, subject.upstream, subject.name) == (Outcome.CACHED, 0, from_text(NAME))


def test_ttls_run_down_by_whole_seconds():
    """RFC 1035 3.2.1: the TTL is how long the record may be kept, and it was kept here already."""
    conversation = Conversation()
    conversation.learn(NAME, "www.example.com 300 CNAME web.example.com.", "web.example.com 20 A 192.0.2.7")
    for elapsed, ttls in ((0.999, [300, 20]), (0.001, [299, 19]), (16.999, [283, 3])):
        conversation.now += elapsed
        assert [rrset.ttl for rrset in conversation.ask(NAME).reply.answer] == ttls
    conversation.now += 2.001
    assert conversation.ask(NAME).asks


def test_an_answer_of_ttl_0_is_given_and_not_kept():
    conversation = Conversation()
    assert texts(conversation.learn(NAME, "www.example.com 0 A 192.0.2.7").reply.answer)
    assert conversation.ask(NAME).asks


def test_nxdomain_is_kept_as_long_as_its_soa_says():
    """RFC 2308 5: the lesser of the SOA's TTL and its MINIMUM; here 300."""
    conversation = Conversation()
    said = conversation.learn("none.example.com", rcode="NXDOMAIN", authority=[SOA])
    assert said.reply.rcode() == dns.rcode.NXDOMAIN
    conversation.now += 299
    known = conversation.ask("none.example.com")
    assert known.reply.rcode() == dns.rcode.NXDOMAIN
    assert known.reply.authority[0].ttl == 601
    assert (known.record.subject.outcome, known.record.subject.rcode) == (Outcome.CACHED, 3)
    conversation.now += 1
    assert conversation.ask("none.example.com").asks


def test_nodata_is_kept_for_its_type_alone():
    conversation = Conversation()
    conversation.learn(NAME, qtype="AAAA", authority=[SOA])
    assert conversation.ask(NAME, "AAAA").record.subject.outcome == Outcome.CACHED
    assert conversation.ask(NAME, "A").asks


def test_a_negative_answer_without_soa_is_not_kept():
    """RFC 2308 5: it SHOULD NOT be cached, as nothing says how long it holds."""
    conversation = Conversation()
    conversation.learn("none.example.com", rcode="NXDOMAIN")
    assert conversation.ask("none.example.com").asks


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "YXDOMAIN"])
def test_errors_are_not_kept_as_answers(rcode):
    """They may be as failures: see test_failures.py."""
    conversation = Conversation()
    conversation.learn(NAME, rcode=rcode)
    assert len(conversation.engine.cache) == 0
    conversation.now += 5
    assert conversation.ask(NAME).asks


@pytest.mark.parametrize("asked", [{}, {"dnssec": True}, {"flags": "RD CD"}, {"dnssec": True, "flags": "RD CD"}])
def test_an_answer_is_known_for_the_question_that_was_asked(asked):
    conversation = Conversation()
    conversation.answer(conversation.ask(NAME, **asked).ask, RECORD)
    for other in ({}, {"dnssec": True}, {"flags": "RD CD"}, {"dnssec": True, "flags": "RD CD"}):
        assert bool(conversation.ask(NAME, **other).asks) == (other != asked)


def test_the_cache_is_bounded():
    conversation = Conversation(cache=100_000)
    for number in range(1000):
        conversation.learn(f"n{number}.example.com", f"n{number}.example.com 300 A 192.0.2.7")
    assert conversation.engine.cache.cost <= 100_000
    assert 0 < len(conversation.engine.cache) < 200


def test_an_engine_without_a_cache_answers_all_the_same():
    conversation = Conversation(cache=0)
    assert conversation.learn(NAME, RECORD).reply.answer
    assert conversation.ask(NAME).asks


def test_ede_of_the_upstream_stays_with_the_answer():
    conversation = Conversation()
    conversation.learn(NAME, RECORD, ede=(4, "rewritten upstream"))
    assert ede(conversation.ask(NAME).reply) == [(4, "rewritten upstream")]


# -- packets --


def test_the_second_asking_is_what_makes_a_packet():
    conversation = Conversation()
    assert not conversation.learn(NAME, RECORD).remembered
    conversation.now += 10.5
    wire = query(NAME)
    said = conversation.send(wire)
    (packet,) = said.remembered
    assert (packet.octets, packet.answer, packet.now) == (wire[2:], said.wire, conversation.now)
    assert (packet.born_at, packet.expires_at) == (1000.0, 1270.0)
    (offset,) = packet.ttl_offsets
    assert int.from_bytes(packet.answer[offset : offset + 4], "big") == 290


@pytest.mark.parametrize("how", [{"transport": "tcp"}, {"payload": 512, "edns": False}])
def test_what_is_truncated_or_came_over_tcp_is_no_packet(how):
    conversation = Conversation()
    conversation.learn(NAME, *(f"www.example.com 300 A 192.0.2.{number}" for number in range(60)))
    assert not conversation.ask(NAME, **how).remembered


def test_a_packet_ages_only_the_records_it_holds():
    """What did not fit lost its additional section; the places of those TTLs are not in this answer."""
    conversation = Conversation()
    answer = [f"www.example.com 300 MX 10 m{number}.example.com." for number in range(20)]
    additional = [f"m{number}.example.com 300 A 192.0.2.{number}" for number in range(20)]
    conversation.learn(NAME, *answer, additional=additional, qtype="MX")
    for payload in (512, 1232):
        said = conversation.ask(NAME, "MX", payload=payload)
        (packet,) = said.remembered
        assert not said.reply.flags & dns.flags.TC
        assert len(said.reply.additional) == (0 if payload == 512 else 20)
        for offset in packet.ttl_offsets:
            assert int.from_bytes(packet.answer[offset : offset + 4], "big") == 300
        assert len(packet.ttl_offsets) == (20 if payload == 512 else 40)
