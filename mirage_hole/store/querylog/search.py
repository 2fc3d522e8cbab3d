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
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mirage_hole.lists.rule import Scope
from mirage_hole.observe.logged import LoggedQuery
from mirage_hole.observe.record import TCP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.database import Damaged, connect_for_reading
from mirage_hole.store.querylog.day import DAY, NUMBERS_A_DAY, days_in
from mirage_hole.store.querylog.filters import Filter, clients_of, subject_tests
from mirage_hole.wire.codes import rcode_text, type_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from mirage_hole.observe.exports import Format
    from mirage_hole.observe.tables import Subject

FIRST_WINDOW: Final = 20_000
"""Rows that are looked at before an index is thought of."""
LARGEST_WINDOW: Final = 200_000
INDEXED: Final = 60_000
"""Rows that an index may give at most; beyond, the rows are looked at in turn."""
FEW: Final = 500
"""Subjects or clients that are looked up in an index, at most."""
PAGE_SECONDS: Final = 0.15
LATE: Final = 120
"""Seconds by which rows may be out of order."""
KNOWN_SUBJECTS: Final = 40_000

_ROW: Final = "SELECT queries.number, at, subject, client, took FROM queries"
_MEANT: Final = {
    "client": "client IN (SELECT value FROM json_each(?))",
    "subject": "subject IN (SELECT number FROM wanted)",
}
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

    def export(self, wanted: Filter, form: Format, size: int = 10_000) -> Generator[bytes, None, None]:
        """Every query, the newest first, as the pieces of a file. A day is read as it is at the moment it is come to.

        Raises:
            OSError, sqlite3.Error: the files can't be read.
        """
        yield form.begin
        for day, path in self._days(wanted, None):
            with _opened(path) as connection:
                if connection is None:
                    continue
                search = _Search(connection, day, wanted, None)
                while not search.over:
                    piece = search.export(form, size)
                    if piece:
                        yield piece
        yield form.end

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
        self._tests, self._values = subject_tests(wanted)
        self._clients = clients_of(connection, wanted) if last >= first else []
        self._begin = day * DAY * 1000
        self._times = _times(wanted, self._begin)
        self._window = FIRST_WINDOW
        self._subjects: int | None = None
        """How many are meant; None: they were not collected yet."""
        self._index: str | None = None
        """The column whose index gives the rows; empty: they are looked at in turn; None: that is not decided yet."""
        self.over = last < first or self._clients == []

    @property
    def at(self) -> int:
        """What was looked at has this number or a higher one."""
        return self._day * NUMBERS_A_DAY + self._last + 1

    def step(self, limit: int) -> list[LoggedQuery]:
        """At most ``limit`` further rows; a bounded time."""
        return self._words.rows(self._further(limit))

    def export(self, form: Format, limit: int) -> bytes:
        """The same as a piece of a file."""
        return self._words.lines(self._further(limit), form)

    def _further(self, limit: int) -> list[Raw]:
        if self._index is None and self._window > FIRST_WINDOW:
            self._collect()
        if self.over:
            return []
        return self._by_index(limit) if self._index else self._by_looking(limit)

    def _collect(self) -> None:
        """The first rows were not enough: find out which subjects are meant, and how to come to their rows."""
        if self._tests:
            text = f"INSERT INTO wanted SELECT number FROM subjects WHERE {self._tests}"
            self._connection.execute("CREATE TEMP TABLE wanted (number INTEGER PRIMARY KEY)")
            self._subjects = self._connection.execute(text, self._values).rowcount
        self.over = self._subjects == 0
        self._index = "" if self.over else self._rarest()

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
        found = self._rows(self._index or "", self._first, limit)
        self._last = found[-1][0] - 1 if len(found) == limit else self._first - 1
        self.over = self._last < self._first
        return found

    def _rows(self, index: str, low: int, limit: int) -> list[Raw]:
        # A plus before a column keeps SQLite from using its index: which one is used is decided here.
        values: list[object] = []
        tests = []
        joined = ""
        if index:
            tests.append(_MEANT[index])
            values += [_json(self._clients or [])] if index == "client" else []
        tests.append(f"{'+' if index else ''}queries.number BETWEEN ? AND ?")
        values += [low, self._last]
        if self._tests and self._subjects is None:
            joined = "CROSS JOIN subjects ON subjects.number = queries.subject"
            tests.append(self._tests)
            values += self._values
        elif self._tests and index != "subject":
            tests.append("+subject IN (SELECT number FROM wanted)")
        if self._clients is not None and index != "client":
            tests.append("+client IN (SELECT value FROM json_each(?))")
            values.append(_json(self._clients))
        if self._times:
            tests.append("at >= ? AND at < ?")
            values += self._times
        text = f"{_ROW} {joined} WHERE {' AND '.join(tests)} ORDER BY queries.number DESC LIMIT ?"
        return self._connection.execute(text, [*values, limit]).fetchall()

    def _rarest(self) -> str:
        """The column whose index gives so few rows that asking it is cheap; empty for none."""
        best, found = INDEXED, ""
        for column, many in (("client", len(self._clients or ())), ("subject", self._subjects or 0)):
            if not 0 < many <= FEW:
                continue
            text = f"SELECT count(*) FROM (SELECT 1 FROM queries WHERE {_MEANT[column]} LIMIT ?)"
            values = [_json(self._clients or []), best] if column == "client" else [best]
            (rows,) = self._connection.execute(text, values).fetchone()
            if rows < best:
                best, found = rows, column
        return found


