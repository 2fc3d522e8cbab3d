"""The answer cache: upstream replies kept until their TTL runs out, bounded in octets.

Eviction is CLOCK: keys wait in a queue, and one that was asked for since its last turn goes round once more. That is
close to least-recently-used, and a hit costs one flag instead of a change of order.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from mirage_hole.wire.codes import TC, Rcode

if TYPE_CHECKING:
    from mirage_hole.wire.scan import Reply

_NOERROR: Final = int(Rcode.NOERROR)  # members of an enumeration are slow to look up
_NXDOMAIN: Final = int(Rcode.NXDOMAIN)

MAX_TTL: Final = 86_400
"""Seconds; RFC 8767 section 4 lets a resolver cap what it believes, and a day is what unbound and dnsmasq use."""
MAX_NEGATIVE_TTL: Final = 10_800
"""Seconds; RFC 2308 section 5: one to three hours."""
ENTRY_COST: Final = 640
"""Octets that the interpreter's objects around one entry take, measured on CPython 3.11."""
OFFSET_COST: Final = 40
"""Octets for the place of one TTL: a number and where it is kept."""
MOST_SPARED: Final = 256
"""Answers in a row that the clock's hand may pass over. A full cache in which everything is wanted must not make one
query wait while the hand goes round."""


class Answer:
    """A reply worth keeping."""

    __slots__ = ("cost", "expires_at", "reply", "stored_at", "upstream", "wanted")

    def __init__(self, reply: Reply, stored_at: float, expires_at: float, upstream: int, cost: int) -> None:
        self.reply = reply
        self.stored_at = stored_at
        self.expires_at = expires_at
        self.upstream = upstream
        """Index of the upstream that gave it."""
        self.cost = cost
        """Octets it counts for."""
        self.wanted = False
        """Asked for since the clock's hand last passed."""


def lifetime(reply: Reply) -> int:
    """Seconds the reply may be kept; 0: not at all.

    Positive answers live as long as their shortest TTL. NXDOMAIN and NODATA live by their SOA and not at all without
    one (RFC 2308 5). Errors and truncated replies are not kept.
    """
    # Taken apart at once: a named tuple's fields are slow to look up one by one, and every answer passes here.
    flags, rcode, _, counts, _, min_ttl, negative_ttl, _ = reply
    if flags & TC:
        return 0
    if rcode == _NOERROR and counts[0]:
        if negative_ttl >= 0:
            # A CNAME chain that ends in NODATA: the chain's TTLs and the SOA both bind (RFC 2308 2.2).
            return min(min_ttl, negative_ttl, MAX_NEGATIVE_TTL)
        return min_ttl if min_ttl < MAX_TTL else MAX_TTL
    if rcode in (_NOERROR, _NXDOMAIN) and negative_ttl >= 0:
        return min(min_ttl, negative_ttl, MAX_NEGATIVE_TTL)
    return 0


class AnswerCache:
    """Answers by question key. The key holds everything that shapes an answer: name, type, class, DO and CD."""

    __slots__ = ("_answers", "_capacity", "_queue", "cost")

    def __init__(self, capacity: int) -> None:
        """``capacity``: octets."""
        self._capacity = capacity
        self._answers: dict[bytes, Answer] = {}
        self._queue: deque[bytes] = deque()
        self.cost = 0
        """Octets in use."""

    def get(self, key: bytes, now: float) -> Answer | None:
        """The answer, if it is there and still good at ``now``."""
        answer = self._answers.get(key)
        if answer is None or now >= answer.expires_at:
            return None
        answer.wanted = True
        return answer

    def put(self, key: bytes, reply: Reply, upstream: int, now: float) -> Answer | None:
        """Keep a reply; None when it may not be kept (see :func:`lifetime`)."""
        seconds = lifetime(reply)
        if seconds <= 0:
            return None
        cost = len(key) + len(reply.records) + len(reply.ede) + OFFSET_COST * len(reply.ttl_offsets) + ENTRY_COST
        if cost > self._capacity:
            return None
        answer = Answer(reply, now, now + seconds, upstream, cost)
        previous = self._answers.get(key)
        if previous is None:
            self._queue.append(key)
        else:
            self.cost -= previous.cost
        self._answers[key] = answer
        self.cost += cost
        if self.cost > self._capacity:
            self._make_room(now)
        return answer

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
        self._queue.clear()
        self.cost = 0

    def resize(self, capacity: int, now: float) -> None:
        """Change the bound."""
        self._capacity = capacity
        self._make_room(now)

    def __len__(self) -> int:
        return len(self._answers)

    def _make_room(self, now: float) -> None:
        queue, answers = self._queue, self._answers
        spared = 0
        while self.cost > self._capacity:
            key = queue.popleft()
            answer = answers[key]
            if answer.wanted and now < answer.expires_at and spared < MOST_SPARED:
                answer.wanted = False
                queue.append(key)
                spared += 1
            else:
                del answers[key]
                self.cost -= answer.cost
                spared = 0
