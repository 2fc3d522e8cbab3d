"""Groups of upstreams: who is asked, in which order, how many at once, and who when they fail.

The strategies are those that the field has: dnsmasq's fastest and ``strict-order``, AdGuard Home's weighted and parallel,
blocky's ``parallel_best``; a second question after a delay is "hedging" (Dean and Barroso, The Tail at Scale, 2013).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.upstream.health import FIRST_PATIENCE, LEAST_PATIENCE, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirage_hole.upstream.health import Upstream

STRATEGIES: Final = ("fastest", "weighted", "parallel", "strict", "hedged")

HEDGES_A_QUESTION: Final = 0.1
"""Second questions for each first one, on average: where all upstreams are slow, asking twice makes them slower."""
MOST_HEDGES: Final = 20.0
"""Second questions that may be sent in a burst."""
LEAST_WEIGHT_RTT: Final = 0.001
"""Seconds; faster upstreams weigh no more than this."""


class Group:
    """Upstreams that stand for each other."""

    __slots__ = ("_hedges", "dnssec", "fallback", "members", "name", "number", "strategy", "upstreams", "usual")

    def __init__(
        self,
        number: int,
        name: str,
        upstreams: Sequence[Upstream],
        *,
        strategy: str = "fastest",
        dnssec: bool = False,
        fallback: int | None = None,
    ) -> None:
        """``fallback``: number of the group that is asked when none of this one has an answer.

        Raises:
            ValueError: no such strategy.
        """
        if strategy not in STRATEGIES:
            message = f"{strategy!r} is no strategy; write one of {', '.join(STRATEGIES)}"
            raise ValueError(message)
        self.number = number
        self.name = name
        self.members = list(upstreams)
        """All of them, in the order of preference."""
        self.upstreams = list(upstreams)
        """Those that may be asked."""
        self.strategy = strategy
        self.usual = strategy == "fastest"
        """One upstream at a time, the fastest: nothing but :func:`mirage_hole.upstream.health.choose` is needed."""
        self.dnssec = dnssec
        """Whether answers are validated."""
        self.fallback = fallback
        self._hedges = MOST_HEDGES

    def leave_out_loops(self, now: float) -> None:
        """Ask no more those that lead back here, and those again whose time is over."""
        self.upstreams = [upstream for upstream in self.members if now >= upstream.loops_until]

    def first(self, now: float, dice: Callable[[], int]) -> Upstream:
        """Whom to ask a new question. There is at least one upstream."""
        upstreams = self.upstreams
        if len(upstreams) == 1:
            return upstreams[0]
        if self.strategy == "strict":
            return in_order(upstreams, (), now)
        if self.strategy == "weighted":
            return weighted(upstreams, now, dice)
        return choose(upstreams, (), now, dice)

    def next(
        self, tried: Sequence[int], unusable: frozenset[int], now: float, dice: Callable[[], int]
    ) -> Upstream | None:
        """Whom to ask when those ``tried`` did not answer; None when all are ``unusable``."""
        usable = [upstream for upstream in self.upstreams if upstream.number not in unusable]
        if not usable:
            return None
        if self.strategy == "strict":
            return in_order(usable, tried, now)
        return choose(usable, tried, now, dice)

    def beside(self, first: Upstream, now: float, dice: Callable[[], int]) -> Upstream | None:
        """Whom to ask at the same time, or after :meth:`hedge_delay`; None for nobody: alone, or the others are ill."""
        others = [one for one in self.upstreams if one is not first and one.healthy(now)]
        if not others:
            return None
        if self.strategy == "parallel":
            return weighted(others, now, dice)
        return choose(others, (), now, dice)

    def hedge_delay(self, first: Upstream) -> float:
        """Seconds after which a second upstream is asked: longer than the first nearly always takes (RFC 6298 2.3)."""
        if not first.rtt:
            return FIRST_PATIENCE / 2
        return min(first.rtt + 4 * first.variance, max(LEAST_PATIENCE, 2 * first.rtt))

    def asked(self) -> None:
        """A question was begun: it pays for a part of a second one."""
        if self._hedges < MOST_HEDGES:
            self._hedges += HEDGES_A_QUESTION

    def may_hedge(self) -> bool:
        """Whether a second question is within the budget; if so, it is taken from it."""
        if self._hedges < 1.0:
            return False
        self._hedges -= 1.0
        return True


def in_order(upstreams: Sequence[Upstream], tried: Sequence[int], now: float) -> Upstream:
    """The first that is healthy and was not tried, else the first not tried, else the one whose last try is longest ago."""
    fresh = [upstream for upstream in upstreams if upstream.number not in tried]
    for upstream in fresh:
        if upstream.healthy(now):
            return upstream
    if fresh:
        return fresh[0]
    return min(
        upstreams, key=lambda upstream: max(index for index, number in enumerate(tried) if number == upstream.number)
    )


def weighted(upstreams: Sequence[Upstream], now: float, dice: Callable[[], int]) -> Upstream:
    """A healthy one at random, each as often as it is fast: twice the speed is twice the share.

    One that has never answered weighs as much as the fastest until it was asked, and as one of ``FIRST_PATIENCE`` then.
    """
    healthy = [upstream for upstream in upstreams if upstream.healthy(now)] or list(upstreams)
    known = [upstream.rtt for upstream in healthy if upstream.rtt]
    best = min(known, default=FIRST_PATIENCE)
    weights = [1 / max(one.rtt or (FIRST_PATIENCE if one.sent else best), LEAST_WEIGHT_RTT) for one in healthy]
    at = (dice() << 16 | dice()) / 2**32 * sum(weights)
    for upstream, weight in zip(healthy, weights, strict=True):
        at -= weight
        if at < 0:
            return upstream
    return healthy[-1]
