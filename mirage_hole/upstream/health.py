"""What is remembered of each upstream: how fast it answers, and whether it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FIRST_PATIENCE: Final = 0.8
"""Seconds to wait for an upstream whose speed is unknown before the question goes out again."""
LEAST_PATIENCE: Final = 0.25
MOST_PATIENCE: Final = 2.0
FAILURES_TO_SICKNESS: Final = 3
"""Failures in a row after which an upstream is asked last."""
FIRST_SICK_LEAVE: Final = 2.0
LONGEST_SICK_LEAVE: Final = 60.0
EXPLORE_ONE_IN: Final = 64
"""One question in so many goes to a random healthy upstream, so that a faster one is noticed."""


MISCASED_IN_A_ROW: Final = 3
"""Answers in another spelling after which an upstream that has kept it counts as one that does not."""
FOLDS_FOR: Final = 3600.0
"""Seconds until random spelling is tried again."""
OTHER_RCODE: Final = 24
"""Stands for response codes that nobody has assigned (RFC 6895 2.3)."""


class Upstream:
    """One upstream's memory. Times in seconds."""

    __slots__ = (
        "address",
        "answered",
        "failures",
        "folds_until",
        "in_a_row",
        "keeps_case",
        "leaves",
        "loops_until",
        "miscased",
        "number",
        "port",
        "probe",
        "probed_until",
        "rcodes",
        "rtt",
        "sent",
        "sick_until",
        "timeouts",
        "variance",
    )

    def __init__(self, number: int, address: str, port: int) -> None:
        self.number = number
        self.address = address
        self.port = port
        self.rtt = 0.0
        """Smoothed round-trip time; 0 until the first answer."""
        self.variance = 0.0
        """How far answers are from that, on average."""
        self.sent = 0
        self.answered = 0
        self.timeouts = 0
        self.failures = 0
        """Network errors and answers that were refusals or errors."""
        self.rcodes = [0] * (OTHER_RCODE + 1)
        """Whole replies by response code."""
        self.in_a_row = 0
        """Failures since the last answer."""
        self.leaves = 0
        """Sick leaves since the last answer; each is twice as long as the one before."""
        self.sick_until = 0.0
        self.loops_until = 0.0
        """Until then it is not asked: what it is asked comes back here."""
        self.keeps_case = False
        """It has repeated a question in random spelling as it was asked."""
        self.miscased = 0
        """Answers in another spelling since then."""
        self.folds_until = 0.0
        """Until then it is asked in lower case, since it answers so."""
        self.probe = -1
        """ID of its last probe, until that is answered."""
        self.probed_until = 0.0
        """Until then no second probe is sent to find out whether it does."""

    def answered_in(self, seconds: float) -> None:
        """An answer came: the smoothing is TCP's (RFC 6298 2.2, 2.3)."""
        self.answered += 1
        self.in_a_row = self.leaves = 0
        self.sick_until = 0.0
        rtt = self.rtt
        if not rtt:
            self.rtt, self.variance = seconds, seconds / 2
            return
        away = seconds - rtt
        self.variance += ((away if away > 0 else -away) - self.variance) * 0.25
        self.rtt = rtt + away * 0.125

    def failed(self, now: float, *, timeout: bool) -> None:
        """No usable answer came.

        A hundred questions that were in flight at once fail as one: what fails during a sick leave makes it no longer.
        """
        if timeout:
            self.timeouts += 1
        else:
            self.failures += 1
        self.in_a_row += 1
        if self.in_a_row >= FAILURES_TO_SICKNESS and now >= self.sick_until:
            self.sick_until = now + min(FIRST_SICK_LEAVE * 2 ** min(self.leaves, 8), LONGEST_SICK_LEAVE)
            self.leaves += 1

    def answered_in_another_case(self, now: float) -> None:
        """It did not repeat a question as it was spelt: it can't, or somebody has forged its answer.

        One that never did is taken to be one that can't; of one that did, a forger would have to make several believe.
        """
        self.miscased += 1
        if not self.keeps_case or self.miscased >= MISCASED_IN_A_ROW:
            self.folds_until = now + FOLDS_FOR
            self.keeps_case, self.miscased = False, 0

    def healthy(self, now: float) -> bool:
        """Whether it is not on sick leave."""
        return now >= self.sick_until

    @property
    def answers(self) -> bool:
        """Whether it has answered lately: the end of a sick leave alone says nothing."""
        return self.in_a_row < FAILURES_TO_SICKNESS

    def patience(self, attempt: int) -> float:
        """How long to wait for the ``attempt``-th (from 0) try of a question before another is sent.

        A late answer is still taken, so impatience costs a datagram and never an answer.
        """
        first = max(LEAST_PATIENCE, 4 * self.rtt) if self.rtt else FIRST_PATIENCE
        if not attempt:
            return first if first < MOST_PATIENCE else MOST_PATIENCE
        return min(first * 2.0 ** min(attempt, 8), MOST_PATIENCE)


def _slowness(upstream: Upstream) -> float:
    # One that was never asked counts as fast, so it is asked once; until it answers it counts as slow, so that the
    # questions of the meantime do not all wait for a dead one.
    return upstream.rtt or (FIRST_PATIENCE if upstream.sent else 0.0)


def choose(upstreams: Sequence[Upstream], tried: Sequence[int], now: float, dice: Callable[[], int]) -> Upstream:
    """Whom to ask next: the fastest healthy upstream not yet tried for this question, then the healthy, then anyone.

    One back from sick leave that has not answered since gets a question now and then, as exploring goes, or when no
    other is left: whether it is well again is found out with one question and not with all of them.

    Args:
        upstreams: all of them, in the order of preference; at least one.
        tried: numbers of those already asked, oldest first.
        now: seconds.
        dice: gives a random 16-bit number.
    """
    if len(upstreams) == 1:
        return upstreams[0]
    fresh = [upstream for upstream in upstreams if upstream.number not in tried]
    healthy = [upstream for upstream in fresh if now >= upstream.sick_until]
    if healthy:
        if dice() % EXPLORE_ONE_IN == 0:
            return healthy[dice() % len(healthy)]
        proven = [upstream for upstream in healthy if not upstream.leaves]
        return min(proven or healthy, key=_slowness)  # ties fall to the order of preference
    if fresh:
        return min(fresh, key=lambda upstream: upstream.sick_until)
    # All were tried: go round in the same order, the healthy first.
    again = [upstream for upstream in upstreams if now >= upstream.sick_until] or list(upstreams)
    return min(
        again, key=lambda upstream: max(index for index, number in enumerate(tried) if number == upstream.number)
    )
