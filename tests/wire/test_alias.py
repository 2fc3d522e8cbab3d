"""Records that move behind a CNAME say the same as before: dnspython reads both."""

from __future__ import annotations

import dns.message
import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.alias import Moved, behind_alias
from mirage_hole.wire.names import from_text
from mirage_hole.wire.scan import Reply, scan_reply
from mirage_hole.wire.writer import MOST_RECORDS
from tests.make import answer_to, query, texts
from tests.wire.samples import names

TARGET = "safe.search.example"
RECORDS = {
    "A": "192.0.2.7", "AAAA": "2001:db8::7", "MX": "10 mail.search.example.", "PTR": "www.search.example.",
    "TXT": '"one" "two"', "SRV": "1 2 53 safe.search.example.", "HTTPS": '1 edge.search.example. alpn="h2"',
    "NS": "ns.search.example.", "SOA": "ns.search.example. host.search.example. 1 2 3 4 5", "DNAME": "search.example.",
    "NAPTR": '1 2 "s" "SIP" "" sip.search.example.', "CAA": '0 issue "search.example"', "RP": "a.search.example. b.example.",
}  # fmt: skip


def moved(wire: bytes, asked: bytes, question: bytes, target: bytes) -> tuple[Moved, dns.message.Message] | None:
    reply = scan_reply(wire, len(asked))
    assert reply is not None
    there = behind_alias(question, target, 77, asked[12:], reply)
    return None if there is None else (there, message(there, question))


def message(there: Moved, question: bytes) -> dns.message.Message:
    head = b"\0\7\x81\x80\0\1" + b"".join(count.to_bytes(2, "big") for count in there.counts)
    return dns.message.from_wire(head + question + there.records, one_rr_per_rrset=True)


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize(
    "name", ["w.example", "www.search.example", "a.very.long.name.that.shares.search.example", "."]
)
def test_every_type_says_the_same_behind_an_alias(kind, name):
    asked = query(TARGET, kind, edns=False)
    records = [f"{TARGET} 300 CNAME edge.search.example.", f"edge.search.example 60 {kind} {RECORDS[kind]}"]
    wire = answer_to(asked, *records, authority=[f"search.example 900 {kind} {RECORDS[kind]}"], edns=False)
    question = query(name, kind, edns=False)[12:]
    there, read = moved(wire, asked, question, from_text(TARGET))
    original = dns.message.from_wire(wire)
    alias = f"{dns.name.from_text(name)} 77 CNAME {TARGET}."
    assert texts(read.answer) == [alias, *texts(original.answer)]
    assert texts(read.authority) == texts(original.authority)
    ttls = [int.from_bytes(there.records[offset : offset + 4], "big") for offset in there.ttl_offsets]
    assert ttls == [300, 60, 900]


@given(names, names, st.lists(st.tuples(names, names), min_size=1, max_size=8))
def test_any_names_are_the_same_behind_an_alias(name, target, pairs):
    """``pairs``: owner and target of a PTR record, as dnspython compresses them."""
    target = target.lower()
    asked = b"\0\7\1\0\0\1\0\0\0\0\0\0" + target + b"\0\5\0\1"
    told = dns.message.make_response(dns.message.from_wire(asked))
    for number, (owner, other) in enumerate(pairs):
        data = dns.rdata.from_wire("IN", "PTR", other, 0, len(other))
        told.answer.append(dns.rrset.from_rdata(dns.name.from_wire(owner, 0)[0], 100 + number, data))
    wire = told.to_wire(max_size=65535)
    result = moved(wire, asked, name + b"\0\5\0\1", target)
    assert result is not None
    records = [(str(one.name).lower(), one.ttl, str(one[0]).lower()) for one in result[1].answer[1:]]
    assert records == [
        (str(dns.name.from_wire(owner, 0)[0]).lower(), 100 + number, str(dns.name.from_wire(other, 0)[0]).lower())
        for number, (owner, other) in enumerate(pairs)
    ]


def test_names_are_compressed_again():
    asked = query(TARGET, edns=False)
    wire = answer_to(asked, *(f"{TARGET} 60 A 192.0.2.{number}" for number in range(20)), edns=False)
    there, _ = moved(wire, asked, query("www.search.example", edns=False)[12:], from_text(TARGET))
    assert len(there.records) == 12 + len(from_text(TARGET)) + 20 * 16


@given(st.binary(max_size=120), st.integers(1, 6), st.sampled_from([1, 2, 5, 6, 15, 33]))
def test_whatever_the_octets_it_ends_and_what_it_says_can_be_read(octets, count, kind):
    """The sections were found whole, their names were not followed: they may point anywhere."""
    question = from_text(TARGET) + b"\0\1\0\1"
    parts, at = [], 0
    for _ in range(count):
        data = octets[at : at + 20]
        at += 20
        parts.append(
            b"\xc0"
            + bytes((at % 90,))
            + kind.to_bytes(2, "big")
            + b"\0\1\0\0\0\x3c"
            + len(data).to_bytes(2, "big")
            + data
        )
    reply = Reply(0x8180, 0, b"".join(parts), (count, 0, 0), (), 60, -1, b"")
    there = behind_alias(b"\1x\0\0\1\0\1", from_text(TARGET), 77, question, reply)
    if there is not None:
        assert there.counts[0] == count + 1
        assert scan_reply(
            b"\0\7\x81\x80\0\1" + there.counts[0].to_bytes(2, "big") + bytes(4) + b"\1x\0\0\1\0\1" + there.records, 19
        )


@pytest.mark.parametrize("owner", [b"\xc0\x00", b"\xc0\x05", b"\xff\xff", b"\xc0\x29", b"\x3fabc", b"\x80\x01"])
def test_a_name_that_can_not_be_followed_moves_nothing(owner):
    question = from_text(TARGET) + b"\0\1\0\1"
    records = owner + b"\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
    reply = Reply(0x8180, 0, records, (1, 0, 0), (), 60, -1, b"")
    assert behind_alias(b"\1x\0\0\1\0\1", from_text(TARGET), 77, question, reply) is None


def test_more_records_than_are_worth_the_work_move_nothing():
    question = from_text(TARGET) + b"\0\1\0\1"
    records = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1" * (MOST_RECORDS + 1)
    for count in (MOST_RECORDS, MOST_RECORDS + 1):
        reply = Reply(0x8180, 0, records, (count, 0, 0), (), 60, -1, b"")
        there = behind_alias(b"\1x\0\0\1\0\1", from_text(TARGET), 77, question, reply)
        assert (there is None) == (count > MOST_RECORDS)


def test_data_with_names_is_never_longer_than_such_data_can_be():
    question = from_text(TARGET) + b"\0\1\0\1"
    data = b"\0\1\0" + bytes(60_000)
    records = b"\xc0\x0c\0\x0f\0\1\0\0\0\x3c" + len(data).to_bytes(2, "big") + data
    reply = Reply(0x8180, 0, records, (1, 0, 0), (), 60, -1, b"")
    assert behind_alias(b"\1x\0\0\1\0\1", from_text(TARGET), 77, question, reply) is None
