"""Answers that a rule gives itself: records of nine types, codes, and aliases that are looked up."""

from __future__ import annotations

import dns.flags
import dns.rcode
import dns.rdata
import pytest

from mirage_hole.lists.rule import Scope
from mirage_hole.policy.verdict import OWN_LIST, Outcome
from mirage_hole.resolver.events import BlockingPaused, PolicyChanged
from mirage_hole.wire.names import from_text
from tests.flow.rich_rules import address, allow, block, policy_of, rewrite
from tests.make import SOA, Conversation, assert_at_rest, ede, texts

RECORDS = {
    "A": "192.0.2.7",
    "AAAA": "2001:db8::7",
    "MX": "10 mail.lan.",
    "PTR": "nas.lan.",
    "TXT": '"one" "two"',
    "SRV": "1 2 53 nas.lan.",
    "HTTPS": '1 . alpn="h2" ipv4hint="192.0.2.7"',
    "SVCB": "1 nas.lan. port=853",
}
TYPES = (*RECORDS, "CNAME")
ALIAS = [rewrite("www.search.example", "CNAME safe.search.example.")]


def rules(*answers: str, name: str = "nas.lan") -> list:
    return [rewrite(name, answer) for answer in answers]


def conversation(*own: object, **how: object) -> Conversation:
    return Conversation(rules=policy_of(own=own), ttl=77, **how)


# -- records --


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("qtype", [*TYPES, "ANY", "NS"])
def test_a_record_is_answered_to_its_own_type_and_nodata_to_others(kind, qtype):
    said = conversation(rewrite("nas.lan", f"{kind} {RECORDS[kind]}")).ask("nas.lan", qtype)
    reply = said.reply
    assert reply.rcode() == dns.rcode.NOERROR
    expected = dns.rdata.from_text("IN", kind, RECORDS[kind])
    found = [(str(rrset.name), rrset.ttl, rdata) for rrset in reply.answer for rdata in rrset]
    assert found == ([("nas.lan.", 77, expected)] if qtype in {kind, "ANY"} else [])
    assert [(str(soa.name), soa.ttl) for soa in reply.authority] == ([] if found else [("nas.lan.", 77)])
    assert ede(reply) == [(4, "the rule for nas.lan in your own rules")]
    subject = said.record.subject
    assert (subject.outcome, subject.list_id, subject.text) == (Outcome.LOCAL, OWN_LIST, "the rule for nas.lan")
    assert not said.asks
    assert said.remembered


def test_several_records_are_answered_together():
    own = rules("A 192.0.2.7", "A 192.0.2.8", "AAAA 2001:db8::7", "MX 5 a.lan.")
    asking = conversation(*own)
    assert sorted(texts(asking.ask("nas.lan").reply.answer)) == ["nas.lan. 77 A 192.0.2.7", "nas.lan. 77 A 192.0.2.8"]
    assert texts(asking.ask("nas.lan", "AAAA").reply.answer) == ["nas.lan. 77 AAAA 2001:db8::7"]
    assert len(texts(asking.ask("nas.lan", "ANY").reply.answer)) == 4


def test_the_records_stand_at_the_asked_name_below_the_rule_too():
    reply = conversation(*rules("A 192.0.2.7")).ask("Deep.NAS.lan").reply
    assert texts(reply.answer) == ["Deep.NAS.lan. 77 A 192.0.2.7"]


def test_records_that_do_not_fit_a_datagram_are_told_over_tcp():
    own = rules(*(f'TXT "{n:03d}{"x" * 200}"' for n in range(40)))
    asking = conversation(*own)
    said = asking.ask("nas.lan", "TXT")
    assert said.reply.flags & dns.flags.TC
    assert not said.remembered
    assert len(asking.ask("nas.lan", "TXT", transport="tcp").reply.answer[0]) == 40


def test_more_records_than_a_message_holds_are_left_out():
    own = rules(*(f'TXT "{n:03d}{"x" * 200}" "{"y" * 200}"' for n in range(400)))
    reply = conversation(*own).ask("nas.lan", "TXT", transport="tcp").reply
    assert 100 < len(reply.answer[0]) < 400


# -- codes --


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL"])
@pytest.mark.parametrize("qtype", ["A", "AAAA", "TXT", "CNAME"])
def test_a_code_is_the_whole_answer_for_every_type(rcode, qtype):
    said = conversation(rewrite("nas.lan", rcode)).ask("x.nas.lan", qtype)
    reply = said.reply
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert not reply.answer
    negative = rcode in {"NOERROR", "NXDOMAIN"}
    assert [(str(soa.name), soa[0].minimum) for soa in reply.authority] == [("nas.lan.", 77)] * negative
    assert (said.record.subject.outcome, said.record.subject.rcode) == (Outcome.LOCAL, reply.rcode())
    assert ede(reply) == [(4, "the rule for nas.lan in your own rules")]


