"""Parameters taken out of SVCB and HTTPS records, held against dnspython's reading of them."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.bindings import ECH, IPV4HINT, IPV6HINT, without_parameters
from mirage_hole.wire.codes import AD
from mirage_hole.wire.scan import Reply, scan_reply

WRITTEN = {
    0: "mandatory=alpn",
    1: "alpn=h2,h3",
    3: "port=8443",
    IPV4HINT: "ipv4hint=192.0.2.7,192.0.2.8",
    ECH: "ech=AAQAAAAA",
    IPV6HINT: "ipv6hint=2001:db8::7",
    9000: "key9000=abc",
}


def scanned(*records: str, flags: int = 0) -> tuple[bytes, Reply]:
    message = dns.message.make_query("www.example", "HTTPS")
    message.flags |= dns.flags.QR | flags
    for text in records:
        name, ttl, kind, data = text.split(" ", 3)
        message.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
    wire = message.to_wire()
    end = 12 + len(message.question[0].name.to_wire()) + 4
    reply = scan_reply(wire, end)
    assert reply is not None
    return wire[12:end], reply


def read(question: bytes, reply: Reply) -> dns.message.Message:
    counts = b"".join(count.to_bytes(2, "big") for count in reply.counts)
    return dns.message.from_wire(b"\0\7\x80\0\0\1" + counts + question + reply.records)


@given(st.sets(st.sampled_from(sorted(WRITTEN))), st.sets(st.sampled_from([ECH, IPV4HINT, IPV6HINT])))
def test_what_is_left_is_what_was_not_named(there, dropped):
    """RFC 9460 2.2."""
    there |= {1} if 0 in there else set()
    text = " ".join(WRITTEN[key] for key in sorted(there))
    question, reply = scanned(f"www.example. 60 HTTPS 1 cdn.Other.example. {text}", flags=dns.flags.AD)
    changed = without_parameters(question, reply, dropped)
    (rrset,) = read(question, changed).answer
    (record,) = rrset
    assert {int(key) for key in record.params} == there - dropped
    assert record.target == dns.name.from_text("cdn.other.example")
    assert bool(changed.flags & AD) == (not there & dropped)
    assert changed.ttl_offsets == reply.ttl_offsets


def test_what_is_not_changed_is_the_same_object():
    question, reply = scanned("www.example. 60 HTTPS 1 . alpn=h2")
    assert without_parameters(question, reply, {ECH}) is reply


def test_what_can_not_be_read_stays_as_it_is():
    """Whoever reads it will refuse it whole (RFC 9460 2.2)."""
    for data in (r"\# 2 0001", r"\# 5 0001 00 0005", r"\# 9 0001 00 0005 00ff 0102"):
        question, reply = scanned("www.example. 60 TYPE65400 " + data)
        wrong = reply._replace(records=reply.records.replace((65400).to_bytes(2, "big"), b"\0\x41", 1))
        assert without_parameters(question, wrong, {ECH}) is wrong


@given(st.binary(max_size=60))
def test_any_octets_are_survived(data):
    question, reply = scanned(rf"www.example. 60 TYPE65400 \# {len(data)} {data.hex()}")
    wrong = reply._replace(records=reply.records.replace((65400).to_bytes(2, "big"), b"\0\x41", 1))
    changed = without_parameters(question, wrong, {ECH, IPV4HINT, IPV6HINT})
    assert len(changed.records) <= len(wrong.records)
