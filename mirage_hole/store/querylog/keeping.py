"""What is kept of the query log, and for how long: days that are too old go as a whole, and damaged files are repaired."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.database import Damaged, StoreProblem, connect_for_reading, open_database, put_aside
from mirage_hole.store.querylog.day import MIGRATIONS, PAGE, day_of, days_in, file_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

TIDY_EVERY: Final = 60.0
"""Seconds between two looks at the days."""
TABLES: Final = ("texts", "clients", "subjects", "minutes", "queries")
BLOCKED: Final = int(Outcome.BLOCKED)
_COMPANIONS: Final = ("-wal", "-shm")
_ROWS: Final = 10_000
_MODE: Final = 0o700


class Keep(NamedTuple):
    """How long and how much is kept."""

    allowed: int = 30
    """Days of queries that were not blocked."""
    blocked: int = 90
    """Days of blocked ones."""
    octets: int = 2 * 1024**3
    """Of all files together; the oldest days go."""


class Keeper:
    """Looks after the files of one directory; called by the thread that writes."""

    def __init__(self, directory: Path, keep: Keep, clock: Callable[[], float]) -> None:
        self.keep = keep
        self._directory = directory
        self._clock = clock
        self._tidied = float("-inf")
        self._reduced: set[int] = set()
        self._doubtful: set[Path] = set()

    def wanted(self, day: int, now: float) -> bool:
        """Whether queries of this day are kept at all; tomorrow's are, for the sake of clocks that differ a little."""
        today = day_of(now)
        return today - max(self.keep.allowed, self.keep.blocked) < day <= today + 1

    def make_directory(self) -> None:
        """Make it, for its owner alone.

        Raises:
            OSError: the disk does not take it.
        """
        self._directory.mkdir(mode=_MODE, parents=True, exist_ok=True)

    def repair(self) -> None:
        """Check the newest two files, as after a power cut, and take over what can be read of a damaged one."""
        try:
            newest = list(days_in(self._directory).values())[:2]
        except OSError as problem:
            log.error("the query log can't be read: %s", problem)
            return
        for path in newest:
            with contextlib.suppress(OSError, sqlite3.Error):
                if _complaint(path):
                    self.rescue(path)

    def doubt(self, path: Path) -> None:
        """A file turned out to be damaged: it is repaired at the next look."""
        self._doubtful.add(path)
        self._tidied = float("-inf")

    def rescue(self, path: Path) -> None:
        """Put a damaged file aside and copy what can be read of it into a new one.

        Raises:
            OSError, sqlite3.Error: the disk does not take it.
        """
        aside = put_aside(path, "damaged")
        copied, lost = _copy(aside, path)
        log.error("%s was damaged: %d queries were taken over%s; it is kept as %s", path, copied, lost, aside.name)

    def tidy(self, open_days: set[int]) -> None:
        """Remove what is too old or too much, now and then.

        Args:
            open_days: are written to; they are not reduced.

        Raises:
            OSError, sqlite3.Error: the disk does not take it.
        """
        now = self._clock()
        if 0 <= now - self._tidied < TIDY_EVERY:
            return
        self._tidied = now
        for path in self._doubtful & set(days_in(self._directory).values()):
            self._doubtful.discard(path)
            if _complaint(path):
                self.rescue(path)
        days = days_in(self._directory)
        today = day_of(now)
        for day, path in list(days.items()):
            if day in open_days:
                continue
            age = today - day
            if age >= max(self.keep.allowed, self.keep.blocked):
                _remove(path)
                del days[day]
            elif age >= min(self.keep.allowed, self.keep.blocked) and day not in self._reduced:
                self._reduce(path, blocked=self.keep.blocked > self.keep.allowed)
                self._reduced.add(day)
        sizes = {day: _size(path) for day, path in days.items()}
        total = sum(sizes.values())
        for day in sorted(sizes):
            if total <= self.keep.octets or day in open_days:
                break
            log.info("%s is removed: the query log would take more than %d MiB", days[day].name, self.keep.octets >> 20)
            _remove(days[day])
            total -= sizes[day]

    def forget(self, before: int | None = None) -> int:
        """Remove the files of all days, or of those before day ``before``; how many there were. Nobody may have them open.

        Raises:
            OSError: the disk does not take it.
        """
        found = [path for day, path in days_in(self._directory).items() if before is None or day < before]
        for path in found:
            _remove(path)
        return len(found)

    def _reduce(self, path: Path, *, blocked: bool) -> None:
        """Keep only the blocked queries of a day, or only the others: in a new file, so that the room comes back."""
        part = path.with_name(path.name + ".part")
        _remove(part)
        if _is_reduced(path, blocked=blocked):
            return
        with contextlib.closing(open_database(path, MIGRATIONS, synchronous="NORMAL")) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # nothing may be left in a log beside it
        with contextlib.closing(open_database(part, MIGRATIONS, synchronous="NORMAL", before=PAGE)) as connection:
            connection.execute("ATTACH ? AS whole", (str(path),))
            wanted = f"outcome {'=' if blocked else '!='} {BLOCKED}"
            connection.execute("BEGIN")
            for table in ("texts", "clients", "minutes"):
                connection.execute(f"INSERT INTO {table} SELECT * FROM whole.{table}")
            connection.execute(f"INSERT INTO subjects SELECT * FROM whole.subjects WHERE {wanted}")
            connection.execute(
                "INSERT INTO queries SELECT * FROM whole.queries WHERE subject IN (SELECT number FROM subjects) ORDER BY number"
            )
            connection.execute("COMMIT")
            connection.execute("DETACH whole")
            connection.execute("PRAGMA journal_mode = DELETE")
        for end in _COMPANIONS:
            path.with_name(path.name + end).unlink(missing_ok=True)
            part.with_name(part.name + end).unlink(missing_ok=True)
        part.replace(path)


