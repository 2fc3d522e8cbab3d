"""Fairness in a crowd: when many wait for upstreams, nobody may take all the places.

Who waits for whom is not kept anywhere, since that would cost every question something. It is counted when three quarters of
the places are taken, and at most once a tick.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mirage_hole.resolver.pending import TICK

if TYPE_CHECKING:
    from mirage_hole.resolver.engine import Engine

LEAST: Final = 64
"""Clients that may wait for anything before it is a crowd."""


class Crowd:
    """Who takes too much, as it was when somebody last looked."""

    __slots__ = ("_fresh_until", "_greedy", "begins_at", "share")

    def __init__(self, most: int) -> None:
        """``most``: questions that may be in flight."""
        self.begins_at = max(most * 3 // 4, LEAST)
        """Waiting clients from which on shares are looked at."""
        self.share = max(most // 2, LEAST // 2)
        """How many of them may be from one address then."""
        self._fresh_until = 0.0
        self._greedy: frozenset[bytes] = frozenset()

    def is_greedy(self, engine: Engine, client: bytes, now: float) -> bool:
        """Whether a client has its share already, or had it a tick ago."""
        if now >= self._fresh_until:
            self._fresh_until = now + TICK
            held = Counter(case.asked.client for question in engine.questions.values() for case in question.waiting)
            self._greedy = frozenset(who for who, number in held.items() if number >= self.share)
        return client in self._greedy
