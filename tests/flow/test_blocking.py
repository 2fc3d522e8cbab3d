"""What a blocked name is answered: every mode, every kind of type, and what goes with the answer."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest

from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.events import BlockingPaused, PolicyChanged
from mirage_hole.wire.names import from_text
from tests.make import Conversation, assert_at_rest, ede, policy, query, texts

BLOCKS = ["plain.example", "||ads.example^"]
TYPES = ("A", "AAAA", "HTTPS", "SVCB", "TXT", "MX", "NS", "SOA", "PTR", "SRV", "CNAME", "DNSKEY", "CAA", "TYPE65280")
NODATA = ("NOERROR", [])
NXDOMAIN = ("NXDOMAIN", [])
REFUSED = ("REFUSED", [])


def addresses(*data: str) -> tuple[str, list[str]]:
    return ("NOERROR", list(data))


# (A, AAAA, ANY, every other type), so that no two types of one name contradict each other (RFC 8020 2).
ANSWERS = {
    "null": (addresses("0.0.0.0"), addresses("::"), addresses("0.0.0.0", "::"), NODATA),
    "nodata": (NODATA, NODATA, NODATA, NODATA),
    "nxdomain": (NXDOMAIN, NXDOMAIN, NXDOMAIN, NXDOMAIN),
    "refused": (REFUSED, REFUSED, REFUSED, REFUSED),
    "ip": (addresses("10.9.9.9"), addresses("fd00::9"), addresses("10.9.9.9", "fd00::9"), NODATA),
    "ip without IPv6": (addresses("10.9.9.9"), NODATA, addresses("10.9.9.9"), NODATA),
    "ip without IPv4": (NODATA, addresses("fd00::9"), addresses("fd00::9"), NODATA),
    "ip without either": (NODATA, NODATA, NODATA, NODATA),
}


IP = {"ip": ("10.9.9.9", "fd00::9"), "ip without IPv6": ("10.9.9.9", ""), "ip without IPv4": ("", "fd00::9")}


def conversation(mode: str, **how: object) -> Conversation:
    ipv4, ipv6 = IP.get(mode, ("", ""))
    return Conversation(blocks=BLOCKS, mode=mode.partition(" ")[0], ipv4=ipv4, ipv6=ipv6, **how)


@pytest.mark.parametrize("mode", ANSWERS)
@pytest.mark.parametrize("name", ["plain.example", "ads.example", "deep.in.ads.example"])
@pytest.mark.parametrize("qtype", [*TYPES, "ANY"])
def test_a_blocked_name_is_answered_by_the_mode(mode, name, qtype):
    said = conversation(mode).ask(name, qtype)
    a, aaaa, anything, other = ANSWERS[mode]
    rcode, data = {"A": a, "AAAA": aaaa, "ANY": anything}.get(qtype, other)
    reply = said.reply
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert [str(rdata) for rrset in reply.answer for rdata in rrset] == data
    assert all(str(rrset.name) == f"{name}." and rrset.ttl == 10 for rrset in reply.answer)
    assert not said.asks
    assert (said.record.subject.outcome, said.record.subject.rcode) == (Outcome.BLOCKED, reply.rcode())


@pytest.mark.parametrize("mode", ANSWERS)
@pytest.mark.parametrize("qtype", ["A", "AAAA", "HTTPS", "ANY"])
def test_every_negative_carries_one_soa_and_nothing_else_does(mode, qtype):
    """RFC 2308 5: without a SOA a negative answer must not be cached, and every client would ask again at once."""
    reply = conversation(mode, ttl=77).ask("x.ads.example", qtype).reply
    negative = not reply.answer and reply.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
    assert len(reply.authority) == negative
    if negative:
        (soa,) = reply.authority
        assert soa.ttl == 77
        assert soa[0].minimum == 77


@pytest.mark.parametrize(
    ("name", "owner"),
    [("plain.example", "plain.example."), ("a.b.ads.example", "ads.example."), ("ads.example", "ads.example.")],
)
def test_the_soa_stands_at_the_rules_name(name, owner):
    (soa,) = Conversation(blocks=BLOCKS, mode="nxdomain").ask(name).reply.authority
    assert str(soa.name) == owner


@pytest.mark.parametrize("name", ["ads-7.example", "x.y.ads-7.example", "X.ADS-7.example"])
def test_a_rule_with_wildcards_blocks_like_the_others(name):
    said = Conversation(blocks=["other.example", "||ads-*.example^"], mode="nxdomain").ask(name)
    assert said.reply.rcode() == dns.rcode.NXDOMAIN
    assert str(said.reply.authority[0].name).lower() == "ads-7.example."
    assert ede(said.reply) == [(15, "||ads-*.example^ in list 0")]
    subject = said.record.subject
    assert (subject.outcome, subject.line, subject.rule) == (Outcome.BLOCKED, 2, from_text("ads-7.example"))
    assert said.remembered


def test_an_exception_with_wildcards_beats_a_block():
    conversation = Conversation(blocks=["||ads.example^"], allows=["||good-*.ads.example^"])
    assert conversation.ask("good-1.ads.example").asks
    assert conversation.ask("bad-1.ads.example").record.subject.outcome == Outcome.BLOCKED


@pytest.mark.parametrize("mode", ANSWERS)
def test_the_longest_blocked_name_fits_the_smallest_datagram(mode):
    name = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 49, "ads.example"])
    assert len(from_text(name)) == 255
    conversation_ = conversation(mode)
    for edns in (False, True):
        for qtype in ("A", "ANY", "TXT"):
            said = conversation_.ask(name, qtype, edns=edns, payload=512)
            assert len(said.wire) <= 512
            assert not said.reply.flags & dns.flags.TC


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain.example", "plain.example in list 0"),
        ("ads.example", "||ads.example^ in list 0"),
        ("x.ads.example", "||ads.example^ in list 0"),
    ],
)
@pytest.mark.parametrize("mode", ANSWERS)
def test_ede_15_names_the_rule_and_the_list(mode, name, text):
    """RFC 8914 4.16."""
    assert ede(conversation(mode).ask(name).reply) == [(15, text)]


def test_a_client_without_edns_gets_none():
    """RFC 6891 7: no OPT in the answer unless there was one in the query."""
    reply = Conversation(blocks=BLOCKS).ask("ads.example", edns=False).reply
    assert reply.edns == -1
    assert texts(reply.answer) == ["ads.example. 10 A 0.0.0.0"]


def test_the_questions_spelling_is_kept():
    """0x20: a client may check that the answer repeats its letters' case."""
    said = Conversation(blocks=BLOCKS).ask("X.aDS.ExAmPLe")
    assert b"\x01X\x03aDS\x07ExAmPLe\0" in said.wire
    assert str(said.reply.answer[0].name) == "X.aDS.ExAmPLe."
    assert said.record.subject.name == from_text("x.ads.example")


