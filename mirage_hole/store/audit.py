"""The audit log: who changed what, how it was before and after, and taking a change back."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from mirage_hole.store.tables import TABLES

if TYPE_CHECKING:
    from mirage_hole.store.changes import Change, States

MAX_TOLD: Final = 20
"""Differences that a refused undo names."""
_COLUMNS: Final = "number, at, who, what, target, before, after, undoes, revertible"


class Entry(NamedTuple):
    """One change."""

    number: int
    at: float
    """Seconds since the epoch."""
    who: str
    what: str
    target: str
    before: Any
    """Table to key to row, None for one that was not there; of a change that can't be undone anything that JSON holds."""
    after: Any
    undoes: int | None
    """The change that this one took back."""
    revertible: bool

    @property
    def tables(self) -> frozenset[str]:
        """What an undo would touch."""
        return frozenset(self.before) if self.revertible else frozenset()


class CantUndo(Exception):  # noqa: N818 - reads as what it is at the raise
    """The change holds something that can't be brought back, or something has changed since."""

    def __init__(self, message: str, since: tuple[str, ...] = ()) -> None:
        """``since``: what is different now, such as ``rules 12``."""
        super().__init__(message)
        self.since = since


def entries(
    connection: sqlite3.Connection,
    *,
    limit: int,
    below: int | None = None,
    who: str = "",
    what: str = "",
    target: str = "",
    since: float | None = None,
    until: float | None = None,
) -> list[Entry]:
    """The newest first.

    Args:
        connection: of the state.
        limit: how many at most.
        below: only those of a smaller number, which is how a next page is asked for.
        who, what: exactly this; empty: any.
        target: this somewhere in it, whatever the case.
        since, until: seconds since the epoch.
    """
    conditions, values = ["1"], []
    for sql, value, wanted in (
        ("number < ?", below, below is not None),
        ("who = ?", who, who),
        ("what = ?", what, what),
        ("instr(lower(target), lower(?)) > 0", target, target),
        ("at >= ?", since, since is not None),
        ("at < ?", until, until is not None),
    ):
        if wanted:
            conditions.append(sql)
            values.append(value)
    where = " AND ".join(conditions)
    sql = f"SELECT {_COLUMNS} FROM audit WHERE {where} ORDER BY number DESC LIMIT ?"
    return [_entry(row) for row in connection.execute(sql, (*values, limit))]


def entry(connection: sqlite3.Connection, number: int) -> Entry | None:
    """The change of this number; None when there is none, or none any more."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM audit WHERE number = ?", (number,)).fetchone()
    return None if row is None else _entry(row)


def revert(change: Change, one: Entry) -> None:
    """Bring back what was before, if all that was changed is as it was left.

    Raises:
        CantUndo: it isn't; with what is different.
    """
    if not one.revertible:
        message = f"change {one.number} ({one.what}) can't be undone: not everything of it is in the audit log"
        raise CantUndo(message)
    before, after = one.before, one.after
    different = [
        f"{table} {key}"
        for table, rows in after.items()
        for key, row in rows.items()
        if table not in TABLES or change.row(table, TABLES[table].key_of(key)) != row
    ]
    if different:
        told = ", ".join(different[:MAX_TOLD])
        message = f"something else has changed since change {one.number}: {told}; change it by hand"
        raise CantUndo(message, tuple(different[:MAX_TOLD]))
    try:
        _restore(change, before)
    except sqlite3.IntegrityError as problem:
        message = (
            f"change {one.number} can't be undone: something else says the same now ({problem}); remove that first"
        )
        raise CantUndo(message) from None


def _restore(change: Change, before: States) -> None:
    for table, rows in before.items():
        for key, row in rows.items():
            # What is there may have what only one may have. Numbers keep the order, else a row stays at its place.
            if row is None or TABLES[table].numbered:
                change.remove(table, TABLES[table].key_of(key))
    for table, rows in before.items():
        for row in rows.values():
            if row is not None:
                change.put(table, row)


def _entry(row: tuple[Any, ...]) -> Entry:
    number, at, who, what, target, before, after, undoes, revertible = row
    return Entry(number, at, who, what, target, orjson.loads(before), orjson.loads(after), undoes, bool(revertible))
