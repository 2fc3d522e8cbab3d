"""Token buckets that are looked at about once a second, with the sums of what happened since.

A bucket that is full needs no entry, so the table holds only those who have lately asked for more than their rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_BUCKETS: Final = 16_384
SECOND: Final = 0.9
"""Seconds after which a new share is given; looks may come early when much is asked."""


class Buckets:
    """Buckets by any octets. Who is *over* has emptied its bucket, until it has asked for less than its rate for a while."""

    __slots__ = ("_left", "_shared_at", "burst", "over", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        """``rate``: so many a second; ``burst``: as many at once after a time of silence.

        Raises:
            ValueError: numbers that make no limit.
        """
        if rate <= 0 or burst < rate:
            message = f"a rate of {rate:g} and a burst of {burst:g}; the burst is at least the rate, which is over 0"
            raise ValueError(message)
        self.rate = rate
        self.burst = burst
        self._left: dict[bytes, float] = {}
        self._shared_at = float("-inf")
        self.over: dict[bytes, int] = {}
        """Who is over the rate, and how many of its share of this second it has had."""

    def __contains__(self, key: bytes) -> bool:
        """Whether its bucket is not full."""
        return key in self._left

    def __len__(self) -> int:
        return len(self._left)

    def turn(
        self, counts: Mapping[bytes, int], seconds: float, now: float, exempt: Callable[[bytes], bool] | None = None
    ) -> list[bytes]:
        """Some time is over in which so much was asked; who is over since now.

        Args:
            counts: sums; who is not there asked for next to nothing.
            seconds: since the last turn.
            now: seconds.
            exempt: says who has no limit.
        """
        left, over, earned = self._left, self.over, self.rate * seconds
        for key in [key for key in left if key not in counts]:
            has = left[key] + earned
            if has >= self.burst:
                del left[key]
            else:
                left[key] = has
            if has > 0:
                over.pop(key, None)
        new: list[bytes] = []
        for key, number in counts.items():
            had = left.get(key)
            if had is None:
                if number <= earned or len(left) >= MOST_BUCKETS or (exempt is not None and exempt(key)):
                    continue  # full it was, and full it is
                had = self.burst
            has = min(had + earned, self.burst) - number
            left[key] = max(has, -self.rate)  # nobody pays for long for what is over
            if has < 0:
                if key not in over:
                    new.append(key)
                    over[key] = 0
            elif number <= earned:
                over.pop(key, None)
        if now - self._shared_at >= SECOND:
            self._shared_at = now
            for key in over:
                over[key] = 0
        return new

    def take(self, key: bytes, wanted: int = 1) -> int:
        """How many of ``wanted`` the share of this second still has for a key that is over; they are taken from it."""
        had = self.over[key]
        got = max(0, min(wanted, int(self.rate) - had))
        self.over[key] = had + got
        return got
