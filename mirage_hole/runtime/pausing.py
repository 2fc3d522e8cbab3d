"""A pause of blocking, whose end is a time of day: it must survive a restart, and clocks that jump."""

from __future__ import annotations

from mirage_hole.runtime.cache_keeper import JUMP


class Pause:
    """When blocking goes on. ``wall`` is in seconds since the epoch, ``now`` in those of the monotonic clock."""

    def __init__(self) -> None:
        self._until: float | None = None
        self._ends_at = 0.0

    def begin(self, until: float | None, wall: float, now: float) -> float | None:
        """Until then (seconds since the epoch); None: there is none. Its end in the monotonic clock."""
        self._until = until
        if until is None:
            return None
        self._ends_at = now + (until - wall)
        return self._ends_at

    def shortened(self, wall: float, now: float) -> float | None:
        """Its end, when the clock was put forward or the machine has slept since the last look; None when nothing changes.

        Putting the clock back makes no pause longer: a house must not stay unfiltered for a year by mistake.
        """
        if self._until is None or now >= self._ends_at:
            return None
        ends_at = now + (self._until - wall)
        if ends_at > self._ends_at - JUMP:
            return None
        self._ends_at = ends_at
        return ends_at
