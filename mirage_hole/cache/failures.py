"""Questions that could not be answered, remembered for a short while so that nobody hammers on what is broken (RFC 9520).

A failure holds for ``failure_ttl`` seconds, twice as long each time it happens again, and never for longer than five
minutes. One that happened since no upstream could be reached at all says nothing about the name: it does not grow, and
is forgotten as soon as an upstream answers anything.
"""

from __future__ import annotations

from typing import Final

from mirage_hole.cache.lifetimes import MAX_FAILURE_TTL, RECHECK

MOST: Final = 4096
"""Failures that are remembered; the oldest goes first."""
ENTRY_COST: Final = 520
"""Octets for one, measured on CPython 3.11, its options included at their usual length."""


class Failure:
    """What is known of a question that failed."""

    __slots__ = ("bogus", "in_a_row", "options", "outage", "pause_until", "retry_at", "upstream")

    def __init__(self) -> None:
        self.retry_at = 0.0
        """Until then the question is not asked again."""
        self.pause_until = 0.0
        """Until then an old answer is given without asking for a fresh one (RFC 8767 5, the failure recheck timer)."""
        self.in_a_row = 0
        self.options = b""
        """EDNS options that say why."""
        self.upstream = 0
        """Who was asked last."""
        self.outage = False
        """No upstream could be reached."""
        self.bogus = False
        """There was an answer, which did not pass DNSSEC validation."""


class Failures(dict[bytes, Failure]):
    """Failures by question key. A dictionary, so that its emptiness costs nothing to ask."""

    __slots__ = ("_first", "_most", "outages")

    def __init__(self, first: float, most: int = MOST) -> None:
        """``first``: seconds that a first failure holds; 0: none is remembered. ``most``: how many are."""
        super().__init__()
        self._first = first
        self._most = max(most, 1)
        self.outages = 0
        """How many of them are outages."""

    def change(self, first: float) -> None:
        """Remember from now on for this long at first."""
        self._first = first

    def failed(
        self, key: bytes, options: bytes, upstream: int, now: float, *, outage: bool, bogus: bool = False
    ) -> None:
        """The question failed just now.

        Args:
            key: of the question.
            options: EDNS options that say why; at most a few hundred octets.
            upstream: who was asked last.
            now: seconds.
            outage: no upstream could be reached, so it says nothing about the name.
            bogus: there was an answer, which did not pass DNSSEC validation.
        """
        failure = self._known(key)
        if now >= failure.retry_at + MAX_FAILURE_TTL:  # long ago: this is a new trouble
            failure.in_a_row = 0
        if not outage:
            failure.in_a_row += 1
        seconds = min(self._first * 2.0 ** min(max(failure.in_a_row - 1, 0), 16), MAX_FAILURE_TTL)
        failure.retry_at = now + seconds
        failure.pause_until = now + max(RECHECK, seconds)
        failure.options = options
        failure.upstream = upstream
        self.outages += outage - failure.outage
        failure.outage = outage
        failure.bogus = bogus

    def slow(self, key: bytes, now: float) -> None:
        """No answer came in time, though one may still come: old answers need not wait for a while."""
        failure = self._known(key)
        failure.pause_until = max(failure.pause_until, now + RECHECK)

    def forget(self, key: bytes) -> None:
        """The question was answered, or is to be asked anew."""
        failure = self.pop(key, None)
        if failure is not None and failure.outage:
            self.outages -= 1

    def answered(self, key: bytes) -> None:
        """The question was answered, so what failed since no upstream could be reached may be asked again, too."""
        self.forget(key)
        if self.outages:
            for key in [key for key, failure in self.items() if failure.outage]:
                del self[key]
            self.outages = 0

    def forget_all(self) -> None:
        """Begin anew."""
        self.clear()
        self.outages = 0

    def _known(self, key: bytes) -> Failure:
        failure = self.pop(
            key, None
        )  # and to the end with it: the first is the one that has not failed for the longest
        if failure is None:
            failure = Failure()
            if len(self) >= self._most:
                self.forget(next(iter(self)))
        self[key] = failure
        return failure
