"""Whatever octet of a signed answer is changed: it is never called secure with another content."""

from __future__ import annotations

from functools import cache

import dns.exception
import dns.message
import dns.rdatatype
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mirage_hole.dnssec.outcome import Status
from tests.dnssec.judge import Court, taken
from tests.dnssec.test_chain import a_world

QUESTIONS = [
    ("www.example.", "A"),
    ("alias.example.", "A"),
    ("below.old.example.", "A"),
    ("x.wild.example.", "A"),
    ("nothing.example.", "A"),
    ("www.example.", "AAAA"),
    ("mail.example.", "MX"),
    ("sub.example.", "DS"),
    ("example.", "DNSKEY"),
]
OPT = 11
"""Octets at the end, which nobody signs."""


@cache
def court(style: str) -> Court:
    return Court(a_world(style))


@cache
def wire_of(style: str, name: str, kind: str) -> bytes:
    return court(style).world.answer(name, kind).to_wire(max_size=65535)


def content(wire: bytes) -> tuple:
    """What a client would make of an answer: its code, and its records apart from signatures and TTLs."""
    message = dns.message.from_wire(wire)

    def records(section):
        return {
            (one.name, int(one.rdtype), int(one.rdclass), rdata.to_digestable())
            for one in section
            if one.rdtype != dns.rdatatype.RRSIG
            for rdata in one
        }

    return message.rcode(), records(message.answer), records(message.authority)


def check(style: str, name: str, kind: str, wire: bytes) -> None:
    genuine = wire_of(style, name, kind)
    question, reply = taken(wire)
    if reply is None or question != taken(genuine)[0]:
        return
    result = court(style).judge_wire(wire)
    if result.status is not Status.SECURE:
        return
    try:
        rcode, answer, authority = content(wire)
    except dns.exception.DNSException:
        pytest.fail("called secure, though it can't be read")
    wanted = content(genuine)
    assert (rcode, answer) == wanted[:2]
    if result.answer_end < 0:
        assert authority == wanted[2]
    caps = dict(result.ttls)
    end = reply.counts[0] + reply.counts[1]
    for offset in reply.ttl_offsets[:end]:
        if result.answer_end < 0 or offset < result.answer_end:
            ttl = caps.get(offset, int.from_bytes(reply.records[offset : offset + 4], "big"))
            assert ttl <= 600  # what the zone says at most


@pytest.mark.parametrize("style", ["nsec", "nsec3"])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_octets_are_never_secure(style, data):
    name, kind = data.draw(st.sampled_from(QUESTIONS))
    wire = bytearray(wire_of(style, name, kind))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(2, len(wire) - 1 - OPT))
        wire[at] ^= data.draw(st.integers(1, 255))
    if not wire[2] & 0x80 or bytes(wire[4:6]) != b"\0\1":
        return
    try:
        dns.message.from_wire(bytes(wire), question_only=True)
    except dns.exception.DNSException:
        return
    check(style, name, kind, bytes(wire))


@pytest.mark.parametrize("style", ["nsec", "nsec3"])
def test_each_octet_of_a_short_answer(style):
    name, kind = "www.example.", "A"
    genuine = wire_of(style, name, kind)
    start = 12 + len("www.example.") + 1 + 4
    for at in range(start, len(genuine) - OPT):
        wire = bytearray(genuine)
        wire[at] ^= 1 << at % 8
        check(style, name, kind, bytes(wire))


@settings(max_examples=100, deadline=None)
@given(drop=st.sets(st.integers(0, 12)), style=st.sampled_from(["nsec", "nsec3"]), question=st.sampled_from(QUESTIONS))
def test_records_that_are_left_out_are_missed(drop, style, question):
    message = dns.message.from_wire(wire_of(style, *question))
    count = len(message.answer) + len(message.authority)
    message.authority = [one for at, one in enumerate(message.authority, len(message.answer)) if at not in drop]
    message.answer = [one for at, one in enumerate(message.answer) if at not in drop]
    result = court(style).judge(*question, message=message)
    if result.status is Status.SECURE:
        _, answer, _ = content(message.to_wire(max_size=65535))
        wanted = content(wire_of(style, *question))[1]
        synthesized = {one for one in wanted if one[1] == dns.rdatatype.CNAME and question[0] == "below.old.example."}
        assert wanted - synthesized <= answer | synthesized
    else:
        assert result.status is Status.BOGUS
        assert len(message.answer) + len(message.authority) < count
        assert result.code in {6, 9, 10, 12}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_rubbish_ends_in_a_verdict(octets, counts):
    question, reply = taken(wire_of("nsec", "www.example.", "A"))
    garbage = reply._replace(records=octets, counts=(*counts, 0))
    from mirage_hole.dnssec.chain import Validator
    from mirage_hole.dnssec.memory import Memory

    one = Validator(question, garbage, court("nsec").trust, Memory())
    step = one.step(None, court("nsec").now)
    assert getattr(step, "status", None) is not Status.SECURE
