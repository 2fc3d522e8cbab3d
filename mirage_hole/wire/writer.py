"""Records written anew: compression pointers followed, names written whole or as pointers to where they stand now.

A forwarded answer stays the bytes it was, yet one that is moved into another message, or loses records, must be written
again. Linear: pointers go strictly backwards, and no name is longer than a name may be.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from mirage_hole.wire.names import MAX_NAME

HEAD: Final = Struct(">HHIH")
"""Type, class, TTL and length of a record."""
_FURTHEST: Final = 0x3FFF
"""The last octet that a pointer can point to."""
_MOST_PLACES: Final = 512
"""Names that are remembered as places to point to."""
MOST_RECORDS: Final = 512
"""Records of one answer; writing names anew costs more than passing octets on."""
_MOST_JUMPS: Final = 127
"""Pointers in a row: more than a name has labels are there to waste time."""
_LONGEST: Final = 1024
"""Octets of data with names in it: two names and five numbers are half of it."""

# Where the names stand in the data of types that may be compressed (RFC 3597 4): octets before them, and how many. Only
# types of RFC 1035 are compressed by us; the others are written whole.
_NAMES: Final = {
    2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1), 12: (0, 1), 14: (0, 2),
    15: (2, 1), 17: (0, 2), 18: (2, 1), 21: (2, 1), 26: (2, 2), 33: (6, 1), 36: (2, 1), 39: (0, 1),
}  # fmt: skip
_LAST_COMPRESSED: Final = 15


class Writer:
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
        self.octets += HEAD.pack(kind, rrclass, ttl, 0)
        for piece in data:
            if isinstance(piece, bytes):
                self.octets += piece
            elif kind <= _LAST_COMPRESSED:
                self.name(piece[0])
            else:
                self.octets += piece[0]
        length = len(self.octets) - head - HEAD.size
        self.octets[head + 8 : head + 10] = length.to_bytes(2, "big")


def data_of(source: bytes, kind: int, at: int, end: int) -> list[bytes | tuple[bytes]] | None:
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
        name, at = whole_name(source, at)
        if name is None or at > end:
            return None
        pieces.append((name,))
    pieces.append(source[at:end])
    return pieces


def whole_name(source: bytes, at: int) -> tuple[bytes | None, int]:
    """The name at ``at``, whole, and where it ends there; None for one that can't be read."""
    parts: list[bytes] = []
    size = 1
    after = 0
    begun = at
    jumps = 0
    while at < len(source):
        length = source[at]
        if length >= 0xC0:
            if at + 1 >= len(source):
                break
            after = after or at + 2
            at = (length & 0x3F) << 8 | source[at + 1]
            jumps += 1
            if not 12 <= at < begun or jumps > _MOST_JUMPS:  # strictly backwards, and not into the header: so it ends
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
