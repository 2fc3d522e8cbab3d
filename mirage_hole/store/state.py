"""``state.db``: rules, lists, clients, records, routes, settings and accounts, with one way to change them.

Whoever changes something gives a function to :meth:`StateStore.change`; what it does, and the row of the audit log that says so, is
one transaction, and it is on the disk when the call returns. Everything here waits for the disk.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

import orjson

from mirage_hole.store.audit import Entry, entry, revert
from mirage_hole.store.changes import Change, row_of, rows_of
from mirage_hole.store.database import Damaged, is_damage, may_write, open_database, statements, transaction
from mirage_hole.store.recovery import alone, copy_database, recover
from mirage_hole.store.schema import MIGRATIONS
from mirage_hole.store.schema_0 import take_over
from mirage_hole.store.tables import COPY, STATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.store.tables import Key, Row

log = logging.getLogger(__name__)

MAX_AUDIT: Final = 20_000
"""Rows of the audit log; the oldest go."""
MAX_AUDIT_OCTETS: Final = 16 * 1024 * 1024
"""Characters of what was before and after, in all rows; the oldest go, but never the last."""
_LARGE: Final = 4096
"""Characters of a change after which it is seen how much there is."""
MAX_TARGET: Final = 200
"""Characters."""
_PASSING: Final = (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""What keeps a file from being made, and may pass: until then there is an empty state that can only be read."""

T = TypeVar("T")


class Unwritable(OSError):  # noqa: N818 - reads as what it is at the raise
    """The state can't be changed for now; ``strerror`` says why."""


class Done(NamedTuple, Generic[T]):
    """A change that is on the disk."""

    result: T
    """What the function gave."""
    number: int | None
    """Of the row in the audit log; None: nothing was different."""
    touched: frozenset[str]
    """Tables that are different now."""


