"""The thread that writes the query log: takes frames from a bounded queue, batches them, and keeps the days in their bounds.

Nothing ever waits for it. What the queue has no room for, and what a disk that is full, slow or gone does not take, is dropped and
counted.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, decode_subject
from mirage_hole.observe.segments import BadFrame, read_frame
from mirage_hole.store.database import Damaged
from mirage_hole.store.querylog.day import DAY, DayFile, NewRow, SubjectRow, day_of, file_of
from mirage_hole.store.querylog.keeping import Keep, Keeper
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.observe.record import Subject
    from mirage_hole.observe.segments import Frame

log = logging.getLogger(__name__)

MAX_QUEUE: Final = 32 * 1024 * 1024
"""Octets of frames that wait."""
BATCH: Final = 50_000
"""Rows of one transaction, about."""
OPEN_DAYS: Final = 2
AGAIN: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds until a disk is tried again that has refused."""
CHECKPOINT_ROWS: Final = 200_000
_CLOSING: Final = 10.0
"""Seconds that the end waits for the last batch."""


class Counts(NamedTuple):
    """What became of the rows of this run."""

    written: int
    dropped_queue: int
    """There was no room in the queue."""
    dropped_disk: int
    """The disk did not take them."""
    dropped_time: int
    """Of a day that is too far away."""
    excluded: int
    """Of clients that are not logged."""
    queue_octets: int
    trouble: str
    """Why the disk does not take rows; empty when it does."""


class Words(NamedTuple):
    """What turns the numbers of a record into words."""

    title: Callable[[int, int], str]
    """Generation and list id to the list's title."""
    line: Callable[[int, Subject], int]
    """Generation and subject to the rule's line; 0 when it is not known."""
    upstream: Callable[[int], str]
    """Index of an upstream to its address."""


