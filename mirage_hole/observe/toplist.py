"""The most frequent keys of an endless stream in bounded memory, and the same over the last day.

Misra and Gries' summary, pruned in batches as in Agarwal et al., "Mergeable Summaries" (PODS 2012): whatever the stream,
a key asked more than 1/(capacity + 1) of the time is in the list, and each count tells how much too high it may be.
"""

from __future__ import annotations

from collections import deque
from heapq import nlargest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WINDOW_SECONDS = 6 * 3600
WINDOWS = 4


class Ranked(NamedTuple):
    """One key of a top list."""

    key: bytes
    times: int
    """The best estimate: never below the true count of a stream that is kept in one list."""
    uncertainty: int
    """The true count differs from ``times`` by at most this; 0 means that it is exact."""


class TopList:
    """Counts of the heaviest keys; at most twice ``capacity`` keys are held at any time."""

    __slots__ = ("capacity", "counts", "errors", "floor")

    def __init__(self, capacity: int = 1000) -> None:
        self.capacity = capacity
        self.counts: dict[bytes, int] = {}
        self.errors: dict[bytes, int] = {}
        self.floor = 0
        """No key that is absent was seen more often than this."""

    def add(self, counted: Mapping[bytes, int]) -> None:
        """Add every key as often as it was counted."""
        counts = self.counts
        for key, number in counted.items():
            if key in counts:
                counts[key] += number
                continue
            counts[key] = self.floor + number
            if self.floor:
                self.errors[key] = self.floor
            if len(counts) > 2 * self.capacity:
                self._prune()

    def _prune(self) -> None:
        self.floor = sorted(self.counts.values(), reverse=True)[self.capacity]
        for key in [key for key, count in self.counts.items() if count <= self.floor]:
            del self.counts[key]
            self.errors.pop(key, None)


class RollingTop:
    """Top lists of the last day: one list for each six hours, so that yesterday's favourites go away by themselves."""

    __slots__ = ("_capacity", "_windows")

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._windows: deque[tuple[int, TopList]] = deque()

    def add(self, counted: Mapping[bytes, int], now: float) -> None:
        """Add counts at ``now`` (seconds since the epoch)."""
        if counted:
            self._window(now).add(counted)

    def precede(self, earlier: Iterable[tuple[float, Mapping[bytes, int]]], now: float) -> None:
        """Take over counts of times (seconds since the epoch) before those that are here, the oldest first."""
        self._forget(now)
        here, self._windows = self._windows, deque()
        for at, counted in earlier:
            if int(at) // WINDOW_SECONDS <= int(now) // WINDOW_SECONDS:
                self.add(counted, at)
        for slot, window in here:
            into = self._window(float(slot * WINDOW_SECONDS))
            into.add({key: count - window.errors.get(key, 0) for key, count in window.counts.items()})
            if window.floor:
                for key in into.counts:
                    into.errors[key] = into.errors.get(key, 0) + window.floor
                    into.counts[key] += window.floor
                into.floor += window.floor
        self._forget(now)

    def top(self, limit: int, now: float) -> list[Ranked]:
        """At most ``limit`` keys, the most frequent first; equal counts in the order of their octets."""
        self._forget(now)
        counts = self._summed()
        best = nlargest(limit, sorted(counts), key=counts.__getitem__)
        return [Ranked(key, counts[key], self._uncertainty(key)) for key in best]

    def count(self, key: bytes) -> int:
        """The estimate for one key, 0 when it is not in the list."""
        return sum(window.counts.get(key, 0) for _, window in self._windows)

    def distinct(self, now: float) -> tuple[int, bool]:
        """How many keys are known, and whether that is all there were."""
        self._forget(now)
        return len(self._summed()), all(window.floor == 0 for _, window in self._windows)

    def since(self, now: float) -> float:
        """Seconds since the epoch from which on keys are counted."""
        self._forget(now)
        return float((self._windows[0][0] if self._windows else int(now) // WINDOW_SECONDS) * WINDOW_SECONDS)

    def _window(self, now: float) -> TopList:
        self._forget(now)
        slot = int(now) // WINDOW_SECONDS
        if not self._windows or self._windows[-1][0] != slot:
            self._windows.append((slot, TopList(self._capacity)))
        return self._windows[-1][1]

    def _forget(self, now: float) -> None:
        slot = int(now) // WINDOW_SECONDS
        while self._windows and self._windows[0][0] <= slot - WINDOWS:
            self._windows.popleft()
        # A clock that was set back leaves windows in the future, which would never end.
        while self._windows and self._windows[-1][0] > slot:
            self._windows.pop()

    def _summed(self) -> dict[bytes, int]:
        summed: dict[bytes, int] = {}
        for _, window in self._windows:
            if not summed:
                summed = dict(window.counts)
                continue
            for key, count in window.counts.items():
                summed[key] = summed.get(key, 0) + count
        return summed

    def _uncertainty(self, key: bytes) -> int:
        return sum(window.errors.get(key, 0) if key in window.counts else window.floor for _, window in self._windows)
