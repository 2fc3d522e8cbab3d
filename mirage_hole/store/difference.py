"""What must happen so that tables have other rows than they have: shown to people first, and then done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mirage_hole.store.tables import TABLES, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mirage_hole.store.changes import Change

SAME: Final[dict[str, tuple[str, ...]]] = {
    "rules": ("text",),
    "lists": ("name",),
    "list_switches": ("name",),
    "clients": ("name",),
    "records": ("name", "type", "value", "networks"),
    "groups": ("name",),
    "routes": ("domains",),
    "settings": ("path",),
}
"""The columns by which people know a row: one that has the same there is the same row, changed."""
_OURS: Final = ("number", "created")
"""Columns that nobody writes; a row keeps them."""


class Step(NamedTuple):
    """One row that is to be another."""

    table: str
    before: Row | None
    """None: there is none yet."""
    after: Row | None
    """None: it goes. A ``number`` of None is given when it is written."""

    @property
    def title(self) -> str:
        """What people call the row."""
        row = self.after or self.before or {}
        said = (row[name] for name in SAME[self.table])
        return " ".join(", ".join(map(str, one)) if isinstance(one, list) else str(one) for one in said).strip()

    @property
    def changed(self) -> tuple[str, ...]:
        """The columns that are different; none for a row that comes or goes."""
        if self.before is None or self.after is None:
            return ()
        return tuple(name for name, value in self.after.items() if self.before[name] != value)


class Twice(ValueError):  # noqa: N818 - reads as what it is at the raise
    """Two wanted rows are the same one. ``number`` is that of the second, counted from 0."""

    def __init__(self, number: int, first: int) -> None:
        super().__init__(f"entry {number} is the same as entry {first}")
        self.number = number
        self.first = first


def differences(table: str, present: Iterable[Row], wanted: Sequence[Mapping[str, Any]], now: float) -> list[Step]:
    """The steps from the rows that there are to those that are wanted: first what goes, then what is new or different.

    Args:
        table: one of :data:`mirage_hole.store.tables.TABLES`.
        present: its rows.
        wanted: rows without the columns that nobody writes.
        now: seconds since the epoch, for rows that are new.

    Raises:
        Twice: two of the wanted rows are the same.
    """
    columns = TABLES[table].columns
    there = {_known_by(table, row): row for row in present}
    seen: dict[tuple[object, ...], int] = {}
    steps: list[Step] = []
    for number, row in enumerate(wanted):
        key = _known_by(table, row)
        if key in seen:
            raise Twice(number, seen[key])
        seen[key] = number
        before = there.get(key)
        ours: Row = {
            name: before[name] if before else None if name == "number" else now for name in _OURS if name in columns
        }
        full = {**row, **ours}
        after = {name: full[name] for name in columns}
        if after != before:
            steps.append(Step(table, before, after))
    gone = [Step(table, row, None) for key, row in there.items() if key not in seen]
    return gone + steps


def take(change: Change, steps: Iterable[Step]) -> None:
    """Do the steps; every row that goes, before any that comes."""
    ordered = sorted(steps, key=lambda step: step.after is not None)
    for table, before, after in ordered:
        if after is not None:
            change.put(table, after)
        elif before is not None:
            change.remove(table, before[TABLES[table].key])


def _known_by(table: str, row: Mapping[str, Any]) -> tuple[object, ...]:
    values = (row[name] for name in SAME[table])
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)