def test_a_code_goes_before_records():
    reply = conversation(*rules("A 192.0.2.7", "NXDOMAIN")).ask("nas.lan").reply
    assert (reply.rcode(), reply.answer) == (dns.rcode.NXDOMAIN, [])


def test_records_go_before_the_code_that_says_nothing():
    reply = conversation(*rules("NOERROR", "A 192.0.2.7")).ask("nas.lan").reply
    assert texts(reply.answer) == ["nas.lan. 77 A 192.0.2.7"]


# -- aliases --


def test_an_alias_is_answered_with_the_records_of_its_target():
    asking = conversation(*ALIAS)
    first = asking.ask("www.search.example")
    assert first.ask.wire[12:].startswith(from_text("safe.search.example"))
    assert not first.records
    said = asking.answer(
        first.ask,
        "safe.search.example 300 CNAME edge.search.example.",
        "edge.search.example 60 A 192.0.2.7",
        authority=["search.example 900 NS ns.search.example."],
        additional=["ns.search.example 900 A 192.0.2.53"],
    )
    reply = said.reply
    assert texts(reply.answer) == [
        "www.search.example. 77 CNAME safe.search.example.",
        "safe.search.example. 300 CNAME edge.search.example.",
        "edge.search.example. 60 A 192.0.2.7",
    ]
    assert texts(reply.authority) == ["search.example. 900 NS ns.search.example."]
    assert texts(reply.additional) == ["ns.search.example. 900 A 192.0.2.53"]
    assert str(reply.question[0].name) == "www.search.example."
    assert ede(reply) == [(4, "the rule for www.search.example in your own rules")]
    subject = said.record.subject
    assert (subject.outcome, subject.list_id, subject.upstream) == (Outcome.LOCAL, OWN_LIST, 0)
    assert subject.name == from_text("www.search.example")
    assert_at_rest(asking.engine)


def test_nobody_signed_the_answer_of_an_alias():
    asking = conversation(*ALIAS)
    ask = asking.ask("www.search.example", dnssec=True, flags="RD AD").ask
    reply = asking.answer(ask, "safe.search.example 60 A 192.0.2.7", flags="QR RD RA AD").reply
    assert not reply.flags & dns.flags.AD


@pytest.mark.parametrize("qtype", ["CNAME", "ANY"])
def test_who_asks_for_the_alias_itself_gets_that_alone(qtype):
    said = conversation(*ALIAS).ask("www.search.example", qtype)
    assert texts(said.reply.answer) == ["www.search.example. 77 CNAME safe.search.example."]
    assert not said.asks
    assert said.remembered


@pytest.mark.parametrize("qtype", list(RECORDS))
def test_an_alias_holds_for_every_type(qtype):
    asking = conversation(*ALIAS)
    ask = asking.ask("www.search.example", qtype).ask
    reply = asking.answer(ask, f"safe.search.example 60 {qtype} {RECORDS[qtype]}").reply
    assert texts(reply.answer)[1:] == [
        f"safe.search.example. 60 {qtype} {dns.rdata.from_text('IN', qtype, RECORDS[qtype])}"
    ]


def test_a_target_that_does_not_exist_is_told_so_behind_the_alias():
    asking = conversation(*ALIAS)
    reply = asking.answer(asking.ask("www.search.example").ask, rcode="NXDOMAIN", authority=[SOA]).reply
    assert reply.rcode() == dns.rcode.NXDOMAIN
    assert texts(reply.answer) == ["www.search.example. 77 CNAME safe.search.example."]
    assert texts(reply.authority) == [SOA]


def test_a_target_that_is_known_is_not_asked_for_again():
    asking = conversation(*ALIAS)
    asking.learn("safe.search.example", "safe.search.example 300 A 192.0.2.7")
    asking.now += 20
    said = asking.ask("www.search.example")
    assert texts(said.reply.answer) == [
        "www.search.example. 77 CNAME safe.search.example.",
        "safe.search.example. 280 A 192.0.2.7",
    ]
    assert said.record.subject.outcome is Outcome.LOCAL
    (memory,) = said.remembered
    assert memory.expires_at == asking.now + 250  # the last tenth of 300 s is for renewing
    (offset,) = memory.ttl_offsets
    assert int.from_bytes(memory.answer[offset : offset + 4], "big") == 280


