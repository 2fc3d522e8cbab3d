"""What ``statistics.db`` has in it: units of three sizes, and the words that their tables mean by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.observe.rollup import BUCKET_BITS, DAY, HOUR, MINUTE, TOPS, Counts, Facet, Unit, duration_key, pair_key

if TYPE_CHECKING:
    from collections.abc import Callable

MIGRATIONS: Final = (
    """
    CREATE TABLE minutes (
        at INTEGER PRIMARY KEY,
        queries INTEGER NOT NULL,
        blocked INTEGER NOT NULL,
        body BLOB NOT NULL,
        tops BLOB NOT NULL
    );
    CREATE TABLE hours (
        at INTEGER PRIMARY KEY,
        queries INTEGER NOT NULL,
        blocked INTEGER NOT NULL,
        body BLOB NOT NULL,
        tops BLOB NOT NULL
    );
    CREATE TABLE days (
        at INTEGER PRIMARY KEY,
        queries INTEGER NOT NULL,
        blocked INTEGER NOT NULL,
        body BLOB NOT NULL,
        tops BLOB NOT NULL
    );
    CREATE TABLE words (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind INTEGER NOT NULL,
        word BLOB NOT NULL,
        in_minutes INTEGER NOT NULL DEFAULT 0,
        in_hours INTEGER NOT NULL DEFAULT 0,
        in_days INTEGER NOT NULL DEFAULT 0,
        UNIQUE (kind, word)
    );
    CREATE TABLE stale (
        step INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (step, at)
    ) WITHOUT ROWID;
    CREATE TABLE facts (
        what TEXT PRIMARY KEY,
        number INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
)
"""``in_minutes``, ``in_hours``, ``in_days``: the last day, counted from the epoch, of whose minutes, hours or days a unit names the
word. ``stale``: hours and days whose minutes or hours have changed since they were added up, or are not added up yet."""

BEFORE: Final = "PRAGMA auto_vacuum = INCREMENTAL"
TABLES: Final = {MINUTE: "minutes", HOUR: "hours", DAY: "days"}
USES: Final = {MINUTE: "in_minutes", HOUR: "in_hours", DAY: "in_days"}
LARGER: Final = {MINUTE: HOUR, HOUR: DAY}
SMALLER: Final = {HOUR: MINUTE, DAY: HOUR}

NAME, CLIENT, TITLE, UPSTREAM = 1, 2, 3, 4

_KINDS: Final = {
    Facet.BLOCKED_BY: TITLE,
    Facet.ALLOWED_BY: TITLE,
    Facet.REWRITTEN_BY: TITLE,
    Facet.UPSTREAM: UPSTREAM,
    Facet.NAME: NAME,
    Facet.BLOCKED_NAME: NAME,
    Facet.CLIENT: CLIENT,
    Facet.BLOCKED_CLIENT: CLIENT,
}
_PAIRS: Final = frozenset({Facet.CLIENT_NAME, Facet.CLIENT_BLOCKED})


def numbered(unit: Unit, number: Callable[[int, bytes], int | None]) -> Unit:
    """The unit with numbers in place of words.

    Args:
        unit: as it was counted.
        number: of a kind and a word; None when there is no room for it: the table then says that a key is missing.
    """
    found = Unit(unit.at)
    found.queries, found.blocked = unit.queries, unit.blocked
    for facet, table in unit.facets.items():
        counts = found.facets[facet] = Counts(slack=table.slack, floor=table.floor)
        for key, times in table.counts.items():
            place = key if isinstance(key, int) else _number(facet, key, number)
            if place is None:
                counts.floor = max(counts.floor, counts.slack + times)
            else:
                counts.counts[place] = counts.counts.get(place, 0) + times
    return found


def _number(facet: Facet, key: bytes, number: Callable[[int, bytes], int | None]) -> int | None:
    if facet is Facet.DURATION:
        upstream = number(UPSTREAM, key[:-1]) if len(key) > 1 else 0
        return None if upstream is None else duration_key(upstream, key[-1])
    if facet in _PAIRS:
        client, name = number(CLIENT, key[1 : 1 + key[0]]), number(NAME, key[1 + key[0] :])
        return None if client is None or name is None else pair_key(client, name)
    return number(_KINDS[facet], key)


def words_in(unit: Unit) -> set[int]:
    """The numbers of all words that a unit names."""
    found: set[int] = set()
    for facet, table in unit.facets.items():
        keys = [key for key in table.counts if isinstance(key, int)]
        if facet in _KINDS:
            found.update(keys)
        elif facet is Facet.DURATION:
            found.update(key >> BUCKET_BITS for key in keys)
        elif facet in _PAIRS:
            found.update(key >> 32 for key in keys)
            found.update(key & 0xFFFFFFFF for key in keys)
    found.discard(0)
    return found


def split(unit: Unit) -> tuple[dict[Facet, Counts], dict[Facet, Counts]]:
    """The tables of a unit as they are kept: the small ones, and those of ``TOPS``."""
    body = {facet: table for facet, table in unit.facets.items() if facet not in TOPS}
    tops = {facet: table for facet, table in unit.facets.items() if facet in TOPS}
    return body, tops
