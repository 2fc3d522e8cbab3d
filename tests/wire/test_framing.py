"""Messages over a stream: however the octets arrive, the same messages come out, and never more is held than one."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.framing import MessageBuffer, frame

messages = st.lists(st.binary(min_size=12, max_size=90), max_size=8)


def pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    return [octets[start:end] for start, end in pairwise(places)]


@given(messages, st.lists(st.integers(0, 1000), max_size=12))
def test_wherever_the_stream_is_cut_the_same_messages_come_out(sent: list[bytes], cuts: list[int]) -> None:
    buffer = MessageBuffer()
    stream = b"".join(map(frame, sent))
    got = [message for piece in pieces(stream, cuts) for message in buffer.feed(piece)]
    assert got == sent
    assert not buffer.partial


@given(messages, st.binary(min_size=12, max_size=60), st.data())
def test_a_message_that_has_begun_and_not_ended_is_waited_for(
    sent: list[bytes], last: bytes, data: st.DataObject
) -> None:
    whole = frame(last)
    kept = data.draw(st.integers(1, len(whole) - 1))
    buffer = MessageBuffer()
    assert buffer.feed(b"".join(map(frame, sent)) + whole[:kept]) == sent
    assert buffer.partial
    assert buffer.feed(whole[kept:]) == [last]
    assert not buffer.partial


@given(messages, st.integers(0, 11) | st.integers(101, 65535), st.binary(max_size=40))
def test_a_length_that_cant_be_true_ends_the_stream(sent: list[bytes], lie: int, behind: bytes) -> None:
    buffer = MessageBuffer(100)
    with pytest.raises(ValueError, match=f"a message of {lie} octets is announced"):
        buffer.feed(b"".join(map(frame, sent)) + lie.to_bytes(2, "big") + behind)
    assert not buffer.partial


@pytest.mark.parametrize("size", [12, 100])
def test_the_shortest_and_the_longest_message_are_taken(size: int) -> None:
    assert MessageBuffer(100).feed(frame(bytes(size))) == [bytes(size)]


def test_the_longest_message_there_is_can_be_framed_and_a_longer_one_not() -> None:
    assert MessageBuffer().feed(frame(bytes(65535))) == [bytes(65535)]
    with pytest.raises(OverflowError):
        frame(bytes(65536))


@given(st.lists(st.binary(max_size=64), max_size=60))
def test_whatever_arrives_less_than_a_message_of_the_limit_is_held(chunks: list[bytes]) -> None:
    buffer = MessageBuffer(100)
    for chunk in chunks:
        try:
            buffer.feed(chunk)
        except ValueError:
            assert not buffer.partial
        assert len(buffer._data) < 2 + 100


def test_an_announcement_takes_no_memory_before_its_octets_come() -> None:
    buffer = MessageBuffer()
    buffer.feed(b"\xff\xff")
    assert sys.getsizeof(buffer._data) < 200


def test_a_length_may_come_in_two_halves() -> None:
    buffer = MessageBuffer()
    assert buffer.feed(b"\0") == buffer.feed(b"\x0c") == buffer.feed(bytes(11)) == []
    assert buffer.feed(b"\1\0") == [bytes(11) + b"\1"]
    assert buffer.partial