def test_who_asks_for_the_target_and_who_asks_for_the_alias_wait_together():
    asking = conversation(*ALIAS)
    ask = asking.ask("safe.search.example", ticket="target").ask
    assert asking.ask("www.search.example", ticket="alias").silent
    assert asking.ask("www.search.example", ticket="again", edns=False).silent
    said = asking.answer(ask, "safe.search.example 60 A 192.0.2.7")
    assert said.tickets == ["target", "alias", "again"]
    assert [len(texts(reply.answer)) for reply in said.replies] == [1, 2, 2]
    assert [told.subject.outcome for told in said.records] == [Outcome.FORWARDED, Outcome.LOCAL, Outcome.LOCAL]


def test_the_target_is_not_blocked_and_its_own_rewrite_is_not_followed():
    """AdGuard Home asks its upstream, not its filter. So no chain of rewrites can be a circle."""
    own = [*ALIAS, rewrite("safe.search.example", "CNAME www.search.example.")]
    asking = Conversation(rules=policy_of([block("safe.search.example")], own), ttl=77)
    ask = asking.ask("www.search.example").ask
    reply = asking.answer(ask, "safe.search.example 60 A 192.0.2.7").reply
    assert texts(reply.answer)[1] == "safe.search.example. 60 A 192.0.2.7"


def test_an_alias_of_itself_asks_for_the_true_answer():
    asking = conversation(rewrite("www.search.example", "CNAME www.search.example."))
    said = asking.answer(asking.ask("www.search.example").ask, "www.search.example 60 A 192.0.2.7")
    assert texts(said.reply.answer) == ["www.search.example. 60 A 192.0.2.7"]
    assert (said.record.subject.outcome, said.record.subject.list_id) == (Outcome.FORWARDED, OWN_LIST)


def test_a_target_with_a_wildcard_takes_the_asked_name_in():
    asking = conversation(rewrite("ads.example", "CNAME *.garden.lan."))
    ask = asking.ask("X.ads.example").ask
    reply = asking.answer(ask, "x.ads.example.garden.lan 60 A 192.0.2.7").reply
    assert texts(reply.answer) == [
        "X.ads.example. 77 CNAME x.ads.example.garden.lan.",
        "x.ads.example.garden.lan. 60 A 192.0.2.7",
    ]


def test_a_target_that_gets_too_long_is_told_with_its_own_code():
    """As for DNAME, RFC 6672 2.2."""
    asking = conversation(rewrite("ads.example", f"CNAME *.{'y' * 60}.lan."))
    name = ".".join(["a" * 63, "b" * 63, "c" * 60, "ads.example"])
    said = asking.ask(name)
    assert said.reply.rcode() == dns.rcode.YXDOMAIN
    assert not said.asks


def test_when_nobody_answers_for_the_target_it_is_servfail_and_says_who():
    asking = conversation(*ALIAS)
    asking.ask("www.search.example")
    said = asking.wait(6)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(22, "192.0.2.1:53: did not answer")]
    subject = said.record.subject
    assert (subject.outcome, subject.list_id) == (Outcome.FAILED, OWN_LIST)
    assert said.record.duration <= 5.2


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_an_upstream_that_fails_for_the_target_fails_the_alias(rcode):
    asking = conversation(*ALIAS)
    said = asking.answer(
        asking.ask("www.search.example").ask, rcode=rcode, ede=(6, "bogus") if rcode == "SERVFAIL" else None
    )
    while said.asks:
        said = asking.answer(said.ask, rcode=rcode)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert not said.reply.answer
    assert ede(said.reply)


def test_without_an_upstream_an_alias_is_servfail():
    said = conversation(*ALIAS, upstreams=0).ask("www.search.example")
    assert (said.reply.rcode(), ede(said.reply)) == (dns.rcode.SERVFAIL, [(22, "no upstream is known by address")])


def test_an_answer_that_can_not_be_moved_is_servfail():
    """A name that points at itself is nothing to us when it is passed on, but it can't be written anew."""
    asking = conversation(*ALIAS)
    ask = asking.ask("www.search.example").ask
    question = ask.wire[12:-11]
    address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"
    target = 12 + len(question) + len(address) + 12
    loop = address + b"\xc0\x0c\0\2\0\1\0\0\0\x3c\0\2" + (0xC000 | target).to_bytes(2, "big")
    for transport in ("udp", "tcp"):
        said = (
            asking.come(ask.wire[:2] + b"\x81\x80\0\1\0\2\0\0\0\0" + question + loop, ask)
            if transport == "udp"
            else (asking.ask("www.search.example", transport="tcp"))
        )
        assert said.reply.rcode() == dns.rcode.SERVFAIL
        assert "can't stand behind an alias" in ede(said.reply)[0][1]


