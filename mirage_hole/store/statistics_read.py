"""Reads ``statistics.db`` together with what is not written yet, so that an answer is of now. Called in a thread: it waits for the
disk."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.observe.rollup import DAY, HOUR, MINUTE, Facet, Unit, total
from mirage_hole.store.database import connect_for_reading
from mirage_hole.store.statistics import read_units
from mirage_hole.store.statistics_schema import LARGER, SMALLER, TABLES, numbered

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_TEMPORARY: Final = 1 << 31
"""Numbers from here on are of words that the file does not have yet."""
NONE: Final[frozenset[Facet]] = frozenset()
BY_DAYS_FROM: Final = 7 * DAY
"""A stretch of more seconds is added up from days where it can be: hours tell more names apart, and there are more of them."""


class Covered(NamedTuple):
    """Units that make up a stretch of time."""

    since: int
    until: int
    """What was asked for, widened to whole units."""
    units: list[Unit]


class StatisticsReader:
    """One look: everything it says is of the same moment."""

    def __init__(self, connection: sqlite3.Connection, unwritten: Sequence[tuple[int, Unit]]) -> None:
        self._connection = connection
        facts = dict(connection.execute("SELECT what, number FROM facts"))
        self.minutes_from: int = facts.get("minutes_from", 0)
        """Seconds since the epoch before which there are no minutes any more."""
        self.hours_from: int = facts.get("hours_from", 0)
        self._temporary: dict[tuple[int, bytes], int] = {}
        self._temporary_words: list[bytes] = []
        written: int = facts.get("batch", 0)
        self._unwritten = [numbered(unit, self._number_or_new) for batch, unit in unwritten if batch > written]

    def units(self, step: int, since: int, until: int, *, tops: frozenset[Facet] = NONE) -> list[Unit]:
        """The units of ``step`` seconds that begin from ``since`` to before ``until``, oldest first, without those in which nothing
        happened; of the large tables with those in ``tops``."""
        found = {unit.at: unit for unit in self._written(step, since, until, tops=tops)}
        for unit in self._unwritten:
            at = unit.at // step * step
            if since <= at < until:
                if at not in found:
                    found[at] = Unit(at)
                found[at].merge(unit)
        return [found[at] for at in sorted(found)]

    def _written(self, step: int, since: int, until: int, *, tops: frozenset[Facet]) -> list[Unit]:
        units = read_units(self._connection, step, since, until, tops)
        if step == MINUTE:
            return units
        stale = [
            at
            for (at,) in self._connection.execute(
                "SELECT at FROM stale WHERE step = ? AND at >= ? AND at < ?", (step, since, until)
            )
        ]
        if not stale:
            return units
        found = {unit.at: unit for unit in units}
        gone_before = self.minutes_from if step == HOUR else self.hours_from
        for at in stale:
            if at >= gone_before:
                found[at] = total(at, self._written(SMALLER[step], at, at + step, tops=tops))
        return [found[at] for at in sorted(found)]

    def cover(self, since: float, until: float, *, tops: frozenset[Facet] = NONE) -> Covered:
        """The fewest units that make up a stretch: minutes at its ends, hours and days within, as far as they are kept."""
        low, step = int(since // MINUTE) * MINUTE, MINUTE
        while step != DAY and low < self._from(step):
            step = LARGER[step]
            low = low // step * step
        high = max(-int(-until // MINUTE) * MINUTE, low)
        while (high < self._from(MINUTE) and high % HOUR) or (high < self._from(HOUR) and high % DAY):
            larger = HOUR if high >= self._from(HOUR) else DAY
            high = -(-high // larger) * larger
        units: list[Unit] = []
        for step, start, end in self._pieces(low, high):
            units += self.units(step, start, end, tops=tops)
        return Covered(low, high, units)

    def _pieces(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        """Stretches of (step, start, end)."""
        days = (-(-low // DAY) * DAY, high // DAY * DAY)
        if days[0] < days[1] and (high - low > BY_DAYS_FROM or low < self._from(HOUR)):
            yield from self._hours(low, days[0])
            yield DAY, *days
            yield from self._hours(days[1], high)
        else:
            yield from self._hours(low, high)

    def _hours(self, low: int, high: int) -> Iterator[tuple[int, int, int]]:
        hours = (-(-low // HOUR) * HOUR, high // HOUR * HOUR)
        if hours[0] >= hours[1]:
            yield MINUTE, low, high
            return
        yield MINUTE, low, hours[0]
        yield HOUR, *hours
        yield MINUTE, hours[1], high

    def _from(self, step: int) -> int:
        return {MINUTE: self.minutes_from, HOUR: self.hours_from}.get(step, 0)

    def grouped(self, starts: Sequence[int], until: int, *, tops: frozenset[Facet] = NONE) -> list[Unit]:
        """The sums from each of ``starts`` to the next, the last to ``until``; one without queries is there, too.

        Days of a place are made of hours that way. Where hours are not kept any more, each day of UTC counts where its noon is.
        """
        sums = [Unit(start) for start in starts]
        if not starts:
            return sums
        turn = min(max(starts[0], -(-self.hours_from // DAY) * DAY), until)
        days = self.units(DAY, starts[0] // DAY * DAY, turn, tops=tops) if turn > starts[0] else []
        hours = self.units(HOUR, turn // HOUR * HOUR, until, tops=tops)
        for unit, middle in (*((day, DAY // 2) for day in days), *((hour, HOUR // 2) for hour in hours)):
            place = bisect_right(starts, unit.at + middle) - 1
            if place >= 0 and unit.at + middle < until:
                sums[place].merge(unit)
        return sums

    def words(self, numbers: Iterable[int]) -> dict[int, bytes]:
        """Words by their numbers; one that is not known any more is absent."""
        found: dict[int, bytes] = {}
        wanted = list(dict.fromkeys(numbers))
        for number in wanted:
            if number >= _TEMPORARY:
                found[number] = self._temporary_words[number - _TEMPORARY]
            else:
                row = self._connection.execute("SELECT word FROM words WHERE id = ?", (number,)).fetchone()
                if row is not None:
                    found[number] = bytes(row[0])
        return found

    def number(self, kind: int, word: bytes) -> int | None:
        """The number of a word; None when it is in no unit."""
        known = self._temporary.get((kind, word))
        if known is not None:
            return known
        row = self._connection.execute("SELECT id FROM words WHERE kind = ? AND word = ?", (kind, word)).fetchone()
        return None if row is None else int(row[0])

    def is_empty(self) -> bool:
        """Whether nothing was counted yet."""
        return not self._unwritten and not any(
            self._connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in TABLES.values()
        )

    def _number_or_new(self, kind: int, word: bytes) -> int:
        number = self.number(kind, word)
        if number is None:
            number = _TEMPORARY + len(self._temporary_words)
            self._temporary[kind, word] = number
            self._temporary_words.append(word)
        return number


@contextlib.contextmanager
def reading(path: Path, unwritten: Sequence[tuple[int, Unit]] = ()) -> Iterator[StatisticsReader]:
    """Look into a file.

    Args:
        path: of the file; it has to be there.
        unwritten: units, each with the number of the batch that it is or will be written in; taken before this is called. They
            are counted as far as the file does not have them.

    Raises:
        OSError, sqlite3.Error, Damaged: it can't be read.
    """
    connection = connect_for_reading(path)
    try:
        connection.execute("BEGIN")
        yield StatisticsReader(connection, unwritten)
    finally:
        connection.close()
