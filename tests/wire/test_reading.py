from __future__ import annotations

import struct

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.message import BadMessage
from mirage_hole.wire.reading import ExtendedError, Question, Record, read_in_full

HEADER = struct.Struct(">HHHHHH")


def a_reply(*rrsets: str, name: str = "www.example.com", qtype: str = "A", **options) -> bytes:
    query = dns.message.make_query(name, qtype, use_edns=0)
    reply = dns.message.make_response(query)
    reply.answer += [dns.rrset.from_text(*rrset.split(None, 4)[:1], *_parts(rrset)) for rrset in rrsets]
    for key, value in options.items():
        setattr(reply, key, value)
    return reply.to_wire(max_size=65535)


def _parts(rrset: str):
    _, ttl, rclass, kind, data = rrset.split(None, 4)
    return int(ttl), rclass, kind, data


def test_a_reply_is_read_in_full():
    wire = a_reply("www.example.com. 60 IN CNAME example.com.", "example.com. 30 IN A 192.0.2.1")
    message = read_in_full(wire)
    assert message.question == (Question("www.example.com.", "IN", "A"),)
    assert message.answer == (
        Record("www.example.com.", 60, "IN", "CNAME", "example.com."),
        Record("example.com.", 30, "IN", "A", "192.0.2.1"),
    )
    assert (message.opcode, message.rcode, message.flags) == (0, 0, ("qr", "rd"))
    assert (message.size, message.trailing) == (len(wire), 0)
    assert message.edns is not None
    assert message.edns.version == 0


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("NS", "ns.example."),
        ("CNAME", "x.example."),
        ("PTR", "x.example."),
        ("DNAME", "x.example."),
        ("MX", "10 mail.example."),
        ("SOA", "ns.example. host.example. 1 7200 3600 1209600 300"),
        ("SRV", "1 2 443 x.example."),
        ("TXT", '"one" "two \\"quoted\\" \\\\ \\009"'),
        ("CAA", '0 issue "letsencrypt.org"'),
        ("DS", "4660 8 2 AABBCCDD"),
        ("TLSA", "3 1 1 AABB"),
        ("SSHFP", "1 1 AABB"),
        ("HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1"),
        ("SVCB", "1 x.example. alpn=h2"),
        ("NAPTR", '1 2 "U" "E2U" "" .'),
        ("TYPE65000", "\\# 3 ABCDEF"),
        ("TYPE65000", "\\# 0"),
    ],
)
def test_each_type_of_data_is_shown_in_its_own_form(kind, data):
    written = data
    if kind in {"HTTPS", "SVCB"}:
        written = data.replace("alpn=h2,h3", 'alpn="h2,h3"')
    if kind in {"DS"}:
        written = "4660 8 2 " + "AA" * 32
        data = written
    if kind == "TLSA":
        written = data = "3 1 1 " + "BB" * 32
    if kind == "SSHFP":
        written = data = "1 1 " + "CC" * 20
    (record,) = read_in_full(a_reply(f"www.example.com. 60 IN {kind} {written}")).answer
    assert record.data == data
    assert record.type == kind


def test_dnssec_records_are_shown_as_text():
    key = "257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3"
    signature = "A 8 2 3600 20300101000000 20200101000000 4660 example. qrs="
    answer = read_in_full(
        a_reply(f"www.example.com. 60 IN DNSKEY {key}", f"www.example.com. 60 IN RRSIG {signature}")
    ).answer
    assert answer[0].data.startswith("257 3 8 AwEAAaz/")
    assert answer[1].data.startswith("A 8 2 3600 ")
    assert "4660 example." in answer[1].data


def test_extended_errors_are_read_with_title_and_text():
    query = dns.message.make_query("ads.example", "A", use_edns=0)
    reply = dns.message.make_response(query)
    options = [
        dns.edns.EDEOption(15, "starter: ads.example"),
        dns.edns.EDEOption(4711, "bad\x1b[31m\n"),
        dns.edns.GenericOption(3, b"abc"),
    ]
    reply.use_edns(0, dns.flags.DO, 1232, options=options)
    edns = read_in_full(reply.to_wire()).edns
    assert edns is not None
    assert edns.errors == (
        ExtendedError(15, "Blocked", "starter: ads.example"),
        ExtendedError(4711, "EDE 4711", "bad\ufffd[31m\ufffd"),
    )
    assert edns.options == (("NSID", "616263"),)
    assert (edns.dnssec_ok, edns.payload) == (True, 1232)


def test_the_extended_bits_of_the_rcode_count():
    reply = dns.message.make_response(dns.message.make_query("x.example", "A", use_edns=0))
    reply.set_rcode(dns.rcode.BADVERS)
    assert read_in_full(reply.to_wire()).rcode == 16