@pytest.mark.parametrize(
    ("sent", "back"), [("RD", "QR RD RA"), ("RD CD", "QR RD RA CD"), ("", "QR RA"), ("RD AD", "QR RD RA")]
)
def test_flags_are_the_clients_own_and_never_authentic(sent, back):
    """RFC 1035 4.1.1, RFC 4035 3.2.2: RD and CD are copied. What was made up here is not authentic data (AD)."""
    reply = Conversation(blocks=BLOCKS).ask("ads.example", flags=sent).reply
    assert dns.flags.to_text(reply.flags) == back


def test_do_is_repeated():
    """RFC 3225 3."""
    reply = Conversation(blocks=BLOCKS).ask("ads.example", dnssec=True).reply
    assert reply.ednsflags & dns.flags.DO


def test_tcp_is_answered_alike():
    conversation = Conversation(blocks=BLOCKS)
    wire = query("ads.example")
    assert conversation.send(wire).wire == conversation.send(wire, transport="tcp").wire


def test_the_record_tells_list_line_and_rule():
    subject = Conversation(blocks=BLOCKS).ask("x.ads.example", "AAAA").record.subject
    assert (subject.list_id, subject.line, subject.rule, subject.scope) == (0, 2, from_text("ads.example"), 1)
    assert (subject.name, subject.qtype, subject.upstream) == (from_text("x.ads.example"), 28, NO_UPSTREAM)


