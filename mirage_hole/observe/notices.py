"""What needs attention: conditions that last become notices that are opened, changed and closed; events become notices that pass.

Pure: told what is the case and what time it is. Who is told of a notice, and when, is for :mod:`mirage_hole.observe.outbox`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Severity = Literal["info", "warning", "critical"]

EVENTS: Final[Mapping[str, str]] = {
    "upstream-down": "an upstream does not answer, or none does",
    "list-failing": "a list can't be downloaded, again and again",
    "list-held": "a list has lost most of its rules and is held back",
    "list-updated": "a list has a new version",
    "flood": "clients ask so much that they are stopped",
    "new-device": "an address asks that was never seen before",
    "new-rules": "an upgrade has brought other built-in rules",
    "storage": "nothing can be kept on the disk",
    "worker": "a worker ends again and again",
    "certificate": "the certificate of the web server is about to expire",
    "log-dropped": "queries are missing in the log and the statistics",
}
"""Every kind of notice, and what it says."""
QUIET: Final = frozenset({"list-updated"})
"""Kinds that a target gets only if its settings name them."""

MAX_OPEN: Final = 300
MAX_CLOSED: Final = 200
PASSING: Final = 86400.0
"""Seconds after which a notice about an event that is over closes itself."""


class Condition(NamedTuple):
    """Something that is the case now."""

    kind: str
    """One of :data:`EVENTS`."""
    about: str
    """What it is about: together with ``kind`` it tells this condition from others."""
    severity: Severity
    title: str
    text: str
    """One sentence."""
    advice: str
    """What to do; empty for nothing."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.kind, self.about


class Notice(NamedTuple):
    """A condition with its history. Times are seconds since the epoch."""

    number: int
    condition: Condition
    since: float
    passing: bool = False
    """It is about an event, which has no end."""
    closed: float | None = None
    dismissed: str = ""
    """Who has said that it needs no attention any more; empty for nobody."""


class News(NamedTuple):
    """Something to tell."""

    notice: Notice
    recovered: bool
    """The notice is closed, as its condition is over."""


class Board:
    """The open notices, and the last of those that were closed."""

    __slots__ = ("_closed", "_next", "_open", "changes", "refused")

    def __init__(self, open_: Iterable[Notice] = (), closed: Iterable[Notice] = ()) -> None:
        """What was there when the program ended last; ``closed`` in the order in which they were."""
        self._open = {one.condition.key: one for one in open_}
        self._closed = deque(closed, maxlen=MAX_CLOSED)
        self._next = 1 + max((one.number for one in (*self._open.values(), *self._closed)), default=0)
        self.changes = 0
        """Counts every change, so that others know when there is something to keep."""
        self.refused = 0
        """Notices for which there was no room."""

    def look(self, conditions: Iterable[Condition], now: float) -> list[News]:
        """All that is the case now: what is new is opened, and what is over is closed."""
        present = {one.key: one for one in conditions}
        news = []
        for key, notice in list(self._open.items()):
            found = present.pop(key, None)
            if found is not None:
                if found != notice.condition and not notice.passing:
                    self._open[key] = notice._replace(condition=found)
                    self.changes += 1
            elif not notice.passing:
                news.append(News(self._close(notice, now), recovered=True))
            elif now - notice.since >= PASSING or now < notice.since:
                self._close(notice, now)
        news += [one for one in (self._opened(condition, now, passing=False) for condition in present.values()) if one]
        return news

    def tell(self, event: Condition, now: float) -> list[News]:
        """Something has happened. Nothing new when a notice says it already."""
        if event.key in self._open:
            return []
        opened = self._opened(event, now, passing=True)
        return [opened] if opened else []

    def dismiss(self, number: int, who: str, now: float) -> Notice | None:
        """It needs no attention any more; None when there is no open notice of this number.

        A condition that lasts stays open, marked: it is not told again before it was over.
        """
        for notice in self._open.values():
            if notice.number == number:
                dismissed = notice._replace(dismissed=who)
                if notice.passing:
                    return self._close(dismissed, now)
                self._open[notice.condition.key] = dismissed
                self.changes += 1
                return dismissed
        return None

    def open(self) -> list[Notice]:
        """Newest first; the dismissed ones are the last."""
        return sorted(self._open.values(), key=lambda one: (bool(one.dismissed), -one.since, -one.number))

    def closed(self) -> list[Notice]:
        """The one that was closed last is the first."""
        return list(reversed(self._closed))

    def _opened(self, condition: Condition, now: float, *, passing: bool) -> News | None:
        if len(self._open) >= MAX_OPEN:
            events = [one for one in self._open.values() if one.passing]
            if not events:
                self.refused += 1
                return None
            self._close(min(events, key=lambda one: one.since), now)
        notice = Notice(self._next, condition, now, passing)
        self._next += 1
        self._open[condition.key] = notice
        self.changes += 1
        return News(notice, recovered=False)

    def _close(self, notice: Notice, now: float) -> Notice:
        del self._open[notice.condition.key]
        closed = notice._replace(closed=now)
        self._closed.append(closed)
        self.changes += 1
        return closed
