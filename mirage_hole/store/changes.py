"""One change of the state: what it touches within its transaction, with what was there before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mirage_hole.store.tables import TABLES, Key, Row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

HIDDEN: Final = "(hidden)"
"""Stands for a secret in the audit log."""

States = dict[str, dict[str, Any]]
"""Table, key as text, row; None for a row that is not there."""


class Change:
    """What may be done within one transaction of :meth:`mirage_hole.store.state.StateStore.change`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        """For tables that are not in :data:`TABLES`; see :meth:`note`."""
        self.target = ""
        """Replaces the target that the change began with, once it is known, such as the number of a new rule."""
        self._before: States = {}
        self._after: States = {}
        self._noted: tuple[object, object] | None = None
        self._secret: set[tuple[str, str]] = set()

    def rows(self, table: str) -> list[Row]:
        """All rows, in the order in which they were added."""
        return rows_of(self.connection, table)

    def row(self, table: str, key: Key) -> Row | None:
        """The row of this key."""
        return row_of(self.connection, table, key)

    def put(self, table: str, row: Mapping[str, Any], *, secret: bool = False) -> Row:
        """Add a row, or replace that of the same key; how it is then. A number that is None is given here.

        Args:
            table: one of :data:`TABLES`.
            row: every column.
            secret: the audit log does not say what is in it; it can't be undone then.

        Raises:
            sqlite3.IntegrityError: another row has what only one may have.
        """
        there = TABLES[table]
        names = [f'"{name}"' for name in there.columns]
        key = row[there.key]
        if key is not None:
            self._remember(table, key, self.row(table, key))
        updates = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        found = self.connection.execute(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
            f"ON CONFLICT ({names[0]}) DO UPDATE SET {updates} RETURNING {', '.join(names)}",
            there.write(row),
        ).fetchall()
        taken = there.read(found[0])
        if key is None:
            self._remember(table, taken[there.key], None)
        self._settle(table, taken[there.key], taken, secret=secret)
        return taken

    def remove(self, table: str, key: Key, *, secret: bool = False) -> Row | None:
        """Remove a row; what it was."""
        was = self.row(table, key)
        if was is not None:
            self._remember(table, key, was)
            self.connection.execute(f'DELETE FROM {table} WHERE "{TABLES[table].key}" = ?', (key,))
            self._settle(table, key, None, secret=secret)
        return was

    def note(self, before: object, after: object) -> None:
        """What the audit log says of a change that was made through :attr:`connection`; without secrets. It can't be undone."""
        self._noted = before, after

    @property
    def touched(self) -> frozenset[str]:
        """The tables in which something is different now."""
        return frozenset(self._states()[0])

    def keys(self, table: str) -> list[Key]:
        """The rows of a table that are different now."""
        return [TABLES[table].key_of(key) for key in self._states()[0].get(table, {})]

    @property
    def empty(self) -> bool:
        """Whether all is as it was."""
        return self._noted is None and not self.touched

    @property
    def revertible(self) -> bool:
        """Whether an undo can bring back what was."""
        return self._noted is None and not self._secret

    def told(self) -> tuple[object, object]:
        """Before and after, for the audit log."""
        before, after = self._states()
        for states in (before, after):
            for table, key in self._secret:
                row = states.get(table, {}).get(key)
                if row is not None:
                    states[table][key] = {**row, "value": HIDDEN}
        return self._noted if self._noted is not None else (before, after)

    def _states(self) -> tuple[States, States]:
        """Without what came back to where it was."""
        before: States = {}
        after: States = {}
        for table, rows in self._before.items():
            for key, was in rows.items():
                now = self._after[table][key]
                if was != now:
                    before.setdefault(table, {})[key] = was
                    after.setdefault(table, {})[key] = now
        return before, after

    def _remember(self, table: str, key: Key, row: Row | None) -> None:
        self._before.setdefault(table, {}).setdefault(str(key), row)
        self._after.setdefault(table, {}).setdefault(str(key), row)

    def _settle(self, table: str, key: Key, row: Row | None, *, secret: bool) -> None:
        self._after[table][str(key)] = row
        if secret:
            self._secret.add((table, str(key)))


def rows_of(connection: sqlite3.Connection, table: str) -> list[Row]:
    """All rows, in the order in which they were added."""
    there = TABLES[table]
    names = ", ".join(f'"{name}"' for name in there.columns)
    return [there.read(values) for values in connection.execute(f"SELECT {names} FROM {table} ORDER BY rowid")]


def row_of(connection: sqlite3.Connection, table: str, key: Key) -> Row | None:
    """The row of this key; None when there is none."""
    there = TABLES[table]
    names = ", ".join(f'"{name}"' for name in there.columns)
    found = connection.execute(f'SELECT {names} FROM {table} WHERE "{there.key}" = ?', (key,)).fetchone()
    return None if found is None else there.read(found)
