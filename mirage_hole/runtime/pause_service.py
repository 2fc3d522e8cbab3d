"""Keeps a pause of blocking: in a file, so that a restart does not end it, and in the audit log, so that people know whose it is."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from mirage_hole.runtime.pausing import Pause
from mirage_hole.runtime.state_files import read_at_most, replace_files
from mirage_hole.runtime.threads import to_the_end

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.store.changes import Change
    from mirage_hole.store.state import StateStore

log = logging.getLogger(__name__)

NAME: Final = "pause.json"
LONGEST: Final = 366 * 86400.0
"""Seconds: a year."""
_MAX_FILE: Final = 4096
_NONE: Final[dict[str, Any]] = {"paused": False, "until": None, "since": None, "who": "", "reason": "", "kept": True}


class Told(Protocol):
    """Who lets everything through: :class:`mirage_hole.runtime.workers.Workers`."""

    def pause(self, until: float | None) -> None:
        """Until then (seconds since the epoch); None: block again."""


class PauseService:
    """One pause at a time. :meth:`start` belongs before the start of the workers: none may block while a pause lasts."""

    def __init__(
        self,
        directory: Path,
        workers: Told,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = directory / NAME
        self._workers = workers
        self._wall = wall
        self._clock = clock
        self._pause = Pause()
        self._ends_at = 0.0
        self._known: dict[str, Any] = dict(_NONE)
        self._busy = asyncio.Lock()
        self.store: StateStore | None = None
        """Where the audit log is."""

    def start(self) -> None:
        """Go on with the pause of the last run, if it is not over. Waits for the disk."""
        known = self._read()
        if known is not None:
            self._take(known)

    def view(self) -> dict[str, Any]:
        """The pause that lasts: ``paused``, ``until``, ``since``, ``who``, ``reason``, and whether it is ``kept`` over a restart."""
        if not self._known["paused"]:
            return self._known
        wall, now = self._wall(), self._clock()
        shortened = self._pause.shortened(wall, now)
        if shortened is not None:
            self._ends_at = shortened
        if now >= self._ends_at:
            self._known = dict(_NONE)
        return self._known

    async def begin(self, until: float, reason: str, who: str) -> dict[str, Any]:
        """Let everything through until then (seconds since the epoch), instead of an earlier pause.

        A disk that can't be written does not keep anybody from pausing; the answer says that a restart would end it.
        """
        async with self._busy:
            before = self.view()
            known = {"paused": True, "until": until, "since": self._wall(), "who": who, "reason": reason, "kept": True}
            try:
                await to_the_end(None, replace_files, {self._path: orjson.dumps(known)})
            except OSError as problem:
                log.warning("%s: %s; a restart would end the pause", self._path, problem.strerror or problem)
                known["kept"] = False
            self._take(known)
            await self._tell(who, "pause", before, known)
            return known

    async def end(self, who: str) -> dict[str, Any]:
        """Block again."""
        async with self._busy:
            before = self.view()
            try:
                await to_the_end(None, self._path.unlink, missing_ok=True)
            except OSError as problem:
                log.warning("%s: %s; after a restart the pause would go on", self._path, problem.strerror or problem)
            self._known = dict(_NONE)
            self._pause.begin(None, 0.0, 0.0)
            self._workers.pause(None)
            if before["paused"]:
                await self._tell(who, "resume", before, self._known)
            return self._known

    def _take(self, known: dict[str, Any]) -> None:
        self._known = known
        self._ends_at = self._pause.begin(known["until"], self._wall(), self._clock()) or 0.0
        self._workers.pause(known["until"])

    async def _tell(self, who: str, what: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        if after["paused"]:
            until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(after["until"]))
            log.info("nothing is blocked until %s: %s paused it", until, who)
        else:
            log.info("blocking again: %s ended the pause", who)
        store = self.store
        if store is None:
            return

        def work(change: Change) -> None:
            change.note(_told(before), _told(after))

        try:
            await to_the_end(None, lambda: store.change(who, what, "blocking", work))
        except OSError as problem:
            log.warning("the audit log does not say that %s: %s", what, problem.strerror or problem)

    def _read(self) -> dict[str, Any] | None:
        try:
            found = orjson.loads(read_at_most(self._path, _MAX_FILE))
            until, since = float(found["until"]), float(found["since"])
            who, reason = str(found["who"])[:200], str(found["reason"])[:200]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as problem:
            log.warning("%s can't be used, so blocking goes on: %s", self._path, problem)
            return None
        left = until - self._wall()
        if not 0 < left <= LONGEST:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            return None
        log.info("nothing is blocked for %d more seconds: %s paused it", left, who or "somebody")
        return {"paused": True, "until": until, "since": since, "who": who, "reason": reason, "kept": True}


def _told(known: dict[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in ("until", "reason")} if known["paused"] else {"until": None}