def test_data_that_does_not_fit_its_type_is_shown_as_octets():
    wire = HEADER.pack(1, 0x8000, 0, 1, 0, 0) + b"\0" + struct.pack(">HHIH", 1, 1, 60, 3) + b"abc"
    assert read_in_full(wire).answer == (Record(".", 60, "IN", "A", "\\# 3 616263"),)
    # A name that runs past its record's end into the next octets.
    wire = HEADER.pack(1, 0x8000, 0, 1, 0, 0) + b"\0" + struct.pack(">HHIH", 2, 1, 60, 2) + b"\x03abc\0"
    assert read_in_full(wire).answer[0].data == "\\# 2 0361"


def test_octets_behind_the_end_are_counted():
    assert read_in_full(a_reply() + b"junk").trailing == 4


def test_names_of_any_octets_can_be_shown():
    wire = HEADER.pack(1, 0, 1, 0, 0, 0) + b"\x03a.b\x02\xff\x00\x00" + struct.pack(">HH", 1, 3)
    assert read_in_full(wire).question == (Question("a\\.b.\\255\\000.", "CH", "A"),)


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"", "within the header"),
        (b"\0" * 11, "within the header"),
        (HEADER.pack(1, 0, 1, 0, 0, 0), "within a name"),
        (HEADER.pack(1, 0, 1, 0, 0, 0) + b"\x03ab", "within a name"),
        (HEADER.pack(1, 0, 1, 0, 0, 0) + b"\0\0\1", "within a question"),
        (HEADER.pack(1, 0, 0, 1, 0, 0) + b"\0\0\1", "within a record"),
        (HEADER.pack(1, 0, 0, 1, 0, 0) + b"\0" + struct.pack(">HHIH", 1, 1, 1, 4) + b"ab", "within a record of type A"),
        (HEADER.pack(1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", "compression pointer at octet 12 leads nowhere"),
        (HEADER.pack(1, 0, 1, 0, 0, 0) + b"\xc0", "compression pointer at octet 12 leads nowhere"),
        (HEADER.pack(1, 0, 1, 0, 0, 0) + b"\x80a\0\0\1\0\1", "octet 12 begins no label"),
        (
            HEADER.pack(1, 0, 1, 0, 0, 0) + b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\0\0\1\0\1",
            "more than 255",
        ),
        (bytes(65536), "65536 octets; 65535 is the limit"),
    ],
)
def test_what_does_not_add_up_is_refused_with_the_place(wire, why):
    with pytest.raises(BadMessage, match=why):
        read_in_full(wire)


def test_a_chain_of_pointers_as_long_as_the_message_is_refused_and_not_followed():
    # Inside the first record's data each pointer leads to the one before it; the other owners start at the chain's end.
    start, links = HEADER.size + 1 + 10, 4000
    chain = b"\0" + b"".join(struct.pack(">H", 0xC000 | max(start, start - 1 + 2 * n)) for n in range(links))
    holder = b"\0" + struct.pack(">HHIH", 65000, 1, 0, len(chain)) + chain
    record = struct.pack(">H", 0xC000 | start - 1 + 2 * links) + struct.pack(">HHIH", 1, 1, 60, 4) + bytes(4)
    assert len(read_in_full(HEADER.pack(1, 0x8000, 0, 3, 0, 0) + holder + record * 2).answer) == 3
    wire = HEADER.pack(1, 0x8000, 0, 2001, 0, 0) + holder + record * 2000
    with pytest.raises(BadMessage, match="leads nowhere"):
        read_in_full(wire)


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(data):
    _read_or_refuse(data)


@given(st.data())
def test_a_reply_with_changed_octets_is_read_or_refused(data):
    wire = bytearray(
        a_reply(
            "www.example.com. 60 IN CNAME example.com.",
            "example.com. 30 IN MX 10 mail.example.com.",
            "example.com. 30 IN HTTPS 1 . alpn=h2",
            'example.com. 30 IN TXT "text"',
            "example.com. 30 IN NAPTR 1 2 U E2U '' .",
            "example.com. 30 IN DS 4660 8 2 " + "AA" * 32,
        )
    )
    for _ in range(data.draw(st.integers(1, 8))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(wire))


def _read_or_refuse(data: bytes) -> None:
    try:
        message = read_in_full(data)
    except BadMessage as bad:
        message = None
        assert str(bad)  # noqa: PT017 - that it is said matters, not that it happens
    if message is not None:
        texts = [record.data for record in message.answer + message.authority + message.additional]
        assert all(text.isprintable() and text.isascii() for text in texts)
