"""``notices.db``: devices that were ever seen, and the notices, so that a restart neither forgets nor repeats them.

Everything here waits for the disk. The file holds nothing that can't be lost: a damaged one is put aside, and a new one begins.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from mirage_hole.observe.devices import MAX_DEVICES, Device
from mirage_hole.observe.notices import MAX_CLOSED, MAX_OPEN, Notice
from mirage_hole.store.database import Damaged, ForeignFile, open_database, put_aside, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE: Final = "notices.db"
MIGRATIONS: Final = (
    """
    CREATE TABLE devices (
        key TEXT PRIMARY KEY,
        address TEXT NOT NULL,
        first_seen REAL NOT NULL,
        last_seen REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE notices (
        number INTEGER PRIMARY KEY,
        closed REAL,
        notice BLOB NOT NULL
    ) STRICT;
    CREATE TABLE facts (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)


class Kept(NamedTuple):
    """What was there."""

    devices: list[Device]
    """Those that were seen last are the last."""
    open: list[Notice]
    closed: list[Notice]
    """In the order in which they were."""
    facts: dict[str, str]
    lost: str = ""
    """What was damaged and where it is now; empty for nothing."""


NOTHING: Final = Kept([], [], [], {})


class NoticeFile:
    """The file. It is opened for each use: there is one a minute."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def load(self) -> Kept:
        """What was kept; a damaged file is put aside.

        Raises:
            StoreProblem, sqlite3.Error, OSError: it can't be used.
        """
        lost = ""
        try:
            with self._opened() as connection:
                return _read(connection)
        except (Damaged, ForeignFile, msgspec.MsgspecError) as problem:
            aside = put_aside(self._path, "damaged")
            lost = f"{problem}; it is kept as {aside.name}, and a new one begins"
        except sqlite3.DatabaseError as problem:
            if isinstance(problem, sqlite3.OperationalError):
                raise
            aside = put_aside(self._path, "damaged")
            lost = f"{self._path} is damaged ({problem}); it is kept as {aside.name}, and a new one begins"
        return NOTHING._replace(lost=lost)

    def save(
        self,
        written: Iterable[Device],
        gone: Iterable[str],
        notices: Iterable[Notice] | None,
        facts: dict[str, str],
    ) -> None:
        """Keep what has changed; ``notices`` are all that there are, None: those that were.

        Raises:
            StoreProblem, sqlite3.Error, OSError: nothing was kept.
        """
        with self._opened() as connection, transaction(connection):
            connection.executemany("DELETE FROM devices WHERE key = ?", [(key,) for key in gone])
            connection.executemany("INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?)", written)
            if notices is not None:
                connection.execute("DELETE FROM notices")
                rows = [(one.number, one.closed, msgspec.json.encode(one)) for one in notices]
                connection.executemany("INSERT INTO notices VALUES (?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def _opened(self) -> contextlib.closing[sqlite3.Connection]:
        return contextlib.closing(open_database(self._path, MIGRATIONS, synchronous="NORMAL"))


def _read(connection: sqlite3.Connection) -> Kept:
    devices = [
        Device(*row)
        for row in connection.execute(
            "SELECT key, address, first_seen, last_seen FROM devices ORDER BY last_seen DESC LIMIT ?", (MAX_DEVICES,)
        )
    ]
    rows = connection.execute(
        "SELECT notice FROM notices ORDER BY closed DESC, number DESC LIMIT ?", (MAX_OPEN + MAX_CLOSED,)
    )
    notices = [msgspec.json.decode(octets, type=Notice) for (octets,) in rows]
    facts = dict(connection.execute("SELECT name, value FROM facts LIMIT 100"))
    closed = [one for one in notices if one.closed is not None]
    return Kept(devices[::-1], [one for one in notices if one.closed is None], closed[::-1], facts)
