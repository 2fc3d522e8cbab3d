"""DNSSEC validation in conversations: what clients get of secure, insecure and bogus answers, and what others notice of it."""

from __future__ import annotations

from dataclasses import replace

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from mirage_hole.dnssec.anchors import Trust, read_anchors
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import Validate
from mirage_hole.resolver.events import DrainEnded
from mirage_hole.upstream.groups import Group
from mirage_hole.upstream.health import Upstream
from mirage_hole.upstream.routes import Routes
from mirage_hole.wire.names import from_text
from tests.dnssec.test_chain import a_world
from tests.dnssec.zones import DAY, NOW, World, Zone
from tests.flow.validation import Validating
from tests.make import Conversation, Said, an_engine, assert_at_rest, ede, texts


def forged(message):
    message.answer[0] = dns.rrset.from_text(message.answer[0].name, 300, "IN", "A", "203.0.113.66")
    return message


@pytest.fixture
def conversation():
    return Validating(a_world())


def test_upstreams_are_asked_with_do_and_cd_whatever_the_client_says(conversation):
    """RFC 4035 3.2.1: a validating resolver sets DO; CD so that the upstream keeps nothing back (RFC 6840 5.9)."""
    conversation.ask_all("www.example", edns=False)
    assert conversation.asked[0] == ("www.example.", "A")
    assert ("example.", "DS") in conversation.asked
    for query in conversation.queries:
        assert query.ednsflags & dns.flags.DO
        assert query.flags & dns.flags.CD


@pytest.mark.parametrize("how", [{"dnssec": True}, {"flags": "RD AD"}])
def test_a_secure_answer_has_ad_for_a_client_that_asks_for_it(conversation, how):
    """RFC 4035 3.2.3, RFC 6840 5.8."""
    said = conversation.ask_all("www.example", **how)
    assert said.reply.flags & dns.flags.AD
    assert said.record.subject.outcome is Outcome.FORWARDED
    assert_at_rest(conversation.engine)


def test_a_client_that_did_not_ask_gets_neither_ad_nor_signatures(conversation):
    """RFC 4035 3.2.1: without DO, the types of DNSSEC are left out."""
    said = conversation.ask_all("www.example")
    assert not said.reply.flags & dns.flags.AD
    assert {rrset.rdtype for rrset in said.reply.answer} == {dns.rdatatype.A}


def test_a_client_with_do_gets_the_signatures(conversation):
    said = conversation.ask_all("www.example", dnssec=True)
    assert {rrset.rdtype for rrset in said.reply.answer} == {dns.rdatatype.A, dns.rdatatype.RRSIG}


def test_one_answer_in_the_cache_serves_clients_with_do_and_without(conversation):
    conversation.ask_all("www.example")
    said = conversation.ask("www.example", dnssec=True)
    assert said.reply.flags & dns.flags.AD
    assert said.record.subject.outcome is Outcome.CACHED


def test_an_insecure_answer_is_passed_on_without_ad(conversation):
    """RFC 4035 4.3; whatever the upstream claims."""
    conversation.altered["www.unsigned.", "A"] = lambda message: (
        setattr(message, "flags", message.flags | dns.flags.AD),
        message,
    )[1]
    said = conversation.ask_all("www.unsigned", dnssec=True)
    assert texts(said.reply.answer) == ["www.unsigned. 300 A 192.0.2.11"]
    assert not said.reply.flags & dns.flags.AD
    assert not conversation.ask("www.unsigned", dnssec=True).reply.flags & dns.flags.AD


def test_a_bogus_answer_is_servfail_with_the_reason(conversation):
    """RFC 4035 5.5, RFC 8914 4.7."""
    conversation.altered["www.example.", "A"] = forged
    said = conversation.ask_all("www.example")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert not said.reply.answer
    ((code, text),) = ede(said.reply)
    assert code == 6
    assert text.startswith("A of www.example: the signature is wrong")
    assert said.record.subject.outcome is Outcome.BOGUS
    assert_at_rest(conversation.engine)


@pytest.mark.parametrize(("start", "end", "code"), [(-9, -3, 7), (1, 9, 8)])
def test_signatures_out_of_time_are_told_apart(start, end, code):
    """RFC 8914 4.8, 4.9."""
    conversation = Validating(a_world(inception=NOW + start * DAY, expiration=NOW + end * DAY))
    assert ede(conversation.ask_all("www.example").reply)[0][0] == code


