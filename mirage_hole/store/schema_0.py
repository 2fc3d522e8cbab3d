"""Schema 0: the files in which the user's own rules and lists were before there was a database.

``own-rules.json`` and ``lists.json`` are taken over when the state is opened and kept as ``*.migrated``. A row that is there already
stays as it is, so a run that was cut off is simply done again.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

import orjson

from mirage_hole.store.database import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

RULES: Final = "own-rules.json"
LISTS: Final = "lists.json"
LAST: Final = "lists.json.last"
"""What ``lists.json`` was before somebody spoilt it with an editor."""
MAX_OCTETS: Final = 32 * 1024 * 1024
_VERSION: Final = 1
_LAST_NUMBER: Final = 2**31
_DAMAGE: Final = (ValueError, TypeError, KeyError, AttributeError)
"""What a document that is none of ours raises."""

Statements = list[tuple[str, tuple[Any, ...]]]


def take_over(directory: Path, connection: sqlite3.Connection, clock: Callable[[], float]) -> int:
    """Take the files that are there; how many.

    Raises:
        OSError: they can't be read or renamed.
        sqlite3.Error: the disk does not take it.
    """
    taken = 0
    for name, read in ((RULES, _rules), (LISTS, _lists)):
        path = directory / name
        if not path.exists() or path.is_dir():
            continue
        statements = _read(path, read)
        if statements is None and name == LISTS:
            statements = _read(directory / LAST, read, quiet=True)
        if statements is not None:
            _store(connection, statements, clock(), name)
            if path.exists():  # a damaged one has another name already
                _rename(path, f"{name}.migrated")
            log.info("%s is part of state.db now, and kept as %s.migrated", name, name)
            taken += 1
        if name == LISTS:
            with contextlib.suppress(FileNotFoundError):
                (directory / LAST).unlink()
    return taken


def _read(path: Path, read: Callable[[Any], Statements], *, quiet: bool = False) -> Statements | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_OCTETS + 1)
        if len(data) > MAX_OCTETS:
            message = f"it is larger than {MAX_OCTETS} octets"
            raise ValueError(message)
        document = orjson.loads(data)
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            message = f"it is not of version {_VERSION}"
            raise ValueError(message)
        return read(document)
    except (FileNotFoundError, *_DAMAGE) as problem:
        if not quiet:
            _rename(path, f"{path.name}.damaged")
            log.error("%s is damaged (%s); it is kept as %s.damaged", path, problem, path.name)
        return None


def _store(connection: sqlite3.Connection, statements: Statements, now: float, name: str) -> None:
    with transaction(connection):
        before = connection.total_changes
        for sql, values in statements:
            connection.execute(sql, values)
        rows = connection.total_changes - before
        connection.execute(
            "INSERT INTO audit (at, who, what, target, before, after, revertible) VALUES (?, ?, ?, ?, ?, ?, 0)",
            (now, "mirage-hole", "take over file", name, "null", orjson.dumps({"rows": rows}).decode()),
        )


def _rules(document: dict[str, Any]) -> Statements:
    sql = "INSERT OR IGNORE INTO rules (number, text, comment, created, until, enabled) VALUES (?, ?, ?, ?, ?, ?)"
    statements: Statements = []
    for raw in document["rules"]:
        number, until = int(raw["id"]), raw.get("until")
        if not 0 < number < _LAST_NUMBER:
            message = f"{number} is no number of a rule"
            raise ValueError(message)
        created = float(raw.get("created", 0.0))
        end = None if until is None else float(until)
        enabled = int(bool(raw.get("enabled", True)))
        values = (number, str(raw["text"]), str(raw.get("comment", "")), created, end, enabled)
        statements.append((sql, values))
    return statements


def _lists(document: dict[str, Any]) -> Statements:
    statements: Statements = []
    for raw in document["added"]:
        texts = tuple(str(raw[name]) for name in ("key", "source", "kind", "title", "format"))
        if texts[2] not in {"block", "allow"}:
            message = f"{texts[2]!r} is no kind of list"
            raise ValueError(message)
        sql = "INSERT OR IGNORE INTO lists (name, source, kind, title, format, created) VALUES (?, ?, ?, ?, ?, ?)"
        statements.append((sql, (*texts, float(raw["created"]))))
    for name, on in document["switched"].items():
        sql = "INSERT OR IGNORE INTO list_switches (name, enabled) VALUES (?, ?)"
        statements.append((sql, (str(name), int(on is True))))
    return statements


def _rename(path: Path, name: str) -> None:
    target = path.with_name(name)
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{name}.{number}")
    path.rename(target)
