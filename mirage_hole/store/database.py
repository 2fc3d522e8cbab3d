"""SQLite files: how they are opened, brought up to date, checked, and put aside when they are damaged.

Every file has a tuple of migrations, one SQL script for each version of its schema; ``user_version`` counts those that were run.
All of it waits for the disk: an event loop calls it in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

APPLICATION_ID: Final = 0x4D486F6C
"""``MHol``: what ``file`` and SQLite say of a database of ours (PRAGMA application_id)."""
BUSY_SECONDS: Final = 5.0
"""How long a statement waits for another process."""
_COMPANIONS: Final = ("-wal", "-shm", "-journal")
_MAX_ASIDE: Final = 1000


class StoreProblem(OSError):  # noqa: N818 - reads as what it is at the raise
    """A file that can't be used; the message says why and what to do. It has no ``errno``."""


class NewerSchema(StoreProblem):
    """It was written by a newer version of the program."""


class ForeignFile(StoreProblem):
    """A database of another program, or a symbolic link."""


class Damaged(StoreProblem):
    """It is no database, or pages of it are broken."""


class ReadOnly(StoreProblem):
    """It can be read, but it needs a migration and can't be written."""


def open_database(
    path: Path,
    migrations: Sequence[str],
    *,
    synchronous: Literal["NORMAL", "FULL"],
    any_thread: bool = False,
    before: str = "",
) -> sqlite3.Connection:
    """A connection in autocommit mode (transactions are written out: :func:`transaction`), with the newest schema.

    Args:
        path: made with mode 0600 when it is missing; its folder has to be there.
        migrations: a script for each version; script 1 makes ``user_version`` 1 of 0. Each runs in one transaction.
        synchronous: ``FULL``: what was committed survives a power cut; ``NORMAL``: the last transactions may be lost then, the file
            stays whole.
        any_thread: whether threads may use it in turn; the caller sees to it that they take turns.
        before: statements for a new, empty file before anything else is in it, such as ``PRAGMA page_size = 8192``.

    Where the disk can't be written, a file with the newest schema is opened for reading: writes raise
    ``sqlite3.OperationalError`` ("attempt to write a readonly database").

    Raises:
        NewerSchema, ForeignFile, Damaged, ReadOnly: see there.
        OSError: the file can't be made or opened.
        sqlite3.OperationalError: it is locked for longer than :data:`BUSY_SECONDS`, or the disk is full.
    """
    writable = _make(path)
    connection = _connected(path, writable=writable, any_thread=any_thread)
    try:
        with damage_named(path):
            _prepare(connection, path, before if writable else "")
            if writable:
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            _migrate(connection, path, migrations, writable=writable)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of it or nothing; nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk may have ended it already
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


def check(path: Path) -> list[str]:
    """What is wrong with the file, in SQLite's words (at most 20); empty: nothing. A missing file is whole.

    Reads every page: 100 MB take about a second.

    Raises:
        OSError: it can't be opened.
    """
    if not path.exists():
        return []
    connection = _connected(path, writable=may_write(path))
    try:
        rows = [str(text) for (text,) in connection.execute("PRAGMA integrity_check(20)")]
        broken = [
            f"table {row[0]}, row {row[1]}: no {row[2]} for it"
            for row in connection.execute("PRAGMA foreign_key_check")
        ]
    except sqlite3.DatabaseError as problem:
        if isinstance(problem, sqlite3.OperationalError) and not is_damage(problem):
            raise OSError(None, str(problem), str(path)) from None
        return [str(problem)]
    finally:
        connection.close()
    return [text for text in rows if text != "ok"] + broken[:20]


def put_aside(path: Path, suffix: str) -> Path:
    """Rename the file and what belongs to it (``-wal``, ``-shm``) to ``NAME.SUFFIX``, or ``NAME.SUFFIX.2`` and so on; where to.

    Raises:
        OSError: the disk does not take it, or there are a thousand already.
    """
    for number in range(1, _MAX_ASIDE):
        target = path.with_name(f"{path.name}.{suffix}" + (f".{number}" if number > 1 else ""))
        if not target.exists():
            break
    else:
        message = f"too many files called {path.name}.{suffix}.N; remove some"
        raise OSError(None, message, str(path))
    for end in _COMPANIONS:  # first: without its log the file would be taken for an older one that is whole
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(target.with_name(target.name + end))
    path.rename(target)
    return target


