"""Query records: exactly one a query, made by a worker, folded by the control plane.

A record has a part that is the same for every client that gets the same answer (the *subject*: name, type, outcome,
list, rule) and a part of its own (when, who, how long). The subject is encoded once, when the engine makes the answer;
replaying the answer from the packet cache then costs one list append. Frames carry subjects whole, so a frame that is
dropped takes nothing else with it.

A frame, as sent over the channel (little endian, ``FRAME_KIND`` first):

    u8 kind · u32 generation · segment*
    segment = u8 1 · f64 at · u8 transport · u8 stride · u16 count · sockaddr[stride] * count · subject * count
            | u8 2 · f64 at · u8 transport · u8 client length · u16 count · client * count
              · u32 duration µs * count · subject * count
    subject = u16 length of the rest · u8 outcome · u8 rcode · u16 type · u16 list id · u32 line · u8 rule offset
              · u8 scope · u8 upstream · name (folded wire form) · [text of the rule, UTF-8, when the scope's top bit is set]

A subject of length 0 fills the place of a datagram in the batch that was answered by other means (a segment of kind 2
or none). ``list id`` 65535 means no rule, 65534 (:data:`mirage_hole.policy.verdict.OWN_LIST`) a rule of the user's own. ``rule offset`` is where the rule's name starts within the name.
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.policy.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FRAME_KIND = 0x52  # "R"
NO_LIST = 0xFFFF
NO_UPSTREAM = 0xFF
NO_SUBJECT = b"\0\0"

UDP, TCP = 0, 1

MAX_RULE_TEXT = 200
"""Octets of a rule's text in a record; a longer one is cut."""
_WITH_TEXT = 0x80
"""The bit of ``scope`` that says that the rule's text follows the name."""

_SUBJECT = struct.Struct("<HBBHHIBBB")
_SUBJECT_REST = _SUBJECT.size - 2
_FRAME = struct.Struct("<BI")
_REPLAYS = struct.Struct("<BdBBH")
_SINGLES = struct.Struct("<BdBBH")


class Subject(NamedTuple):
    """What was asked and what became of it."""

    outcome: Outcome
    rcode: int
    qtype: int
    list_id: int
    """Index into the lists of the frame's generation; ``NO_LIST`` when no rule decided."""
    line: int
    rule: bytes
    """The deciding rule's name, folded wire form; empty when no rule decided."""
    scope: int
    """:class:`mirage_hole.lists.rule.Scope` of the deciding rule."""
    upstream: int
    """Index into the configured upstreams; ``NO_UPSTREAM`` when none was asked."""
    name: bytes
    """The asked name, folded wire form."""
    text: str = ""
    """The deciding rule as its line says it, when it is more than a name; see ``MAX_RULE_TEXT``."""


class QueryRecord(NamedTuple):
    """One query, as the control plane sees it."""

    at: float
    """Seconds since the epoch, when the answer was decided."""
    client: bytes
    """Address octets: 4 or 16."""
    transport: int
    """``UDP`` or ``TCP``."""
    duration: float
    """Seconds from the query's arrival to its answer; 0 for a replayed answer."""
    subject: bytes
    """Encoded; :func:`decode_subject` reads it, and equal subjects have equal bytes."""


def encode_subject(subject: Subject) -> bytes:
    """Subject to bytes, its own length first."""
    return pack_rich_subject(*subject) if subject.text else pack_subject(*subject[:-1])


def pack_subject(
    outcome: int, rcode: int, qtype: int, list_id: int, line: int, rule: bytes, scope: int, upstream: int, name: bytes
) -> bytes:
    """The fields of a :class:`Subject` to bytes; what the path of every query calls."""
    offset = len(name) - len(rule) if list_id != NO_LIST else 0
    head = _SUBJECT.pack(
        _SUBJECT_REST + len(name), outcome, rcode & 0xFF, qtype, list_id, line, offset, scope, upstream
    )
    return head + name


def pack_rich_subject(
    outcome: int, rcode: int, qtype: int, list_id: int, line: int, rule: bytes, scope: int, upstream: int, name: bytes,
    text: str,
) -> bytes:  # fmt: skip
    """The same for a rule that is more than a name: ``text`` is told with it."""
    octets = text.encode(errors="replace")
    if len(octets) > MAX_RULE_TEXT:
        octets = octets[: MAX_RULE_TEXT - 3].decode(errors="ignore").encode() + "…".encode()
    plain = pack_subject(outcome, rcode, qtype, list_id, line, rule, scope | _WITH_TEXT, upstream, name)
    length = len(plain) - 2 + len(octets)
    return length.to_bytes(2, "little") + plain[2:] + octets


