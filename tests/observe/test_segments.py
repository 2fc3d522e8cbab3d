from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.record import (
    NO_LIST,
    NO_SUBJECT,
    NO_UPSTREAM,
    TCP,
    UDP,
    QueryRecord,
    Subject,
    decode_frame,
    encode_frame,
    encode_singles,
    encode_subject,
)
from mirage_hole.observe.segments import BadFrame, plain_address, read_frame
from mirage_hole.policy.verdict import Outcome
from tests.observe.frames import NOON, frame, octets, replays, ruled, single, singles, subject

NAMES = st.sampled_from(["example.com", "ads.example.com", "a.b.c.example.org", "."])
SUBJECTS = st.builds(
    lambda name, outcome, kind: subject(name, outcome, qtype=kind),
    NAMES,
    st.sampled_from(Outcome),
    st.integers(0, 65535),
)
V4 = st.integers(0, 2**32 - 1).map(lambda number: ".".join(str(octet) for octet in number.to_bytes(4, "big")))
V6 = st.integers(0, 2**16 - 1).map(lambda number: f"2001:db8::{number:x}")
TIMES = st.floats(0, 2e9)
SEGMENTS = st.one_of(
    st.builds(
        replays,
        TIMES,
        st.one_of(
            *(
                st.lists(st.tuples(family, SUBJECTS | st.just(NO_SUBJECT)), min_size=1, max_size=9)
                for family in (V4, V6)
            )
        ),
        st.sampled_from([UDP, TCP]),
    ),
    st.builds(single, TIMES, V4 | V6, SUBJECTS, st.floats(0, 5000), st.sampled_from([UDP, TCP])),
    st.one_of(
        *(
            st.builds(
                singles,
                TIMES,
                st.lists(st.tuples(family, SUBJECTS, st.floats(0, 5000)), min_size=1, max_size=9),
                st.sampled_from([UDP, TCP]),
            )
            for family in (V4, V6)
        )
    ),
)


@given(st.lists(SEGMENTS, max_size=6), st.integers(0, 2**32 - 1))
def test_reading_in_bulk_gives_the_same_records_as_reading_one_by_one(segments: list[bytes], generation: int) -> None:
    octets = encode_frame(generation, segments)
    read = read_frame(octets)
    records = [
        QueryRecord(segment.at, client, segment.transport, duration, told)
        for segment in read.segments
        for client, duration, told in zip(
            segment.clients, segment.durations or [0.0] * len(segment.clients), segment.subjects, strict=True
        )
    ]
    assert read.generation == generation
    assert records == list(decode_frame(octets))
    assert read.clients == [record.client for record in records]
    assert read.subjects == [record.subject for record in records]


def test_an_ipv4_client_at_a_dual_stack_socket_is_the_same_client() -> None:
    read = read_frame(
        frame(replays(NOON, [("::ffff:192.0.2.7", subject("a.example"))]), single(NOON, "192.0.2.7", subject("b")))
    )
    assert read.clients == [octets("192.0.2.7")] * 2
    assert plain_address(octets("::1")) == octets("::1")


@given(st.lists(SEGMENTS, min_size=1, max_size=3), st.data())
def test_a_frame_that_was_cut_anywhere_is_refused_or_ends_between_two_segments(
    segments: list[bytes], data: st.DataObject
) -> None:
    whole = encode_frame(1, segments)
    cut = data.draw(st.integers(0, len(whole) - 1))
    ends = {5 + sum(map(len, segments[:number])) for number in range(len(segments))}
    if cut in ends:
        read_frame(whole[:cut])
    else:
        with pytest.raises(BadFrame):
            read_frame(whole[:cut])


@given(st.binary(max_size=80), st.sampled_from([b"", b"R\0\0\0\0", b"R\0\0\0\0\1", b"R\0\0\0\0\2"]))
def test_any_octets_are_a_frame_or_a_bad_frame_and_nothing_else(noise: bytes, start: bytes) -> None:
    with suppress(BadFrame):
        assert all(len(segment.clients) == len(segment.subjects) for segment in read_frame(start + noise).segments)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b'{"is":"ready"}', "kind"),
        (frame(b"\x09"), "segment kind 9"),
        (frame(single(float("nan"), "::1", subject("a"))), "time nan"),
        (frame(single(-1.0, "::1", subject("a"))), "time -1"),
        (frame(single(1.0, "::1", subject("a"), transport=9)), "transport 9"),
        (frame(encode_singles(1.0, UDP, [b"12345"], [0.0], [subject("a")])), "address of 5 octets"),
        (frame(single(1.0, "::1", b"\x01\0\x02")), "unreadable subject"),
        (frame(single(1.0, "::1", subject("a")[:2] + b"\x63" + subject("a")[3:])), "unreadable subject"),
    ],
)
def test_a_bad_frame_says_what_is_wrong(octets: bytes, reason: str) -> None:
    with pytest.raises(BadFrame, match=reason):
        read_frame(octets)


def test_a_subject_of_the_shortest_kind_is_a_subject() -> None:
    shortest = encode_subject(Subject(Outcome.MALFORMED, 1, 0, NO_LIST, 0, b"", 0, NO_UPSTREAM, b""))
    assert (
        read_frame(frame(single(NOON, "::1", shortest), single(NOON, "::1", ruled("a.b", "b")))).subjects[0] == shortest
    )
