"""Who and what is not answered, or answered with an error: exactly one record a query, and no loop with anybody."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.names import from_text
from tests.make import Conversation, ede, query

BLOCKS = ["||ads.example^"]
HEADER = 12


def with_flags(wire: bytes, word: int) -> bytes:
    return wire[:2] + word.to_bytes(2, "big") + wire[4:]


def with_counts(wire: bytes, *counts: int) -> bytes:
    return wire[:4] + b"".join(count.to_bytes(2, "big") for count in counts) + wire[12:]


PLAIN = query("www.example.com", edns=False)

FORMERR = {
    "no question": with_counts(PLAIN, 0, 0, 0, 0)[:HEADER],
    "two questions": with_counts(PLAIN, 2, 0, 0, 0) + PLAIN[HEADER:],
    "an answer inside": with_counts(PLAIN, 1, 1, 0, 0),
    "an authority inside": with_counts(PLAIN, 1, 0, 1, 0),
    "cut off in the name": PLAIN[:18],
    "cut off in the type": PLAIN[:-3],
    "octets after the end": PLAIN + b"x",
    "a pointer in the question": PLAIN[:HEADER] + b"\xc0\x0c\0\1\0\1",
    "a loop of pointers": PLAIN[:HEADER] + b"\x01a\xc0\x0c\0\1\0\1",
    "a label of the reserved kind": PLAIN[:HEADER] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
    "a name over 255 octets": PLAIN[:HEADER] + b"\x3f" + (b"a" * 63 + b"\x3f") * 4 + b"\0\0\1\0\1",
    "no end to the name": PLAIN[:HEADER] + b"\x01a" * 2000,
    "OPT as the type": query("www.example.com", 41, edns=False),
    "two OPT records": with_counts(query("www.example.com"), 1, 0, 0, 2) + query("www.example.com")[-11:],
    "an option cut off": with_counts(PLAIN, 1, 0, 0, 1) + b"\0\0\x29\x04\xd0\0\0\0\0\0\x05\0\x0a\0\x08\0",
    "64 KiB": PLAIN + bytes(65_000),
}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("what", FORMERR)
def test_a_malformed_query_is_answered_formerr(what, transport):
    said = Conversation().send(FORMERR[what], transport=transport)
    reply = dns.message.from_wire(said.wire, question_only=True)
    assert reply.rcode() == dns.rcode.FORMERR
    assert said.wire[:2] == FORMERR[what][:2]
    assert reply.flags & dns.flags.QR
    assert len(said.wire) <= 512
    assert (said.record.subject.outcome, said.record.subject.rcode) == (Outcome.MALFORMED, dns.rcode.FORMERR)
    assert not said.remembered


@pytest.mark.parametrize("opcode", [dns.opcode.STATUS, dns.opcode.NOTIFY, dns.opcode.UPDATE, 3, 15])
def test_other_opcodes_are_not_implemented(opcode):
    """RFC 1035 4.1.1 rcode 4. The opcode comes back, so that the sender knows what this is about."""
    said = Conversation().send(with_flags(PLAIN, int(opcode) << 11))
    reply = dns.message.from_wire(said.wire)
    assert (reply.rcode(), reply.opcode()) == (dns.rcode.NOTIMP, opcode)
    assert said.record.subject.outcome == Outcome.MALFORMED


@pytest.mark.parametrize("version", [1, 255])
def test_another_edns_version_is_answered_badvers_with_the_version_that_is_spoken(version):
    """RFC 6891 6.1.3."""
    message = dns.message.make_query("ads.example", "A", use_edns=version)
    said = Conversation(blocks=BLOCKS).send(message.to_wire())
    assert (said.reply.rcode(), said.reply.edns) == (dns.rcode.BADVERS, 0)
    assert not said.reply.answer
    assert (said.record.subject.rcode, said.record.subject.name) == (16, from_text("ads.example"))


NO_QUERIES = {
    "nothing": b"",
    "one octet": b"\0",
    "half a header": PLAIN[:11],
    "a response": with_flags(PLAIN, 0x8180),
    "a response with an odd opcode": with_flags(PLAIN, 0xF800),
    "a response with an error": with_flags(PLAIN, 0x8001),
}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("what", NO_QUERIES)
def test_what_is_no_query_gets_no_answer_and_is_counted(what, transport):
    """Two servers that answer each other's errors would never stop."""
    conversation = Conversation()
    said = conversation.send(NO_QUERIES[what], transport=transport)
    assert said.silent
    assert len(said.closed) == 1
    assert not said.records
    assert conversation.engine.not_queries == 1