def _is_reduced(path: Path, *, blocked: bool) -> bool:
    """Whether it was done in an earlier run: nothing else is left in the file."""
    with contextlib.closing(connect_for_reading(path)) as connection:
        text = f"SELECT 1 FROM subjects WHERE outcome {'!=' if blocked else '='} {BLOCKED} LIMIT 1"
        return connection.execute(text).fetchone() is None


def _complaint(path: Path) -> str:
    """What is wrong with a file, in SQLite's words; empty when nothing is."""
    try:
        with contextlib.closing(connect_for_reading(path)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except Damaged as problem:
        return str(problem)
    except sqlite3.DatabaseError as problem:
        return "" if isinstance(problem, sqlite3.OperationalError) else str(problem)
    return "" if said == "ok" else str(said)


def _copy(damaged: Path, path: Path) -> tuple[int, str]:
    """(queries that were copied, what was lost, for people)."""
    with contextlib.closing(open_database(path, MIGRATIONS, synchronous="NORMAL", before=PAGE)) as new:
        try:
            old = connect_for_reading(damaged)
        except (StoreProblem, OSError):
            return 0, ", nothing of it could be read"
        lost = ""
        copied = 0
        with contextlib.closing(old):
            for table in TABLES:
                try:
                    cursor = old.execute(f"SELECT * FROM {table} NOT INDEXED")
                    while rows := cursor.fetchmany(_ROWS):
                        marks = ", ".join("?" * len(rows[0]))
                        new.execute("BEGIN")
                        new.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)
                        new.execute("COMMIT")
                        copied += len(rows) if table == "queries" else 0
                except sqlite3.DatabaseError as problem:
                    lost = f", the rest could not be read ({problem})"
                    if new.in_transaction:
                        new.execute("ROLLBACK")
        new.execute("DELETE FROM queries WHERE subject NOT IN (SELECT number FROM subjects)")
        new.execute("DELETE FROM queries WHERE client NOT IN (SELECT number FROM clients)")
    return copied, lost


def _size(path: Path) -> int:
    total = 0
    for end in ("", *_COMPANIONS):
        with contextlib.suppress(FileNotFoundError):
            total += path.with_name(path.name + end).stat().st_size
    return total


def _remove(path: Path) -> None:
    for end in (*_COMPANIONS, ""):
        path.with_name(path.name + end).unlink(missing_ok=True)


__all__ = ["Keep", "Keeper", "file_of"]