def test_an_exact_rule_lets_the_names_below_through():
    assert Conversation(blocks=BLOCKS).ask("x.plain.example").asks


def test_a_name_that_only_ends_alike_is_let_through():
    assert Conversation(blocks=BLOCKS).ask("badads.example").asks


def test_an_exception_beats_a_block_and_is_noted():
    conversation = Conversation(blocks=["||ads.example^"], allows=["||good.ads.example^"])
    said = conversation.learn("x.good.ads.example", "x.good.ads.example 60 A 192.0.2.7")
    assert texts(said.reply.answer) == ["x.good.ads.example. 60 A 192.0.2.7"]
    subject = said.record.subject
    assert (subject.outcome, subject.list_id, subject.rule) == (Outcome.FORWARDED, 1, from_text("good.ads.example"))
    cached = conversation.ask("x.good.ads.example").record.subject
    assert (cached.outcome, cached.list_id) == (Outcome.CACHED, 1)
    assert conversation.ask("bad.ads.example").record.subject.outcome == Outcome.BLOCKED


def test_a_blocked_answer_may_be_replayed_for_ever_by_who_asked():
    conversation = Conversation(blocks=BLOCKS)
    wire = query("ads.example")
    said = conversation.send(wire, client="10.0.0.7")
    (packet,) = said.remembered
    assert (packet.client, packet.octets, packet.answer) == (bytes((10, 0, 0, 7)), wire[2:], said.wire)
    assert packet.expires_at == float("inf")
    assert packet.ttl_offsets == ()


def test_tcp_answers_are_not_remembered_as_packets():
    assert not Conversation(blocks=BLOCKS).ask("ads.example", transport="tcp").remembered


# -- pauses --


def test_a_pause_lets_blocked_names_through():
    conversation = Conversation(blocks=BLOCKS)
    assert conversation.tell(BlockingPaused(conversation.now + 60)).forgot
    said = conversation.learn("ads.example", "ads.example 300 A 192.0.2.7")
    assert texts(said.reply.answer) == ["ads.example. 300 A 192.0.2.7"]
    assert (said.record.subject.outcome, said.record.subject.list_id) == (Outcome.FORWARDED, NO_LIST)


def test_a_pause_ends_on_time():
    conversation = Conversation(blocks=BLOCKS)
    conversation.tell(BlockingPaused(conversation.now + 60))
    conversation.learn("ads.example", "ads.example 300 A 192.0.2.7")
    conversation.now += 59.999
    assert conversation.ask("ads.example").record.subject.outcome == Outcome.CACHED
    conversation.now += 0.001
    assert conversation.ask("ads.example").record.subject.outcome == Outcome.BLOCKED


def test_no_packet_outlives_a_pause():
    conversation = Conversation(blocks=BLOCKS)
    conversation.tell(BlockingPaused(conversation.now + 60))
    conversation.learn("ads.example", "ads.example 300 A 192.0.2.7")
    (packet,) = conversation.ask("ads.example").remembered
    assert packet.expires_at == conversation.now + 60


def test_a_packet_may_end_before_the_pause():
    conversation = Conversation(blocks=BLOCKS)
    conversation.tell(BlockingPaused(conversation.now + 60))
    conversation.learn("ads.example", "ads.example 20 A 192.0.2.7")
    (packet,) = conversation.ask("ads.example").remembered
    assert packet.expires_at == conversation.now + 18  # the last tenth is for renewing


