"""Whole messages: what we ask, what we read, and what we refuse to show to dnslib."""

from __future__ import annotations

import dns.message
import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.codes import RRType
from mirage_hole.wire.message import MAX_MESSAGE, BadMessage, addresses_in, make_query, read_message
from mirage_hole.wire.names import BadName
from mirage_hole.wire.query import Query, parse_query


def reply_with(*records: str, question: str = "a.example", qtype: int = RRType.A) -> bytes:
    reply = dnslib.DNSRecord.parse(make_query(question, qtype, 7)).reply()
    for record in records:
        reply.add_answer(*dnslib.RR.fromZone(record))
    return bytes(reply.pack())


@pytest.mark.parametrize("dnssec", [False, True])
@pytest.mark.parametrize("name", [".", "Example.COM", "bücher.example", r"a\.b.example", "x" * 63 + ".example."])
def test_a_query_is_read_the_same_by_our_parser_and_by_dnspython(name, dnssec):
    wire = make_query(name, RRType.AAAA, 4711, dnssec=dnssec)
    ours = parse_query(wire)
    theirs = dns.message.from_wire(wire)
    assert isinstance(ours, Query)
    assert (ours.id, ours.qtype, ours.dnssec_ok, ours.payload) == (4711, 28, dnssec, 1232)
    assert theirs.question[0].name.to_wire() == ours.name
    assert theirs.flags & 0x0100


def test_a_query_can_go_without_edns_and_without_recursion():
    query = parse_query(make_query("a.example", edns=False, recursion=False))
    assert isinstance(query, Query)
    assert (query.edns, query.flags & 0x0100) == (False, 0)


def test_a_name_in_wire_form_is_taken_as_it_is():
    assert parse_query(make_query(b"\x03a.b\x00")).name == b"\x03a.b\x00"


def test_a_name_that_is_none_is_refused():
    with pytest.raises(BadName):
        make_query("two..dots")


def test_addresses_come_in_order_and_once():
    reply = reply_with("a.example 60 A 192.0.2.1", "a.example 60 AAAA 2001:db8::1", "a.example 60 A 192.0.2.1")
    assert addresses_in(reply) == ["192.0.2.1", "2001:db8::1"]


def test_a_cname_chain_is_followed_and_strangers_are_ignored():
    reply = reply_with(
        "A.example 60 CNAME b.example",
        "x.example 60 A 203.0.113.66",
        "B.example 60 CNAME c.example",
        "c.example 60 A 192.0.2.7",
    )
    assert addresses_in(reply) == ["192.0.2.7"]


def test_a_reply_without_addresses_gives_none():
    assert addresses_in(reply_with()) == []


def test_a_long_message_is_refused_before_dnslib_sees_it(monkeypatch):
    monkeypatch.setattr(dnslib.DNSRecord, "parse", lambda *_: pytest.fail("dnslib saw it"))
    with pytest.raises(BadMessage, match="4097 octets; 4096 is the limit"):
        read_message(bytes(MAX_MESSAGE + 1))


def test_chained_pointers_are_a_bad_message_or_an_answer_but_never_another_exception():
    chain = b"".join(b"\x01a" + (0xC000 | 12 + 3 * n).to_bytes(2, "big")[:2] for n in range(1000))[: MAX_MESSAGE - 40]
    hostile = b"\0\1\x81\x80\0\1\0\x40\0\0\0\0" + b"\0\0\1\0\1" + chain
    with pytest.raises(BadMessage):
        addresses_in(hostile)


@given(st.data())
def test_whatever_arrives_only_bad_message_comes_out(data):
    good = bytearray(reply_with("a.example 60 CNAME b.example", "b.example 60 A 192.0.2.1", "b.example 5 TXT hello"))
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    try:
        found = addresses_in(bytes(good[:cut]))
    except BadMessage:
        return
    assert all(isinstance(address, str) for address in found)


@given(st.binary(max_size=200))
def test_noise_is_a_bad_message_or_nothing(noise):
    try:
        addresses_in(noise)
    except BadMessage as problem:
        assert str(problem)  # noqa: PT017 - either outcome is right, an empty reason is not
