"""Reads a record frame a segment at a time, so that a batch of replayed answers is counted without a value per query.

:func:`mirage_hole.observe.record.decode_frame` reads the same frames record by record; a test holds the two together.
Frames come from a process that handles strangers' packets, so a frame that contradicts itself is refused as a whole.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.observe.record import FRAME_KIND, NO_SUBJECT, TCP
from mirage_hole.policy.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

_FRAME = struct.Struct("<BI")
_REPLAYS = struct.Struct("<BdBBH")
_SINGLES = struct.Struct("<BdBBH")

# Where the address octets sit (ip(7), ipv6(7)): sockaddr_in is 16 octets, sockaddr_in6 is 28.
_ADDRESSES = {16: struct.Struct("4x4s8x"), 28: struct.Struct("8x16s4x")}
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, RFC 4291 2.5.5.2: an IPv4 client at a dual-stack socket

_SHORTEST_SUBJECT = 15  # every fixed field and an empty name
_OUTCOMES = frozenset(map(int, Outcome))
_LATEST = 2.0**40  # seconds: no clock is right beyond it, and NaN compares false


class BadFrame(ValueError):  # noqa: N818 - reads as what it is at the raise
    """The octets are no record frame; the message says which part is wrong."""


class Segment(NamedTuple):
    """Records that share a time and a transport."""

    at: float
    """Seconds since the epoch."""
    transport: int
    durations: Sequence[float]
    """Seconds from arrival to answer, one a subject; none at all when the answers were replayed, which takes no time."""
    clients: Sequence[bytes]
    """Address octets, 4 or 16, one a subject."""
    subjects: Sequence[bytes]
    """Encoded subjects, length first."""


class Frame(NamedTuple):
    """A frame's records, in order, as columns; ``segments`` keep the times."""

    generation: int
    segments: list[Segment]
    clients: list[bytes]
    subjects: list[bytes]


def read_frame(frame: bytes) -> Frame:
    """Read a frame.

    Raises:
        BadFrame: wrong kind, cut short, or a field out of its range.
    """
    try:
        kind, generation = _FRAME.unpack_from(frame)
        if kind != FRAME_KIND:
            message = f"kind {kind:#x} is not {FRAME_KIND:#x}"
            raise BadFrame(message)
        segments = []
        clients: list[bytes] = []
        subjects: list[bytes] = []
        at, end = _FRAME.size, len(frame)
        while at < end:
            read = _READERS.get(frame[at])
            if read is None:
                message = f"segment kind {frame[at]} at octet {at}"
                raise BadFrame(message)
            segment, at = read(frame, at)
            if not 0.0 <= segment.at < _LATEST or segment.transport > TCP:
                message = f"time {segment.at} or transport {segment.transport} before octet {at}"
                raise BadFrame(message)
            if segment.subjects:
                segments.append(segment)
                clients += segment.clients
                subjects += segment.subjects
    except (struct.error, IndexError):
        message = f"cut short after {len(frame)} octets"
        raise BadFrame(message) from None
    if at != end:
        message = f"cut short after {end} octets"
        raise BadFrame(message)
    for subject in set(subjects):  # frames repeat themselves
        if len(subject) < _SHORTEST_SUBJECT or subject[2] not in _OUTCOMES:
            message = f"unreadable subject {subject[:_SHORTEST_SUBJECT].hex()}"
            raise BadFrame(message)
    return Frame(generation, segments, clients, subjects)


def plain_address(client: bytes) -> bytes:
    """An IPv4-mapped address as the four octets it stands for; any other unchanged."""
    return client[12:] if len(client) == 16 and client[:12] == _MAPPED else client


def _read_replays(frame: bytes, at: int) -> tuple[Segment, int]:
    _, when, transport, stride, count = _REPLAYS.unpack_from(frame, at)
    addresses = _ADDRESSES.get(stride)
    if addresses is None:
        message = f"socket addresses of {stride} octets at octet {at}"
        raise BadFrame(message)
    start = at + _REPLAYS.size
    at = start + stride * count
    clients = [client for (client,) in addresses.iter_unpack(memoryview(frame)[start:at])]
    if stride == 28:
        clients = [plain_address(client) for client in clients]
    subjects, at = _read_subjects(frame, at, count)
    if NO_SUBJECT in subjects:
        kept = [pair for pair in zip(clients, subjects, strict=True) if pair[1] != NO_SUBJECT]
        clients, subjects = [pair[0] for pair in kept], [pair[1] for pair in kept]
    return Segment(when, transport, (), clients, subjects), at


def _read_singles(frame: bytes, at: int) -> tuple[Segment, int]:
    _, when, transport, size, count = _SINGLES.unpack_from(frame, at)
    if size not in {4, 16}:
        message = f"client address of {size} octets at octet {at}"
        raise BadFrame(message)
    start = at + _SINGLES.size
    middle = start + size * count
    clients = [frame[place : place + size] for place in range(start, middle, size)]
    if size == 16:
        clients = [plain_address(client) for client in clients]
    durations = [micros / 1e6 for micros in struct.unpack_from(f"<{count}I", frame, middle)]
    subjects, at = _read_subjects(frame, middle + 4 * count, count)
    return Segment(when, transport, durations, clients, subjects), at


def _read_subjects(frame: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    subjects = []
    for _ in range(count):
        end = at + 2 + (frame[at] | frame[at + 1] << 8)
        subjects.append(frame[at:end])
        at = end
    return subjects, at


_READERS = {1: _read_replays, 2: _read_singles}
