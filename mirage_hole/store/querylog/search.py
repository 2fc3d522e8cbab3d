"""Reads the query log, the newest first: a page at a time for people, in batches for exports.

What is asked of names, rules and the like is settled on a day's subjects first. Then either the newest rows are looked at in turn, or,
when what is wanted is rare, an index gives its rows. A page takes a bounded time: when that is over, it has what was found so far, and
says where to go on.
"""

from __future__ import annotations

import contextlib
import time
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.lists.rule import Scope
from mirage_hole.observe.logged import LoggedQuery
from mirage_hole.observe.record import TCP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.database import Damaged, connect_for_reading
from mirage_hole.store.querylog.day import DAY, NUMBERS_A_DAY, days_in
from mirage_hole.store.querylog.filters import Filter, clients_of, subjects_of
from mirage_hole.wire.codes import rcode_text, type_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

FIRST_WINDOW: Final = 20_000
"""Rows that are looked at before an index is thought of."""
LARGEST_WINDOW: Final = 200_000
INDEXED: Final = 60_000
"""Rows that an index may give at most; beyond, the rows are looked at in turn."""
FEW: Final = 500
"""Subjects or clients that are looked up in an index, at most."""
PAGE_SECONDS: Final = 0.2
LATE: Final = 120
"""Seconds by which rows may be out of order."""
KNOWN_SUBJECTS: Final = 20_000

_ROW: Final = "SELECT queries.number, at, subject, client, took FROM queries"
_SCOPES: Final = {scope.value: scope.name.lower() for scope in Scope}
_OUTCOMES: Final = {int(outcome): outcome.name.lower() for outcome in Outcome}
Raw = tuple[int, int, int, int, int]


class Page(NamedTuple):
    """Some queries, the newest first."""

    rows: list[LoggedQuery]
    before: int | None
    """The number to go on before; None: there are no older ones."""
    complete: bool
    """False: the time was over before the page was full; going on finds the rest."""