def is_damage(problem: sqlite3.Error) -> bool:
    """Whether the file is broken, as opposed to locked, full or in the way."""
    code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextlib.contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turns SQLite's complaints about a broken file into :class:`Damaged`."""
    try:
        yield
    except sqlite3.DatabaseError as problem:
        if not is_damage(problem):
            raise
        message = f"{path} is damaged ({problem})"
        raise Damaged(message) from None


def make_private(path: Path) -> None:
    """An empty file that only its owner reads; there must be none. Made by root, it belongs to the owner of its folder.

    Raises:
        OSError: it can't be made, or is there.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    finally:
        os.close(descriptor)


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """A connection to a file as it is, whatever its schema.

    Raises:
        Damaged: it is no database.
        OSError: it can't be opened.
    """
    return _connected(path, writable=False)


def _make(path: Path) -> bool:
    """Whether it can be written; an empty one is made where there is none.

    One that is there is never opened here: closing it would end the locks that connections of this process have on it (POSIX).
    """
    try:
        make_private(path)
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None
    except OSError:
        if not path.is_file():
            raise
    return may_write(path)


def may_write(path: Path) -> bool:
    """Whether this process may write the file, and its log beside it."""
    return _may(path, os.W_OK) and _may(path.parent, os.W_OK)


def _may(path: Path, how: int) -> bool:
    return os.access(path, how, effective_ids=True)


def _connected(path: Path, *, writable: bool, any_thread: bool = False) -> sqlite3.Connection:
    if path.is_symlink():  # made by the server's account, it could lead root to any file
        message = f"{path} is a symbolic link; put the file itself there, or link the folder"
        raise ForeignFile(message)
    if not _may(path, os.R_OK) and path.exists():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    modes = ("rw",) if writable else ("ro", "ro&immutable=1")
    failure: sqlite3.Error | None = None
    for mode in modes:
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        try:
            connection = sqlite3.connect(
                uri, BUSY_SECONDS, uri=True, isolation_level=None, check_same_thread=not any_thread
            )
        except sqlite3.Error as problem:
            failure = problem
            continue
        try:
            for pragma in ("trusted_schema = OFF", "foreign_keys = ON", "cell_size_check = ON", "temp_store = MEMORY"):
                connection.execute(f"PRAGMA {pragma}")
            if not writable:
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as problem:
            connection.close()
            failure = problem
            if is_damage(problem):
                break
            continue
        return connection
    if failure is not None and is_damage(failure):
        message = f"{path} is damaged ({failure})"
        raise Damaged(message)
    raise OSError(None, str(failure), str(path))


def _prepare(connection: sqlite3.Connection, path: Path, before: str) -> None:
    # In this order: another process that makes the file now makes tables and mark at once.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    if owner == APPLICATION_ID:
        return
    if owner or tables:
        message = f"{path} is a database of another program; move it away, and a new one is made"
        raise ForeignFile(message)
    for statement in statements(before):
        connection.execute(statement)


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str], *, writable: bool) -> None:
    known = len(migrations)
    version = _version(connection)
    if version > known:
        message = (
            f"{path} has schema {version}, and this version of mirage-hole knows {known}: a newer one has written it; "
            "install that again, or move the file away"
        )
        raise NewerSchema(message)
    if version == known:
        return
    if not writable:
        message = (
            f"{path} has schema {version} and needs {known}, but it can't be written; make it and its folder writable"
        )
        raise ReadOnly(message)
    for number in range(version + 1, known + 1):
        with transaction(connection):
            if _version(connection) >= number:  # another process was faster
                continue
            for statement in statements(migrations[number - 1]):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def statements(script: str) -> Iterator[str]:
    """The statements of a script; ``executescript`` would end the transaction that they are in."""
    text = ""
    for part in script.split(";"):
        text += part + ";"
        if sqlite3.complete_statement(text):
            if text.strip("; \n\t"):
                yield text
            text = ""