def decode_subject(data: bytes) -> Subject:
    """The reverse of :func:`encode_subject`; trusts what it reads, see :func:`decode_frame`."""
    _, outcome, rcode, qtype, list_id, line, offset, scope, upstream = _SUBJECT.unpack_from(data)
    name = data[_SUBJECT.size :]
    text = ""
    if scope & _WITH_TEXT:
        scope ^= _WITH_TEXT
        end = _end_of_name(name)
        name, text = name[:end], name[end:].decode(errors="replace")
    rule = name[offset:] if list_id != NO_LIST else b""
    return Subject(Outcome(outcome), rcode, qtype, list_id, line, rule, scope, upstream, name, text)


def _end_of_name(octets: bytes) -> int:
    """Where the name ends that ``octets`` begin with; all of them when it does not end."""
    at = 0
    while at < len(octets) and octets[at]:
        at += octets[at] + 1
    return min(at + 1, len(octets))


def encode_frame(generation: int, segments: list[bytes]) -> bytes:
    """Join segments into a frame; ``generation`` says which generation's lists the list ids mean."""
    return _FRAME.pack(FRAME_KIND, generation) + b"".join(segments)


def encode_replays(at: float, transport: int, stride: int, addresses: bytes, subjects: list[bytes]) -> bytes:
    """A segment for a whole batch: ``addresses`` holds one raw ``sockaddr`` of ``stride`` octets a subject."""
    return _REPLAYS.pack(1, at, transport, stride, len(subjects)) + addresses + b"".join(subjects)


def encode_singles(
    at: float, transport: int, clients: Sequence[bytes], durations: Sequence[float], subjects: Sequence[bytes]
) -> bytes:
    """A segment for queries that were answered one by one, at most 65,535 of them.

    ``clients`` are all of one length; ``durations`` in seconds, kept in microseconds up to 71 minutes.
    """
    micros = array("I", [int(min(duration, 4294.0) * 1e6) if duration > 0 else 0 for duration in durations])
    if sys.byteorder == "big":
        micros.byteswap()
    head = _SINGLES.pack(2, at, transport, len(clients[0]), len(clients))
    return b"".join((head, *clients, micros.tobytes(), *subjects))


def frame_generation(frame: bytes) -> int:
    """The generation whose lists the frame's list ids mean."""
    return int(_FRAME.unpack_from(frame)[1])


def decode_frame(frame: bytes) -> Iterator[QueryRecord]:
    """Every record of a frame, in order.

    For frames this program made and holds whole, as tests and tools do: a frame that was cut or altered gives records
    that are wrong, ``IndexError`` or ``struct.error``. :func:`mirage_hole.observe.segments.read_frame` is the one that
    checks, and what the control plane reads workers' frames with.
    """
    at = _FRAME.size
    end = len(frame)
    while at < end:
        if frame[at] == 1:
            _, when, transport, stride, count = _REPLAYS.unpack_from(frame, at)
            addresses = at + _REPLAYS.size
            at = addresses + stride * count
            # sockaddr_in keeps the address at 4..8, sockaddr_in6 at 8..24 (see ip(7), ipv6(7)).
            first, last = (4, 8) if stride == 16 else (8, 24)
            for number in range(count):
                length = frame[at] | frame[at + 1] << 8
                if length:
                    start = addresses + number * stride
                    yield QueryRecord(
                        when, frame[start + first : start + last], transport, 0.0, frame[at : at + 2 + length]
                    )
                at += 2 + length
        else:
            _, when, transport, size, count = _SINGLES.unpack_from(frame, at)
            clients = at + _SINGLES.size
            durations = clients + size * count
            at = durations + 4 * count
            for number in range(count):
                length = frame[at] | frame[at + 1] << 8
                (micros,) = struct.unpack_from("<I", frame, durations + 4 * number)
                start = clients + number * size
                yield QueryRecord(
                    when, frame[start : start + size], transport, micros / 1e6, frame[at : at + 2 + length]
                )
                at += 2 + length