class _Words:
    """The words of one day's numbers."""

    def __init__(self, connection: sqlite3.Connection, day: int) -> None:
        self._connection = connection
        self._day = day
        self._subjects: dict[int, Subject] = {}
        self._written: dict[int, Any] = {}
        self._older: tuple[dict[int, Subject], dict[int, Any]] = ({}, {})
        self._texts: dict[int, str | None] = {0: None}
        self._clients: dict[int, str] = {}

    def rows(self, raw: list[Raw]) -> list[LoggedQuery]:
        """Rows in words."""
        self._prepare(raw)
        subjects, clients = self._subjects, self._clients
        base, begin, new = self._day * NUMBERS_A_DAY, self._day * DAY, tuple.__new__
        return [
            new(
                LoggedQuery,
                (
                    base + number, begin + at / 1000, clients[client], (said := subjects[subject])[0], took / 1e6,
                    *said[1:],
                ),
            )
            for number, at, subject, client, took in raw
        ]  # fmt: skip

    def lines(self, raw: list[Raw], form: Format) -> bytes:
        """Rows as a piece of a file."""
        self._prepare(raw)
        written, clients, line = self._written, self._clients, form.line
        for number in {one[2] for one in raw} - written.keys():
            written[number] = form.subject(self._subjects[number])
        begin = self._day * DAY
        return form.join(
            [
                line(begin + at / 1000, clients[client], took / 1e6, written[subject])
                for _, at, subject, client, took in raw
            ]
        )

    def _prepare(self, raw: list[Raw]) -> None:
        """Learn what the rows speak of. What was not spoken of for long is forgotten."""
        if len(self._subjects) > KNOWN_SUBJECTS:
            self._older, self._subjects = (self._subjects, self._written), {}
            self._written = {}
        subjects, clients = self._subjects, self._clients
        missing = {one[2] for one in raw} - subjects.keys()
        known, written = self._older
        for number in missing & known.keys():
            subjects[number] = known[number]
            if number in written:
                self._written[number] = written[number]
        if missing := missing - known.keys():
            self._learn(missing)
        for number in {one[3] for one in raw} - clients.keys():
            clients[number] = self._client(number)

    def _learn(self, missing: set[int]) -> None:
        nothing: Subject = ("udp", "", "TYPE0", "dropped", "NOERROR", None, None, None, None, None)
        self._subjects.update(dict.fromkeys(missing, nothing))  # what a damaged file has lost
        found = self._connection.execute(
            "SELECT subjects.* FROM json_each(?) JOIN subjects ON subjects.number = value", (_json(list(missing)),)
        ).fetchall()
        texts = self._texts
        if unknown := {number for row in found for number in (row[5], row[6], row[9])} - texts.keys():
            if len(texts) > KNOWN_SUBJECTS:
                texts.clear()
                texts[0] = None
                unknown = {number for row in found for number in (row[5], row[6], row[9])} - texts.keys()
            texts.update(dict.fromkeys(unknown))
            texts.update(
                self._connection.execute(
                    "SELECT texts.number, text FROM json_each(?) JOIN texts ON texts.number = value",
                    (_json(list(unknown)),),
                )
            )
        for number, name, kind, outcome, rcode, title, rule, scope, line, upstream, transport in found:
            self._subjects[number] = (
                "tcp" if transport == TCP else "udp", name, _type(kind), _OUTCOMES.get(outcome, "dropped"), _rcode(rcode),
                texts[title], texts[rule], _SCOPES.get(scope), line or None, texts[upstream],
            )  # fmt: skip

    def _client(self, number: int) -> str:
        found = self._connection.execute("SELECT address FROM clients WHERE number = ?", (number,)).fetchone()
        return _address(found[0]) if found is not None and len(found[0]) in {4, 16} else "0.0.0.0"  # noqa: S104 - nobody


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
    # Two looks at the ends of the tree; min and max in one would read all of it.
    first, last = connection.execute(
        "SELECT coalesce((SELECT min(number) FROM queries), 1), coalesce((SELECT max(number) FROM queries), 0)"
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


_type = lru_cache(1024)(type_text)
_rcode = lru_cache(1024)(rcode_text)
