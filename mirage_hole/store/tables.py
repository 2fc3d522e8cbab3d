"""The tables of ``state.db`` that people change: their columns, and rows as plain values that JSON and TOML can hold."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = dict[str, Any]
"""Column to value: text, number, True or False, None, or what JSON holds."""
Key = str | int


class Kind(Enum):
    """How a column's values are kept."""

    PLAIN = "plain"
    FLAG = "flag"
    JSON = "json"


class Table(NamedTuple):
    """One table."""

    name: str
    columns: dict[str, Kind]
    """The first is the key."""
    numbered: bool
    """Rows get numbers, which are never used again; else the key is a text."""

    @property
    def key(self) -> str:
        """The column that names a row."""
        return next(iter(self.columns))

    def read(self, values: tuple[Any, ...]) -> Row:
        """The row of what SQLite gives."""
        return {
            name: value if kind is Kind.PLAIN else bool(value) if kind is Kind.FLAG else orjson.loads(value)
            for (name, kind), value in zip(self.columns.items(), values, strict=True)
        }

    def write(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """What SQLite takes.

        Raises:
            KeyError: a column is missing.
        """
        return tuple(
            row[name]
            if kind is Kind.PLAIN
            else int(row[name])
            if kind is Kind.FLAG
            else orjson.dumps(row[name]).decode()
            for name, kind in self.columns.items()
        )

    def key_of(self, text: str) -> Key:
        """The key that JSON has as text."""
        return int(text) if self.numbered else text


STATE: Final = "state.db"
COPY: Final = "state.backup.db"
"""The files, in the state directory."""

_P, _F, _J = Kind.PLAIN, Kind.FLAG, Kind.JSON

TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table("rules", {"number": _P, "text": _P, "comment": _P, "created": _P, "until": _P, "enabled": _F}, True),
        Table("lists", {"name": _P, "source": _P, "kind": _P, "title": _P, "format": _P, "created": _P}, False),
        Table("list_switches", {"name": _P, "enabled": _F}, False),
        Table("clients", {"name": _P, "addresses": _J, "tags": _J}, False),
        Table("records", {"number": _P, "name": _P, "type": _P, "value": _P, "ttl": _J, "networks": _J}, True),
        Table("groups", {"name": _P, "servers": _J, "strategy": _P, "dnssec": _F, "fallback": _P}, False),
        Table("routes", {"number": _P, "domains": _J, "group": _P, "servers": _J, "fallback": _P}, True),
        Table("settings", {"path": _P, "value": _J}, False),
    )
}
"""What is restored by an undo, exported and applied; accounts have tables of their own."""

CONFIGURED: Final = {"clients": "client", "records": "record", "groups": "group", "routes": "route"}
"""Tables beside those of the configuration file, and what a table is called there."""

SCHEMA_1: Final = """
CREATE TABLE rules (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    text TEXT NOT NULL UNIQUE,
    comment TEXT NOT NULL,
    created REAL NOT NULL,
    until REAL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1))
) STRICT;
CREATE TABLE lists (
    name TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('block', 'allow')),
    title TEXT NOT NULL,
    format TEXT NOT NULL,
    created REAL NOT NULL
) STRICT;
CREATE TABLE list_switches (
    name TEXT NOT NULL UNIQUE,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1))
) STRICT;
CREATE TABLE clients (
    name TEXT NOT NULL UNIQUE,
    addresses TEXT NOT NULL,
    tags TEXT NOT NULL
) STRICT;
CREATE TABLE records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    ttl TEXT NOT NULL,
    networks TEXT NOT NULL,
    UNIQUE (name, type, value, networks)
) STRICT;
CREATE TABLE groups (
    name TEXT NOT NULL UNIQUE,
    servers TEXT NOT NULL,
    strategy TEXT NOT NULL,
    dnssec INTEGER NOT NULL CHECK (dnssec IN (0, 1)),
    fallback TEXT NOT NULL
) STRICT;
CREATE TABLE routes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    domains TEXT NOT NULL,
    "group" TEXT NOT NULL,
    servers TEXT NOT NULL,
    fallback TEXT NOT NULL
) STRICT;
CREATE TABLE settings (
    path TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL
) STRICT;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    target TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    undoes INTEGER,
    revertible INTEGER NOT NULL CHECK (revertible IN (0, 1))
) STRICT;
CREATE INDEX audit_who ON audit (who, number);
CREATE INDEX audit_what ON audit (what, number);
"""
"""Schema 0 were the files ``own-rules.json`` and ``lists.json``: :mod:`mirage_hole.store.schema_0`."""
