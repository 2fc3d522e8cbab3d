"""Another name's records behind a CNAME: what a rewritten question is answered with.

A forwarded answer stays the bytes it was, yet one that is moved into another message must have its compression pointers
followed and its names written anew. Linear: pointers go strictly backwards, and no name is longer than a name may be.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.wire.codes import RRClass, RRType
from mirage_hole.wire.names import MAX_NAME

if TYPE_CHECKING:
    from mirage_hole.wire.scan import Reply

_HEAD: Final = Struct(">HHIH")
_OWNER_IS_QUESTION: Final = b"\xc0\x0c"  # a pointer to octet 12, where the question's name stands
_FURTHEST: Final = 0x3FFF
"""The last octet that a pointer can point to."""
_MOST_PLACES: Final = 512
"""Names that are remembered as places to point to."""
MAX_MOVED: Final = 512
"""Records of one answer; writing names anew costs more than passing octets on."""
_LONGEST: Final = 1024
"""Octets of data with names in it: two names and five numbers are half of it."""

# Where the names stand in the data of types that may be compressed (RFC 3597 4): octets before them, and how many. Only
# types of RFC 1035 are compressed by us; the others are written whole.
_NAMES: Final = {
    2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1), 12: (0, 1), 14: (0, 2),
    15: (2, 1), 17: (0, 2), 18: (2, 1), 21: (2, 1), 26: (2, 2), 33: (6, 1), 36: (2, 1), 39: (0, 1),
}  # fmt: skip
_LAST_COMPRESSED: Final = 15


class Moved(NamedTuple):
    """Records that fit behind a question."""

    records: bytes
    counts: tuple[int, int, int]
    ttl_offsets: tuple[int, ...]
    """Where in ``records`` the TTLs of the moved records stand; the CNAME's own is not among them."""


def cname_record(target: bytes, ttl: int) -> bytes:
    """The record that says that the question's name is an alias of ``target`` (wire form)."""
    return _OWNER_IS_QUESTION + _HEAD.pack(RRType.CNAME, RRClass.IN, ttl, len(target)) + target


def behind_alias(question: bytes, target: bytes, ttl: int, asked: bytes, reply: Reply) -> Moved | None:
    """The answer to a question whose name is an alias; None when the reply can't be moved: a broken name, too many records.

    Args:
        question: the question section that was asked, as it will stand in the answer.
        target: the name that it is an alias of, folded wire form.
        ttl: of the CNAME record, in seconds.
        asked: the question section to which ``reply`` is the answer: target, type and class.
        reply: what the upstream said of the target.
    """
    if sum(reply.counts) > MAX_MOVED:
        return None
    source = bytes(12) + asked + reply.records
    writer = _Writer(12 + len(question), cname_record(target, ttl))
    writer.note(target, 12 + len(question) + len(cname_record(b"", ttl)))
    at = 12 + len(asked)
    offsets = []
    for _ in range(sum(reply.counts)):
        owner, at = _name(source, at)
        if owner is None or at + _HEAD.size > len(source):
            return None
        kind, rrclass, lifetime, length = _HEAD.unpack_from(source, at)
        at += _HEAD.size
        end = at + length
        data = _data(source, kind, at, end)
        if data is None:
            return None
        writer.name(owner)
        offsets.append(len(writer.octets) + 4)
        writer.record(kind, rrclass, lifetime, data)
        at = end
    answers, authority, additional = reply.counts
    return Moved(bytes(writer.octets), (answers + 1, authority, additional), tuple(offsets))


class _Writer:
    """Records as they are written, and where names stand that can be pointed to."""

    def __init__(self, start: int, first: bytes) -> None:
        self.octets = bytearray(first)
        self._start = start
        self._places: dict[bytes, int] = {}

    def note(self, name: bytes, place: int) -> None:
        """A name that stands whole at ``place`` of the message, and with it all names it ends with."""
        at = 0
        while name[at] and place + at <= _FURTHEST and len(self._places) < _MOST_PLACES:
            self._places.setdefault(name[at:].lower(), place + at)
            at += name[at] + 1

    def name(self, name: bytes) -> None:
        """Write a name, its end as a pointer where one is known."""
        at = 0
        while name[at]:
            place = self._places.get(name[at:].lower())
            if place is not None:
                self.octets += name[:at] + (0xC000 | place).to_bytes(2, "big")
                return
            at += name[at] + 1
        self.note(name, self._start + len(self.octets))
        self.octets += name

    def record(self, kind: int, rrclass: int, ttl: int, data: list[bytes | tuple[bytes]]) -> None:
        """Write what follows the owner. A name in ``data`` is a tuple."""
        head = len(self.octets)
        self.octets += _HEAD.pack(kind, rrclass, ttl, 0)
        for piece in data:
            if isinstance(piece, bytes):
                self.octets += piece
            elif kind <= _LAST_COMPRESSED:
                self.name(piece[0])
            else:
                self.octets += piece[0]
        length = len(self.octets) - head - _HEAD.size
        self.octets[head + 8 : head + 10] = length.to_bytes(2, "big")


def _data(source: bytes, kind: int, at: int, end: int) -> list[bytes | tuple[bytes]] | None:
    """A record's data, its names whole; None when they do not fit."""
    if end > len(source):
        return None
    layout = _NAMES.get(kind)
    if layout is None:
        return [source[at:end]]
    if end - at > _LONGEST:
        return None
    before, names = layout
    pieces: list[bytes | tuple[bytes]] = [source[at : at + before]]
    at += before
    for _ in range(names):
        name, at = _name(source, at)
        if name is None or at > end:
            return None
        pieces.append((name,))
    pieces.append(source[at:end])
    return pieces


def _name(source: bytes, at: int) -> tuple[bytes | None, int]:
    """The name at ``at``, whole, and where it ends there; None for one that can't be read."""
    parts: list[bytes] = []
    size = 1
    after = 0
    begun = at
    while at < len(source):
        length = source[at]
        if length >= 0xC0:
            if at + 1 >= len(source):
                break
            after = after or at + 2
            at = (length & 0x3F) << 8 | source[at + 1]
            if not 12 <= at < begun:  # strictly backwards, and not into the header: so it ends
                break
            begun = at
            continue
        if length > 63:
            break
        if not length:
            return b"".join(parts) + b"\0", after or at + 1
        size += length + 1
        if size > MAX_NAME or at + length >= len(source):
            break
        parts.append(source[at : at + length + 1])
        at += length + 1
    return None, 0