class StateStore:
    """The state of one server. May be used by any thread; what is waited for is short."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        """Nothing is opened yet: that is for the first who needs it, or :meth:`open`."""
        self.path = directory / STATE
        self.copy_path = directory / COPY
        self.recovered = ""
        """What was lost when the file was found damaged, and where it is kept; empty when it was whole."""
        self.trouble = ""
        """Why nothing can be changed for now; empty when it can."""
        self._directory = directory
        self._clock = clock
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._missing: OSError | None = None
        """The directory is not there: there is nothing, and nothing can be changed."""
        self._told = ""
        self._opened = 0
        self._changes = 0
        self._copied = 0

    def open(self) -> None:
        """Open the file, made new where there is none, brought up to date, and repaired when it is damaged.

        On a disk that can't be written there is an empty state in its place; :attr:`trouble` says so.

        Raises:
            StoreProblem: it is of a newer version, or somebody else's.
            OSError: it may not be opened.
        """
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
                self._opened += 1

    def close(self) -> None:
        """Close it; the next who needs it opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def retry(self) -> None:
        """Open it anew when it could not be, or not for writing; perhaps that has passed.

        Raises:
            StoreProblem, OSError: as :meth:`open`.
        """
        with self._lock:
            if self.trouble:
                self.close()
                self.open()

    def stamp(self) -> tuple[int, int, int]:
        """Different whenever somebody has changed something, also another process.

        Raises:
            StoreProblem, OSError: as :meth:`open`.
        """
        return self.read(
            lambda connection: (
                self._opened,
                self._changes,
                int(connection.execute("PRAGMA data_version").fetchone()[0]),
            )
        )

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` reads.

        Raises:
            StoreProblem, OSError: as :meth:`open`, or the file can't be read.
        """
        with self._lock:
            self.open()
            assert self._connection is not None
            try:
                return work(self._connection)
            except sqlite3.DatabaseError as problem:
                raise self._explained(problem) from problem

    def rows(self, table: str) -> list[Row]:
        """All rows of one of :data:`mirage_hole.store.tables.TABLES`, in the order in which they were added."""
        return self.read(lambda connection: rows_of(connection, table))

    def row(self, table: str, key: Key) -> Row | None:
        """The row of this key; None when there is none."""
        return self.read(lambda connection: row_of(connection, table, key))

    def change(
        self, who: str, what: str, target: str, work: Callable[[Change], T], *, undoes: int | None = None
    ) -> Done[T]:
        """Change something: all that ``work`` does, or nothing. It is on the disk when this returns.

        Args:
            who: the user's name, or ``local``.
            what: such as ``add rules``; the audit log is searched by it.
            target: what it is about, such as ``blocking.mode``.
            work: must not wait for anything but this database.
            undoes: the row of the audit log that this takes back.

        Raises:
            Unwritable: the disk does not take it, or somebody else does not come to an end; nothing has changed.
            StoreProblem: as :meth:`open`.
            Exception: what ``work`` raises; nothing has changed.
        """
        with self._lock:
            connection = self._for_writing()
            try:
                with transaction(connection):
                    change = Change(connection)
                    change.target = target
                    result = work(change)
                    number = None if change.empty else self._audit(change, who, what, undoes)
            except (sqlite3.OperationalError, sqlite3.DatabaseError) as problem:
                if isinstance(problem, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                    raise
                raise self._explained(problem) from problem
            if number is not None:
                self._changes += 1
            return Done(result, number, change.touched)

    def undo(self, number: int, who: str, check: Callable[[Change], object] = lambda _: None) -> Done[Entry]:
        """Take a change back, if all that it changed is still as it left it.

        Args:
            number: of the row in the audit log.
            who: takes it back.
            check: may refuse what comes of it.

        Raises:
            KeyError: there is no such change.
            CantUndo: something has changed since, or a part of it is not in the audit log.
            Unwritable, StoreProblem: as :meth:`change`.
            Exception: what ``check`` raises.
        """

        def work(change: Change) -> Entry:
            one = entry(change.connection, number)
            if one is None:
                raise KeyError(number)
            revert(change, one)
            change.target = one.target
            check(change)
            return one

        return self.change(who, "undo", f"change {number}", work, undoes=number)

    @property
    def copy_due(self) -> bool:
        """Whether the copy is older than the last change."""
        return self._changes != self._copied and not self.trouble

    def copy(self) -> None:
        """Write ``state.backup.db`` anew, as a whole.

        Raises:
            OSError: the disk does not take it; the copy before stays.
        """
        with self._lock:
            self.open()
            assert self._connection is not None
            if self.trouble:
                return
            changes = self._changes
            copy_database(self._connection, self.copy_path)
            self._copied = changes

    def _audit(self, change: Change, who: str, what: str, undoes: int | None) -> int:
        before, after = (orjson.dumps(one).decode() for one in change.told())
        values = (self._clock(), who, what, change.target[:MAX_TARGET], before, after, undoes, int(change.revertible))
        found = change.connection.execute(
            "INSERT INTO audit (at, who, what, target, before, after, undoes, revertible) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        number = int(found.lastrowid or 0)
        change.connection.execute("DELETE FROM audit WHERE number <= ?", (number - MAX_AUDIT,))
        if len(before) + len(after) > _LARGE:
            change.connection.execute(
                "DELETE FROM audit WHERE number < ? AND number <= (SELECT number FROM (SELECT number, "
                "sum(length(before) + length(after)) OVER (ORDER BY number DESC) AS total FROM audit) "
                "WHERE total > ? ORDER BY number DESC LIMIT 1)",
                (number, MAX_AUDIT_OCTETS),
            )
        return number

    def _for_writing(self) -> sqlite3.Connection:
        if self.trouble:  # perhaps it has passed
            self.close()
        self.open()
        if self._missing is not None:
            raise self._missing
        if self.trouble:
            raise Unwritable(errno.EROFS, self.trouble, str(self.path))
        assert self._connection is not None
        return self._connection

    def _open(self) -> sqlite3.Connection:
        self.trouble, self._missing = "", None
        try:
            with alone(self._directory):
                lost = recover(self._directory, MIGRATIONS)
                if lost:
                    self.recovered = lost
                self._changes += 1  # others may have changed it since it was copied
                connection = open_database(self.path, MIGRATIONS, synchronous="FULL", any_thread=True)
                try:
                    self.trouble = self._take_over(connection)
                except BaseException:
                    connection.close()
                    raise
        except sqlite3.OperationalError as problem:
            explained = self._explained(problem)
            if not isinstance(explained, Unwritable):
                raise explained from problem
            self.trouble = f"{self.path}: {explained.strerror}"
        except OSError as problem:
            if not self._directory.is_dir() and isinstance(problem, FileNotFoundError | NotADirectoryError):
                self._missing = problem
                self.trouble = f"{self._directory} is not there"
                return _empty()
            if problem.errno not in _PASSING:
                raise
            self.trouble = f"{self.path}: {problem.strerror or problem}"
        else:
            self._tell("the state can only be read")
            return connection
        self._tell("the state can't be opened")
        return _empty()

    def _take_over(self, connection: sqlite3.Connection) -> str:
        """Take over the files of an earlier version; why nothing can be written, or nothing."""
        if not may_write(self.path):
            return f"{self.path}: its disk is read-only, or the file is not ours to write"
        try:
            take_over(self._directory, connection, self._clock)
        except sqlite3.OperationalError as problem:
            explained = self._explained(problem)
            if not isinstance(explained, Unwritable):
                raise
            return f"{self.path}: {explained.strerror}"
        except OSError as problem:
            if problem.errno not in _PASSING:
                raise
            return f"{problem.filename or self.path}: {problem.strerror or problem}"
        return ""

    def _tell(self, what: str) -> None:
        if self.trouble and self.trouble != self._told:
            log.error("%s: %s; nothing can be changed until it can", what, self.trouble)
        self._told = self.trouble

    def _explained(self, problem: sqlite3.Error) -> Exception:
        if is_damage(problem):
            return Damaged(f"{self.path} is damaged ({problem}); it is repaired at the next start")
        number = {
            sqlite3.SQLITE_FULL: errno.ENOSPC,
            sqlite3.SQLITE_BUSY: errno.EAGAIN,
            sqlite3.SQLITE_READONLY: errno.EROFS,
            sqlite3.SQLITE_IOERR: errno.EIO,
        }.get(getattr(problem, "sqlite_errorcode", 0) & 0xFF)
        return problem if number is None else Unwritable(number, _sentence(problem), str(self.path))


def _sentence(problem: sqlite3.Error) -> str:
    return {
        sqlite3.SQLITE_FULL: "the disk is full",
        sqlite3.SQLITE_BUSY: "another change of it does not come to an end",
        sqlite3.SQLITE_READONLY: "its disk is read-only",
        sqlite3.SQLITE_IOERR: f"the disk fails ({problem})",
    }.get(getattr(problem, "sqlite_errorcode", 0) & 0xFF, str(problem))


def _empty() -> sqlite3.Connection:
    """A state in which there is nothing, and that stays so."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for script in MIGRATIONS:
        for statement in statements(script):
            connection.execute(statement)
    connection.execute("PRAGMA query_only = ON")
    return connection
