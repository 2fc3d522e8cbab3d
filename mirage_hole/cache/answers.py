"""The answer cache: upstream replies kept until their TTL runs out and a while longer, bounded in octets.

Eviction is CLOCK: keys wait in a queue, and one that was asked for since its last turn goes round once more. That is
close to least-recently-used, and a hit costs one flag instead of a change of order. Answers past their time, which serve
only when nothing better can be had (RFC 8767), go before all others: :meth:`AnswerCache.sweep` finds them.

Callers on the hot path read ``answers`` themselves: what is there is good until its ``refresh_at``, and what it is worth
from then on they have to look at (``expires_at``, ``AnswerCache.servable``).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from mirage_hole.cache.failures import MOST, Failures
from mirage_hole.cache.lifetimes import MAX_NEGATIVE_TTL, MAX_TTL, Lifetimes, clamped, lifetime
from mirage_hole.wire.codes import TC

if TYPE_CHECKING:
    from mirage_hole.wire.scan import Reply

__all__ = ["MAX_NEGATIVE_TTL", "MAX_TTL", "Answer", "AnswerCache", "lifetime"]

ENTRY_COST: Final = 648
"""Octets that the interpreter's objects around one entry take, measured on CPython 3.11."""
OFFSET_COST: Final = 40
"""Octets for the place of one TTL: a number and where it is kept."""
MOST_SPARED: Final = 256
"""Answers in a row that the clock's hand may pass over. A full cache in which everything is wanted must not make one
query wait while the hand goes round."""

LEAST_TO_RENEW: Final = 10
"""Seconds; an answer that is kept for less is not worth renewing before its time."""
RENEW_AFTER: Final = 0.9
"""Share of its time after which an answer that people ask for is renewed, as unbound and knot-resolver do."""
SWEEP_EVERY: Final = 30.0
"""Seconds between two looks at everything."""

NEVER, BEFORE, LATELY = 0, 1, 2
"""``Answer.wanted``: not asked for since it was stored; before the clock's hand last passed; since then."""


class Answer:
    """A reply worth keeping."""

    __slots__ = ("cost", "expires_at", "passed", "refresh_at", "reply", "stored_at", "upstream", "wanted")

    def __init__(
        self, reply: Reply, stored_at: float, expires_at: float, refresh_at: float, upstream: int, cost: int
    ) -> None:
        self.reply = reply
        self.passed: object = None
        """The rules that have found nothing in it."""
        self.stored_at = stored_at
        self.expires_at = expires_at
        self.refresh_at = refresh_at
        """Up to then there is nothing to think about; never after ``expires_at``."""
        self.upstream = upstream
        """Index of the upstream that gave it."""
        self.cost = cost
        """Octets it counts for."""
        self.wanted = 0


