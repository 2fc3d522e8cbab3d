"""A question on its way to an upstream and the answer on its way back: what is asked, what is passed on, and how large."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from mirage_hole.observe.record import NO_LIST
from mirage_hole.policy.verdict import Outcome
from tests.make import SOA, Conversation, answer_to, assert_at_rest, ede, texts

NAME = "www.example.com"
RECORD = "www.example.com 300 A 192.0.2.7"
MANY = [f"www.example.com 300 A 192.0.2.{number}" for number in range(100)]  # 1.6 KB


def the_query(wire: bytes) -> dns.message.Message:
    return dns.message.from_wire(wire)


# -- what is asked --


def test_the_question_goes_out_lower_cased_with_edns_and_nothing_of_the_client():
    said = Conversation().ask("WWW.Example.Com", payload=4096, options=[dns.edns.GenericOption(65001, b"secret")])
    asking = the_query(said.ask.wire)
    assert asking.question[0].to_text() == "www.example.com. IN A"
    assert (asking.edns, asking.payload, asking.options) == (0, 1232, ())
    assert not asking.answer
    assert not asking.additional


def test_recursion_is_always_desired_and_the_truth_about_validation_is_wanted():
    """RFC 6840 5.7: AD in a query asks for AD in the answer."""
    for flags in ("RD", "RD AD"):
        assert the_query(Conversation().ask(NAME, flags=flags).ask.wire).flags == dns.flags.RD | dns.flags.AD


def test_do_and_cd_are_the_clients():
    asking = the_query(Conversation().ask(NAME, dnssec=True, flags="RD CD").ask.wire)
    assert asking.ednsflags & dns.flags.DO
    assert asking.flags & dns.flags.CD
    asking = the_query(Conversation().ask(NAME).ask.wire)
    assert not asking.ednsflags & dns.flags.DO
    assert not asking.flags & dns.flags.CD


def test_ids_are_drawn_anew_for_every_query():
    """RFC 5452 4.3."""
    conversation = Conversation()
    idents = [conversation.ask(f"n{number}.example").ask.ident for number in range(200)]
    assert len(set(idents)) == 200
    assert len({ident >> 8 for ident in idents}) > 90
    ask = conversation.ask("last.example").ask
    assert int.from_bytes(ask.wire[:2], "big") == ask.ident


@pytest.mark.parametrize("qtype", ["A", "HTTPS", "TYPE65280", "PTR"])
def test_any_type_is_forwarded(qtype):
    assert the_query(Conversation().ask(NAME, qtype).ask.wire).question[0].rdtype == dns.rdatatype.from_text(qtype)


# -- what is passed on --


def test_an_answer_is_passed_on_as_it_is():
    conversation = Conversation()
    said = conversation.learn(
        NAME,
        "www.example.com 300 CNAME web.example.net.",
        "web.example.net 60 TYPE65280 \\# 4 01020304",
        authority=["example.net 900 NS ns.example.net."],
        additional=["ns.example.net 900 A 192.0.2.53"],
        qtype="TYPE65280",
    )
    reply = said.reply
    assert texts(reply.answer) == [
        "www.example.com. 300 CNAME web.example.net.",
        "web.example.net. 60 TYPE65280 \\# 4 01020304",
    ]
    assert texts(reply.authority) == ["example.net. 900 NS ns.example.net."]
    assert texts(reply.additional) == ["ns.example.net. 900 A 192.0.2.53"]
    assert reply.flags == dns.flags.from_text("QR RD RA")
    subject = said.record.subject
    assert (subject.outcome, subject.rcode, subject.upstream, subject.list_id) == (Outcome.FORWARDED, 0, 0, NO_LIST)


def test_a_client_without_edns_gets_no_opt():
    conversation = Conversation()
    said = conversation.answer(conversation.ask(NAME, edns=False).ask, RECORD, ede=(4, "x"))
    assert said.reply.edns == -1
    assert said.reply.answer


def test_the_upstreams_ede_is_passed_on():
    """RFC 8914 3: a forwarder may pass them on."""
    reply = Conversation().learn(NAME, RECORD, ede=(4, "rewritten upstream")).reply
    assert ede(reply) == [(4, "rewritten upstream")]


@pytest.mark.parametrize(
    ("sent", "dnssec", "told"),
    [("RD", False, False), ("RD AD", False, True), ("RD", True, True), ("RD CD", False, False)],
)
def test_ad_is_told_to_those_who_asked_for_it(sent, dnssec, told):
    """RFC 6840 5.8."""
    conversation = Conversation()
    ask = conversation.ask(NAME, flags=sent, dnssec=dnssec).ask
    reply = conversation.answer(ask, RECORD, flags="QR RD RA AD").reply
    assert bool(reply.flags & dns.flags.AD) == told


def test_ad_is_never_made_up():
    conversation = Conversation()
    reply = conversation.answer(conversation.ask(NAME, flags="RD AD").ask, RECORD).reply
    assert not reply.flags & dns.flags.AD


def test_the_upstreams_authority_is_not_ours():
    """RFC 1035 4.1.1: AA is about the responding server."""
    reply = Conversation().learn(NAME, RECORD, flags="QR AA").reply
    assert dns.flags.to_text(reply.flags) == "QR RD RA"


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "YXDOMAIN"])
def test_rcodes_that_are_about_the_name_are_passed_on(rcode):
    said = Conversation().learn(NAME, rcode=rcode, authority=[SOA])
    assert dns.rcode.to_text(said.reply.rcode()) == rcode
    assert said.record.subject.outcome == Outcome.FORWARDED


@pytest.mark.parametrize("rcode", ["BADVERS", "BADCOOKIE"])
def test_an_extended_rcode_is_no_answer(rcode):
    """Its lower four bits alone would read as NOERROR or as another error (RFC 6891 6.1.3)."""
    said = Conversation().learn(NAME, rcode=rcode)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(22, f"192.0.2.1:53: answered {rcode}")]


# -- how large --


@pytest.mark.parametrize(
    ("how", "limit"),
    [
        ({"edns": False}, 512),
        ({"payload": 100}, 512),
        ({"payload": 512}, 512),
        ({"payload": 800}, 800),
        ({"payload": 1232}, 1232),
        ({"payload": 4096}, 1232),
        ({"payload": 65535}, 1232),
    ],
)
def test_udp_answers_fit_what_client_and_paths_take(how, limit):
    """RFC 1035 4.2.1 and RFC 6891 6.2.3: 512 at least. RFC 9715: 1232 at most."""
    conversation = Conversation()
    for count in range(0, 100, 3):
        name = f"n{count}.example.com"
        ask = conversation.ask(name, **how).ask
        wire = answer_to(ask.wire, *(f"{name} 300 A 192.0.2.{number}" for number in range(count)))
        said = conversation.come(wire, ask)
        reply = said.reply
        fits = len(wire) - (0 if how.get("edns", True) else 11) <= limit
        assert len(said.wire) <= limit
        assert bool(reply.flags & dns.flags.TC) != fits
        assert len(texts(reply.answer)) == (count if fits else 0)
        assert reply.edns == (0 if how.get("edns", True) else -1)


def test_a_truncated_answer_keeps_question_rcode_and_opt():
    """RFC 6891 7."""
    conversation = Conversation()
    ask = conversation.ask("WWW.example.com", payload=512, dnssec=True).ask
    reply = conversation.answer(ask, *MANY).reply
    assert reply.flags & dns.flags.TC
    assert reply.question[0].to_text() == "WWW.example.com. IN A"
    assert (reply.edns, reply.payload) == (0, 1232)
    assert reply.ednsflags & dns.flags.DO


def test_tcp_answers_are_whole():
    """And what came over TCP for one client is whole for the next."""
    conversation = Conversation()
    ask = conversation.ask(NAME, transport="tcp").ask
    assert len(texts(conversation.answer(ask, *MANY).reply.answer)) == 100
    assert conversation.ask(NAME).reply.flags & dns.flags.TC
    assert len(texts(conversation.ask(NAME, transport="tcp", edns=False).reply.answer)) == 100


# -- truncated by the upstream --


def test_a_truncated_answer_is_asked_for_over_tcp():
    """RFC 7766 5; whether the client came over UDP or TCP."""
    for transport in ("udp", "tcp"):
        conversation = Conversation()
        ask = conversation.ask(NAME, transport=transport).ask
        said = conversation.answer(ask, flags="QR RD RA TC")
        assert not said.replies
        assert (said.ask.over_tcp, said.ask.upstream) == (True, 0)
        assert said.ask.wire[2:] == ask.wire[2:]
        reply = conversation.answer(said.ask, *MANY).reply
        assert bool(reply.flags & dns.flags.TC) == (transport == "udp")
        assert len(texts(conversation.ask(NAME, transport="tcp").reply.answer)) == 100
        assert_at_rest(conversation.engine)


def test_a_truncated_answer_is_not_read_further():
    """What stands in it may be cut anywhere (RFC 2181 9)."""
    conversation = Conversation()
    ask = conversation.ask(NAME).ask
    wire = answer_to(ask.wire, RECORD, flags="QR RD RA TC")
    assert conversation.come(wire[:-20], ask).ask.over_tcp


def test_the_upstream_that_truncated_is_asked_over_tcp_though_another_is_faster():
    conversation = Conversation(upstreams=3)
    ask = conversation.ask(NAME).ask
    assert conversation.answer(ask, flags="QR RD RA TC").ask.upstream == ask.upstream


def test_truncation_over_tcp_is_a_failure():
    conversation = Conversation()
    over_tcp = conversation.answer(conversation.ask(NAME).ask, flags="QR RD RA TC").ask
    said = conversation.answer(over_tcp, RECORD, flags="QR RD RA TC")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(23, "192.0.2.1:53: truncated its answer over TCP")]
    assert_at_rest(conversation.engine)


def test_when_tcp_fails_another_upstream_is_asked():
    conversation = Conversation(upstreams=2)
    first = conversation.ask(NAME).ask
    over_tcp = conversation.answer(first, flags="QR RD RA TC").ask
    said = conversation.refuse(over_tcp)
    assert (said.ask.over_tcp, said.ask.upstream) == (False, 1 - first.upstream)
    assert conversation.answer(said.ask, RECORD).reply.answer


def test_two_truncated_answers_lead_to_one_tcp_exchange():
    conversation = Conversation()
    first = conversation.ask(NAME).ask
    second = conversation.wait(1).ask
    assert conversation.answer(first, flags="QR RD RA TC").ask.over_tcp
    assert conversation.answer(second, flags="QR RD RA TC").silent
    assert conversation.wait(10).reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)


def test_tcp_gets_twice_the_patience():
    """The handshake takes a round trip of its own."""
    conversation = Conversation()
    first = conversation.ask(NAME).ask
    over_tcp = conversation.answer(first, flags="QR RD RA TC").ask
    assert over_tcp.patience == 2 * conversation.engine.upstreams[0].patience(1)


# -- upstreams without EDNS --


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP"])
@pytest.mark.parametrize("with_question", [True, False])
def test_an_upstream_that_knows_no_edns_is_asked_without(rcode, with_question):
    """RFC 6891 7."""
    conversation = Conversation()
    ask = conversation.ask(NAME, dnssec=True).ask
    wire = answer_to(ask.wire, rcode=rcode, edns=False)
    if not with_question:
        wire = wire[:4] + bytes(8)
    said = conversation.come(wire, ask)
    assert the_query(said.ask.wire).edns == -1
    assert (said.ask.upstream, said.ask.over_tcp) == (ask.upstream, False)
    reply = conversation.answer(said.ask, RECORD, edns=False).reply
    assert texts(reply.answer)
    assert reply.edns == 0
    assert_at_rest(conversation.engine)


def test_it_is_asked_without_only_once():
    conversation = Conversation()
    plain = conversation.answer(conversation.ask(NAME).ask, rcode="FORMERR", edns=False).ask
    said = conversation.answer(plain, rcode="FORMERR", edns=False)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(22, "192.0.2.1:53: answered FORMERR")]


def test_the_others_are_still_asked_with_edns():
    conversation = Conversation(upstreams=2)
    first = conversation.ask(NAME, dnssec=True).ask
    plain = conversation.answer(first, rcode="FORMERR", edns=False).ask
    other = conversation.answer(plain, rcode="REFUSED", edns=False).ask
    assert other.upstream != first.upstream
    assert the_query(other.wire).ednsflags & dns.flags.DO


def test_a_late_formerr_still_leads_to_the_plain_question():
    conversation = Conversation()
    first = conversation.ask(NAME).ask
    second = conversation.wait(1).ask
    plain = conversation.answer(first, rcode="FORMERR", edns=False).ask
    assert the_query(plain.wire).edns == -1
    assert conversation.answer(second, rcode="FORMERR", edns=False).silent
    assert conversation.answer(plain, RECORD, edns=False).reply.answer
    assert_at_rest(conversation.engine)
