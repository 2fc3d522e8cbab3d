"""Roll-ups: what was counted in a minute, an hour or a day, and how that is added up and written.

A unit has a table for each :class:`Facet`. Tables that strangers can fill with ever new keys are bounded: beyond that the
lightest keys go, and the table says how much too low its numbers may be, which stays true through every sum.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from enum import IntEnum
from heapq import nlargest
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400

Key = int | bytes
"""A number (of a type, a word in a file), or the word itself."""


class Facet(IntEnum):
    """What a table counts by. The numbers stand in files and are never reused."""

    OUTCOME = 0
    TYPE = 1
    """Record types; those without a name count as 0."""
    RCODE = 2
    TRANSPORT = 3
    BLOCKED_BY = 4
    """Titles of lists, UTF-8."""
    ALLOWED_BY = 5
    REWRITTEN_BY = 6
    UPSTREAM = 7
    """``ADDRESS:PORT``."""
    DURATION = 8
    """Buckets of :data:`mirage_hole.observe.durations.FINE` with the upstream before them: :func:`duration_key`."""
    NAME = 16
    """Names that got an answer, folded wire form."""
    BLOCKED_NAME = 17
    CLIENT = 18
    """Address octets."""
    BLOCKED_CLIENT = 19
    CLIENT_NAME = 20
    """A client and a name that it got an answer for: :func:`pair_key`."""
    CLIENT_BLOCKED = 21


TOPS: Final = frozenset(facet for facet in Facet if facet >= Facet.NAME)
"""The tables that need room, kept apart from the others."""
BOUNDS: Final[dict[int, int]] = {MINUTE: 2000, HOUR: 5000, DAY: 5000}
"""Keys of one table of ``TOPS`` in a unit of so many seconds."""
MOST_OTHERS: Final = 4096
"""Keys of any other table."""
BUCKET_BITS: Final = 6
BUCKETS: Final = (1 << BUCKET_BITS) - 1
PAIR_BITS: Final = 32

_HEAD = struct.Struct("<B")
_TABLE = struct.Struct("<BIQQ")
_VERSION = 1
_MOST_OCTETS = 8 << 20


class BadUnit(ValueError):  # noqa: N818 - reads as what it is at the raise
    """Octets that are no unit; the message says why."""


class Counts:
    """How often each key was seen."""

    __slots__ = ("counts", "floor", "slack")

    def __init__(self, counts: dict[Key, int] | None = None, slack: int = 0, floor: int = 0) -> None:
        self.counts = counts if counts is not None else {}
        """Never more than the truth."""
        self.slack = slack
        """A key that is here was seen at most so many times more often than is said."""
        self.floor = floor
        """A key that is not here was seen at most so often."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Counts)
            and self.counts == other.counts
            and self.slack == other.slack
            and self.floor == other.floor
        )

    __hash__ = None  # type: ignore[assignment]

    def add(self, counted: Mapping[Key, int]) -> None:
        """Add every key as often as it was counted."""
        counts, before = self.counts, len(self.counts)
        for key, number in counted.items():
            counts[key] = counts.get(key, 0) + number
        if len(counts) > before:  # a new one may have been here before
            self.slack = max(self.slack, self.floor)

    def missed(self, number: int) -> None:
        """So many were not counted by key."""
        self.slack += number
        self.floor += number

    def merge(self, other: Counts) -> None:
        """Add another table to this one."""
        counts = self.counts
        if self.floor or other.floor:
            new = other.counts.keys() - counts.keys()
            both = len(other.counts) - len(new)
            slacks = [
                self.slack + other.slack if both else 0,
                self.floor + other.slack if new else 0,
                self.slack + other.floor if len(counts) > both else 0,
            ]
            self.slack = max(slacks)
            self.floor += other.floor
        for key, number in other.counts.items():
            counts[key] = counts.get(key, 0) + number

    def cut(self, most: int) -> None:
        """Keep only the ``most`` heaviest keys."""
        if len(self.counts) <= most:
            return
        ranked = sorted(self.counts.items(), key=lambda pair: pair[1], reverse=True)
        self.counts = dict(ranked[:most])
        self.floor = max(self.floor, self.slack + ranked[most][1])