class LogWriter:
    """One thread that writes. :meth:`offer` may be called by any other, and never waits."""

    def __init__(
        self,
        directory: Path,
        words: Words,
        keep: Keep,
        *,
        every: float = 1.0,
        skipped: Callable[[bytes], bool] | None = None,
        clock: Callable[[], float] = time.time,
        max_queue: int = MAX_QUEUE,
    ) -> None:
        """Nothing is opened yet.

        Args:
            directory: for the files; it is made when it is missing.
            words: what records mean.
            keep: how long and how much.
            every: seconds a row waits at most before it is written.
            skipped: whether a client's (address octets) queries are not logged; None: all are.
            clock: seconds since the epoch.
            max_queue: octets of frames that may wait.
        """
        self._directory = directory
        self._words = words
        self._clock = clock
        self._max_queue = max_queue
        self.every = every
        self.skipped = skipped
        self.keeper = Keeper(directory, keep, clock)
        self._frames: deque[tuple[bytes, int]] = deque()
        self._octets = 0
        self._condition = threading.Condition()
        self._ending = False
        self._flush = False
        self._thread: threading.Thread | None = None
        self._days: dict[int, DayFile] = {}
        self._since_checkpoint = 0
        self._written = self._no_room = self._no_disk = self._no_day = self._excluded = 0
        self._trouble = ""
        self._idle = threading.Event()
        self._idle.set()

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._run, name="query log", daemon=True)
        self._thread.start()

    def stop(self, within: float = _CLOSING) -> bool:
        """Write what waits and end. False: the disk took longer than ``within`` seconds, and the thread was left behind."""
        with self._condition:
            self._ending = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(within)
            return not self._thread.is_alive()
        return True

    def offer(self, frame: bytes, rows: int) -> bool:
        """Take a frame of ``rows`` records; False when there is no room, and they are counted as dropped."""
        with self._condition:
            if self._ending or self._octets + len(frame) > self._max_queue:
                self._no_room += rows
                return False
            self._frames.append((frame, rows))
            self._octets += len(frame)
            self._idle.clear()
        return True

    def flush(self, within: float = 10.0) -> bool:
        """Wait until what was offered is written, for tests and exports. False: not within so many seconds."""
        with self._condition:
            self._flush = True
            self._condition.notify()
        return self._idle.wait(within)

    def counts(self) -> Counts:
        """As of now."""
        return Counts(
            self._written, self._no_room, self._no_disk, self._no_day, self._excluded, self._octets, self._trouble
        )

    def _run(self) -> None:
        failures = 0
        self.keeper.repair()
        while True:
            frames = self._wait()
            if frames is None:
                break
            try:
                self._write(frames)
                self.keeper.tidy(set(self._days))
                failures, self._trouble = 0, ""
            except (OSError, sqlite3.Error) as problem:
                self._fail(problem)
                with self._condition:
                    ended = self._condition.wait_for(lambda: self._ending, AGAIN[min(failures, len(AGAIN) - 1)])
                failures += 1
                if ended:
                    break
            finally:
                with self._condition:
                    if not self._frames:
                        self._flush = False
                        self._idle.set()
        self._close(set(self._days))

    def _wait(self) -> list[tuple[bytes, int]] | None:
        """The next batch; None at the end."""
        with self._condition:
            self._condition.wait_for(lambda: self._ending or self._flush, self.every)
            if not self._frames and self._ending:
                return None
            taken: list[tuple[bytes, int]] = []
            rows = 0
            while self._frames and rows < BATCH:
                frame = self._frames.popleft()
                self._octets -= len(frame[0])
                rows += frame[1]
                taken.append(frame)
            if self._frames:
                self._flush = True  # go on at once
            return taken

    def _write(self, frames: list[tuple[bytes, int]]) -> None:
        rows: dict[int, list[NewRow]] = {}
        waiting = sum(count for _, count in frames)
        try:
            for octets, count in frames:
                try:
                    frame = read_frame(octets)
                except BadFrame:
                    continue
                try:
                    self._take(frame, rows)
                except (OSError, sqlite3.Error):
                    raise
                except Exception:  # one frame that nobody can make sense of must not end the log
                    log.exception("%d queries can't be logged", count)
            for day, new in rows.items():
                written = self._day(day).write(new)
                self._written += written
                waiting -= written
                self._since_checkpoint += written
        except (OSError, sqlite3.Error):
            self._no_disk += max(0, waiting)
            raise
        self._close(set(sorted(self._days)[:-OPEN_DAYS]))
        if self._since_checkpoint >= CHECKPOINT_ROWS:
            self._since_checkpoint = 0
            for one in self._days.values():
                one.checkpoint()

    def _take(self, frame: Frame, rows: dict[int, list[NewRow]]) -> None:
        now = self._clock()
        generation = frame.generation
        skipped = self.skipped
        for segment in frame.segments:
            at = segment.at
            day = day_of(at)
            if not self.keeper.wanted(day, now):
                self._no_day += len(segment.subjects)
                continue
            file = self._day(day)
            new = rows.setdefault(day, [])
            transport = segment.transport
            durations = segment.durations or (0.0,) * len(segment.subjects)
            for subject, client, duration in zip(segment.subjects, segment.clients, durations, strict=True):
                if skipped is not None and skipped(client):
                    self._excluded += 1
                    continue
                key = (generation, transport, subject)
                number = file.subject(key) or file.new_subject(key, self._in_words(generation, transport, subject))
                new.append(NewRow(at, number, client, duration))

    def _in_words(self, generation: int, transport: int, encoded: bytes) -> SubjectRow:
        subject = decode_subject(encoded)
        ruled = subject.list_id != NO_LIST
        return SubjectRow(
            to_text(subject.name) if subject.name else "",
            subject.qtype,
            int(subject.outcome),
            subject.rcode,
            self._words.title(generation, subject.list_id) if ruled else "",
            (subject.text or to_text(subject.rule)) if ruled else "",
            -1 if subject.text or not ruled else subject.scope,
            (subject.line or self._words.line(generation, subject)) if ruled else 0,
            "" if subject.upstream == NO_UPSTREAM else self._words.upstream(subject.upstream),
            transport,
        )

    def _day(self, day: int) -> DayFile:
        found = self._days.get(day)
        if found is not None:
            return found
        self.keeper.make_directory()
        path = self._directory / file_of(day)
        try:
            opened = DayFile(path, day)
        except Damaged:
            self.keeper.rescue(path)
            opened = DayFile(path, day)
        self._days[day] = opened
        return opened

    def _close(self, days: set[int]) -> None:
        for day in days:
            self._days.pop(day).close(over=day < day_of(self._clock()))

    def _fail(self, problem: OSError | sqlite3.Error) -> None:
        trouble = f"{self._directory}: {getattr(problem, 'strerror', None) or problem}"
        if trouble != self._trouble:
            log.error("queries are not logged: %s; DNS is not affected, and it is tried again", trouble)
        self._trouble = trouble
        damaged = isinstance(problem, sqlite3.DatabaseError) and not isinstance(problem, sqlite3.OperationalError)
        for day, file in list(self._days.items()):
            file.close()
            del self._days[day]
            if damaged:
                self.keeper.doubt(self._directory / file_of(day))


__all__ = ["DAY", "Counts", "LogWriter", "Words"]
