"""Between the rows of the state and the entries of a document that people read (:mod:`mirage_hole.config.document`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from mirage_hole.config.document import ENTRIES, ListEntry, UserEntry, moment
from mirage_hole.store.difference import SAME, Step, Twice, differences
from mirage_hole.store.tables import TABLES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from mirage_hole.config.document import Document
    from mirage_hole.store.state import StateStore
    from mirage_hole.store.tables import Row

PART_OF: Final = {
    "rules": "rule",
    "lists": "list",
    "list_switches": "switch",
    "clients": "client",
    "records": "record",
    "groups": "group",
    "routes": "route",
    "settings": "settings",
}
"""Table to the part of a document that has its rows."""
ROLES: Final[dict[int, Any]] = {1: "viewer", 2: "operator", 3: "admin"}
"""As accounts keep roles, and as people write them."""
TABLE_OF: Final = {part: table for table, part in PART_OF.items()}
Tables = dict[str, list[dict[str, Any]]]


class SameTwice(ValueError):  # noqa: N818 - reads as what it is at the raise
    """Two entries of a part say the same."""

    def __init__(self, part: str, number: int, first: int) -> None:
        super().__init__(f"{part}[{number}] is about the same as {part}[{first}]")
        self.part = part
        self.number = number
        self.first = first


class Named(NamedTuple):
    """A list as the state knows it."""

    name: str
    source: str
    """A path is absolute."""


def document_of(rows: Mapping[str, Sequence[Row]]) -> Document:
    """The document that says what these tables hold; it mentions every part of them."""
    off = {row["name"]: row["enabled"] for row in rows["list_switches"]}
    added = {row["name"] for row in rows["lists"]}
    document: Document = {"settings": {row["path"]: row["value"] for row in rows["settings"]}}
    document["list"] = [
        ListEntry(**_of(row, "source", "kind", "title", "format"), enabled=off.get(row["name"], True))
        for row in rows["lists"]
    ]
    document["switch"] = [
        ENTRIES["switch"](list=name, enabled=enabled) for name, enabled in off.items() if name not in added
    ]
    document["rule"] = [
        _entry("rule", {**_of(row, "text", "comment", "enabled"), "until": moment(row["until"])})
        for row in rows["rules"]
    ]
    for table in ("clients", "records", "groups", "routes"):
        names = [name for name in TABLES[table].columns if name != "number"]
        document[PART_OF[table]] = [_entry(PART_OF[table], _of(row, *names)) for row in rows[table]]
    return document


def exported(store: StateStore, *, accounts: bool) -> Document:
    """The document of a state, as it is at one moment.

    Args:
        store: the state.
        accounts: with users and the hashes of their passwords.

    Raises:
        StoreProblem, OSError: it can't be read.
    """
    from mirage_hole.store.accounts import users

    def read(connection: sqlite3.Connection) -> Document:
        document = document_of({table: store.rows(table) for table in TABLES})
        if accounts:
            document["user"] = [
                UserEntry(name=one.name, role=ROLES[one.role], password_hash=one.password) for one in users(connection)
            ]
        return document

    return store.read(read)


def wanted_rows(document: Document, called: Callable[[ListEntry], Named]) -> Tables:
    """The rows that a document wants, for each table that it is about, without the columns that nobody writes.

    Args:
        document: parts that it does not mention are left out; ``list`` and ``switch`` belong together, so one of them brings
            both tables.
        called: what the state calls an added list.
    """
    rows: Tables = {}
    for part, table in TABLE_OF.items():
        if part not in document or part in {"list", "switch"}:
            continue
        if part == "settings":
            rows[table] = [{"path": path, "value": value} for path, value in document[part].items()]
        else:
            rows[table] = [_row(table, msgspec.structs.asdict(entry)) for entry in document[part]]
    if "list" in document:
        entries: list[ListEntry] = document["list"]
        names = [called(entry) for entry in entries]
        rows["lists"] = [
            {"name": name, "source": source, "kind": entry.kind, "title": entry.title, "format": entry.format}
            for entry, (name, source) in zip(entries, names, strict=True)
        ]
        rows["list_switches"] = [
            {"name": name, "enabled": False}
            for entry, (name, _) in zip(entries, names, strict=True)
            if not entry.enabled
        ]
    if "switch" in document:
        rows.setdefault("list_switches", []).extend(
            {"name": entry.list, "enabled": entry.enabled} for entry in document["switch"]
        )
    return rows


def steps_to(
    document: Document, present: Mapping[str, Sequence[Row]], called: Callable[[ListEntry], Named], now: float
) -> list[Step]:
    """What must happen so that the state is as the document says.

    Args:
        document: as it was read.
        present: the rows of every table.
        called: as for :func:`wanted_rows`.
        now: seconds since the epoch.

    Raises:
        SameTwice: two entries are about the same thing.
    """
    wanted = wanted_rows(document, called)
    steps: list[Step] = []
    for table, rows in wanted.items():
        there = list(present[table])
        if table == "rules":
            there = [{**row, "until": _to_the_second(row["until"])} for row in there]
        if table == "list_switches":
            rows, there = _switches(document, rows, there, present, wanted)
        try:
            steps += differences(table, there, rows, now)
        except Twice as twice:
            raise SameTwice(PART_OF[table], twice.number, twice.first) from None
    return steps


def after(steps: Sequence[Step], present: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The rows of every table once the steps are done."""
    tables = {table: list(rows) for table, rows in present.items()}
    for step in steps:
        rows = tables[step.table]
        same = SAME[step.table]
        known = step.before or step.after or {}
        kept = [row for row in rows if any(row[name] != known[name] for name in same)]
        tables[step.table] = kept + ([step.after] if step.after is not None else [])
    return tables


def _switches(
    document: Document, rows: list[Row], there: list[Row], present: Mapping[str, Sequence[Row]], wanted: Tables
) -> tuple[list[Row], list[Row]]:
    """(wanted, present) switches of the lists that the document is about: those it adds, those of the configuration, or both."""
    added = {row["name"] for row in (*present["lists"], *wanted.get("lists", ()))}
    if "switch" not in document:
        there = [row for row in there if row["name"] in added]
    elif "list" not in document:
        there = [row for row in there if row["name"] not in added]
        rows = [row for row in rows if row["name"] not in added]
    return rows, there


def _entry(part: str, values: dict[str, Any]) -> Any:
    return ENTRIES[part](**values)


def _of(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _row(table: str, values: dict[str, Any]) -> dict[str, Any]:
    if table == "rules":
        until = values["until"]
        values["until"] = None if until is None else until.timestamp()
    return {name: values[name] for name in TABLES[table].columns if name not in {"number", "created"}}


def _to_the_second(at: float | None) -> float | None:
    return None if at is None else float(int(at))
