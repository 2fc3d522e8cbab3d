"""What one target is told, and when: the same thing seldom, many things as one, and failed deliveries again later.

Pure: told the time. A delivery is taken with :meth:`Outbox.due`, and :meth:`Outbox.sent` or :meth:`Outbox.failed` says what became of it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mirage_hole.observe.notices import News, Notice

JOIN: Final = 2.0
"""Seconds that news wait for others that come with them."""
MANY: Final = 4
"""News at once that become one message."""
AN_HOUR: Final = 20
"""Messages to one target."""
HOUR: Final = 3600.0
MAX_QUEUE: Final = 100
AGAIN: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
"""Seconds before another try after a failure; the last holds for all further ones."""
TOO_OLD: Final = 86400.0
"""Seconds after which nobody wants to know."""

Key = tuple[str, str]


class Outbox:
    """The news that wait for one target. At most :data:`MAX_QUEUE` do: the oldest goes, and is counted."""

    __slots__ = ("_failures", "_messages", "_not_before", "_queue", "_taken", "_told", "delivered", "dropped", "every")

    def __init__(self, every: float) -> None:
        """``every``: seconds between two messages about the same thing."""
        self.every = every
        self.dropped = 0
        self.delivered = 0
        """Messages."""
        self._queue: dict[Key, tuple[float, float, News]] = {}
        """When it came, when it is due, and what."""
        self._taken: dict[Key, tuple[float, float, News]] = {}
        """What is on its way."""
        self._told: dict[Key, float] = {}
        """When a problem was told last."""
        self._messages: deque[float] = deque()
        self._not_before = 0.0
        self._failures = 0

    def __len__(self) -> int:
        return len(self._queue) + len(self._taken)

    def remember(self, notice: Notice, at: float) -> None:
        """It was told then, before this program began."""
        self._note_told(notice.condition.key, at)

    def put(self, news: News, now: float) -> None:
        """Something to tell. What is over before it was told is not told at all."""
        key = news.notice.condition.key
        waiting = self._queue.pop(key, None)
        if news.recovered:
            told = key in self._taken or (waiting is None and key in self._told)
            if told or (waiting is not None and waiting[2].recovered):
                self._add(key, now, now + JOIN, news)
            return
        if waiting is not None and waiting[2].recovered:
            return  # it is the case again, and that is what was told last
        told_at = self._told.get(key)
        due = now + JOIN
        if told_at is not None and told_at <= now:
            due = max(due, told_at + self.every)
        self._add(key, now, due, news)

    def next_at(self, now: float) -> float | None:
        """When :meth:`due` should be asked; None: when there is something new."""
        if not self._queue:
            return None
        first = min(due for _, due, _ in self._queue.values())
        return max(first, self._not_before, self._room_at(now))

    def due(self, now: float) -> list[News]:
        """What to send now, as one message; empty: nothing. One news, or so many that together they are a digest."""
        self._forget(now)
        room = self._room(now)
        if now < self._not_before or not room or self._taken:
            return []
        ready = sorted((due, key) for key, (_, due, _) in self._queue.items() if due <= now)
        if len(ready) < MANY and len(ready) <= room:
            ready = ready[:1]
        self._taken = {key: self._queue.pop(key) for _, key in ready}
        return [news for _, _, news in self._taken.values()]

    def sent(self, now: float) -> None:
        """The target has what was due."""
        self._failures, self._not_before = 0, 0.0
        self._messages.append(now)
        self.delivered += 1
        for key, (_, _, news) in self._taken.items():
            if not news.recovered:
                self._note_told(key, now)
        self._taken = {}

    def failed(self, now: float) -> float:
        """The target did not take it; seconds until the next try."""
        pause = AGAIN[min(self._failures, len(AGAIN) - 1)]
        self._failures += 1
        self._not_before = now + pause
        taken, self._taken = self._taken, {}
        for key, (came, due, news) in taken.items():
            newer = self._queue.get(key)
            if newer is None:
                self._add(key, came, due, news)
            elif newer[2].recovered != news.recovered:
                del self._queue[key]  # one takes the other back, and nobody has heard of either
        return pause

    def _note_told(self, key: Key, at: float) -> None:
        self._told.pop(key, None)
        self._told[key] = at
        while len(self._told) > 4 * MAX_QUEUE:
            del self._told[next(iter(self._told))]

    def _add(self, key: Key, came: float, due: float, news: News) -> None:
        while len(self._queue) >= MAX_QUEUE:
            del self._queue[min(self._queue, key=lambda one: self._queue[one][0])]
            self.dropped += 1
        self._queue[key] = (came, due, news)

    def _forget(self, now: float) -> None:
        for key, (came, _, _) in list(self._queue.items()):
            if now - came > TOO_OLD:
                del self._queue[key]
                self.dropped += 1

    def _room(self, now: float) -> int:
        while self._messages and not now - HOUR < self._messages[0] <= now:
            self._messages.popleft()
        return AN_HOUR - len(self._messages)

    def _room_at(self, now: float) -> float:
        return 0.0 if self._room(now) else self._messages[0] + HOUR
