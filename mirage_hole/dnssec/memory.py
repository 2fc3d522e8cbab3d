"""What is known of names on the way from a trust anchor down: keys, unsigned delegations, names that are no zones."""

from __future__ import annotations

from collections import OrderedDict
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mirage_hole.dnssec.keys import Key
    from mirage_hole.dnssec.outcome import Result

LEAST: Final = 10
"""Seconds that everything is remembered: one validation asks for the same more than once."""
MOST: Final = 86_400
MOST_UNSIGNED: Final = 3600
FAILURE: Final = 60
"""Seconds that a zone counts as broken after it was found to be (RFC 9520 3.2)."""
CAPACITY: Final = 4096
"""Names; a zone with its keys takes 1 KB or so, any other some hundred octets."""


class Kind(IntEnum):
    ZONE = 0
    """A zone whose keys are trusted."""
    UNSIGNED = 1
    """A zone that nothing signed leads to."""
    INSIDE = 2
    """No zone: it belongs to the one above."""
    NOWHERE = 3
    """No name at all, or nothing below: what is below belongs to the zone above as well."""
    BROKEN = 4
    """A zone whose keys can't be trusted."""


class Known(NamedTuple):
    """What is known of a name."""

    kind: Kind
    until: int
    """Seconds since the epoch."""
    keys: tuple[Key, ...] = ()
    ended: Result | None = None
    """Of UNSIGNED and BROKEN: how validation ends."""


class Memory:
    """The least recently used goes first. Used by one thread at a time."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._capacity = capacity

    def get(self, name: bytes, now: int) -> Known | None:
        """What is known and still holds."""
        known = self._known.get(name)
        if known is None:
            return None
        if not now < known.until <= now + MOST:  # the second, for a clock that was set back
            del self._known[name]
            return None
        self._known.move_to_end(name)
        return known

    def put(self, name: bytes, known: Known) -> None:
        """Remember; replaces what was known."""
        self._known[name] = known
        self._known.move_to_end(name)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget everything: the trust anchors have changed."""
        self._known.clear()

    def __len__(self) -> int:
        return len(self._known)
