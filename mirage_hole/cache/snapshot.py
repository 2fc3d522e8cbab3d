"""The answer cache as octets and back, so that it survives a restart. No file and no clock: both are the caller's.

A snapshot is a head, entries, and a checksum over all of it. Times in it are wall-clock, so TTLs go on counting while
nobody runs. What comes back is scanned like an answer of the network: a file gets no more trust than an upstream.
"""

from __future__ import annotations

import zlib
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.wire.codes import QR
from mirage_hole.wire.names import MAX_NAME
from mirage_hole.wire.query import skip_name
from mirage_hole.wire.scan import Reply, scan_reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mirage_hole.cache.answers import Answer

MAGIC: Final = b"mirage-hole answers\n"
VERSION: Final = 1
MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest snapshot that is written or read; what was stored last goes in first."""
FUTURE: Final = 2.0
"""Seconds by which an entry may seem to come from the future, as clocks are set a little now and then."""

_HEAD = Struct(">20sHd16s")
"""Magic, version, when it was taken (seconds since the epoch), what the answers depend on."""
_ENTRY = Struct(">IBHHBHHHddH")
"""Octets that follow, upstream, octets of the key, flags, rcode, three counts, stored at, expires at, octets of EDE."""
_CHECKSUM = Struct(">I")
_MESSAGE_HEAD = Struct(">HHHHHH").pack
_SHORTEST_KEY: Final = 6  # a root name, type, class, kind
_LONGEST_KEY: Final = MAX_NAME + 5
_LONGEST_BODY: Final = 65_535 + 2 * 1024 + _LONGEST_KEY
_LONGEST_LIFE: Final = 604_800 + 1.0

ORIGIN_SIZE: Final = 16
"""Octets that tell on what settings the answers depend."""


class BadSnapshot(ValueError):  # noqa: N818 - reads as what it is at the raise
    """These octets are no snapshot that can be used; the message says why."""


class Restored(NamedTuple):
    """An entry that came back."""

    key: bytes
    reply: Reply
    upstream: int
    age: float
    """Seconds since it was stored."""
    left: float
    """Seconds until its time is up; below 0 when it is over."""


class Encoder:
    """Writes a snapshot piece by piece: :meth:`head`, any number of :meth:`entries`, :meth:`end`."""

    def __init__(self, now: float, wall: float, origin: bytes, most: int = MAX_BYTES) -> None:
        """Begin.

        Args:
            now: seconds in the clock of the answers.
            wall: the same moment in seconds since the epoch.
            origin: what the answers depend on, :data:`ORIGIN_SIZE` octets.
            most: octets that the snapshot may have.
        """
        self._offset = wall - now
        self._wall = wall
        self._origin = origin
        self._left = most - _HEAD.size - _CHECKSUM.size
        self._checksum = 0
        self.count = 0
        """Entries that were written."""

    @property
    def full(self) -> bool:
        """Nothing more fits."""
        return self._left <= 0

    def head(self) -> bytes:
        """The first octets."""
        return self._summed(_HEAD.pack(MAGIC, VERSION, self._wall, self._origin))

    def entries(self, answers: Iterable[tuple[bytes, Answer]]) -> bytes:
        """Some answers with their keys; those that fit no more are left out."""
        parts: list[bytes] = []
        for key, answer in answers:
            flags, rcode, records, counts, _, _, _, ede, _ = answer.reply
            size = len(key) + len(ede) + len(records)
            self._left -= _ENTRY.size + size
            if self._left < 0:
                self._left = 0
                break
            stored, expires = answer.stored_at + self._offset, answer.expires_at + self._offset
            head = (size, answer.upstream, len(key), flags, rcode, *counts, stored, expires, len(ede))
            parts += (_ENTRY.pack(*head), key, ede, records)
            self.count += 1
        return self._summed(b"".join(parts))

    def end(self) -> bytes:
        """The last octets."""
        return _CHECKSUM.pack(self._checksum)

    def _summed(self, octets: bytes) -> bytes:
        self._checksum = zlib.crc32(octets, self._checksum)
        return octets


def check(snapshot: bytes, origin: bytes, wall: float) -> None:
    """Find out whether a snapshot can be used at all; takes about a millisecond a megabyte.

    Args:
        snapshot: the whole of it.
        origin: what answers depend on now.
        wall: seconds since the epoch.

    Raises:
        BadSnapshot: it is none, is damaged, is of another version or of other settings, or comes from the future.
    """
    if len(snapshot) < _HEAD.size + _CHECKSUM.size or not snapshot.startswith(MAGIC):
        message = "it is no snapshot of a cache"
        raise BadSnapshot(message)
    _, version, taken_at, its_origin = _HEAD.unpack_from(snapshot)
    if version != VERSION:
        message = f"it is of version {version}, and this program reads version {VERSION}"
        raise BadSnapshot(message)
    (checksum,) = _CHECKSUM.unpack_from(snapshot, len(snapshot) - _CHECKSUM.size)
    if zlib.crc32(memoryview(snapshot)[: -_CHECKSUM.size]) != checksum:
        message = "it is damaged: its checksum is wrong"
        raise BadSnapshot(message)
    if its_origin != origin:
        message = "it was taken with other upstreams"
        raise BadSnapshot(message)
    if not taken_at <= wall + FUTURE:  # also when it is no number
        message = "it comes from the future: the clock was set back"
        raise BadSnapshot(message)


def decode(snapshot: bytes, wall: float, stale: float) -> Iterator[Restored | None]:
    """The entries of a snapshot that passed :func:`check`, one by one; None for each that is of no use.

    Of no use are entries from the future, those that are over for more than ``stale`` seconds, and those that are no
    answers.

    Raises:
        BadSnapshot: an entry overruns; those before it are good.
    """
    at, end = _HEAD.size, len(snapshot) - _CHECKSUM.size
    while at < end:
        if at + _ENTRY.size > end:
            message = "an entry is cut off"
            raise BadSnapshot(message)
        size, upstream, key_size, flags, rcode, *counts, stored, expires, ede_size = _ENTRY.unpack_from(snapshot, at)
        at += _ENTRY.size
        following = at + size
        if size > _LONGEST_BODY or following > end:
            message = "an entry is cut off"
            raise BadSnapshot(message)
        body = snapshot[at:following]
        at = following
        age, left = wall - stored, expires - wall
        timely = age >= -FUTURE and 0 < expires - stored <= _LONGEST_LIFE and left > -stale
        if not timely or key_size + ede_size > size:
            yield None
            continue
        key, ede, records = body[:key_size], body[key_size : key_size + ede_size], body[key_size + ede_size :]
        reply = _scanned(key, flags, rcode, (counts[0], counts[1], counts[2]), records, ede)
        yield None if reply is None else Restored(key, reply, upstream, max(age, 0.0), left)


def _scanned(
    key: bytes, flags: int, rcode: int, counts: tuple[int, int, int], records: bytes, ede: bytes
) -> Reply | None:
    """The reply as it would be had it just come; None when it is none."""
    question = key[:-1]
    if not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY or skip_name(question, 0) != len(question) - 4:
        return None
    wire = _MESSAGE_HEAD(0, (flags | QR) & ~0xF | rcode & 0xF, 1, *counts) + question + records
    if rcode > 0xF or len(wire) > 65_535:
        return None
    reply = scan_reply(wire, 12 + len(question))
    if reply is None or not _are_options(ede):
        return None
    return reply._replace(ede=ede)


def _are_options(ede: bytes) -> bool:
    at = 0
    while at + 4 <= len(ede):
        at += 4 + int.from_bytes(ede[at + 2 : at + 4], "big")
    return at == len(ede)