def test_a_bogus_answer_is_a_failure_that_is_remembered_for_a_while(conversation):
    """RFC 9520 3.2."""
    conversation.altered["www.example.", "A"] = forged
    conversation.ask_all("www.example")
    said = conversation.ask("www.example")
    assert not said.asks
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert 6 in [code for code, _ in ede(said.reply)]
    assert said.record.subject.outcome is Outcome.BOGUS
    del conversation.altered["www.example.", "A"]
    conversation.wait(60)
    assert conversation.ask_all("www.example").reply.answer


def test_a_client_with_cd_gets_what_there_is_unvalidated(conversation):
    """RFC 4035 3.2.2."""
    conversation.altered["www.example.", "A"] = forged
    said = conversation.ask_all("www.example", flags="RD CD", dnssec=True)
    assert said.reply.answer[0][0].address == "203.0.113.66"
    assert not said.reply.flags & dns.flags.AD
    assert not said.of(Validate)
    assert conversation.ask_all("www.example").reply.rcode() == dns.rcode.SERVFAIL


def test_what_cannot_be_found_out_is_servfail(conversation):
    conversation.altered["example.", "DNSKEY"] = lambda message: (message.set_rcode(2), message)[1]
    said = conversation.ask_all("www.example")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(5, "DNSKEY of example, which validation needs, could not be had")]
    assert said.record.subject.outcome is Outcome.BOGUS


def test_who_asks_the_same_meanwhile_waits_with_the_others(conversation):
    said = conversation.ask("www.example", ticket="first")
    reply = conversation.come(conversation.reply_to(said.ask), said.ask)
    assert reply.of(Validate)
    assert not conversation.ask("www.example", ticket="second").effects
    said = conversation.follow(reply)
    assert sorted(said.tickets) == ["first", "second"]
    assert len(said.records) == 2


def test_keys_are_asked_for_once(conversation):
    conversation.ask_all("www.example")
    before = len(conversation.asked)
    conversation.ask_all("mail.example", "MX")
    assert conversation.asked[before:] == [("mail.example.", "MX")]


def test_a_validation_that_takes_too_long_ends_with_its_question(conversation):
    said = conversation.ask("www.example")
    (step,) = conversation.come(conversation.reply_to(said.ask), said.ask).of(Validate)
    said = conversation.wait(5.2)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(5, "DNSSEC validation took too long")]
    assert_at_rest(conversation.engine)
    assert conversation.step(step).silent


def test_a_question_of_a_validation_that_nobody_answers_ends_it(conversation):
    conversation.altered["example.", "DS"] = lambda message: None
    conversation.ask_all("www.example")
    said = conversation.wait(11)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)


def test_too_many_validations_are_told_so_and_no_others_wait(conversation, monkeypatch):
    monkeypatch.setattr("mirage_hole.resolver.validating.MOST_AT_ONCE", 1)
    first, second = conversation.ask("www.example"), conversation.ask("mail.example", "MX")
    conversation.come(conversation.reply_to(first.ask), first.ask)
    said = conversation.come(conversation.reply_to(second.ask), second.ask)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(0, "too many answers wait for DNSSEC validation")]


def test_the_end_of_the_process_ends_validations(conversation):
    said = conversation.ask("www.example")
    (step,) = conversation.come(conversation.reply_to(said.ask), said.ask).of(Validate)
    assert conversation.tell(DrainEnded()).reply.rcode() == dns.rcode.SERVFAIL
    assert conversation.step(step).silent


def test_a_secure_answer_is_kept_no_longer_than_its_signatures():
    """RFC 4035 5.3.3."""
    conversation = Validating(a_world(expiration=NOW + 100))
    said = conversation.ask_all("www.example", dnssec=True)
    assert {rrset.ttl for rrset in said.reply.answer} == {100}
    conversation.wait(101)
    assert conversation.ask("www.example").asks


def test_no_setting_makes_a_secure_answer_outlive_its_signatures():
    """RFC 4035 5.3.3; an answer that nothing is signed of is kept as long as the user likes."""
    conversation = Validating(a_world(expiration=NOW + 100))
    conversation.engine.cache.change(replace(conversation.engine.cache.lifetimes, min_ttl=3600))
    assert {rrset.ttl for rrset in conversation.ask_all("www.example", dnssec=True).reply.answer} == {100}
    assert {rrset.ttl for rrset in conversation.ask_all("www.unsigned").reply.answer} == {3600}


def test_names_that_count_as_unsigned_are_passed_on():
    """RFC 7646."""
    conversation = Validating(a_world(inception=NOW - 9 * DAY, expiration=NOW - 3 * DAY), negative=("example",))
    said = conversation.ask_all("www.example", dnssec=True)
    assert said.reply.answer
    assert not said.reply.flags & dns.flags.AD


