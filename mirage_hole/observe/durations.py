"""How long answers took: a histogram with fixed bounds, as Prometheus wants it, and a finer one for percentiles."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds; a last bucket without bound follows."""
FINE: Final = tuple(
    float(f"{step}e{power}") for power in range(-4, 1) for step in (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
)
"""Upper bounds in seconds from 0.1 ms to 8 s, ten a decade (the preferred numbers R10 of ISO 3); a last bucket without bound
follows. Every one of ``BOUNDS`` is among them."""
_COARSE: Final = tuple(bisect_left(BOUNDS, bound) for bound in (*FINE, FINE[-1] + 1.0))


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

    def add_places(self, places: Mapping[int, int], seconds: float) -> None:
        """Count answers by their bucket in ``FINE``; ``seconds`` is the sum of all their durations."""
        for place, number in places.items():
            self.buckets[_COARSE[place]] += number
        self.sum += seconds

    def cumulative(self) -> list[tuple[str, int]]:
        """(upper bound, answers not slower than it), as in the exposition format; the last bound is ``+Inf``."""
        rows = []
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.buckets, strict=True):
            total += count
            rows.append((bound, total))
        return rows


def percentiles(buckets: Mapping[int, int], shares: Iterable[float]) -> list[float] | None:
    """The times in seconds that these shares of all answers did not exceed; None when there was no answer.

    Args:
        buckets: how many answers each bucket of ``FINE`` has.
        shares: from 0 to 1, such as 0.95.

    Within a bucket times are taken to be spread evenly, so that a result is off by a quarter at most; beyond the last bound it
    is that bound.
    """
    places = sorted(place for place, number in buckets.items() if number > 0 and 0 <= place <= len(FINE))
    reached = list(accumulate(buckets[place] for place in places))
    if not reached:
        return None
    found = []
    for share in shares:
        wanted = min(max(share, 0.0), 1.0) * reached[-1]
        at = bisect_left(reached, wanted)
        place = places[at]
        if place == len(FINE):
            found.append(FINE[-1])
            continue
        low, high = (FINE[place - 1] if place else 0.0), FINE[place]
        before = reached[at] - buckets[place]
        found.append(low + (high - low) * (wanted - before) / buckets[place])
    return found
