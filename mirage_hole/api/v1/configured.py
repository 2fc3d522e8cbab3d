"""What clients, records, groups and routes have in common: rows of the state beside the tables of the configuration file."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import msgspec

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.changes import Overruled, WrongState, changes_of, refuse
from mirage_hole.store.tables import CONFIGURED, TABLES

if TYPE_CHECKING:
    from mirage_hole.api.v1.route import Call
    from mirage_hole.config.read import Reading
    from mirage_hole.store.changes import Change
    from mirage_hole.store.tables import Key, Row

WORDS = {"clients": "client", "records": "record", "groups": "group", "routes": "route"}


def key_of(call: Call[Any, Any], table: str) -> Key:
    """The row that the path names."""
    return int(call.path["number"]) if TABLES[table].numbered else call.path["name"]


async def listed(call: Call[Any, Any], table: str) -> list[dict[str, Any]]:
    """Every row: those of the file first, with the place where it has them; of those stored, whether they count."""
    changes = changes_of(call)
    try:
        reading = await changes.look()
        rows = await asyncio.to_thread(changes.store.rows, table)
    except OSError as problem:
        refuse(problem)
    return [*written(reading, table), *(shown(reading, table, row) for row in rows)]


async def found(call: Call[Any, Any], table: str) -> dict[str, Any]:
    """One stored row, as :func:`listed` has it.

    Raises:
        Refusal: 404, 409: the file has it.
    """
    changes, key = changes_of(call), key_of(call, table)
    try:
        reading = await changes.look()
        row = await asyncio.to_thread(changes.store.row, table, key)
    except OSError as problem:
        refuse(problem)
    if row is None:
        raise missing(table, key)
    return shown(reading, table, row)


async def added(call: Call[Any, Any], table: str, row: Row) -> dict[str, Any]:
    """Add it; how it is then."""
    word = WORDS[table]

    def work(change: Change) -> Row:
        key = row[TABLES[table].key]
        if key is not None and change.row(table, key) is not None:
            fault = Fault("name", f"{key!r} is one already", "another name, or change that one")
            raise Refusal(409, f"There is a {word} {key} already.", [fault])
        taken = change.put(table, row)
        change.target = f"{word} {taken[TABLES[table].key]}"
        return taken

    return await _changed(call, table, f"add {word}", work)


async def edited(call: Call[Any, Any], table: str, fields: Row) -> dict[str, Any]:
    """Change these fields; how it is then. A text key may be among them, which is a new name."""
    word, key, key_name = WORDS[table], key_of(call, table), TABLES[table].key

    def work(change: Change) -> Row:
        old = change.row(table, key)
        if old is None:
            raise missing(table, key)
        new = {**old, **fields}
        if new[key_name] != key:
            if change.row(table, new[key_name]) is not None:
                fault = Fault("name", f"{new[key_name]!r} is one already", "another name")
                raise Refusal(409, f"There is a {word} {new[key_name]} already.", [fault])
            change.remove(table, key)
        change.target = f"{word} {key}"
        return change.put(table, new)

    return await _changed(call, table, f"change {word}", work)


async def removed(call: Call[Any, Any], table: str) -> None:
    """Forget it. The audit log can bring it back."""
    word, key = WORDS[table], key_of(call, table)

    def work(change: Change) -> None:
        change.target = f"{word} {key}"
        if change.remove(table, key) is None:
            raise missing(table, key)

    try:
        await changes_of(call).change(call.who.name, f"remove {word}", "", work)
    except (WrongState, Overruled, OSError) as problem:
        refuse(problem)


def missing(table: str, key: Key) -> Refusal:
    """There is none."""
    return Refusal(404, f"There is no {WORDS[table]} {key} here; those of the configuration file are changed there.")


def given(body: Any, names: tuple[str, ...]) -> Row:
    """The fields of a change that were given.

    Raises:
        Refusal: 400: none.
    """
    fields = {name: value for name in names if (value := getattr(body, name)) is not msgspec.UNSET}
    if not fields:
        raise Refusal(400, "Nothing is to be changed.", [Fault("body", "is empty", f"one of {', '.join(names)}")])
    return fields


def written(reading: Reading, table: str) -> list[dict[str, Any]]:
    """The rows that the configuration file has."""
    name = CONFIGURED[table]
    rows = []
    for number, one in enumerate(reading.loaded.tables.get(name, ())):
        path = f"{name}[{number}]"
        if one is None or path in reading.loaded.stored_rows:
            continue
        fields = {field: _many(getattr(one, field), field) for field in one.__struct_fields__}
        key = {"number": None} if TABLES[table].numbered else {}
        rows.append({**key, **fields, "origin": str(reading.loaded.origin(path)), "changeable": False, "counts": True})
    return rows


def shown(reading: Reading, table: str, row: Row) -> dict[str, Any]:
    """A stored row, and whether it counts."""
    name = CONFIGURED[table]
    here = set(reading.loaded.stored_rows.values())
    return {**row, "origin": "stored", "changeable": True, "counts": (name, row[TABLES[table].key]) in here}


def _many(value: Any, field: str) -> Any:
    if field in {"addresses", "tags", "servers", "domains", "networks"}:
        return [value] if isinstance(value, str) else list(value)
    return value


async def _changed(call: Call[Any, Any], table: str, what: str, work: Any) -> dict[str, Any]:
    rows: list[Row] = []

    def remembered(change: Change) -> None:
        rows[:] = [work(change)]

    try:
        changed = await changes_of(call).change(call.who.name, what, "", remembered)
        reading = changed.reading or await changes_of(call).look()
    except sqlite3.IntegrityError:
        fault = Fault("body", "is there already", "another, or change that one")
        raise Refusal(409, f"There is such a {WORDS[table]} already.", [fault]) from None
    except (WrongState, Overruled, OSError) as problem:
        key = rows[0][TABLES[table].key] if rows else None
        refuse(problem, None if key is None else (CONFIGURED[table], key))
    return shown(reading, table, rows[0])
