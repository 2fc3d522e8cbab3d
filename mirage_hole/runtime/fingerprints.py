"""Sets of millions of rules in eight octets each: what two versions of a list differ in, how many rules stand in it twice.

Sixty-four bits of a keyed hash: that two of ten million rules share theirs has odds of one to 300,000.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from mirage_hole.lists.rule import RichRule

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Rule

_BITS: Final = 64
_BUCKETS: Final = 256  # one at a time is made a set, so that memory stays at the eight octets


def fingerprint(rule: Rule | RichRule) -> int:
    """The same for rules that say the same, on whatever line and however they are spelled."""
    if isinstance(rule, RichRule):
        return hash(rule._replace(line=0, text="")) & _MASK
    name, action, scope, _, reply, important = rule
    return hash((name, important << 6 | reply << 3 | action << 2 | scope)) & _MASK


_MASK: Final = (1 << _BITS) - 1


class Fingerprints:
    """A growing collection; the same may be added again."""

    __slots__ = ("_buckets", "added")

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(_BUCKETS)]
        self.added = 0

    def add(self, value: int) -> None:
        self._buckets[value % _BUCKETS].append(value)
        self.added += 1

    def distinct(self) -> int:
        """How many different ones there are."""
        return sum(len(set(bucket)) for bucket in self._buckets)

    def without(self, other: Fingerprints) -> Marks:
        """Those that the other does not have."""
        pairs = zip(self._buckets, other._buckets, strict=True)
        return Marks([array("Q", sorted(set(own) - set(others))) for own, others in pairs])


class Marks:
    """A fixed set of fingerprints, of which each can be taken once."""

    __slots__ = ("_buckets", "_taken", "size")

    def __init__(self, buckets: list[array[int]]) -> None:
        self._buckets = buckets
        self._taken = [bytearray(len(bucket)) for bucket in buckets]
        self.size = sum(map(len, buckets))

    def take(self, value: int) -> bool:
        """Whether it is one of them and is asked for the first time since the last :meth:`restart`."""
        number = value % _BUCKETS
        bucket = self._buckets[number]
        at = bisect_left(bucket, value)
        if at == len(bucket) or bucket[at] != value or self._taken[number][at]:
            return False
        self._taken[number][at] = 1
        return True

    def restart(self) -> None:
        """Let each be taken again."""
        self._taken = [bytearray(len(bucket)) for bucket in self._buckets]
