"""The cases of the EDNS compliance testers (ISC's ednscomp, the DNS flag days), against every way that a query can end.

Names follow their probes: ``edns`` plain EDNS, ``edns1`` version 1, ``ednsopt`` an unknown option, ``ednsflags`` unknown flags,
``edns512`` small answers, ``do`` DNSSEC OK, ``optlist`` several options at once.
"""

from __future__ import annotations

import struct

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from mirage_hole.resolver.chaos import texts as chaos_texts
from mirage_hole.wire.reply import UDP_PAYLOAD
from tests.make import Conversation, query

DO = 0x8000


def conversation() -> Conversation:
    talk = Conversation(blocks=["||ads.example^"])
    talk.engine.chaos = chaos_texts("Mirage Hole", "")
    return talk


def opt(
    version: int = 0, flags: int = 0, payload: int = 1232, options: bytes = b"", owner: bytes = b"\0", rcode: int = 0
) -> bytes:
    """An OPT record (RFC 6891 6.1.2), by hand: this is about what libraries would not send."""
    return owner + struct.pack(">HHBBHH", 41, payload, rcode, version, flags, len(options)) + options


def option(code: int, content: bytes = b"") -> bytes:
    return struct.pack(">HH", code, len(content)) + content


def with_records(name: str, *records: bytes, qtype: str = "A", flags: str = "RD", qclass: str = "IN") -> bytes:
    wire = query(name, qtype, edns=False, flags=flags, qclass=qclass)
    return wire[:10] + struct.pack(">H", len(records)) + wire[12:] + b"".join(records)


ENDINGS = {
    "forwarded": ("www.example.com", "A", "IN", "RD"),
    "blocked": ("ads.example", "A", "IN", "RD"),
    "no data": ("ads.example", "TXT", "IN", "RD"),
    "special": ("localhost", "A", "IN", "RD"),
    "refused type": ("www.example.com", "AXFR", "IN", "RD"),
    "refused class": ("www.example.com", "A", "HS", "RD"),
    "ANY": ("www.example.com", "ANY", "IN", "RD"),
    "chaos": ("version.bind", "TXT", "CH", "RD"),
    "without recursion": ("www.example.com", "A", "IN", ""),
}


def reply_to(ending: str, *records: bytes, transport: str = "udp") -> dns.message.Message:
    """What the query of this ending is answered with these additional records in it."""
    name, qtype, qclass, flags = ENDINGS[ending]
    talk = conversation()
    said = talk.send(with_records(name, *records, qtype=qtype, qclass=qclass, flags=flags), transport=transport)
    if said.asks:
        said = talk.answer(said.ask, "www.example.com 60 A 192.0.2.7")
    return said.reply


OPTLIST = b"".join((option(3), option(8, b"\0\1\x18\0\xc0\0\2"), option(10, bytes(range(8))), option(100, b"x")))
PROBES = {
    "edns": opt(),
    "edns512": opt(payload=512),
    "edns0": opt(payload=0),
    "ednsmax": opt(payload=65535),
    "ednsopt": opt(options=option(100)),
    "ednsopt with content": opt(options=option(65001, bytes(30))),
    "ednsflags": opt(flags=0x0080),
    "all flags but DO": opt(flags=0x7FFF),
    "do": opt(flags=DO),
    "do and flags": opt(flags=0xFFFF),
    "an extended rcode in a query": opt(rcode=0xFF),
    "optlist": opt(options=OPTLIST),
    "the same option twice": opt(options=option(100) + option(100)),
}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_query_with_opt_is_answered_with_one(ending, probe, transport):
    """RFC 6891 6.1.1, 6.1.4; RFC 3225 3: version 0, our own size, DO copied, all other flags clear, no extended rcode."""
    record = PROBES[probe]
    reply = reply_to(ending, record, transport=transport)
    assert (reply.edns, reply.payload) == (0, UDP_PAYLOAD)
    assert reply.ednsflags & 0xFFFF == struct.unpack(">H", record[7:9])[0] & DO
    assert reply.rcode() < 16
    # RFC 6891 6.1.2: what is not known is ignored, and not sent back.
    assert not {100, 65001} & {int(one.otype) for one in reply.options}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_query_without_opt_is_answered_without(ending):
    """RFC 6891 7. The answer says the same."""
    plain, other = reply_to(ending), reply_to(ending, opt())
    assert plain.edns == -1
    assert (plain.rcode(), plain.answer, plain.flags) == (other.rcode(), other.answer, other.flags)