def test_names_that_are_proven_not_to_be_there_are_secure(conversation):
    said = conversation.ask_all("nothing.example", dnssec=True)
    assert said.reply.rcode() == dns.rcode.NXDOMAIN
    assert said.reply.flags & dns.flags.AD


def test_a_clock_that_is_wrong_fails_closed_and_is_told_of(conversation):
    conversation.epoch = NOW - 1000 * DAY
    said = conversation.ask_all("www.example")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    ((code, text),) = ede(said.reply)
    assert code == 8
    assert text.endswith("the clock of this machine may be wrong")


@pytest.mark.parametrize("flags", ["RD", "RD AD", "RD CD", "RD AD CD"])
@pytest.mark.parametrize("dnssec", [False, True])
def test_without_validation_everything_is_passed_through(flags, dnssec):
    """RFC 4035 3.2: what a client that validates itself needs arrives as it was."""
    conversation = Conversation()
    said = conversation.ask("www.example", flags=flags, dnssec=dnssec)
    query = dns.message.from_wire(said.ask.wire)
    assert bool(query.flags & dns.flags.CD) == ("CD" in flags)
    assert bool(query.ednsflags & dns.flags.DO) == dnssec
    said = conversation.answer(said.ask, "www.example 300 A 203.0.113.66", flags="QR RD RA AD")
    assert not said.of(Validate)
    assert bool(said.reply.flags & dns.flags.AD) == (dnssec or "AD" in flags)


# -- with the other parts --


def test_an_old_answer_serves_while_keys_can_not_be_had_and_never_beside_a_bogus_one(conversation):
    """RFC 8767 5: stale data is for when nothing can be had; what is bogus was had."""
    conversation.ask_all("www.example")
    conversation.wait(400)
    conversation.altered["www.example.", "A"] = forged
    assert conversation.ask_all("www.example").reply.rcode() == dns.rcode.SERVFAIL
    said = conversation.ask("www.example")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    conversation.ask_all("mail.example", "MX")
    conversation.epoch += 700
    conversation.engine.validations.memory.clear()
    conversation.wait(700)
    conversation.altered["example.", "DNSKEY"] = lambda message: (message.set_rcode(2), message)[1]
    said = conversation.ask_all("mail.example", "MX")
    assert said.record.subject.outcome is Outcome.STALE
    assert not said.reply.flags & dns.flags.AD


def test_names_with_a_route_to_a_group_that_is_not_validated_count_as_unsigned():
    """RFC 7646: a company's own zone, signed in the world and different inside (blocky issue 2126)."""
    world = a_world()
    anchors, _ = read_anchors(world.anchors())
    upstreams = [Upstream(0, "192.0.2.1", 53), Upstream(1, "192.0.2.2", 53)]
    groups = [Group(0, "default", upstreams[:1], dnssec=True), Group(1, "office", upstreams[1:])]
    engine = an_engine(upstreams=2)
    engine.groups, engine.routes, engine.routed = groups, Routes({from_text("www.example"): 1}), True
    conversation = Validating(world, engine=engine)
    engine.validate(Trust(anchors))
    conversation.altered["www.example.", "A"] = forged
    conversation.altered["alias.example.", "A"] = lambda message: (
        message.answer.pop(),
        forged_at(message, 2),
        message,
    )[2]
    said = conversation.ask_all("www.example", dnssec=True)
    assert said.reply.answer[0][0].address == "203.0.113.66"
    assert [ask.upstream for ask in said.asks] == [1]
    said = conversation.ask_all("alias.example", dnssec=True)  # leads there, and is itself signed
    assert said.reply.rcode() == dns.rcode.NOERROR
    assert not said.reply.flags & dns.flags.AD


def forged_at(message, place):
    message.answer[place] = dns.rrset.from_text(message.answer[place].name, 300, "IN", "A", "203.0.113.66")


def test_a_fallbacks_answers_are_validated_as_those_of_the_group_it_stands_in_for():
    world = a_world()
    anchors, _ = read_anchors(world.anchors())
    upstreams = [Upstream(0, "192.0.2.1", 53), Upstream(1, "192.0.2.2", 53)]
    groups = [Group(0, "default", upstreams[:1], dnssec=True, fallback=1), Group(1, "other", upstreams[1:])]
    engine = an_engine(upstreams=2)
    engine.groups = groups
    conversation = Validating(world, engine=engine)
    engine.validate(Trust(anchors))
    conversation.altered["www.example.", "A"] = forged
    first = conversation.ask("www.example")
    second = conversation.refuse(first.ask)
    assert second.ask.upstream == 1
    assert conversation.follow(second).reply.rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize("name", ["printer.lan", "nas.home.arpa", "x.internal"])