def test_the_addresses_behind_an_alias_are_not_judged():
    """The user chose the target; AdGuard Home does not judge it either."""
    asking = Conversation(rules=policy_of([address("192.0.2.0/24")], ALIAS))
    ask = asking.ask("www.search.example").ask
    assert len(asking.answer(ask, "safe.search.example 60 A 192.0.2.7").reply.answer) == 2
    assert len(asking.ask("www.search.example").reply.answer) == 2


# -- precedence, pauses, changes --


def test_a_list_may_rewrite_and_is_named():
    said = Conversation(rules=policy_of(rules("A 192.0.2.7"))).ask("nas.lan")
    assert ede(said.reply) == [(4, "the rule for nas.lan in Ads")]
    assert said.record.subject.list_id == 0


def test_a_pause_ends_rewrites_of_lists_and_leaves_the_answers_of_the_user():
    pausing = Conversation(rules=policy_of([rewrite("ads.example", "A 192.0.2.9")], rules("A 192.0.2.7")))
    pausing.tell(BlockingPaused(pausing.now + 60))
    assert pausing.ask("ads.example").asks
    said = pausing.ask("nas.lan")
    assert texts(said.reply.answer) == ["nas.lan. 10 A 192.0.2.7"]
    pausing.now += 60
    assert texts(pausing.ask("ads.example").reply.answer) == ["ads.example. 10 A 192.0.2.9"]


def test_a_pause_ends_the_users_own_refusals():
    pausing = conversation(rewrite("ads.example", "NXDOMAIN"), rewrite("www.lan", "CNAME nas.lan."))
    pausing.tell(BlockingPaused(pausing.now + 60))
    assert pausing.ask("ads.example").asks
    assert from_text("nas.lan") in pausing.ask("www.lan").ask.wire


def test_a_rewrite_that_comes_while_a_question_is_in_flight_answers_it():
    asking = Conversation()
    ask = asking.ask("nas.lan").ask
    asking.now += 0.25
    said = asking.tell(PolicyChanged(policy_of(own=rules("A 192.0.2.7"))))
    assert said.forgot
    assert texts(said.reply.answer) == ["nas.lan. 10 A 192.0.2.7"]
    assert (said.record.subject.outcome, said.record.duration) == (Outcome.LOCAL, 0.25)
    assert asking.answer(ask, "nas.lan 60 A 203.0.113.1").silent
    assert_at_rest(asking.engine)


def test_an_alias_that_comes_while_a_question_is_in_flight_is_looked_for():
    asking = Conversation()
    ask = asking.ask("www.search.example").ask
    said = asking.tell(PolicyChanged(policy_of(own=ALIAS)))
    assert said.ask.wire[12:].startswith(from_text("safe.search.example"))
    assert asking.answer(ask, "www.search.example 60 A 203.0.113.1").silent
    reply = asking.answer(said.ask, "safe.search.example 60 A 192.0.2.7").reply
    assert texts(reply.answer)[1] == "safe.search.example. 60 A 192.0.2.7"
    assert_at_rest(asking.engine)


def test_an_alias_that_goes_while_its_target_is_in_flight_is_not_told():
    asking = conversation(*ALIAS)
    ask = asking.ask("www.search.example").ask
    said = asking.tell(PolicyChanged(policy_of()))
    assert said.ask.wire[12:].startswith(from_text("www.search.example"))
    assert asking.answer(ask, "safe.search.example 60 A 192.0.2.7").silent
    reply = asking.answer(said.ask, "www.search.example 60 A 203.0.113.1").reply
    assert texts(reply.answer) == ["www.search.example. 60 A 203.0.113.1"]
    assert_at_rest(asking.engine)


def test_an_alias_that_is_changed_late_still_gets_its_answer_in_time():
    asking = conversation(*ALIAS, timeout=2.0)
    asking.ask("www.search.example")
    asking.wait(1.5)
    asking.tell(PolicyChanged(policy_of()))
    said = asking.wait(1.0)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert said.record.duration <= 2.15


def test_an_exact_rewrite_leaves_the_names_below_alone():
    asking = conversation(rewrite("nas.lan", "A 192.0.2.7", Scope.EXACT))
    assert asking.ask("x.nas.lan").asks
    assert not asking.ask("nas.lan").asks


def test_an_exception_of_the_user_goes_before_a_rewrite_of_a_list():
    exempt = policy_of([rewrite("nas.lan", "A 192.0.2.7")], allowed=[allow("nas.lan")])
    assert Conversation(rules=exempt).ask("nas.lan").asks