@pytest.mark.parametrize("version", [1, 100, 255])
@pytest.mark.parametrize("options", [b"", option(100), option(3) + option(10, bytes(8)), b"\0"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_another_version_is_badvers_and_told_ours_whatever_it_carries(ending, options, version):
    """RFC 6891 6.1.3 (edns1, edns1opt). Options of another version may look otherwise, so they are not read."""
    reply = reply_to(ending, opt(version=version, options=options, flags=DO))
    assert (reply.rcode(), reply.edns, reply.payload) == (dns.rcode.BADVERS, 0, UDP_PAYLOAD)
    assert reply.ednsflags & 0xFFFF == DO
    assert (list(reply.options), reply.answer) == ([], [])
    assert len(reply.question) == 1


@pytest.mark.parametrize("code", [dns.opcode.IQUERY, dns.opcode.STATUS, 3, dns.opcode.NOTIFY, dns.opcode.UPDATE, 15])
@pytest.mark.parametrize("flags", [0, DO])
def test_other_opcodes_are_not_implemented_and_get_opt_back(code, flags):
    """RFC 6891 6.1.1; RFC 1035 4.1.1."""
    wire = bytearray(with_records("example.com", opt(flags=flags), qtype="SOA"))
    wire[2] = int(code) << 3 | wire[2] & 1
    said = conversation().send(bytes(wire))
    assert (said.reply.rcode(), said.reply.opcode(), said.reply.edns) == (dns.rcode.NOTIMP, code, 0)
    assert said.reply.ednsflags & 0xFFFF == flags
    del wire[-11:]
    wire[11] = 0
    assert conversation().send(bytes(wire)).reply.edns == -1


def test_the_opt_of_an_update_is_found_behind_its_records():
    """RFC 2136 2: sections of an update have other names and the same shape."""
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes(4)
    head = struct.pack(">HHHHHH", 7, 5 << 11, 1, 1, 1, 2)
    wire = head + query("example.com", "SOA", edns=False)[12:] + record * 3 + opt()
    reply = conversation().send(wire).reply
    assert (reply.rcode(), reply.edns) == (dns.rcode.NOTIMP, 0)


PLAIN = query("www.example.com", edns=False)
BROKEN = {
    "two OPT records": with_records("www.example.com", opt(), opt()),
    "three OPT records": with_records("www.example.com", opt(), opt(), opt()),
    "an option cut off": with_records("www.example.com", opt(options=b"\0\x0a\0\x09" + bytes(8))),
    "half an option": with_records("www.example.com", opt(options=b"\0\x0a")),
    "octets after the end": with_records("www.example.com", opt()) + b"x",
    "too many records": with_records("www.example.com", opt(), *[b"\0" + struct.pack(">HHIH", 1, 1, 0, 0)] * 4),
    "no question": struct.pack(">HHHHHH", 7, 0x0100, 0, 0, 0, 1) + opt(),
    "two questions": struct.pack(">HHHHHH", 7, 0x0100, 2, 0, 0, 1) + PLAIN[12:] * 2 + opt(),
    "OPT as the type": with_records("www.example.com", opt(), qtype="OPT"),
    "a pointer in the question": struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 1) + b"\xc0\x0c\0\1\0\1" + opt(),
}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("what", BROKEN)
def test_a_format_error_has_opt_when_the_query_had_one_that_can_be_read(what, transport):
    """RFC 6891 6.1.1, 7: FORMERR without OPT would say that EDNS is not known here."""
    reply = dns.message.from_wire(conversation().send(BROKEN[what], transport=transport).wire)
    assert (reply.rcode(), reply.edns, reply.payload) == (dns.rcode.FORMERR, 0, UDP_PAYLOAD)


UNREADABLE = {
    "an owner that is not the root": with_records("www.example.com", opt(owner=b"\x01a\0")),
    "a pointer as its owner": with_records("www.example.com", opt(owner=b"\xc0\x0c")),
    "OPT in the answer section": struct.pack(">HHHHHH", 7, 0x0100, 1, 1, 0, 0) + PLAIN[12:] + opt(),
    "OPT in the authority section": struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 1, 0) + PLAIN[12:] + opt(),
    "OPT that is cut off": with_records("www.example.com", opt()[:9]),
    "longer than any query": with_records("www.example.com", opt(options=option(12, bytes(4096)))),
    "behind more records than are looked at": struct.pack(">HHHHHH", 7, 0x0100, 65, 0, 0, 1) + bytes(5) * 65 + opt(),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_no_opt_record_is_a_format_error_and_gets_none_back(what):
    """RFC 6891 6.1.1: in the additional section; 6.1.2: owned by the root."""
    reply = dns.message.from_wire(conversation().send(UNREADABLE[what]).wire, question_only=True)
    assert (reply.rcode(), reply.edns) == (dns.rcode.FORMERR, -1)


@pytest.mark.parametrize("payload", [0, 512, 1232, 4096])
def test_what_does_not_fit_is_truncated_and_keeps_its_opt(payload):
    """RFC 6891 7, 6.2.3: less than 512 octets counts as 512; what was offered is never exceeded."""
    talk = conversation()
    ask = talk.send(with_records("www.example.com", opt(payload=payload, flags=DO))).ask
    said = talk.answer(ask, *[f"www.example.com 60 A 192.0.2.{number}" for number in range(100)])
    assert said.reply.flags & dns.flags.TC
    assert (said.reply.edns, said.reply.ednsflags & 0xFFFF) == (0, DO)
    assert len(said.wire) <= 512


@pytest.mark.parametrize("flags", [0x0040, 0x0440, 0x0660])
def test_unknown_header_flags_and_those_of_answers_are_ignored(flags):
    """RFC 1035 4.1.1: Z must be zero in answers; AA and TC in a query mean nothing."""
    wire = with_records("ads.example", opt())
    wire = wire[:2] + struct.pack(">H", flags | 0x0100) + wire[4:]
    assert conversation().send(wire).wire[2:4] == b"\x81\x80"


@pytest.mark.parametrize("edns", [True, False])
def test_a_failure_has_opt_for_who_sent_one(edns):
    talk = conversation()
    talk.ask("www.example.com", edns=edns)
    (reply,) = talk.wait(6.0).replies
    assert (reply.rcode(), reply.edns) == (dns.rcode.SERVFAIL, 0 if edns else -1)


@pytest.mark.parametrize("probe", ["edns", "edns512", "ednsopt", "ednsflags", "optlist"])
def test_upstreams_are_told_nothing_of_the_clients_edns(probe):
    """RFC 6891 6.2.6: EDNS is between neighbours; only DO goes on."""
    ask = conversation().send(with_records("www.example.com", PROBES[probe])).ask
    asking = dns.message.from_wire(ask.wire)
    assert (asking.edns, asking.payload, asking.ednsflags, list(asking.options)) == (0, UDP_PAYLOAD, 0, [])
