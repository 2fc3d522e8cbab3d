"""Record frames: what a worker writes is what is read, to the octet."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.record import (
    FRAME_KIND,
    MAX_RULE_TEXT,
    NO_LIST,
    NO_SUBJECT,
    NO_UPSTREAM,
    TCP,
    UDP,
    QueryRecord,
    Subject,
    decode_frame,
    decode_subject,
    encode_frame,
    encode_replays,
    encode_singles,
    encode_subject,
    frame_generation,
)
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.names import fold, labels_of
from tests.observe.frames import NOON, octets, socket_address
from tests.wire.samples import names


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    name = fold(draw(names))
    ruled = draw(st.booleans())
    rule = name[draw(st.sampled_from([*labels_of(name), len(name) - 1])) :] if ruled else b""
    return Subject(
        draw(st.sampled_from(Outcome)),
        draw(st.integers(0, 255)),
        draw(st.integers(0, 65535)),
        draw(st.integers(0, NO_LIST - 1)) if ruled else NO_LIST,
        draw(st.integers(0, 2**32 - 1)) if ruled else 0,
        rule,
        draw(st.integers(0, 127)) if ruled else 0,
        draw(st.integers(0, 254) | st.just(NO_UPSTREAM)),
        name,
        draw(st.just("") | st.text(max_size=MAX_RULE_TEXT // 4)) if ruled else "",
    )


addresses = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)
times = st.floats(0, 1e10)


@st.composite
def segments(draw: st.DrawFn) -> tuple[bytes, list[QueryRecord]]:
    """A segment, and the records it holds."""
    at, transport = draw(times), draw(st.sampled_from([UDP, TCP]))
    family = draw(st.sampled_from(addresses))
    told = subjects().map(encode_subject)
    if draw(st.booleans()):
        client, subject, micros = draw(family), draw(told), draw(st.integers(0, 4_000_000_000))
        expected = QueryRecord(at, octets(client), transport, micros / 1e6, subject)
        return encode_singles(at, transport, [octets(client)], [(micros + 0.5) / 1e6], [subject]), [expected]
    rows = draw(st.lists(st.tuples(family, told | st.just(NO_SUBJECT)), min_size=1, max_size=6))
    names_ = [socket_address(client) for client, _ in rows]
    segment = encode_replays(at, transport, len(names_[0]), b"".join(names_), [subject for _, subject in rows])
    expected_all = [
        QueryRecord(at, octets(client), transport, 0.0, subject) for client, subject in rows if subject != NO_SUBJECT
    ]
    return segment, expected_all


@given(subjects())
def test_a_subject_is_read_as_it_was_written(subject: Subject) -> None:
    encoded = encode_subject(subject)
    assert decode_subject(encoded) == subject
    assert int.from_bytes(encoded[:2], "little") == len(encoded) - 2


@given(st.lists(segments(), max_size=6), st.integers(0, 2**32 - 1))
def test_a_frame_is_read_as_it_was_written(parts: list[tuple[bytes, list[QueryRecord]]], generation: int) -> None:
    frame = encode_frame(generation, [segment for segment, _ in parts])
    assert frame[0] == FRAME_KIND
    assert frame_generation(frame) == generation
    assert list(decode_frame(frame)) == [record for _, records in parts for record in records]


@given(st.lists(segments(), min_size=1, max_size=3), st.data())
def test_a_frame_that_was_cut_ends_early_or_with_one_of_two_errors(
    parts: list[tuple[bytes, list[QueryRecord]]], data: st.DataObject
) -> None:
    """It trusts its frame, as it says; ``read_frame`` is the one that checks. But it must not loop or invent much."""
    frame = encode_frame(1, [segment for segment, _ in parts])
    whole = list(decode_frame(frame))
    got = []
    try:
        for record in decode_frame(frame[: data.draw(st.integers(5, len(frame) - 1))]):
            got.append(record)
    except (IndexError, struct.error):
        pass
    assert len(got) <= len(whole)
    assert got[:-1] == whole[: len(got)][:-1]


@pytest.mark.parametrize("text", ["x" * 10_000, "ü" * 10_000, "a" * 198 + "üü", "\ud800" * 300])
def test_a_long_text_is_cut_at_a_whole_character_and_says_so(text: str) -> None:
    name = b"\3ads\7example\0"
    told = decode_subject(encode_subject(Subject(Outcome.BLOCKED, 0, 1, 0, 1, name, 0, NO_UPSTREAM, name, text)))
    assert told.name == name
    assert len(told.text.encode()) <= MAX_RULE_TEXT
    assert told.text.endswith("…")
    assert told.text[:-1].replace("?", "\ud800") == text[: len(told.text) - 1]


@given(st.binary(max_size=40))
def test_a_subject_with_a_text_is_read_whatever_its_octets(octets: bytes) -> None:
    """A worker that has gone wrong must not take the control plane with it."""
    head = encode_subject(Subject(Outcome.BLOCKED, 0, 1, 0, 1, b"", 0x80, NO_UPSTREAM, b""))[2:]
    told = decode_subject((len(head) + len(octets)).to_bytes(2, "little") + head + octets)
    assert told.scope == 0
    assert len(told.name) <= len(octets)


def test_equal_subjects_have_equal_octets_and_others_have_not() -> None:
    one = Subject(Outcome.BLOCKED, 0, 1, 3, 7, b"\1b\0", 1, NO_UPSTREAM, b"\1a\1b\0")
    assert encode_subject(one) == encode_subject(Subject(*one))
    others = [
        one._replace(outcome=Outcome.CACHED),
        one._replace(line=8),
        one._replace(rule=one.name),
        one._replace(qtype=2),
    ]
    assert len({encode_subject(other) for other in [one, *others]}) == 5


def test_a_rule_of_the_deepest_and_of_the_highest_kind_is_told() -> None:
    longest = b"\1a" * 127 + b"\0"
    for rule in (longest, longest[2:], b"\1a\0", b"\0"):
        subject = Subject(Outcome.BLOCKED, 0, 1, 0, 1, rule, 1, NO_UPSTREAM, longest)
        assert decode_subject(encode_subject(subject)).rule == rule


def test_an_extended_rcode_keeps_its_lower_octet() -> None:
    subject = Subject(Outcome.FAILED, 0x117, 1, NO_LIST, 0, b"", 0, 0, b"\0")
    assert decode_subject(encode_subject(subject)).rcode == 0x17


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, 0.0),
        (-1.0, 0.0),
        (math.nan, 0.0),
        (1e-7, 0.0),
        (1e-6, 1e-6),
        (0.25, 0.25),
        (1e9, 4294.0),
        (math.inf, 4294.0),
    ],
)
def test_a_duration_is_told_in_microseconds_within_bounds(seconds: float, told: float) -> None:
    frame = encode_frame(1, [encode_singles(NOON, UDP, [octets("::1")], [seconds], [encode_subject(
        Subject(Outcome.LOCAL, 0, 1, NO_LIST, 0, b"", 0, NO_UPSTREAM, b"\0"))])])  # fmt: skip
    (record,) = decode_frame(frame)
    assert record.duration == pytest.approx(told, abs=1e-9)


def test_a_frame_without_segments_holds_no_record() -> None:
    assert list(decode_frame(encode_frame(7, []))) == []
