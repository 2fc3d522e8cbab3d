"""One day of the query log: its file, and how rows get into it.

A row is four small numbers: when, what (a *subject*: name, type, what became of it, by which rule), who, how long. Subjects and clients
have tables of their own, so a filter is settled there first, on thousands of rows instead of millions. A subject that has fallen
out of memory gets a second number: that costs less than an index of texts.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.store.database import open_database, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DAY: Final = 86_400
NUMBERS_A_DAY: Final = 10_000_000_000
"""A query's number is that of its day times this, and its row."""
KNOWN: Final = 20_000
"""Subjects whose numbers are held in memory, at least; at most twice as many."""
PAGE: Final = "PRAGMA page_size = 8192"

SCHEMA_1: Final = """
CREATE TABLE subjects (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    type INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    rcode INTEGER NOT NULL,
    list INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    line INTEGER NOT NULL,
    upstream INTEGER NOT NULL,
    transport INTEGER NOT NULL
) STRICT;
CREATE TABLE texts (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE clients (number INTEGER PRIMARY KEY, address BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE minutes (minute INTEGER PRIMARY KEY, first INTEGER NOT NULL) STRICT;
CREATE TABLE queries (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    client INTEGER NOT NULL,
    took INTEGER NOT NULL
) STRICT;
CREATE INDEX of_subject ON queries (subject);
CREATE INDEX of_client ON queries (client);
"""
"""``at`` is in milliseconds of the day, ``took`` in microseconds. List, rule and upstream are texts; 0 is none."""
MIGRATIONS: Final = (SCHEMA_1,)
_NAME: Final = re.compile(r"(\d{4}-\d\d-\d\d)\.db")


class SubjectRow(NamedTuple):
    """What a subject's row says, in words where the table has numbers of texts."""

    name: str
    type: int
    outcome: int
    rcode: int
    list: str
    rule: str
    scope: int
    line: int
    upstream: str
    transport: int


class NewRow(NamedTuple):
    """A query on its way into the file."""

    at: float
    """Seconds since the epoch."""
    subject: int
    client: bytes
    duration: float
    """Seconds."""


def day_of(at: float) -> int:
    """The number of a moment's UTC day, counted from the epoch."""
    return int(at // DAY)


def file_of(day: int) -> str:
    """``2026-11-23.db``"""
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d.db")


def days_in(directory: Path) -> dict[int, Path]:
    """The days that have a file, the newest first.

    Raises:
        OSError: the directory can't be read.
    """
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for path in directory.iterdir():
            name = _NAME.fullmatch(path.name)
            if name is not None:
                with contextlib.suppress(ValueError):
                    day = datetime.strptime(name[1], "%Y-%m-%d").replace(tzinfo=UTC)
                    found[day_of(day.timestamp())] = path
    return dict(sorted(found.items(), reverse=True))


class DayFile:
    """One day's file, opened for writing. Used by one thread."""

    def __init__(self, path: Path, day: int) -> None:
        """Open or make it.

        Raises:
            StoreProblem, OSError, sqlite3.Error: it can't be.
        """
        self.path = path
        self.day = day
        self._connection = open_database(path, MIGRATIONS, synchronous="NORMAL", any_thread=True, before=PAGE)
        self._subjects: dict[object, int] = {}
        self._older: dict[object, int] = {}
        self._texts: dict[str, int] = {"": 0}
        self._clients: dict[bytes, int] = {}
        self._new_subjects: list[tuple[int, SubjectRow]] = []
        (self._next_subject,) = self._connection.execute("SELECT coalesce(max(number), 0) + 1 FROM subjects").fetchone()
        self._minute, self._next = self._connection.execute(
            "SELECT coalesce((SELECT max(minute) FROM minutes), -1), coalesce((SELECT max(number) FROM queries), 0) + 1"
        ).fetchone()

    def subject(self, key: object) -> int:
        """The number that this subject has; 0 when it is not known any more."""
        number = self._subjects.get(key)
        if number is None:
            number = self._older.get(key, 0)
            if number:
                self._remember(key, number)
        return number

    def new_subject(self, key: object, row: SubjectRow) -> int:
        """Give a subject a number; it is written with the next rows."""
        number: int = self._next_subject
        self._next_subject += 1
        self._new_subjects.append((number, row))
        self._remember(key, number)
        return number

    def write(self, rows: Iterable[NewRow]) -> int:
        """Write rows, all or none; how many.

        Raises:
            sqlite3.Error: the disk does not take them. The file is to be opened anew then.
        """
        connection = self._connection
        with transaction(connection):
            subjects = [
                (number, row.name, row.type, row.outcome, row.rcode, self._text(row.list), self._text(row.rule),
                 row.scope, row.line, self._text(row.upstream), row.transport)
                for number, row in self._new_subjects
            ]  # fmt: skip
            connection.executemany("INSERT INTO subjects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", subjects)
            begin = self.day * DAY * 1000
            client = self._client
            values = [
                (min(max(int(at * 1000) - begin, 0), DAY * 1000 - 1), subject, client(octets), int(duration * 1e6))
                for at, subject, octets, duration in rows
            ]
            connection.executemany("INSERT INTO queries (at, subject, client, took) VALUES (?, ?, ?, ?)", values)
            self._mark(values)
        self._new_subjects.clear()
        return len(values)

    def checkpoint(self) -> None:
        """Move what is in the write-ahead log into the file, as far as no reader is in the way."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self, *, over: bool = False) -> None:
        """Close it, with nothing left beside it. ``over``: the day is, so its index is packed."""
        try:
            with contextlib.suppress(sqlite3.Error):  # somebody who reads is in the way: then it stays as it is
                if over:
                    self._connection.execute("REINDEX of_subject")
                # Whoever only reads a file with a write-ahead log would leave one behind.
                self._connection.execute("PRAGMA journal_mode = DELETE")
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()

    def _remember(self, key: object, number: int) -> None:
        if len(self._subjects) >= KNOWN:
            self._older, self._subjects = self._subjects, {}
        self._subjects[key] = number

    def _mark(self, values: list[tuple[int, int, int, int]]) -> None:
        """The first row of each new minute, so that a time is found without reading rows."""
        marks = []
        for number, (at, *_) in enumerate(values, self._next):
            if at // 60_000 > self._minute:
                self._minute = at // 60_000
                marks.append((self._minute, number))
        self._next += len(values)
        if marks:
            self._connection.executemany("INSERT OR IGNORE INTO minutes VALUES (?, ?)", marks)

    def _text(self, text: str) -> int:
        number = self._texts.get(text)
        if number is None:
            if len(self._texts) > KNOWN:
                self._texts = {"": 0}
            self._connection.execute("INSERT OR IGNORE INTO texts (text) VALUES (?)", (text,))
            (number,) = self._connection.execute("SELECT number FROM texts WHERE text = ?", (text,)).fetchone()
            self._texts[text] = number
        return number

    def _client(self, address: bytes) -> int:
        number = self._clients.get(address)
        if number is None:
            if len(self._clients) > KNOWN:
                self._clients = {}
            self._connection.execute("INSERT OR IGNORE INTO clients (address) VALUES (?)", (address,))
            (number,) = self._connection.execute("SELECT number FROM clients WHERE address = ?", (address,)).fetchone()
            self._clients[address] = number
        return number