def test_names_that_only_private_networks_use_count_as_unsigned(name):
    """The root denies them, while a router may well know them."""
    world = World(Zone(".", []), Zone(f"{name.partition('.')[2]}.", [f"{name}. 300 A 10.0.0.9"], signed=False))
    if name.endswith("arpa"):
        world = World(Zone(".", []), Zone("arpa.", []), Zone("home.arpa.", [f"{name}. 300 A 10.0.0.9"], signed=False))
    conversation = Validating(world)
    conversation.engine.special_names = False
    said = conversation.ask_all(name)
    assert texts(said.reply.answer) == [f"{name}. 300 A 10.0.0.9"]
    assert len(conversation.asked) == 1


def test_an_answer_that_still_holds_serves_to_its_end_though_its_renewal_is_bogus(conversation):
    conversation.ask_all("www.example")
    conversation.altered["www.example.", "A"] = forged
    key = next(key for key in conversation.engine.cache.answers if key.startswith(from_text("www.example")))
    renewed = []
    conversation.wait(280)
    conversation.follow(
        Said(conversation.engine.renew(key, conversation.now, lambda reply, now: renewed.append(reply) or []))
    )
    assert renewed == [None]
    assert conversation.ask_all("www.example").reply.answer
    conversation.wait(30)
    assert conversation.ask_all("www.example").reply.rcode() == dns.rcode.SERVFAIL


def test_verdicts_are_counted(conversation):
    conversation.altered["mail.example.", "MX"] = lambda message: (message.answer.pop(), message)[1]
    for name, kind in (("www.example", "A"), ("nothing.example", "A"), ("www.unsigned", "A"), ("mail.example", "MX")):
        conversation.ask_all(name, kind)
    assert conversation.engine.validations.counters() == {
        "validated_secure": 2,
        "validated_insecure": 1,
        "validated_bogus": 1,
        "validated_indeterminate": 0,
    }


@pytest.mark.parametrize("lies", [1, 2, 3])
def test_another_upstream_is_asked_once_when_an_answer_is_bogus(lies):
    """RFC 4035 5.5 leaves it open: the fault may be one upstream's, and not the zone's."""
    conversation = Validating(a_world(), upstreams=3)
    told = []
    conversation.altered["www.example.", "A"] = lambda message: (
        forged(message) if told.append(1) or len(told) <= lies else message
    )
    said = conversation.ask_all("www.example")
    asked = [ask.upstream for ask in said.asks if b"\3www\7example" in ask.wire]
    assert len(set(asked)) == len(asked) == 2
    assert (said.reply.rcode() == dns.rcode.NOERROR) == (lies == 1)
    assert said.record.subject.outcome is (Outcome.FORWARDED if lies == 1 else Outcome.BOGUS)
    assert_at_rest(conversation.engine)


def test_when_the_other_upstream_is_silent_both_are_told_of():
    conversation = Validating(a_world(), upstreams=2)
    told = []
    conversation.altered["www.example.", "A"] = lambda message: (
        forged(message) if not told.append(1) and len(told) == 1 else None
    )
    conversation.ask_all("www.example")
    said = conversation.wait(6)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    ((code, text),) = ede(said.reply)
    assert code == 6
    assert "the signature is wrong" in text
    assert "did not answer" in text
    assert said.record.subject.outcome is Outcome.BOGUS
    assert_at_rest(conversation.engine)


@pytest.mark.parametrize("other", ["silent", "SERVFAIL"])
def test_no_old_answer_stands_in_for_a_bogus_one_whatever_the_other_upstream_does(other):
    """RFC 8767 5: stale data is for when nothing can be had; what is bogus was had."""
    conversation = Validating(a_world(), upstreams=2)
    conversation.ask_all("www.example")
    conversation.wait(400)
    told = []

    def alter(message):
        told.append(1)
        if len(told) == 1:
            return forged(message)
        if other == "silent":
            return None
        message.set_rcode(dns.rcode.SERVFAIL)
        return message

    conversation.altered["www.example.", "A"] = alter
    said = conversation.ask_all("www.example")
    if other == "silent":
        said = conversation.wait(6)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert said.record.subject.outcome is Outcome.BOGUS
    assert not conversation.ask("www.example").reply.answer
    assert_at_rest(conversation.engine)