class AnswerCache:
    """Answers by question key. The key holds everything that shapes an answer: name, type, class, DO, CD and group."""

    __slots__ = (
        "_capacity", "_doomed", "_most", "_most_negative", "_queue", "_share", "_sweep_at", "_unseen",
        "answers", "clamps", "cost", "failures", "hits", "known_failures", "lifetimes", "prefetched", "stale_hits",
    )  # fmt: skip

    def __init__(self, capacity: int, lifetimes: Lifetimes | None = None, most_failures: int = MOST) -> None:
        """``capacity``: octets, the failures aside; ``most_failures``: how many of those are remembered."""
        self._capacity = capacity
        self.answers: dict[bytes, Answer] = {}
        """By key; may hold what is over. To be read only."""
        self._queue: deque[bytes] = deque()
        """Keys in the order of the clock's hand. May hold keys whose answers are gone."""
        self._doomed: list[bytes] = []
        """Keys of answers that were past their time when last looked at."""
        self._unseen: list[bytes] = []
        """Keys that the present sweep has still to look at."""
        self._sweep_at = 0.0
        self.cost = 0
        """Octets in use."""
        self.hits = 0
        """Queries answered from here, those that the packet cache replayed not counted."""
        self.stale_hits = 0
        """Those of them that got an answer past its time."""
        self.prefetched = 0
        """Answers renewed before their time."""
        self.known_failures = 0
        """Queries answered with a failure that was remembered."""
        lifetimes = lifetimes or Lifetimes()
        self.failures = Failures(lifetimes.failure_ttl, most_failures)
        self.change(lifetimes)

    def change(self, lifetimes: Lifetimes) -> None:
        """Keep by these rules from now on; what is there stays as it is."""
        self.lifetimes = lifetimes
        self._most = lifetimes.max_ttl
        self._most_negative = lifetimes.negative_ttl
        self._share = RENEW_AFTER if lifetimes.prefetch else 1.0
        self.clamps = lifetimes.min_ttl > 0 or lifetimes.max_ttl < MAX_TTL
        """Replies must go through :meth:`clamp` before they are kept or passed on."""
        self.failures.change(lifetimes.failure_ttl)

    def clamp(self, reply: Reply, *, secure: bool = False) -> Reply:
        """The reply with its TTLs within the bounds that the settings ask for.

        One that was found ``secure`` lives no longer than its signatures permit, whatever the settings ask for (RFC 4035 5.3.3).
        """
        return clamped(reply, 0 if secure else self.lifetimes.min_ttl, self.lifetimes.max_ttl)

    def get(self, key: bytes, now: float) -> Answer | None:
        """The answer, if it is there and still good at ``now``."""
        answer = self.answers.get(key)
        if answer is None or now >= answer.expires_at:
            return None
        answer.wanted = LATELY
        return answer

    def servable(self, answer: Answer, now: float) -> bool:
        """Whether an answer past its time may serve when nothing better can be had (RFC 8767)."""
        return now < answer.expires_at + self.lifetimes.stale

    def put(self, key: bytes, reply: Reply, upstream: int, now: float) -> Answer | None:
        """Keep a reply; None when it may not be kept (see :func:`mirage_hole.cache.lifetimes.lifetime`)."""
        flags, rcode, records, counts, offsets, seconds, negative, ede, _ = reply
        # What nearly every answer is: see `lifetime`, which has the whole truth.
        if negative < 0 and not rcode and counts[0] and not flags & TC:
            if seconds > self._most:
                seconds = self._most
        else:
            seconds = lifetime(reply, self._most, self._most_negative)
        if seconds <= 0:
            return None
        cost = len(key) + len(records) + len(ede) + OFFSET_COST * len(offsets) + ENTRY_COST
        if cost > self._capacity:
            return None
        refresh_at = now + (seconds * self._share if seconds >= LEAST_TO_RENEW else seconds)
        answer = Answer(reply, now, now + seconds, refresh_at, upstream, cost)
        previous = self.answers.get(key)
        if previous is None:
            self._queue.append(key)
        else:
            self.cost -= previous.cost
        self.answers[key] = answer
        self.cost += cost
        if self.cost > self._capacity:
            self._make_room(now)
        return answer

    def restore(self, key: bytes, reply: Reply, upstream: int, stored_at: float, expires_at: float, now: float) -> bool:
        """Take back an answer that was kept before; whether it was taken.

        It never takes the place of one that is here, nor pushes one out, and nothing is taken that is of no use any more.
        ``stored_at`` and ``expires_at`` are in the clock of ``now``; the settings bind it as if it came now.
        """
        seconds = lifetime(reply, self._most, self._most_negative)
        expires_at = min(expires_at, stored_at + seconds)
        if key in self.answers or stored_at > now or now >= expires_at + self.lifetimes.stale:
            return False
        cost = len(key) + len(reply.records) + len(reply.ede) + OFFSET_COST * len(reply.ttl_offsets) + ENTRY_COST
        if seconds <= 0 or self.cost + cost > self._capacity:
            return False
        seconds = int(expires_at - stored_at)
        refresh_at = stored_at + seconds * self._share if seconds >= LEAST_TO_RENEW else expires_at
        self.answers[key] = Answer(reply, stored_at, expires_at, refresh_at, upstream, cost)
        self._queue.append(key)
        self.cost += cost
        return True

    def older(self, before: float, seconds: float) -> None:
        """All that was stored by ``before`` is older than was thought, by so many seconds: the clock was wrong."""
        for answer in self.answers.values():
            if answer.stored_at <= before:
                answer.stored_at -= seconds
                answer.expires_at -= seconds
                answer.refresh_at -= seconds

    def forget(self, key: bytes) -> bool:
        """Drop the answer to this question, and its failure; whether there was either."""
        failed = key in self.failures
        if failed:
            self.failures.forget(key)
        return self._drop(key) or failed

    def clear(self) -> None:
        """Forget everything."""
        self.answers.clear()
        self._queue.clear()
        self._doomed.clear()
        self._unseen.clear()
        self.failures.forget_all()
        self.cost = 0

    def resize(self, capacity: int, now: float) -> None:
        """Change the bound."""
        self._capacity = capacity
        self._make_room(now)

    def sweep(self, now: float, most: int) -> None:
        """Look at up to ``most`` answers: forget what can't serve any more, and note what only serves in need.

        Called about once a second, apart from queries. All is looked at once in :data:`SWEEP_EVERY` or as often as
        ``most`` permits.
        """
        unseen, answers, stale = self._unseen, self.answers, self.lifetimes.stale
        if not unseen:
            if now < self._sweep_at:
                return
            self._sweep_at = now + SWEEP_EVERY
            self._compact()
            self._doomed.clear()
            unseen += answers
        for _ in range(min(most, len(unseen))):
            key = unseen.pop()
            answer = answers.get(key)
            if answer is not None and now >= answer.expires_at:
                if now >= answer.expires_at + stale:
                    self._drop(key)
                else:
                    self._doomed.append(key)

    def __len__(self) -> int:
        return len(self.answers)

    def _make_room(self, now: float) -> None:
        queue, answers, doomed = self._queue, self.answers, self._doomed
        while self.cost > self._capacity and doomed:
            key = doomed.pop()
            answer = answers.get(key)
            if answer is not None and now >= answer.expires_at:
                self._drop(key)
        spared = 0
        while self.cost > self._capacity:
            key = queue.popleft()
            answer = answers.get(key)
            if answer is None:
                continue
            if answer.wanted == LATELY and now < answer.expires_at and spared < MOST_SPARED:
                answer.wanted = BEFORE
                queue.append(key)
                spared += 1
            else:
                del answers[key]
                self.cost -= answer.cost
                spared = 0

    def _drop(self, key: bytes) -> bool:
        """Its key stays in the queue until the hand or :meth:`_compact` comes by."""
        answer = self.answers.pop(key, None)
        if answer is None:
            return False
        self.cost -= answer.cost
        if not self.answers:
            self._queue.clear()
        return True

    def _compact(self) -> None:
        """Take out of the queue what is not there any more, or twice, once that is a fifth of it."""
        if len(self._queue) > len(self.answers) * 5 // 4 + 64:
            self._queue = deque(dict.fromkeys(key for key in self._queue if key in self.answers))
