"""The query log in the control plane: hands records to the thread that writes, and lets people look at what it wrote."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from mirage_hole.api.problems import Refusal
from mirage_hole.observe.privacy import Privacy, is_hidden
from mirage_hole.store.querylog.day import day_of
from mirage_hole.store.querylog.keeping import Keep
from mirage_hole.store.querylog.search import Reader
from mirage_hole.store.querylog.writer import Counts, LogWriter, Words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from pathlib import Path

    from mirage_hole.config.settled import QueryLogSettings
    from mirage_hole.observe.exports import Format
    from mirage_hole.observe.generations import Generations
    from mirage_hole.observe.record import Subject
    from mirage_hole.store.querylog.filters import Filter
    from mirage_hole.store.querylog.search import Page

log = logging.getLogger(__name__)

FOLDER: Final = "log"
WRITE_EVERY: Final = {"normal": 1.0, "sd-card": 300.0}
"""Seconds by profile."""
LOOKS: Final = 2
"""Searches at the same time."""
MAX_LOOKS: Final = 16
"""Those, and those that wait for their turn."""
EXPORTS: Final = 2
"""At the same time; besides the searches, since whoever reads an export slowly must not end everybody's searches."""
LOOK_WITHIN: Final = 0.5
"""Seconds that a search waits for the newest rows."""
CLOSE_WITHIN: Final = 5.0
"""Seconds that the end waits for the last rows."""
NOTHING: Final = Counts(0, 0, 0, 0, 0, 0, "")