@pytest.mark.parametrize("qclass", ["CH", "HS", "ANY", "CLASS65280"])
def test_other_classes_are_refused(qclass):
    said = Conversation(blocks=BLOCKS).ask("ads.example", "TXT", qclass=qclass)
    assert said.reply.rcode() == dns.rcode.REFUSED
    assert ede(said.reply) == [(21, "class IN only")]
    assert said.record.subject.outcome == Outcome.REFUSED


@pytest.mark.parametrize("qtype", ["AXFR", "IXFR", "TKEY", "TSIG", "MAILA", "MAILB"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_zone_transfers_and_their_kin_are_refused(qtype, transport):
    said = Conversation(blocks=BLOCKS).send(query("ads.example", qtype), transport=transport)
    reply = dns.message.from_wire(said.wire)
    assert reply.rcode() == dns.rcode.REFUSED
    assert ede(reply)[0][0] == 21
    assert said.record.subject.outcome == Outcome.REFUSED


# -- strangers --


@pytest.mark.parametrize("client", ["203.0.113.9", "2001:db8::9"])
@pytest.mark.parametrize("name", ["ads.example", "www.example.com"])
def test_a_stranger_gets_no_answer_over_udp(client, name):
    """RFC 5358: the address may be forged, and the answer would hit whoever it belongs to."""
    said = Conversation(blocks=BLOCKS).ask(name, client=client)
    assert said.silent
    assert len(said.closed) == 1
    assert not said.remembered
    assert (said.record.subject.outcome, said.record.subject.name) == (Outcome.DROPPED, from_text(name))


@pytest.mark.parametrize("name", ["ads.example", "www.example.com"])
def test_a_stranger_is_told_so_over_tcp(name):
    """RFC 8914 4.19; whether the name is blocked is none of its business."""
    said = Conversation(blocks=BLOCKS).ask(name, client="203.0.113.9", transport="tcp")
    assert said.reply.rcode() == dns.rcode.REFUSED
    assert ede(said.reply) == [(18, "this resolver answers its own networks only")]
    assert said.record.subject.outcome == Outcome.REFUSED


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_strangers_malformed_query_is_dropped(transport):
    said = Conversation().send(FORMERR["octets after the end"], client="203.0.113.9", transport=transport)
    assert said.silent
    assert len(said.closed) == 1
    assert said.record.subject.outcome == Outcome.DROPPED


def test_an_ipv4_client_on_an_ipv6_socket_is_who_it_is():
    conversation = Conversation(allow_from=["10.0.0.0/8"])
    assert conversation.ask("www.example.com", client="::ffff:10.0.0.7").asks
    assert conversation.ask("www.example.com", client="::ffff:203.0.113.9").silent


def test_nobody_is_answered_when_nobody_is_allowed():
    assert Conversation(allow_from=[]).ask("www.example.com").silent


# -- what must not be replayed --


def test_an_answer_to_a_cookie_is_not_remembered_as_a_packet():
    """RFC 7873: the client's cookie changes, so the same octets do not come again."""
    conversation = Conversation(blocks=BLOCKS)
    cookie = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"12345678")
    assert not conversation.ask("ads.example", options=[cookie]).remembered
    assert conversation.ask("ads.example", options=[dns.edns.GenericOption(65001, b"x")]).remembered


def test_refusals_are_not_remembered_as_packets():
    assert not Conversation().ask("version.bind", "TXT", qclass="CH").remembered
