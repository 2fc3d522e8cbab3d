"""What becomes of a damaged ``state.db``: it is put aside, what can still be read of it is kept, and a copy fills the gaps."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

from mirage_hole.store.database import (
    Damaged,
    StoreProblem,
    check,
    connect_for_reading,
    make_private,
    open_database,
    put_aside,
    transaction,
)
from mirage_hole.store.tables import COPY, STATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

ASIDE: Final = "damaged"
LOCKED_FOR: Final = 10.0
"""Seconds to wait for another process that opens it."""
_AGAIN: Final = 0.01
_NEW: Final = ".new"


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Keeps other processes from opening the state meanwhile.

    Raises:
        OSError: the directory can't be opened, or somebody else does not come to an end.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCKED_FOR
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    message = "another process does not come to an end"
                    raise OSError(errno.EAGAIN, message, str(directory)) from None
                time.sleep(_AGAIN)
            else:
                break
        yield
    finally:
        os.close(descriptor)


def recover(directory: Path, migrations: Sequence[str]) -> str:
    """Repair the state when it is damaged, or take its copy when it is gone; what was done and lost, or nothing.

    Raises:
        OSError: the disk does not take it.
    """
    path, copy = directory / STATE, directory / COPY
    with contextlib.suppress(OSError):  # a disk that is read-only says so before it sees that there is none
        (directory / (STATE + _NEW)).unlink()  # of a run that was cut off
    if not path.exists():
        if not copy.exists() or not _gives(copy, migrations):
            return ""
        told = _build(path, None, copy, migrations)
        said = f"{path} was gone; {told}"
        log.error("%s", said)
        return said
    try:
        problems = check(path)
    except Damaged as problem:
        problems = [str(problem)]
    if not problems:
        return ""
    aside = put_aside(path, ASIDE)
    told = _build(path, aside, copy if copy.exists() else None, migrations)
    said = f"{path} was damaged ({problems[0][:200]}) and is kept as {aside.name}; {told}"
    log.error("%s", said)
    return said


def copy_database(connection: sqlite3.Connection, target: Path) -> None:
    """A copy of the whole database as one file, in the place of the one before.

    Raises:
        OSError: the disk does not take it.
    """
    temporary = target.with_name(target.name + _NEW)
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    make_private(temporary)
    try:
        with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        _lasting(temporary)
        temporary.replace(target)
        _lasting(target.parent)
    except sqlite3.Error as problem:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OSError(errno.EIO, str(problem), str(target)) from problem


def _gives(copy: Path, migrations: Sequence[str]) -> bool:
    try:
        with contextlib.closing(connect_for_reading(copy)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    except (sqlite3.Error, StoreProblem, OSError):
        return False
    return 0 < version <= len(migrations)


def _build(path: Path, aside: Path | None, copy: Path | None, migrations: Sequence[str]) -> str:
    """A new file of what the two still give; what came of it."""
    temporary = path.with_name(path.name + _NEW)
    connection = open_database(temporary, migrations, synchronous="FULL")
    try:
        connection.execute("PRAGMA foreign_keys = OFF")
        lost, filled = [], []
        with transaction(connection):
            named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
            tables = [str(name) for (name,) in connection.execute(named)]
            for table in tables:
                whole = aside is not None and _take(connection, aside, table)
                if whole:
                    continue
                if copy is not None and _take(connection, copy, table):
                    filled.append(table)
                else:
                    lost.append(table)
            _remove_orphans(connection, tables)
    finally:
        connection.close()
    _lasting(temporary)
    temporary.replace(path)
    _lasting(path.parent)
    parts = []
    if filled:
        parts.append(f"taken from {COPY}: {', '.join(filled)}")
    if lost:
        parts.append(f"lost, in part or whole: {', '.join(lost)}")
    return "; ".join(parts) or "nothing was lost"


def _take(connection: sqlite3.Connection, source: Path, table: str) -> bool:
    """Add what a table of another file gives, from its front and, where that breaks off, from its end; whether it gave all."""
    wanted = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    try:
        with contextlib.closing(connect_for_reading(source)) as giver:
            there = {row[1] for row in giver.execute(f"PRAGMA table_info({table})")}
            names = [name for name in wanted if name in there]
            if not names:
                return False
            columns = ", ".join(f'"{name}"' for name in names)
            into = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({', '.join('?' * len(names))})"
            key = "rowid" if _has_rowid(connection, table) else f'"{names[0]}"'
            for order in ("ASC", "DESC"):
                try:
                    rows = giver.execute(f"SELECT {columns} FROM {table} NOT INDEXED ORDER BY {key} {order}")
                    for row in rows:
                        with contextlib.suppress(sqlite3.IntegrityError):  # what is left of a broken row
                            connection.execute(into, row)
                except sqlite3.DatabaseError as problem:
                    if problem.__class__ is sqlite3.OperationalError and "no such" in str(problem):
                        return False
                else:
                    return order == "ASC"
    except (sqlite3.Error, StoreProblem, OSError):
        return False
    return False


def _has_rowid(connection: sqlite3.Connection, table: str) -> bool:
    return not any(row[1] == table and row[4] for row in connection.execute("PRAGMA table_list"))


def _remove_orphans(connection: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Rows that refer to others that are lost."""
    for table in tables:
        for reference in connection.execute(f"PRAGMA foreign_key_list({table})").fetchall():
            _, _, parent, column, key = reference[:5]
            connection.execute(
                f'DELETE FROM {table} WHERE "{column}" IS NOT NULL AND "{column}" NOT IN (SELECT "{key}" FROM {parent})'
            )


def _lasting(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
