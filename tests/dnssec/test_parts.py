"""The small parts: names in order, type bit maps, key tags, serial numbers, what is remembered."""

from __future__ import annotations

import struct

import dns.dnssec
import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.dnssec import order
from mirage_hole.dnssec.bitmap import read_types
from mirage_hole.dnssec.keys import key_tag
from mirage_hole.dnssec.memory import FAILURE, MOST, Kind, Known, Memory
from mirage_hole.dnssec.rrsets import read_sections
from mirage_hole.dnssec.signatures import later
from mirage_hole.wire.names import from_text
from mirage_hole.wire.scan import scan_reply
from tests.dnssec.judge import taken
from tests.dnssec.test_chain import a_world
from tests.dnssec.zones import Key, private_key

label = st.binary(min_size=1, max_size=4).map(bytes.lower)
names = st.lists(label, max_size=5).map(lambda labels: b"".join(bytes((len(one),)) + one for one in labels) + b"\0")


@given(names, names)
def test_names_are_ordered_and_nested_as_dnspython_has_it(one, other):
    """RFC 4034 6.1."""
    left, right = dns.name.from_wire(one, 0)[0], dns.name.from_wire(other, 0)[0]
    assert (order.sort_key(one) < order.sort_key(other)) == (left < right)
    assert order.is_under(one, other) == left.is_subdomain(right)
    shared = left.fullcompare(right)[2]
    assert order.common(one, other) == left.split(shared)[1].to_wire()


def test_a_suffix_of_octets_is_no_ancestor():
    assert not order.is_under(from_text("notexample"), from_text("example"))
    assert not order.is_under(b"\x03\x01ab\0", b"\x01ab\0"[:0] + b"\2ab\0")


def test_labels_are_counted_as_signatures_do():
    """RFC 4034 3.1.3."""
    assert [order.count_labels(from_text(text)) for text in (".", "example", "*.example", "*", "a.*.example")] == [
        0,
        1,
        1,
        0,
        3,
    ]
    assert order.last_labels(from_text("a.b.example"), 2) == from_text("b.example")
    assert order.last_labels(from_text("a.b.example"), 0) == b"\0"


@given(st.sets(st.integers(1, 65535), max_size=20))
def test_type_bit_maps_are_read(types):
    from tests.dnssec.zones import bitmap

    octets = b"".join(bytes((window, len(bits))) + bits for window, bits in bitmap(types))
    assert read_types(octets) == types


@given(st.binary(max_size=80))
def test_any_bit_map_is_read_or_refused(octets):
    types = read_types(octets)
    assert types is None or all(0 <= one < 65536 for one in types)


@pytest.mark.parametrize("algorithm", [8, 13, 15, 16])
def test_key_tags_are_those_of_the_rfc(algorithm):
    assert private_key(algorithm)
    key = Key(algorithm).record
    assert key_tag(key.to_wire()) == dns.dnssec.key_id(key)


@given(st.binary(min_size=5, max_size=40))
def test_key_tags_of_any_length(data):
    padded = data + b"\0" * (len(data) & 1)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    assert key_tag(data) == (total + (total >> 16 & 0xFFFF)) & 0xFFFF


def test_times_wrap_around():
    """RFC 4034 3.1.5: serial number arithmetic."""
    assert later(5, 3) == 2
    assert later(3, 5) == -2
    assert later(5, 0xFFFFFFF0) == 21
    assert later(0xFFFFFFF0, 5) == -21


def test_what_is_remembered_is_bounded_and_ends():
    memory = Memory(2)
    memory.put(b"a", Known(Kind.INSIDE, 100))
    memory.put(b"b", Known(Kind.INSIDE, 100))
    assert memory.get(b"a", 50)
    memory.put(b"c", Known(Kind.INSIDE, 100))
    assert len(memory) == 2
    assert memory.get(b"b", 50) is None  # the one that was not asked for
    assert memory.get(b"a", 100) is None
    memory.clear()
    assert len(memory) == 0


def test_what_was_remembered_before_the_clock_was_set_back_is_forgotten():
    memory = Memory()
    memory.put(b"a", Known(Kind.BROKEN, 10 * MOST + FAILURE))
    assert memory.get(b"a", 1000) is None


def test_names_behind_thousands_of_pointers_are_not_read():
    """RFC 1035 4.1.4: each leads back, as it should; 3,000 records whose names lead through 8,000 of them took 5 seconds."""
    question = from_text("www.example") + b"\0\1\0\1"
    start = 12 + len(question)
    place = start + 12
    pointers = b"\xc0\x0c" + b"".join((0xC000 | place + 2 * at).to_bytes(2, "big") for at in range(200))
    filler = b"\xc0\x0c" + struct.pack(">HHIH", 16, 1, 60, len(pointers)) + pointers
    for jumps, readable in ((5, True), (200, False)):
        record = (0xC000 | place + 2 * jumps).to_bytes(2, "big") + struct.pack(">HHIH", 1, 1, 60, 4) + bytes(4)
        reply = scan_reply(struct.pack(">HHHHHH", 7, 0x8180, 1, 2, 0, 0) + question + filler + record, start)
        assert reply is not None
        assert (read_sections(question, reply) is not None) == readable


@given(st.data())
def test_any_records_are_read_or_refused(data):
    question, reply = taken(a_world().answer("www.example.").to_wire())
    octets = bytearray(reply.records)
    for _ in range(3):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    read_sections(question, reply._replace(records=bytes(octets)))
