"""Lifetimes: the settings bound what is kept, and clamped replies stay well-formed."""

from __future__ import annotations

import dns.message
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.cache.lifetimes import clamped, lifetime
from mirage_hole.wire.scan import Reply, scan_reply
from tests.wire.samples import packet, question, record, soa


def scanned(answers: list[int], negative: tuple[int, int] | None = None) -> tuple[bytes, Reply]:
    asked = question("www.example.com")
    authority = [soa("example.com", *negative)] if negative else []
    records = [record("www.example.com", ttl, "A", f"192.0.2.{number}") for number, ttl in enumerate(answers)]
    reply = scan_reply(packet(0x8180, asked, records, authority), 12 + len(asked))
    assert reply is not None
    return asked, reply


ttls = st.integers(0, 604_800)


@given(st.lists(ttls, min_size=1, max_size=5), ttls, ttls)
def test_every_ttl_is_within_the_bounds_and_nothing_else_changes(answers: list[int], one: int, other: int) -> None:
    least, most = sorted((one, other))
    asked, reply = scanned(answers)
    bound = clamped(reply, least, most)
    head = b"\0\0\x81\x80\0\1" + len(answers).to_bytes(2, "big") + b"\0\0\0\0"
    message = dns.message.from_wire(head + asked + bound.records, one_rr_per_rrset=True)
    assert [rrset.ttl for rrset in message.answer] == [max(least, min(ttl, most)) for ttl in answers]
    assert [rrset[0].to_text() for rrset in message.answer] == [f"192.0.2.{number}" for number in range(len(answers))]
    assert bound.min_ttl == min(rrset.ttl for rrset in message.answer)
    assert least <= lifetime(bound, 604_800) <= most
    assert clamped(bound, least, most) == bound


@given(ttls, st.integers(0, 2**31 - 1), st.integers(0, 3600), st.integers(3600, 604_800), st.integers(0, 86_400))
def test_a_negative_answer_is_bound_by_all_of_them(
    ttl: int, minimum: int, least: int, most: int, negative: int
) -> None:
    _, reply = scanned([], (ttl, minimum))
    seconds = lifetime(clamped(reply, least, most), most, negative)
    assert 0 <= seconds <= min(most, negative)
    if min(ttl, minimum) == 0:
        assert seconds == 0
