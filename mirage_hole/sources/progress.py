"""How far the lists are: events while they are fetched and compiled, and a board that keeps the newest of each list.

Whoever wants to show progress looks at the board when it suits him, so a thousand chunks cost a page nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Stage(Enum):
    """What has just happened."""

    STARTED = "started"
    RECEIVING = "receiving"
    UNCHANGED = "unchanged"
    UPDATED = "updated"
    HELD = "held"
    """It arrived, and has lost too many rules to be used unseen."""
    FAILED = "failed"
    COMPILING = "compiling"
    """All lists together, so it has no key."""
    COMPILED = "compiled"
    """Likewise; ``error`` says when it failed."""


FINAL: Final = frozenset({Stage.UNCHANGED, Stage.UPDATED, Stage.HELD, Stage.FAILED})
"""The last event of a fetch."""


class Progress(NamedTuple):
    """One event."""

    stage: Stage
    key: str = ""
    """Of the list."""
    title: str = ""
    received: int = 0
    """Octets on the way so far, packed as they come."""
    total: int | None = None
    """Octets to come in all; None when the server does not say."""
    error: str = ""


class Board:
    """The newest event of each list that is on its way, and whether the compiler works."""

    def __init__(self) -> None:
        self.compiling = False
        self._on_the_way: dict[str, Progress] = {}
        self._listeners: list[Callable[[Progress], object]] = []

    def take(self, event: Progress) -> None:
        """Note an event, and pass it on to those who listen."""
        if event.stage in {Stage.COMPILING, Stage.COMPILED}:
            self.compiling = event.stage is Stage.COMPILING
        elif event.stage in FINAL:
            self._on_the_way.pop(event.key, None)
        else:
            self._on_the_way[event.key] = event
        for listener in tuple(self._listeners):
            listener(event)

    def of(self, key: str) -> Progress | None:
        """The newest event of a list; None when nothing is going on with it."""
        return self._on_the_way.get(key) or (Progress(Stage.COMPILING, key) if self.compiling else None)

    @property
    def busy(self) -> bool:
        return self.compiling or bool(self._on_the_way)

    def listen(self, listener: Callable[[Progress], object]) -> Callable[[], None]:
        """Pass every event on to ``listener``, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