class Unit:
    """What was counted from ``at`` (seconds since the epoch) on, for a minute, an hour or a day."""

    __slots__ = ("at", "blocked", "facets", "queries")

    def __init__(self, at: int) -> None:
        self.at = at
        self.queries = 0
        self.blocked = 0
        self.facets: dict[Facet, Counts] = {}

    def of(self, facet: Facet) -> Counts:
        """The table, made when it is missing."""
        found = self.facets.get(facet)
        if found is None:
            found = self.facets[facet] = Counts()
        return found

    def counts(self, facet: Facet) -> dict[Key, int]:
        """The numbers of a table, empty when there is none."""
        found = self.facets.get(facet)
        return found.counts if found else {}

    def merge(self, other: Unit) -> None:
        """Add another unit to this one, whatever time it is of."""
        self.queries += other.queries
        self.blocked += other.blocked
        # A unit without the table counted nothing there.
        for facet, table in other.facets.items():
            self.of(facet).merge(table)

    def cut(self, step: int) -> None:
        """Keep to the bounds of a unit of ``step`` seconds."""
        for facet, table in self.facets.items():
            table.cut(BOUNDS[step] if facet in TOPS else MOST_OTHERS)


def total(at: int, units: Iterable[Unit]) -> Unit:
    """The sum of units, as the unit that begins at ``at``."""
    summed = Unit(at)
    for unit in units:
        summed.merge(unit)
    return summed


class Heavy(NamedTuple):
    """One key of a top list."""

    key: Key
    times: int
    """Never more than the truth."""
    uncertainty: int
    """It was seen at most so many times more often; 0: it is exact."""


def heaviest(tables: Iterable[Counts], limit: int) -> tuple[list[Heavy], bool]:
    """The most frequent keys of several tables together, and whether no key can be missing and every number is exact."""
    counts: dict[Key, int] = {}
    spared: dict[Key, int] = {}
    doubt = 0
    for table in tables:
        for key, number in table.counts.items():
            counts[key] = counts.get(key, 0) + number
        if table.floor:
            doubt += table.floor
            if table.floor > table.slack:
                for key in table.counts:
                    spared[key] = spared.get(key, 0) + table.floor - table.slack
    best = nlargest(limit, sorted(counts, key=_in_order), key=counts.__getitem__)
    return [Heavy(key, counts[key], doubt - spared.get(key, 0)) for key in best], doubt == 0


def _in_order(key: Key) -> tuple[int, bytes]:
    return (key, b"") if isinstance(key, int) else (0, key)


def duration_key(upstream: int, bucket: int) -> int:
    """The key of a bucket in ``DURATION``; upstream 0 for answers that none was waited for."""
    return upstream << BUCKET_BITS | bucket


def pair_key(client: int, name: int) -> int:
    """The key of a client and a name in ``CLIENT_NAME`` and ``CLIENT_BLOCKED``."""
    return client << PAIR_BITS | name


def encode(facets: Mapping[Facet, Counts]) -> bytes:
    """Tables whose keys are numbers, as octets with a checksum."""
    parts = [_HEAD.pack(_VERSION)]
    for facet in sorted(facets):
        table = facets[facet]
        keys = sorted(key for key in table.counts if isinstance(key, int))
        parts.append(_TABLE.pack(facet, len(keys), table.slack, table.floor))
        steps = array("Q", [key - before for key, before in zip(keys, [0, *keys[:-1]], strict=True)] if keys else [])
        numbers = array("Q", [table.counts[key] for key in keys])
        if sys.byteorder == "big":
            steps.byteswap()
            numbers.byteswap()
        parts += [steps.tobytes(), numbers.tobytes()]
    return zlib.compress(b"".join(parts), 3)


def decode(octets: bytes, only: Container[int] = frozenset(Facet)) -> dict[Facet, Counts]:
    """The reverse of :func:`encode`; tables of other facets than ``only`` are left out, and those that this version does not know.

    Raises:
        BadUnit: it is none, or it was altered.
    """
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(octets, _MOST_OCTETS)
    except zlib.error as problem:
        raise BadUnit(str(problem)) from None
    if not unpacker.eof or not data or data[0] != _VERSION:
        message = "cut short, too long, or of another version"
        raise BadUnit(message)
    found: dict[Facet, Counts] = {}
    at = _HEAD.size
    while at < len(data):
        try:
            number, count, slack, floor = _TABLE.unpack_from(data, at)
        except struct.error:
            message = f"no table at octet {at}"
            raise BadUnit(message) from None
        at += _TABLE.size
        middle, end = at + 8 * count, at + 16 * count
        if end > len(data):
            message = f"the table at octet {at} is cut short"
            raise BadUnit(message)
        if number in _KNOWN and number in only:
            keys, numbers = array("Q", data[at:middle]), array("Q", data[middle:end])
            if sys.byteorder == "big":
                keys.byteswap()
                numbers.byteswap()
            found[Facet(number)] = Counts(dict(zip(accumulate(keys), numbers, strict=True)), slack, floor)
        at = end
    return found


_KNOWN = frozenset(map(int, Facet))
