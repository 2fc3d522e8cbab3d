"""The packet cache: finished answers to byte-identical queries.

It holds no policy. It replays what the engine said, keyed by (whose view, the query's octets after the ID), and forgets
when the policy changes or the answer's time is up. Clients that are judged alike share a view. Byte-identical octets parse alike, so there is nothing to check
again but who, and when. (The idea is dnsdist's packet cache; whole packets as keys leave no hash to collide.)

Callers on the hot path read ``tables`` themselves: ``tables[client][octets]`` is an :data:`Entry`.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from mirage_hole.wire.reply import age_ttls

ENTRY_COST: Final = 460
"""Octets that the interpreter's objects around one entry take, measured on CPython 3.11."""
OFFSET_COST: Final = 40
"""Octets for the place of one TTL: a number and where it is kept."""
CLIENT_COST: Final = 160
"""Octets for one client: its address and its place in the table."""
MAX_CLIENTS: Final = 65_536
"""And never more than take an eighth of the bound; then all are forgotten, and known again when they ask again."""

VIEW_COST: Final = 360
"""Octets for a view of its own: a table and its place among them."""
KEY_COST: Final = 72
"""Octets that an entry of such a view takes besides, to be found again when it is the oldest."""

FOREVER: Final = float("inf")
EVERYBODY: Final = b""
"""The view of all clients that no rule tells apart."""

# An entry is a list, since it is replaced in place when the answer ages and read by position a million times a minute:
#   0 good until · 1 answer without its ID · 2 length of that · 3 record subject
#   4 when its TTLs were right · 5 expires at · 6 TTL offsets in the answer without its ID
Entry = list[Any]
"""[float, bytes, int, bytes, float, float, tuple[int, ...]]"""

GOOD_UNTIL, TAIL, LENGTH, SUBJECT, AGED_AT, EXPIRES_AT, TTL_OFFSETS = range(7)


