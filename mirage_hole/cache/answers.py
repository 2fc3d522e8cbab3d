"""The answer cache: upstream replies kept until their TTL runs out, bounded in octets.

Eviction is by two generations instead of a list in order of use: when the young half is full, it becomes the old half,
and what is not asked for again while it is old goes. That costs one dict insertion a hit on an old entry and nothing
on a young one, and comes close to least-recently-used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.wire.codes import Rcode

if TYPE_CHECKING:
    from mirage_hole.wire.scan import Reply

MAX_TTL: Final = 86_400
"""Seconds; RFC 8767 section 4 lets a resolver cap what it believes, and a day is what unbound and dnsmasq use."""
MAX_NEGATIVE_TTL: Final = 10_800
"""Seconds; RFC 2308 section 5: one to three hours."""
ENTRY_COST: Final = 600
"""Octets that the interpreter's objects around one entry take, measured on CPython 3.11."""
_DRAIN = 8  # entries freed a store, so that a discarded half never costs one long pause


class Answer(NamedTuple):
    """A reply worth keeping."""

    reply: Reply
    stored_at: float
    expires_at: float
    upstream: int
    """Index of the upstream that gave it."""
    cost: int
    """Octets it counts for."""


def lifetime(reply: Reply) -> int:
    """Seconds the reply may be kept; 0: not at all.

    Positive answers live as long as their shortest TTL. NXDOMAIN and NODATA live by their SOA and not at all without
    one (RFC 2308 5). Errors and truncated replies are not kept.
    """
    if reply.rcode == Rcode.NOERROR and reply.counts[0]:
        if reply.negative_ttl >= 0:
            # A CNAME chain that ends in NODATA: the chain's TTLs and the SOA both bind (RFC 2308 2.2).
            return min(reply.min_ttl, reply.negative_ttl, MAX_NEGATIVE_TTL)
        return min(reply.min_ttl, MAX_TTL)
    if reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) and reply.negative_ttl >= 0:
        return min(reply.min_ttl, reply.negative_ttl, MAX_NEGATIVE_TTL)
    return 0


class AnswerCache:
    """Answers by question key. The key holds everything that shapes an answer: name, type, class, DO and CD."""

    __slots__ = ("_capacity", "_doomed", "_old", "_young", "_young_cost", "_old_cost")

    def __init__(self, capacity: int) -> None:
        """``capacity``: octets."""
        self._capacity = capacity
        self._young: dict[bytes, Answer] = {}
        self._old: dict[bytes, Answer] = {}
        self._doomed: dict[bytes, Answer] = {}
        self._young_cost = 0
        self._old_cost = 0

    def get(self, key: bytes, now: float) -> Answer | None:
        """The answer, if it is there and still good at ``now``."""
        answer = self._young.get(key)
        if answer is None:
            answer = self._old.get(key)
            if answer is None:
                return None
            if now < answer.expires_at:
                self._insert(key, answer)
        return answer if now < answer.expires_at else None

    def put(self, key: bytes, reply: Reply, upstream: int, now: float) -> Answer | None:
        """Keep a reply; None when it may not be kept (see :func:`lifetime`)."""
        seconds = lifetime(reply)
        if seconds <= 0:
            return None
        cost = len(key) + len(reply.records) + ENTRY_COST
        answer = Answer(reply, now, now + seconds, upstream, cost)
        if cost * 2 <= self._capacity:
            self._insert(key, answer)
        return answer

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old, self._doomed = {}, {}, {}
        self._young_cost = self._old_cost = 0

    def resize(self, capacity: int) -> None:
        """Change the bound; a smaller one takes effect as new answers come in."""
        self._capacity = capacity

    @property
    def cost(self) -> int:
        """Octets in use."""
        return self._young_cost + self._old_cost

    def __len__(self) -> int:
        return len(self._young) + sum(1 for key in self._old if key not in self._young)

    def _insert(self, key: bytes, answer: Answer) -> None:
        previous = self._young.get(key)
        if previous is not None:
            self._young_cost -= previous.cost
        self._young[key] = answer
        self._young_cost += answer.cost
        if self._young_cost * 2 > self._capacity:
            self._doomed = self._old
            self._old, self._old_cost = self._young, self._young_cost
            self._young, self._young_cost = {}, 0
        doomed = self._doomed
        for _ in range(min(_DRAIN, len(doomed))):
            doomed.popitem()
