"""Keeps the roll-ups: gives finished minutes to a thread of their own, and puts together what is asked of them.

The event loop never waits for the disk: minutes that wait for it are bounded, and when there are too many, the oldest go and are
counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import queue
import sqlite3
import threading
import time
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final, TypeVar

from mirage_hole.observe.rollup import DAY, HOUR, MINUTE, Facet, Unit
from mirage_hole.store.database import Damaged, StoreProblem, is_damage
from mirage_hole.store.statistics import FILE, Keep, StatisticsStore
from mirage_hole.store.statistics_read import StatisticsReader, reading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.config.settled import StatisticsSettings
    from mirage_hole.observe.statistics import Statistics

log = logging.getLogger(__name__)

EVERY: Final = 2.0
"""Seconds between two looks for finished minutes."""
MAX_WAITING: Final = 60
"""Minutes that may wait for the disk."""
MAX_KEYS: Final = 300_000
"""Keys in all of them."""
AGAIN: Final = 15.0
"""Seconds until the thread tries again what failed."""
PRUNE_EVERY: Final = 3600.0
STOP_WITHIN: Final = 3.0
"""Seconds for the last minute to be written at the end."""
RESTORE_WITHIN: Final = 10.0
READERS: Final = 2
MAX_READERS: Final = 16
"""Looks that may wait for their turn."""

_RESTORED: Final = frozenset({Facet.NAME, Facet.BLOCKED_NAME, Facet.CLIENT, Facet.BLOCKED_CLIENT})

T = TypeVar("T")


class StatisticsService:
    """One for the life of the supervisor. Everything but the thread's own methods is called in the event loop."""

    def __init__(
        self,
        directory: Path,
        statistics: Statistics,
        settings: StatisticsSettings,
        *,
        clock: Callable[[], float] = time.time,
        again: float = AGAIN,
    ) -> None:
        self.path = directory / FILE
        self.enabled = settings.enabled
        self.trouble = ""
        """Why nothing can be kept, for people; empty when it can."""
        self.restored = asyncio.Event()
        self._statistics = statistics
        self._clock = clock
        self._again = again
        self._store = StatisticsStore(self.path, Keep(*settings[1:]))
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._unwritten: dict[int, Unit] = {}
        self._lost = 0
        self._keys = 0
        self._batch = 0
        self._minute = 0
        self._is_mine = False
        self._writing = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_prune = 0.0
        self._retry_at = 0.0
        self._readers = asyncio.Semaphore(READERS)
        self._looking = 0
        self._statistics.minutes_kept.keep = settings.enabled

    @property
    def lost(self) -> int:
        """Queries since the start that are in no roll-up: the disk was too slow or could not be written."""
        return self._lost + self._statistics.minutes_kept.lost

    # -- settings --

    def change(self, settings: StatisticsSettings) -> None:
        """Take new settings."""
        self._store.keep = Keep(*settings[1:])
        self._next_prune = 0.0
        minutes = self._statistics.minutes_kept
        if settings.enabled != self.enabled:
            self._statistics.totals()  # what is tallied belongs to the old setting
            self.enabled = minutes.keep = settings.enabled
            if not self.enabled:
                self._offer(None)

    def hide(self, privacy: str, exclude: tuple[str, ...] = ()) -> None:
        """Count no names, or no clients, from now on; what was written stays, see :meth:`clear`.

        Args:
            privacy: ``full``, ``hide-names``, ``hide-clients`` or ``statistics``, which hides both.
            exclude: networks of clients that are never told apart, in CIDR notation.
        """
        networks = [ip_network(one, strict=False) for one in exclude]

        @lru_cache(4096)
        def hidden(client: bytes) -> bool:
            address = ip_address(client)
            return any(address in network for network in networks)

        self._statistics.hide(
            names=privacy in {"hide-names", "statistics"},
            clients=privacy in {"hide-clients", "statistics"},
            hidden=hidden if networks else None,
        )

    # -- writing --

    async def run(self) -> None:
        """Read what was kept, then keep what comes, until cancelled; :meth:`close` writes the rest."""
        self._begin()
        while True:
            minute = int(self._clock()) // MINUTE
            if self.enabled and minute != self._minute:
                self._statistics.totals()  # settles: a minute that no query follows is over as well
                self._offer(minute)
                self._minute = minute
            self._hand_over()
            await asyncio.sleep(EVERY)

    async def close(self, within: float = STOP_WITHIN) -> bool:
        """Write what there is, also of the running minute; whether that was done in time. The thread ends."""
        if self._thread is None or self._loop is None:
            return False
        self._statistics.totals()
        if self.enabled:
            self._offer(None)
        done = asyncio.Event()
        loop = self._loop
        self._retry_at = 0.0

        def last() -> None:
            self._store.close()
            _tell(loop, done.set)

        self._hand_over(last=True)
        self._work.put(last)
        self._work.put(None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await done.wait()
        written = done.is_set() and not self._unwritten
        if not written and self._unwritten:
            log.warning("%d minutes of statistics could not be written in time", len(self._unwritten))
        self._thread = None
        return written

    def _begin(self) -> None:
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            # A daemon: a disk that does not answer must not keep the process from ending.
            self._thread = threading.Thread(target=self._serve, name="statistics", daemon=True)
            self._thread.start()
            if self.enabled or self.path.exists():
                self._work.put(self._open_and_restore)

    def _offer(self, minute: int | None) -> None:
        """Put finished minutes among those that wait."""
        for unit in self._statistics.minutes_kept.take(minute):
            self._batch += 1
            self._unwritten[self._batch] = unit
            self._keys += _size(unit)
        while len(self._unwritten) > MAX_WAITING or (self._keys > MAX_KEYS and len(self._unwritten) > 1):
            oldest = next(iter(self._unwritten))
            gone = self._unwritten.pop(oldest)
            self._keys -= _size(gone)
            self._lost += gone.queries

    def _hand_over(self, *, last: bool = False) -> None:
        """Let the thread write what waits, unless it is at it."""
        ticks = time.monotonic()
        if self._thread is None or (
            not last and (self._writing or not self.restored.is_set() or ticks < self._retry_at)
        ):
            return
        now, prune = self._clock(), ticks >= self._next_prune and not last
        if not self._unwritten and not prune:
            return
        units = dict(self._unwritten)
        self._writing = True
        if prune:
            self._next_prune = ticks + PRUNE_EVERY
        self._work.put(lambda: self._write(units, now, ticks if prune else None))

    def _wrote(self, batch: int, problem: str) -> None:
        self._writing = False
        for number in [number for number in self._unwritten if number <= batch]:
            self._keys -= _size(self._unwritten.pop(number))
        if problem:
            self._retry_at = time.monotonic() + self._again
            if not self.trouble:
                log.error("statistics are not kept: %s; this is tried again", problem)
        elif self.trouble:
            log.info("statistics are kept again")
        self.trouble = problem

    # -- in the thread --

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except Exception:  # the thread has to live for the next minute
                log.exception("statistics: this was not expected")

    def _write(self, units: dict[int, Unit], now: float, prune_at: float | None) -> None:
        assert self._loop is not None
        batch, problem = 0, ""
        try:
            self._open()
            fresh = [number for number in units if number > self._store.written]
            if units and fresh:
                self._store.write(max(units), [units[number] for number in fresh], now)
            batch = max(units, default=0)
            if prune_at is not None:
                self._store.prune(now, prune_at)
        except (sqlite3.Error, OSError, StoreProblem) as failure:
            problem = self._failed(failure)
        except Exception as failure:
            problem = str(failure) or type(failure).__name__
            raise
        finally:
            _tell(self._loop, lambda: self._wrote(batch, problem))

    def _failed(self, failure: Exception) -> str:
        """What is wrong, in words; a damaged file is put aside, so that the next try begins a new one."""
        if isinstance(failure, Damaged) or (isinstance(failure, sqlite3.Error) and is_damage(failure)):
            with contextlib.suppress(OSError):
                aside = self._store.put_aside()
                return f"{self.path} is damaged; it is kept as {aside.name}, and a new one is begun"
        if not isinstance(failure, sqlite3.Error):
            return str(failure)
        with contextlib.suppress(sqlite3.Error):
            self._store.close()  # a disk that was full or read-only may need to be looked at anew
        return f"{self.path}: {failure}"

    def _open(self) -> None:
        """Open the file where it is not. Batches are counted from the start of this process."""
        if not self._store.is_open:
            self._store.open()
        if not self._is_mine:
            self._store.count_batches_from(0)
            self._is_mine = True

    def _open_and_restore(self) -> None:
        assert self._loop is not None
        problem = ""
        minutes: list[tuple[int, int, int]] = []
        hours: list[Unit] = []
        try:
            if self._store.open():
                now = self._clock()
                with reading(self.path) as reader:
                    units = reader.units(MINUTE, int(now) - DAY, int(now) + MINUTE)
                    minutes = [(unit.at, unit.queries, unit.blocked) for unit in units]
                    hours = [
                        _in_words(unit, reader)
                        for unit in reader.units(HOUR, int(now) - DAY, int(now) + 1, tops=_RESTORED)
                    ]
            self._open()  # last: what can only be read is shown all the same
        except (sqlite3.Error, OSError, StoreProblem) as failure:
            problem = self._failed(failure)
        finally:
            _tell(self._loop, lambda: self._take_over(minutes, hours, problem))

    def _take_over(self, minutes: list[tuple[int, int, int]], hours: list[Unit], problem: str) -> None:
        if minutes or hours:
            self._statistics.preceded_by(minutes, hours, self._clock())
        self._wrote(0, problem)
        self.restored.set()

    # -- reading --

    def now(self) -> float:
        """Seconds since the epoch, by the clock that the figures go by."""
        return self._clock()

    async def look(self, read: Callable[[StatisticsReader], T]) -> T:
        """What ``read`` says of everything up to now; it runs in a thread.

        Raises:
            Busy: too many look already.
            OSError, sqlite3.Error, StoreProblem: the file can't be read.
        """
        if self._looking >= MAX_READERS:
            message = "too many look at once"
            raise BlockingIOError(errno.EAGAIN, message)
        self._looking += 1
        try:
            async with self._readers:
                self._statistics.totals()  # settles
                running = [(1 << 62, _copy(unit)) for unit in self._statistics.minutes_kept.running()]
                # Until the file is taken over, its number of batches is another process's.
                begin = 0 if self._is_mine else 1 << 60
                unwritten = [*((begin + number, unit) for number, unit in self._unwritten.items()), *running]
                return await asyncio.to_thread(self._look, read, unwritten)
        finally:
            self._looking -= 1

    def _look(self, read: Callable[[StatisticsReader], T], unwritten: list[tuple[int, Unit]]) -> T:
        if not self.path.exists():
            raise FileNotFoundError(errno.ENOENT, "no statistics were kept", str(self.path))
        with reading(self.path, unwritten) as reader:
            return read(reader)

    async def clear(self) -> None:
        """Forget every roll-up.

        Raises:
            OSError: the file can't be written; nothing was forgotten but what waited.
        """
        self._begin()
        assert self._loop is not None
        loop = self._loop
        done: asyncio.Future[str] = loop.create_future()
        self._statistics.totals()
        self._statistics.minutes_kept.forget()
        self._batch += 1
        batch = self._batch
        self._unwritten.clear()
        self._keys = 0

        def work() -> None:
            problem = ""
            try:
                self._open()
                self._store.clear(batch)
            except (sqlite3.Error, OSError, StoreProblem) as failure:
                problem = self._failed(failure)
            _tell(loop, lambda: None if done.done() else done.set_result(problem))

        self._work.put(work)
        if problem := await done:
            raise OSError(problem)


def _size(unit: Unit) -> int:
    return sum(len(table.counts) for table in unit.facets.values())


def _copy(unit: Unit) -> Unit:
    """The event loop goes on counting while a thread reads."""
    copied = Unit(unit.at)
    copied.merge(unit)
    return copied


def _in_words(unit: Unit, reader: StatisticsReader) -> Unit:
    """The tables of names and clients, by their words again."""
    found = Unit(unit.at)
    for facet in _RESTORED:
        counts = unit.counts(facet)
        words = reader.words(key for key in counts if isinstance(key, int))
        found.of(facet).add({words[key]: number for key, number in counts.items() if key in words})
    return found


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """From the thread; a loop that has ended hears nothing."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