def test_a_pause_can_be_ended_early():
    conversation = Conversation(blocks=BLOCKS)
    conversation.tell(BlockingPaused(conversation.now + 60))
    assert conversation.tell(BlockingPaused(None)).forgot
    assert conversation.ask("ads.example").record.subject.outcome == Outcome.BLOCKED


def test_a_question_of_the_pause_is_still_answered_after_it():
    conversation = Conversation(blocks=BLOCKS)
    conversation.tell(BlockingPaused(conversation.now + 1))
    ask = conversation.ask("ads.example").ask
    conversation.now += 1
    late = conversation.ask("ads.example")
    assert late.record.subject.outcome == Outcome.BLOCKED
    said = conversation.answer(ask, "ads.example 300 A 192.0.2.7")
    assert said.record.subject.outcome == Outcome.FORWARDED
    assert conversation.ask("ads.example").record.subject.outcome == Outcome.BLOCKED


# -- a new generation --


def test_a_new_policy_blocks_at_once_and_forgets_packets():
    conversation = Conversation()
    conversation.learn("ads.example", "ads.example 300 A 192.0.2.7")
    assert conversation.tell(PolicyChanged(policy(BLOCKS, generation=2))).forgot
    assert conversation.ask("ads.example").record.subject.outcome == Outcome.BLOCKED


def test_a_new_policy_lets_through_at_once():
    conversation = Conversation(blocks=BLOCKS)
    conversation.ask("ads.example")
    conversation.tell(PolicyChanged(policy(generation=2)))
    assert conversation.ask("ads.example").asks


def test_an_exception_in_flight_is_told_in_the_numbers_of_the_new_lists():
    conversation = Conversation(blocks=["||ads.example^"], allows=["||ads.example^"])
    ask = conversation.ask("ads.example").ask
    conversation.tell(PolicyChanged(policy(["x.example"], ["y.example", "z.example", "||ads.example^"], generation=2)))
    subject = conversation.answer(ask, "ads.example 60 A 192.0.2.7").record.subject
    assert (subject.list_id, subject.line) == (1, 3)


def test_an_exception_in_flight_that_is_none_any_more_is_not_told():
    conversation = Conversation(allows=["||ads.example^"])
    ask = conversation.ask("ads.example").ask
    conversation.tell(PolicyChanged(policy(generation=2)))
    subject = conversation.answer(ask, "ads.example 60 A 192.0.2.7").record.subject
    assert (subject.outcome, subject.list_id) == (Outcome.FORWARDED, NO_LIST)


def test_a_name_that_is_blocked_while_it_is_in_flight_is_blocked_at_once():
    conversation = Conversation()
    ask = conversation.ask("ads.example").ask
    conversation.ask("ads.example", edns=False)
    conversation.ask("good.example")
    conversation.now += 0.5
    said = conversation.tell(PolicyChanged(policy(["||ads.example^"], generation=2)))
    assert [texts(reply.answer) for reply in said.replies] == [["ads.example. 10 A 0.0.0.0"]] * 2
    assert [(told.subject.outcome, told.duration) for told in said.records] == [(Outcome.BLOCKED, 0.5)] * 2
    assert conversation.answer(ask, "ads.example 60 A 192.0.2.7").silent
    assert_in_flight(conversation, 1)


def test_an_answer_that_nobody_waits_for_any_more_is_kept():
    conversation = Conversation()
    ask = conversation.ask("ads.example").ask
    conversation.tell(PolicyChanged(policy(["||ads.example^"], generation=2)))
    conversation.answer(ask, "ads.example 60 A 192.0.2.7")
    conversation.tell(PolicyChanged(policy(generation=3)))
    assert texts(conversation.ask("ads.example").reply.answer) == ["ads.example. 60 A 192.0.2.7"]
    assert_in_flight(conversation, 0)


def assert_in_flight(conversation: Conversation, number: int) -> None:
    assert conversation.engine.in_flight == number
    if not number:
        assert_at_rest(conversation.engine)
