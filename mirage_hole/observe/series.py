"""Queries and blocked queries of each minute of the last day, in two fixed arrays."""

from __future__ import annotations

from array import array
from typing import NamedTuple

DAY_MINUTES = 1440


class Minutes(NamedTuple):
    """A stretch of the series."""

    start: int
    """Seconds since the epoch of the first minute."""
    queries: list[int]
    blocked: list[int]


class MinuteSeries:
    """A ring of the last ``length`` minutes. Every time is in minutes since the epoch."""

    __slots__ = ("_blocked", "_newest", "_queries", "length")

    def __init__(self, length: int = DAY_MINUTES) -> None:
        self.length = length
        self._queries = array("Q", bytes(8 * length))
        self._blocked = array("Q", bytes(8 * length))
        self._newest = 0

    def add(self, minute: int, queries: int, blocked: int, now: int) -> None:
        """Count queries of ``minute``; one after ``now`` counts as now, one that has left the ring is forgotten."""
        self.advance(now)
        minute = min(minute, self._newest)
        if minute > self._newest - self.length:
            self._queries[minute % self.length] += queries
            self._blocked[minute % self.length] += blocked

    def advance(self, now: int) -> None:
        """Make room for the minutes up to ``now``; a clock that was set back takes the future with it."""
        if now == self._newest:
            return
        first, last = (self._newest + 1, now) if now > self._newest else (now + 1, self._newest)
        for minute in range(max(first, last - self.length + 1), last + 1):
            self._queries[minute % self.length] = 0
            self._blocked[minute % self.length] = 0
        self._newest = now

    def last(self, minutes: int, now: int) -> Minutes:
        """The last ``minutes`` minutes, oldest first; the last one is still running."""
        self.advance(now)
        minutes = min(minutes, self.length)
        first = now - minutes + 1
        slots = [minute % self.length for minute in range(first, now + 1)]
        return Minutes(first * 60, [self._queries[slot] for slot in slots], [self._blocked[slot] for slot in slots])

    def totals(self, now: int) -> tuple[int, int]:
        """(queries, blocked) of the whole ring."""
        self.advance(now)
        return sum(self._queries), sum(self._blocked)
