"""How long answers took: a histogram with fixed bounds, as Prometheus wants it."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds; a last bucket without bound follows."""


class Durations:
    """Counts a bucket, and the sum of all durations in seconds."""

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float, number: int = 1) -> None:
        """Count ``number`` answers that took ``seconds`` each; a bound belongs to the bucket below it."""
        self.buckets[bisect_left(BOUNDS, seconds)] += number
        self.sum += seconds * number

    def add_each(self, durations: Iterable[float]) -> None:
        """Count one answer for each of the durations, in seconds."""
        buckets, total = self.buckets, 0.0
        for seconds in durations:
            buckets[bisect_left(BOUNDS, seconds)] += 1
            total += seconds
        self.sum += total

    def cumulative(self) -> list[tuple[str, int]]:
        """(upper bound, answers not slower than it), as in the exposition format; the last bound is ``+Inf``."""
        rows = []
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.buckets, strict=True):
            total += count
            rows.append((bound, total))
        return rows
