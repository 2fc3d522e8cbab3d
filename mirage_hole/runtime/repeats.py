"""Which log lines are held back because they only repeat what was just said. Pure: it is told the time.

The same text may appear three times in ten seconds; texts that differ only in their arguments, fifty times. So twenty lists
that fail are twenty lines, and an upstream that fails a thousand times a second is three and a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

Key = TypeVar("Key")
Text: TypeAlias = tuple[str, int, str]
"""(logger, level, message)"""

WINDOW: Final = 10.0
"""Seconds."""
SAME_TEXT: Final = 3
SAME_TEMPLATE: Final = 50
MAX_KEPT: Final = 1024
"""Different texts remembered at once; the oldest go first."""


@dataclass(slots=True)
class _Seen:
    since: float
    count: int = 0
    held_back: int = 0


class Repeats:
    """Remembers the texts of the last seconds."""

    __slots__ = ("_templates", "_texts")

    def __init__(self) -> None:
        self._texts: dict[Text, _Seen] = {}
        self._templates: dict[Hashable, _Seen] = {}

    def admits(self, template: Hashable, text: Text, now: float) -> bool:
        """Whether a line is to be written. ``template`` is the message without its arguments."""
        kind = _current(self._templates, template, now)
        line = _current(self._texts, text, now)
        kind.count += 1
        line.count += 1
        if kind.count <= SAME_TEMPLATE and line.count <= SAME_TEXT:
            return True
        line.held_back += 1
        return False

    def ended(self, now: float) -> list[tuple[Text, int]]:
        """The held-back texts whose time is over and how often each was held back. Each is told once."""
        over = []
        # Insertion order is the order of time, so the first that is not over ends the search.
        while self._texts:
            text, seen = next(iter(self._texts.items()))
            if now - seen.since < WINDOW and len(self._texts) <= MAX_KEPT:
                break
            del self._texts[text]
            if seen.held_back:
                over.append((text, seen.held_back))
        return over


def _current(seen: dict[Key, _Seen], key: Key, now: float) -> _Seen:
    entry = seen.get(key)
    if entry is None or now - entry.since >= WINDOW:
        seen.pop(key, None)
        seen[key] = entry = _Seen(now)
        while len(seen) > MAX_KEPT + 1:
            del seen[next(iter(seen))]
    return entry
