"""What the start needs of ``state.db``: the stored settings, read as they are, quickly and without changing anything."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from mirage_hole.store.tables import Row

Settings = dict[str, Any]
Tables = dict[str, dict[str | int, dict[str, Any]]]


def read_stored(directory: Path) -> tuple[Settings, Tables, str]:
    """Settings by path, tables as the configuration file has them, and why they can't be read; of a damaged file those of its copy."""
    import sqlite3

    from mirage_hole.store.database import connect_for_reading
    from mirage_hole.store.tables import COPY, STATE

    problem = ""
    for name in (STATE, COPY):
        path = directory / name
        try:
            if not path.exists():
                continue
            with contextlib.closing(connect_for_reading(path)) as connection:
                return *stored_in(connection), ""
        except (OSError, sqlite3.Error) as trouble:
            problem = f"{name} can't be read: {getattr(trouble, 'strerror', None) or trouble}"
    return {}, {}, problem


def stored_in(connection: sqlite3.Connection) -> tuple[Settings, Tables]:
    """The same of an open database, as within a transaction."""
    from mirage_hole.store.changes import rows_of
    from mirage_hole.store.tables import CONFIGURED

    if connection.execute("PRAGMA user_version").fetchone() == (0,):
        return {}, {}
    settings = {row["path"]: row["value"] for row in rows_of(connection, "settings")}
    tables: Tables = {}
    for table, name in CONFIGURED.items():
        rows = {next(iter(row.values())): as_written(row) for row in rows_of(connection, table)}
        if rows:
            tables[name] = rows
    return settings, tables


def as_written(row: Mapping[str, Any]) -> Row:
    """A row as a table of the configuration file."""
    return {name: value for name, value in row.items() if name != "number" and not (name == "ttl" and value is None)}