class PacketCache:
    """Answers by client and query octets, bounded in octets; the oldest goes first.

    First in, first out is enough here: what goes and is asked for again costs one turn of the engine.
    """

    __slots__ = ("_capacity", "_entries", "_most_clients", "_queue", "_views", "cost", "tables")

    def __init__(self, capacity: int) -> None:
        """``capacity``: octets."""
        self._capacity = capacity
        self._most_clients = _most_clients(capacity)
        self._entries: dict[bytes, Entry] = {}
        self._views: dict[bytes, dict[bytes, Entry]] = {EVERYBODY: self._entries}
        self._queue: deque[bytes | tuple[bytes, bytes]] = deque()
        """The oldest first: the octets of a query in everybody's view, or (view, octets)."""
        self.cost = 0
        """Octets in use."""
        self.tables: dict[bytes, dict[bytes, Entry]] = {}
        """Client address octets to the answers for its view."""

    def put(
        self, client: bytes, octets: bytes, answer: bytes, subject: bytes, now: float, born_at: float,
        expires_at: float, ttl_offsets: tuple[int, ...], view: bytes = EVERYBODY,
    ) -> None:  # fmt: skip
        """Remember ``answer`` (a whole message) to ``octets`` (a query without its ID) for this client's view.

        One so large that it would push out nearly all the others is not remembered.

        Args:
            client: address octets.
            octets: the query without its ID.
            answer: the message that was sent at ``now``.
            subject: its record subject.
            now: seconds.
            born_at: when the TTLs in ``answer`` began to run; they are lowered by whole seconds since then.
            expires_at: until when it may be replayed; ``FOREVER`` for answers that policy made.
            ttl_offsets: where in ``answer`` the TTLs stand that run down; empty when they do not.
            view: which clients may be told so. What was remembered for another view of this client is not for it any more.
        """
        tail = answer[2:]
        cost = len(octets) + len(tail) + len(subject) + OFFSET_COST * len(ttl_offsets) + ENTRY_COST
        if view:
            cost += len(view) + KEY_COST
        if not self._most_clients or cost > self._capacity - self._most_clients * CLIENT_COST:
            return  # it would push everything else out
        entries = self._views.get(view) if view else self._entries
        if entries is None or self.tables.get(client) is not entries:
            entries = self._let_in(client, view)
        # The answer's TTLs were already lowered by whole seconds; the next one falls a whole second later.
        aged_at = born_at + int(now - born_at)
        good_until = min(aged_at + 1, expires_at) if ttl_offsets else expires_at
        offsets = tuple(offset - 2 for offset in ttl_offsets)
        previous = entries.get(octets)
        if previous is None:
            self._queue.append((view, octets) if view else octets)
        else:
            self.cost -= _cost(octets, previous, view)
        self.cost += cost
        entries[octets] = [good_until, tail, len(tail), subject, aged_at, expires_at, offsets]
        while self.cost > self._capacity:
            self._drop_oldest()

    def revive(self, client: bytes, octets: bytes, now: float) -> Entry | None:
        """What the hot path calls when its own look found nothing good: the entry with its TTLs lowered to ``now``.

        None when there is no answer to replay.
        """
        entries = self.tables.get(client)
        if entries is None:
            return None
        entry = entries.get(octets)
        if entry is None or now >= entry[EXPIRES_AT]:
            return None
        if now >= entry[GOOD_UNTIL]:
            # Lowering twice is lowering by the sum, so the younger answer need not be kept.
            seconds = int(now - entry[AGED_AT])
            entry[TAIL] = age_ttls(entry[TAIL], entry[TTL_OFFSETS], seconds)
            entry[AGED_AT] += seconds
            entry[GOOD_UNTIL] = min(entry[AGED_AT] + 1, entry[EXPIRES_AT])
        return entry

    def turn_out(self, client: bytes) -> None:
        """Replay nothing to this client until something is remembered for it again."""
        if self.tables.pop(client, None) is not None:
            self.cost -= CLIENT_COST

    def clear(self) -> None:
        """Forget everything: the policy has changed."""
        for entries in self._views.values():  # which somebody may hold in the middle of a batch
            entries.clear()
        self._views = {EVERYBODY: self._entries}
        self._queue.clear()
        self.tables.clear()
        self.cost = 0

    def resize(self, capacity: int) -> None:
        """Change the bound, in octets."""
        self._capacity = capacity
        self._most_clients = _most_clients(capacity)
        if len(self.tables) > self._most_clients:
            self._forget_clients()
        while self.cost > capacity:
            self._drop_oldest()

    def __len__(self) -> int:
        return len(self._queue)

    def _let_in(self, client: bytes, view: bytes) -> dict[bytes, Entry]:
        """The table of a client that had none, or another one."""
        if client not in self.tables:
            if len(self.tables) >= self._most_clients:
                self._forget_clients()
            self.cost += CLIENT_COST
        entries = self._views.get(view) if view else self._entries
        if entries is None:
            entries = self._views[view] = {}
            self.cost += VIEW_COST
        self.tables[client] = entries
        return entries

    def _drop_oldest(self) -> None:
        oldest = self._queue.popleft()
        view, octets = (EVERYBODY, oldest) if isinstance(oldest, bytes) else oldest
        entry = self._views[view].pop(octets)
        self.cost -= _cost(octets, entry, view)

    def _forget_clients(self) -> None:
        if len(self._views) > 1:  # what they alone were told goes with them
            self.clear()
            return
        self.cost -= CLIENT_COST * len(self.tables)
        self.tables.clear()


def _cost(octets: bytes, entry: Entry, view: bytes) -> int:
    size: int = entry[LENGTH]
    private = len(view) + KEY_COST if view else 0
    return len(octets) + size + len(entry[SUBJECT]) + OFFSET_COST * len(entry[TTL_OFFSETS]) + ENTRY_COST + private


def _most_clients(capacity: int) -> int:
    return min(MAX_CLIENTS, capacity // 8 // CLIENT_COST)
