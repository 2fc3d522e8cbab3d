"""When a worker is started again, and when it is given up. Pure: told what happened and when.

A worker that dies is replaced at once; one that keeps dying is replaced ever more slowly, so that a broken machine is not
also a busy one; and a minute of service forgives everything.
"""

from __future__ import annotations

from typing import Final

DELAYS: Final = (0.0, 0.1, 0.5, 1.0, 5.0)
"""Seconds before the first restart in a row, the second and so on; the last holds for all further ones."""
FORGIVEN_AFTER: Final = 60.0
"""Seconds of life after which the next end counts as the first."""
READY_WITHIN: Final = 10.0
"""Seconds from the start to the first sign of readiness."""
SILENT_FOR: Final = 10.0
"""Seconds without a word, where one a second is due."""
EARLY_ENDS: Final = 3
"""Ends before readiness in a row after which the compiled lists are suspected."""


class Lifeline:
    """The life of the workers in one place. Times are seconds of a monotonic clock."""

    __slots__ = ("_failures", "_heard_at", "_ready", "_started_at", "early_ends")

    def __init__(self) -> None:
        self._failures = 0
        self._started_at = self._heard_at = 0.0
        self._ready = False
        self.early_ends = 0
        """Ends before readiness, in a row."""

    def started(self, now: float) -> None:
        """A process was started."""
        self._started_at = self._heard_at = now
        self._ready = False

    def ready(self, now: float) -> None:
        """It reads its sockets."""
        self._heard_at = now
        self._ready = True
        self.early_ends = 0

    def heard(self, now: float) -> None:
        """It said something."""
        self._heard_at = now

    def ended(self, now: float) -> float:
        """It is gone, unwanted. Seconds to wait before the next start."""
        if not self._ready:
            self.early_ends += 1
        return self._next_delay(now)

    def not_started(self, now: float) -> float:
        """There was no process to begin with, which says nothing of the lists. Seconds to wait before the next try."""
        return self._next_delay(now)

    def _next_delay(self, now: float) -> float:
        if self._ready and now - self._started_at >= FORGIVEN_AFTER:
            self._failures = 0
        delay = DELAYS[min(self._failures, len(DELAYS) - 1)]
        self._failures += 1
        return delay

    def overdue(self, now: float) -> str:
        """Why the process must be killed; empty when it must not."""
        if not self._ready:
            return f"not ready within {READY_WITHIN:g} s" if now - self._started_at > READY_WITHIN else ""
        return f"silent for {SILENT_FOR:g} s" if now - self._heard_at > SILENT_FOR else ""

    def excuse(self, now: float) -> None:
        """Begin all waiting anew: this process itself was stopped and has not listened."""
        self._heard_at = now
        if not self._ready:
            self._started_at = now
