"""Writes ``statistics.db``: minutes as they come, hours and days added up from them, and what is too old taken away.

Every method waits for the disk and is called by one thread alone. What it writes is whole at any moment: a minute and the note
that its hour has changed are one transaction.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.observe.rollup import DAY, HOUR, MINUTE, TOPS, BadUnit, Facet, Unit, decode, encode, total
from mirage_hole.store.database import Damaged, check, open_database, put_aside, transaction
from mirage_hole.store.statistics_schema import (
    BEFORE,
    LARGER,
    MIGRATIONS,
    NAME,
    SMALLER,
    TABLES,
    USES,
    numbered,
    split,
    words_in,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

FILE: Final = "statistics.db"
MAX_WORDS: Final = 500_000
"""Names, clients, lists and upstreams in the file; a new name beyond them is counted without its name."""
KNOWN_WORDS: Final = 20_000
"""Words whose numbers are held in memory."""
FREED_AT_ONCE: Final = 2000
"""Pages given back to the file system at a time."""
DOUBT: Final = 2 * DAY
"""Seconds that the clock may be ahead of what has passed, before what is kept is taken away by it."""


class Keep(NamedTuple):
    """For how many seconds units are kept."""

    minutes: float = 2.0 * DAY
    hours: float = 90.0 * DAY
    days: float = 5 * 365.0 * DAY


class StatisticsStore:
    """The file, opened for writing."""

    def __init__(self, path: Path, keep: Keep, *, max_words: int = MAX_WORDS) -> None:
        self.path = path
        self.keep = keep
        self._max_words = max_words
        self.written = 0
        """The number of the last batch in the file."""
        self._connection: sqlite3.Connection | None = None
        self._numbers: dict[tuple[int, bytes], tuple[int, int]] = {}
        self._words = 0
        self._from = {MINUTE: 0, HOUR: 0}
        self._seen: tuple[float, float] | None = None
        self._doubtful_since: float | None = None

    def open(self) -> bool:
        """Open or make the file; a damaged one is put aside. Whether there was one that could be used.

        Raises:
            StoreProblem, OSError, sqlite3.Error: it can't be opened, made, or put aside.
        """
        self.close()
        existed = self.path.exists()
        try:
            if complaints := check(self.path):
                message = f"{self.path} is damaged ({complaints[0]})"
                raise Damaged(message)
            self._connect()
        except Damaged as problem:
            aside = put_aside(self.path, "damaged")
            log.error("%s; it is kept as %s, and the figures begin again", problem, aside.name)
            existed = False
            self._connect()
        return existed

    def _connect(self) -> None:
        connection = open_database(self.path, MIGRATIONS, synchronous="NORMAL", any_thread=True, before=BEFORE)
        try:
            facts = dict(connection.execute("SELECT what, number FROM facts"))
            self._from = {MINUTE: facts.get("minutes_from", 0), HOUR: facts.get("hours_from", 0)}
            (self._words,) = connection.execute("SELECT count(*) FROM words").fetchone()
            (newest,) = connection.execute(
                "SELECT max(coalesce((SELECT max(at) FROM minutes), 0), coalesce((SELECT max(at) FROM hours), 0))"
            ).fetchone()
            self.written = int(facts.get("batch", 0))
        except sqlite3.Error:
            connection.close()
            raise
        self._numbers.clear()
        self._newest = int(newest)
        self._seen = None
        self._connection = connection

    @property
    def is_open(self) -> bool:
        """Whether it can be written to."""
        return self._connection is not None

    def close(self) -> None:
        """Give the file back; it can be opened again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def count_batches_from(self, number: int) -> None:
        """Say that the file has the batches up to ``number``, whatever an earlier process has called them."""
        with self._writing() as connection:
            _set(connection, "batch", number)
        self.written = number

    def put_aside(self) -> Path:
        """Take a file that turned out to be damaged out of the way."""
        self.close()
        return put_aside(self.path, "damaged")

    def write(self, batch: int, units: Iterable[Unit], now: float) -> None:
        """Add minutes to those that are there, and add up the hours and days that are over.

        Args:
            batch: a number above every one before.
            units: minutes with their words, of any time.
            now: seconds since the epoch.

        Raises:
            sqlite3.Error: nothing was written.
        """
        with self._writing() as connection:
            self._watch_clock(now)
            for unit in units:
                self._into(MINUTE, numbered(unit, lambda kind, word: self._number(kind, word, int(now) // DAY)), now)
            self._derive(now)
            _set(connection, "batch", batch)
        self.written = batch

    def prune(self, now: float, ticks: float) -> int:
        """Take away what is too old, and say how many units that were.

        A clock that leaps ahead is believed only after a day: else a wrong one would take everything with it.

        Args:
            now: seconds since the epoch.
            ticks: of a clock that only goes forward, in seconds.
        """
        wall, then = self._seen or (float(self._newest or now), ticks)
        if now > wall + (ticks - then) + DOUBT:
            if self._doubtful_since is None:
                self._doubtful_since = ticks
            if ticks - self._doubtful_since < DAY:
                return 0
        self._seen, self._doubtful_since = (now, ticks), None
        gone = 0
        with self._writing() as connection:
            self._derive(now)
            for step, seconds in ((MINUTE, self.keep.minutes), (HOUR, self.keep.hours), (DAY, self.keep.days)):
                limit = _floor(now - seconds, LARGER.get(step, DAY))
                gone += connection.execute(f"DELETE FROM {TABLES[step]} WHERE at < ?", (limit,)).rowcount
                if step in self._from and limit > self._from[step]:
                    self._from[step] = limit
                    _set(connection, f"{TABLES[step]}_from", limit)
            oldest = [(now - seconds) // DAY - 1 for seconds in (self.keep.minutes, self.keep.hours, self.keep.days)]
            forgotten = connection.execute(
                "DELETE FROM words WHERE in_minutes < ? AND in_hours < ? AND in_days < ?", oldest
            ).rowcount
            if forgotten:
                self._numbers.clear()
                self._words -= forgotten
        for _ in connection.execute(f"PRAGMA incremental_vacuum({FREED_AT_ONCE})"):
            pass
        return gone

    def clear(self, batch: int) -> None:
        """Forget everything, with all batches up to this."""
        with self._writing() as connection:
            for table in (*TABLES.values(), "stale", "words", "facts"):
                connection.execute(f"DELETE FROM {table}")
            _set(connection, "batch", batch)
        self._numbers.clear()
        self._words = self._newest = 0
        self._from = {MINUTE: 0, HOUR: 0}
        self.written = batch
        for _ in connection.execute("PRAGMA incremental_vacuum"):
            pass

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction. When it fails, what is held in memory of it is not true either."""
        connection = self._open()
        limits, words = dict(self._from), self._words
        try:
            with transaction(connection):
                yield connection
        except BaseException:
            self._from, self._words = limits, words
            self._numbers.clear()
            raise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            message = f"{self.path} is not open"
            raise sqlite3.OperationalError(message)
        return self._connection

    def _into(self, step: int, unit: Unit, now: float) -> None:
        """Add to the unit of ``step`` seconds that it belongs to; where such are not kept any more, to a larger one."""
        at = _floor(unit.at, step)
        if step != DAY and at < self._from[step]:
            self._into(LARGER[step], unit, now)
            return
        summed = self._unit(step, at) or Unit(at)
        summed.merge(unit)
        self._save(step, summed)
        while step != DAY:
            step = LARGER[step]
            self._open().execute("INSERT OR IGNORE INTO stale VALUES (?, ?)", (step, _floor(at, step)))

    def _derive(self, now: float) -> None:
        """Add up the hours, then the days, that have changed and are not running."""
        connection = self._open()
        for step in (HOUR, DAY):
            stale = connection.execute(
                "SELECT at FROM stale WHERE step = ? AND at <> ?", (step, _floor(now, step))
            ).fetchall()
            for (at,) in stale:
                # Where the smaller ones were taken away, the larger was added to directly.
                if at >= self._from[SMALLER[step]]:
                    self._save(step, total(at, self._units(SMALLER[step], at, at + step)))
                connection.execute("DELETE FROM stale WHERE step = ? AND at = ?", (step, at))

    def _save(self, step: int, unit: Unit) -> None:
        unit.cut(step)
        body, tops = split(unit)
        connection = self._open()
        connection.execute(
            f"INSERT OR REPLACE INTO {TABLES[step]} VALUES (?, ?, ?, ?, ?)",
            (unit.at, unit.queries, unit.blocked, encode(body), encode(tops)),
        )
        if step != MINUTE:
            day, use = unit.at // DAY, USES[step]
            connection.executemany(
                f"UPDATE words SET {use} = ? WHERE id = ? AND {use} < ?",
                [(day, number, day) for number in words_in(unit)],
            )

    def _unit(self, step: int, at: int) -> Unit | None:
        return next(iter(self._units(step, at, at + 1)), None)

    def _units(self, step: int, since: int, until: int) -> list[Unit]:
        return read_units(self._open(), step, since, until)

    def _number(self, kind: int, word: bytes, day: int) -> int | None:
        known = self._numbers.get((kind, word))
        if known is not None and known[1] == day:
            return known[0]
        connection = self._open()
        row = (
            known
            or connection.execute(
                "SELECT id, in_minutes FROM words WHERE kind = ? AND word = ?", (kind, word)
            ).fetchone()
        )
        if row is None:
            if kind == NAME and self._words >= self._max_words:
                return None
            number = connection.execute(
                "INSERT INTO words (kind, word, in_minutes) VALUES (?, ?, ?)", (kind, word, day)
            ).lastrowid
            assert number is not None
            self._words += 1
        else:
            number = int(row[0])
            connection.execute("UPDATE words SET in_minutes = ? WHERE id = ?", (day, number))
        if len(self._numbers) >= KNOWN_WORDS:
            self._numbers.clear()
        self._numbers[kind, word] = (number, day)
        return number

    def _watch_clock(self, now: float) -> None:
        """A clock that was far ahead has left limits behind it: lower ones, from the next unit on."""
        for step, limit in self._from.items():
            larger = LARGER[step]
            if limit > now + larger:
                self._from[step] = _floor(now, larger) + larger
                _set(self._open(), f"{TABLES[step]}_from", self._from[step])


def read_units(
    connection: sqlite3.Connection, step: int, since: int, until: int, tops: Container[int] = TOPS
) -> list[Unit]:
    """The units that begin from ``since`` to before ``until``, oldest first, as they are in the file, with those of the large tables
    that are in ``tops``. What can't be read counts as empty."""
    units = []
    wanted = frozenset(facet for facet in Facet if facet not in TOPS or facet in tops)
    columns = "at, queries, blocked, body, tops" if tops else "at, queries, blocked, body"
    for at, queries, blocked, *blobs in connection.execute(
        f"SELECT {columns} FROM {TABLES[step]} WHERE at >= ? AND at < ? ORDER BY at",
        (since, until),
    ):
        unit = Unit(at)
        unit.queries, unit.blocked = queries, blocked
        try:
            for blob in blobs:
                unit.facets.update(decode(blob, wanted))
        except BadUnit as problem:
            log.warning("what happened from %d on can't be read in full: %s", at, problem)
        units.append(unit)
    return units


def _set(connection: sqlite3.Connection, what: str, number: int) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (what, number))


def _floor(at: float, step: int) -> int:
    return int(at // step) * step