class Reader:
    """Reads the files of one directory. Every call waits for the disk, and opens what it needs for itself."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._clock = clock

    def page(self, wanted: Filter, limit: int, before: int | None = None, seconds: float = PAGE_SECONDS) -> Page:
        """At most ``limit`` queries with numbers below ``before``, the newest first.

        Raises:
            OSError, sqlite3.Error: the files can't be read.
        """
        deadline = self._clock() + seconds
        rows: list[LoggedQuery] = []
        below = before
        for day, path in self._days(wanted, before):
            with _opened(path) as connection:
                if connection is None:
                    continue
                search = _Search(connection, day, wanted, below)
                while True:
                    rows += search.step(limit - len(rows))
                    if len(rows) >= limit:
                        return Page(rows, rows[-1].number, complete=True)
                    below = search.at
                    if search.over:
                        break
                    if self._clock() > deadline:
                        return Page(rows, below, complete=False)
            below = day * NUMBERS_A_DAY + 1
            if self._clock() > deadline:
                return Page(rows, below, complete=False)
        return Page(rows, None, complete=True)

    def batches(self, wanted: Filter, size: int = 5000) -> Iterator[list[LoggedQuery]]:
        """Every query, the newest first, for exports. A day is read as it is at the moment it is come to.

        Raises:
            OSError, sqlite3.Error: the files can't be read.
        """
        for day, path in self._days(wanted, None):
            with _opened(path) as connection:
                if connection is None:
                    continue
                search = _Search(connection, day, wanted, None)
                while not search.over:
                    rows = search.step(size)
                    if rows:
                        yield rows

    def count(self) -> int:
        """How many queries there are, by their numbers: those that were taken out of a day are counted, too."""
        total = 0
        for path in days_in(self._directory).values():
            with _opened(path) as connection:
                if connection is not None:
                    total += connection.execute("SELECT coalesce(max(number), 0) FROM queries").fetchone()[0]
        return total

    def _days(self, wanted: Filter, before: int | None) -> Iterator[tuple[int, Path]]:
        for day, path in days_in(self._directory).items():
            begin = day * DAY
            if before is not None and day * NUMBERS_A_DAY + 1 >= before:
                continue
            if wanted.until and begin >= wanted.until:
                continue
            if wanted.since and begin + DAY <= wanted.since:
                continue
            yield day, path


class _Search:
    """The way back through one day."""

    def __init__(self, connection: sqlite3.Connection, day: int, wanted: Filter, before: int | None) -> None:
        self._connection = connection
        self._day = day
        self._words = _Words(connection, day)
        first, last = _bounds(connection, day, wanted)
        if before is not None and before - day * NUMBERS_A_DAY <= last:
            last = before - day * NUMBERS_A_DAY - 1
        self._first, self._last = first, last
        self._subjects = subjects_of(connection, wanted) if last >= first else []
        self._clients = clients_of(connection, wanted) if self._subjects != [] else []
        self._begin = day * DAY * 1000
        self._times = _times(wanted, self._begin)
        self._window = FIRST_WINDOW
        self._rare: bool | None = None
        self.over = last < first or self._subjects == [] or self._clients == []
        if self._subjects is not None and not self.over:
            connection.execute("CREATE TEMP TABLE wanted (number INTEGER PRIMARY KEY)")
            connection.executemany("INSERT INTO wanted VALUES (?)", [(number,) for number in self._subjects])

    @property
    def at(self) -> int:
        """What was looked at has this number or a higher one."""
        return self._day * NUMBERS_A_DAY + self._last + 1

    def step(self, limit: int) -> list[LoggedQuery]:
        """At most ``limit`` further rows; a bounded time."""
        if self.over:
            return []
        if self._rare is None and self._window > FIRST_WINDOW:
            self._rare = self._is_rare()
        raw = self._by_index(limit) if self._rare else self._by_looking(limit)
        return [self._words.row(*one) for one in raw]

    def _by_looking(self, limit: int) -> list[Raw]:
        low = max(self._first, self._last - self._window + 1)
        found = self._rows("", low, limit)
        if len(found) == limit:
            self._last = found[-1][0] - 1
        else:
            self._last = low - 1
            self._window = min(self._window * 2, LARGEST_WINDOW)
        self.over = self._last < self._first
        return found

    def _by_index(self, limit: int) -> list[Raw]:
        found = self._rows(self._index, self._first, limit)
        self._last = found[-1][0] - 1 if len(found) == limit else self._first - 1
        self.over = self._last < self._first
        return found

    def _rows(self, index: str, low: int, limit: int) -> list[Raw]:
        # A plus before a column keeps SQLite from using its index: which one is used is decided here.
        tests = ["queries.number BETWEEN ? AND ?"] if not index else [f"{index} IN (SELECT value FROM json_each(?))"]
        values: list[object] = [low, self._last]
        if index:
            numbers = self._subjects if index == "subject" else self._clients
            tests.append("+queries.number BETWEEN ? AND ?")
            values = [_json(numbers or []), low, self._last]
        if self._subjects is not None and index != "subject":
            tests.append("+subject IN (SELECT number FROM wanted)")
        if self._clients is not None and index != "client":
            tests.append(
                f"+client IN ({', '.join(map(str, self._clients[:FEW]))})"
                if len(self._clients) <= FEW
                else "+client IN (SELECT value FROM json_each(?))"
            )
            if len(self._clients) > FEW:
                values.append(_json(self._clients))
        if self._times:
            tests.append("at >= ? AND at < ?")
            values += self._times
        text = f"{_ROW} WHERE {' AND '.join(tests)} ORDER BY queries.number DESC LIMIT ?"
        return self._connection.execute(text, [*values, limit]).fetchall()

    def _is_rare(self) -> bool:
        """Whether an index gives so few rows that asking it is cheap; it is chosen then."""
        best = INDEXED
        self._index = ""
        for column, numbers in (("client", self._clients), ("subject", self._subjects)):
            if numbers is None or len(numbers) > FEW:
                continue
            text = f"SELECT count(*) FROM (SELECT 1 FROM queries WHERE {column} IN (SELECT value FROM json_each(?)) LIMIT ?)"
            (rows,) = self._connection.execute(text, (_json(numbers), best)).fetchone()
            if rows < best:
                best, self._index = rows, column
        return bool(self._index)


class _Words:
    """The words of one day's numbers."""

    def __init__(self, connection: sqlite3.Connection, day: int) -> None:
        self._connection = connection
        self._day = day
        self._subjects: dict[int, tuple[str, tuple[str | int | None, ...]]] = {}
        self._clients: dict[int, str] = {}

    def row(self, number: int, at: int, subject: int, client: int, took: int) -> LoggedQuery:
        """A row in words."""
        said = self._subjects.get(subject) or self._subject(subject)
        address = self._clients.get(client) or self._client(client)
        transport, rest = said
        return tuple.__new__(
            LoggedQuery,
            (
                self._day * NUMBERS_A_DAY + number,
                self._day * DAY + at / 1000,
                address,
                transport,
                took / 1e6,
                *rest,
            ),
        )

    def _subject(self, number: int) -> tuple[str, tuple[str | int | None, ...]]:
        found = self._connection.execute(
            "SELECT name, type, outcome, rcode, l.text, r.text, scope, line, u.text, transport FROM subjects "
            "LEFT JOIN texts AS l ON l.number = list LEFT JOIN texts AS r ON r.number = rule "
            "LEFT JOIN texts AS u ON u.number = upstream WHERE subjects.number = ?",
            (number,),
        ).fetchone()
        if found is None:  # a damaged file
            said: tuple[str, tuple[str | int | None, ...]] = ("udp", ("", "TYPE0", "dropped", "NOERROR", *[None] * 5))
        else:
            name, kind, outcome, rcode, title, rule, scope, line, upstream, transport = found
            words = (
                name, type_text(kind), _OUTCOMES.get(outcome, "dropped"), rcode_text(rcode), title, rule,
                _SCOPES.get(scope), line or None, upstream,
            )  # fmt: skip
            said = ("tcp" if transport == TCP else "udp", words)
        if len(self._subjects) >= KNOWN_SUBJECTS:
            self._subjects.clear()
        self._subjects[number] = said
        return said

    def _client(self, number: int) -> str:
        found = self._connection.execute("SELECT address FROM clients WHERE number = ?", (number,)).fetchone()
        text = _address(found[0]) if found is not None and len(found[0]) in {4, 16} else "0.0.0.0"  # noqa: S104 - nobody
        self._clients[number] = text
        return text


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The file for reading; None when it has gone meanwhile, or is damaged."""
    try:
        connection = connect_for_reading(path)
    except Damaged:
        yield None  # the thread that writes repairs it
        return
    except OSError:
        if path.exists():
            raise
        yield None
        return
    with contextlib.closing(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        yield connection if version else None


def _bounds(connection: sqlite3.Connection, day: int, wanted: Filter) -> tuple[int, int]:
    """(first, last) row that can be wanted for its time."""
    first, last = connection.execute(
        "SELECT coalesce(min(number), 1), coalesce(max(number), 0) FROM queries"
    ).fetchone()
    begin = day * DAY
    if wanted.since > begin:
        minute = int(wanted.since - LATE - begin) // 60
        found = connection.execute("SELECT max(first) FROM minutes WHERE minute <= ?", (minute,)).fetchone()[0]
        first = max(first, found or 1)
    if 0 < wanted.until < begin + DAY:
        minute = int(wanted.until + LATE - begin) // 60 + 1
        found = connection.execute("SELECT min(first) FROM minutes WHERE minute >= ?", (minute,)).fetchone()[0]
        last = min(last, found - 1) if found else last
    return first, last


def _times(wanted: Filter, begin: int) -> tuple[int, int] | tuple[()]:
    """The milliseconds of the day that are wanted; empty: all."""
    low = max(0, int(wanted.since * 1000) - begin) if wanted.since else 0
    high = min(DAY * 1000, int(wanted.until * 1000) - begin) if wanted.until else DAY * 1000
    return () if (low, high) == (0, DAY * 1000) else (low, high)


def _json(numbers: list[int]) -> str:
    return f"[{','.join(map(str, numbers))}]"


@lru_cache(4096)
def _address(octets: bytes) -> str:
    return str(ip_address(octets))