class QueryLogService:
    """One for the life of the supervisor. :meth:`offer` is called for every frame, and never waits."""

    def __init__(
        self,
        directory: Path,
        settings: QueryLogSettings,
        generations: Generations,
        upstream: Callable[[int], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            directory: the state directory.
            settings: of the log.
            generations: knows the titles of lists and the lines of their rules.
            upstream: the address of the upstream with this index.
            clock: seconds since the epoch.
        """
        self._directory = directory / FOLDER
        self._settings = settings
        self._generations = generations
        self._clock = clock
        self._words = Words(generations.title, self._line, upstream)
        self._writer: LogWriter | None = None
        self._before = NOTHING
        self.privacy = Privacy(settings.privacy, settings.exclude)
        self._reader = Reader(self._directory)
        self._looks = asyncio.Semaphore(LOOKS)
        self._waiting = 0
        self._exports = 0
        if self.enabled:
            self._start()

    @property
    def enabled(self) -> bool:
        """Whether queries are logged on the disk."""
        return self._settings.enabled and self.privacy.logs

    @property
    def trouble(self) -> str:
        """Why queries are not logged though they should be; empty when they are."""
        return self._writer.counts().trouble if self._writer is not None else ""

    def counts(self) -> Counts:
        """What became of the rows since the start."""
        if self._writer is None:
            return self._before
        return _sum(self._before, self._writer.counts())

    def offer(self, frame: bytes, rows: int) -> None:
        """Log a frame of records, of which privacy has taken away already what nobody is to know."""
        if self._writer is not None and rows:
            self._writer.offer(frame, rows)

    def change(self, settings: QueryLogSettings) -> None:
        """Take new settings. What is logged already stays, until it is too old."""
        was = self.enabled
        self._settings = settings
        self.privacy = Privacy(settings.privacy, settings.exclude)
        if self.enabled and not was:
            self._start()
        elif was and not self.enabled:
            self._end(within=0.0)
        elif self._writer is not None:
            self._writer.every = WRITE_EVERY[settings.profile]
            self._writer.skipped = self._skipped()
            self._writer.keeper.keep = self._keep()

    def close(self, within: float = CLOSE_WITHIN) -> None:
        """Write what waits, for so many seconds at most, and end. Waits for the disk."""
        self._end(within)

    async def page(self, wanted: Filter, limit: int, before: int | None) -> Page:
        """Some of the queries, the newest first.

        Raises:
            Refusal: 503: too many look at the same time, or the disk can't be read.
        """
        async with self._turn():
            if before is None:
                await self._newest()
            try:
                return await asyncio.to_thread(self._reader.page, wanted, limit, before)
            except (OSError, sqlite3.Error) as problem:
                raise _unreadable(problem) from None

    @asynccontextmanager
    async def export(self, wanted: Filter, form: Format) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """All of the queries, as the pieces of a file.

        Raises:
            Refusal: 503: too many are under way.
        """
        if self._exports >= EXPORTS:
            detail = f"{EXPORTS} exports are under way, and that is the limit; try again when one has ended."
            raise Refusal(503, detail, headers={"Retry-After": "10"})
        self._exports += 1
        try:
            await self._newest()
            # Each export has a thread of its own, since a database belongs to the thread that has opened it.
            executor = ThreadPoolExecutor(1, "export")
            loop = asyncio.get_running_loop()
            pieces = self._reader.export(wanted, form)

            async def give() -> AsyncGenerator[bytes, None]:
                while True:
                    piece = await loop.run_in_executor(executor, next, pieces, None)
                    if piece is None:
                        return
                    yield piece

            generator = give()
            try:
                yield generator
            finally:
                await generator.aclose()
                executor.submit(pieces.close)
                executor.shutdown(wait=False)
        finally:
            self._exports -= 1

    async def forget(self, before: float | None) -> int:
        """Remove all days, or those that ended before this moment; how many there were.

        Raises:
            Refusal: 503: the disk does not take it.
        """
        last = None if before is None else day_of(before)
        writer, self._writer = self._writer, None  # nobody may write to what is removed
        try:
            if writer is not None and not await asyncio.to_thread(writer.stop):
                raise Refusal(503, "The disk is too slow: nothing was removed.", headers={"Retry-After": "10"})
            keeper = (writer or self._make_writer()).keeper
            return await asyncio.to_thread(keeper.forget, last)
        except OSError as problem:
            raise _unreadable(problem) from None
        finally:
            if writer is not None:
                self._before = _sum(self._before, writer.counts())
            if self.enabled and self._writer is None:
                self._start()

    async def _newest(self) -> None:
        """What waits is written before somebody looks, if the disk takes it soon: a memory card is written seldom otherwise."""
        if self._writer is not None:
            await asyncio.to_thread(self._writer.flush, LOOK_WITHIN)

    def _start(self) -> None:
        self._writer = self._make_writer()
        self._writer.start()

    def _make_writer(self) -> LogWriter:
        return LogWriter(
            self._directory,
            self._words,
            self._keep(),
            every=WRITE_EVERY[self._settings.profile],
            skipped=self._skipped(),
            clock=self._clock,
        )

    def _end(self, within: float) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if not writer.stop(within) and within:
            log.warning("the query log could not be written to its end: the disk is too slow")
        self._before = _sum(self._before, writer.counts())

    def _keep(self) -> Keep:
        return Keep(self._settings.keep, self._settings.keep_blocked, self._settings.size)

    def _skipped(self) -> Callable[[bytes], bool] | None:
        """Excluded clients arrive hidden; where all are hidden, nobody can tell them apart any more."""
        return is_hidden if self._settings.exclude and not self.privacy.hides_clients else None

    def _line(self, generation: int, subject: Subject) -> int:
        return (
            self._generations.line(generation, subject.list_id, subject.rule, subject.scope) if not subject.text else 0
        )

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= MAX_LOOKS:
            raise Refusal(503, "Too many searches at the same time.", headers={"Retry-After": "2"})
        self._waiting += 1
        try:
            async with self._looks:
                yield
        finally:
            self._waiting -= 1


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(
        one.written + other.written,
        one.dropped_queue + other.dropped_queue,
        one.dropped_disk + other.dropped_disk,
        one.dropped_time + other.dropped_time,
        one.excluded + other.excluded,
        other.queue_octets,
        other.trouble,
    )


def _unreadable(problem: OSError | sqlite3.Error) -> Refusal:
    log.error("the query log can't be read: %s", problem)
    reason = getattr(problem, "strerror", None) or problem
    return Refusal(503, f"The query log can't be read: {reason}.", headers={"Retry-After": "10"})
