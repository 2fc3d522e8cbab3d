"""The names an answer leads through, held against a model over dnspython's reading."""

from __future__ import annotations

import struct

import dns.flags
import dns.message
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.chain import MOST_ALIASES, MOST_BINDINGS, aliases, targets
from mirage_hole.wire.names import to_text
from mirage_hole.wire.scan import scan_reply

NAMES = ("a.example", "b.example", "c.example", "d.other", "E.example")


def scanned(question: str, qtype: str, records: list[str]):
    message = dns.message.make_query(question, qtype)
    message.flags |= dns.flags.QR
    for text in records:
        name, ttl, kind, data = text.split(" ", 3)
        message.answer.append(dns.rrset.from_text(name + ".", int(ttl), "IN", kind, data))
    wire = message.to_wire()
    end = 12 + len(message.question[0].name.to_wire()) + 4
    reply = scan_reply(wire, end)
    assert reply is not None
    return wire[12:end], reply


@given(st.sampled_from(NAMES), st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=8))
def test_a_chain_is_followed_as_anybody_would(first, pairs):
    """RFC 1034 3.6.2, 4.3.2."""
    question, reply = scanned(first, "A", [f"{owner} 60 CNAME {target}." for owner, target in pairs])
    leads: dict[str, str] = {}
    for owner, target in pairs:
        leads.setdefault(owner.lower(), target.lower())
    expected: list[str] | None = []
    seen = name = first.lower()
    visited = {seen}
    while name in leads:
        name = leads[name]
        if name in visited:
            expected = None
            break
        visited.add(name)
        expected.append(name)
    found = aliases(question, reply)
    assert (None if found is None else [to_text(one) for one in found]) == expected


def test_a_chain_without_end_is_none():
    records = [f"n{number}.example 60 CNAME n{number + 1}.example." for number in range(MOST_ALIASES + 2)]
    assert aliases(*scanned("n0.example", "A", records)) is None
    assert len(aliases(*scanned("n0.example", "A", records[:MOST_ALIASES])) or []) == MOST_ALIASES


def test_targets_of_bindings_are_names_and_not_the_owner_itself():
    """RFC 9460 2.5.2."""
    question, reply = scanned(
        "www.example", "HTTPS", ["www.example 60 HTTPS 1 . alpn=h2", "www.example 60 HTTPS 2 CDN.other. alpn=h3"]
    )
    assert [to_text(name) for name in targets(question, reply)] == ["cdn.other"]


def test_each_target_is_told_once():
    records = [f"www.example 60 HTTPS {number} cdn.other. alpn=h{number}" for number in range(1, 9)]
    assert len(targets(*scanned("www.example", "HTTPS", records))) == 1


def test_targets_that_others_might_read_are_never_read_over():
    """RFC 9460 2.2: the target is not compressed; beyond the bound on pointers, or cut off, it is no name here."""
    assert targets(
        *scanned("www.example", "HTTPS", [f"www.example 60 HTTPS 1 n{at}.x." for at in range(MOST_BINDINGS)])
    )
    many = [f"www.example 60 HTTPS 1 n{at}.x." for at in range(MOST_BINDINGS + 1)]
    assert targets(*scanned("www.example", "HTTPS", many)) is None
    question = b"\1a\7example\0\0\x41\0\1"
    for data in (b"\0", b"\0\1\3abc", b"\0\1\xc0\xff"):
        record = b"\xc0\x0c" + struct.pack(">HHIH", 65, 1, 60, len(data)) + data
        reply = scan_reply(struct.pack(">HHHHHH", 7, 0x8180, 1, 1, 0, 0) + question + record, 12 + len(question))
        assert reply is not None
        assert targets(question, reply) is None


def test_more_aliases_than_a_chain_may_have_are_no_answer_even_when_they_are_not_on_the_way():
    """Work is bounded by what an honest answer needs."""
    records = [f"x{number}.example 60 CNAME y{number}.example." for number in range(MOST_ALIASES + 1)]
    assert aliases(*scanned("n0.example", "A", records)) is None


def test_a_name_behind_more_pointers_than_a_name_has_labels_can_not_be_read():
    """RFC 1035 4.1.4: each pointer goes back, yet thousands of them in a row for thousands of records are an attack."""
    question = b"\1a\7example\0\0\1\0\1"
    head = struct.pack(">HHHHHH", 7, 0x8180, 1, 2, 0, 0)
    start = 12 + len(question)
    data = b"\xc0\x0c"  # the first pointer leads to the question's name, each of the others to the one before it
    place = start + 12
    for _ in range(200):
        data += struct.pack(">H", 0xC000 | place + len(data) - 2)
    filler = b"\xc0\x0c" + struct.pack(">HHIH", 65400, 1, 60, len(data)) + data
    for jumps, readable in ((200, False), (5, True)):
        owner = place + 2 * jumps
        alias = struct.pack(">HHHIHH", 0xC000 | owner, 5, 1, 60, 2, 0xC000 | 12 + 2)
        reply = scan_reply(head + question + filler + alias, start)
        assert reply is not None
        found = aliases(question, reply)
        assert found == ([b"\7example\0"] if readable else None)


@given(st.binary(max_size=40), st.binary(min_size=1, max_size=40))
def test_any_octets_in_names_are_survived(owner, data):
    question = b"\1a\7example\0\0\1\0\1"
    head = struct.pack(">HHHHHH", 7, 0x8180, 1, 1, 0, 0)
    for kind in (5, 65):
        record = owner + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
        reply = scan_reply(head + question + record, 12 + len(question))
        if reply is not None:
            assert len(aliases(question, reply) or []) <= 1
            assert len(targets(question, reply) or []) <= 1


@given(st.lists(st.sampled_from([0, 1, 5, 12, 20, 25, 40, 60]), min_size=1, max_size=12))
def test_pointers_anywhere_end(pointers):
    """Into the header, into the question, into themselves and forward."""
    question = b"\1a\7example\0\0\1\0\1"
    records = b"".join(b"\xc0\x0c" + struct.pack(">HHIHH", 5, 1, 60, 2, 0xC000 | place) for place in pointers)
    head = struct.pack(">HHHHHH", 7, 0x8180, 1, len(pointers), 0, 0)
    reply = scan_reply(head + question + records, 12 + len(question))
    assert reply is not None
    found = aliases(question, reply)
    assert found is None or len(found) <= len(pointers)


def test_names_where_no_pointer_can_point_are_told_apart_from_those_where_one_can():
    """RFC 1035 4.1.4: a pointer has 14 bits."""
    question = b"\1a\7example\0\0\1\0\1"
    start = 12 + len(question)
    owner, target = b"\1b\7example\0", b"\1c\7example\0"
    room = 0x4000 + 12 - start - 12 - len(owner) - 10  # so that the target stands 0x4000 behind the question's name
    filler = b"\xc0\x0c" + struct.pack(">HHIH", 65400, 1, 60, room) + bytes(room)
    first = owner + struct.pack(">HHIH", 5, 1, 60, len(target)) + target
    second = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 60, len(owner)) + owner
    reply = scan_reply(struct.pack(">HHHHHH", 7, 0x8180, 1, 3, 0, 0) + question + filler + first + second, start)
    assert reply is not None
    assert aliases(question, reply) == [owner, target]
