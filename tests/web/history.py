"""Writes 35 days of a :class:`tests.web.household.Household` into a state directory, by the classes that the server writes them with."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from mirage_hole.observe import devices
from mirage_hole.observe.durations import FINE
from mirage_hole.observe.record import TCP, UDP
from mirage_hole.observe.rollup import DAY, HOUR, MINUTE, Facet, Unit
from mirage_hole.observe.rollup_minutes import ANSWERED
from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.notices import NoticeFile
from mirage_hole.store.querylog.day import DayFile, NewRow, SubjectRow, file_of
from mirage_hole.store.statistics import FILE, Keep, StatisticsStore
from mirage_hole.wire.names import from_text
from tests.web.household import DEVICES, Asked

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.web.household import Household

DAYS: Final = 35
LOGGED: Final = 2 * DAY
"""Seconds before now of which every query is written down; of the time before only the sums are."""


def write(state: Path, house: Household) -> None:
    """Make a state directory with what this house has asked until ``house.now``."""
    now = house.now
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "log").mkdir(mode=0o700)
    store = StatisticsStore(state / FILE, Keep())
    store.open()
    recent = int(now - LOGGED) // HOUR * HOUR
    hours = range(int(now - DAYS * DAY) // HOUR * HOUR, recent, HOUR)
    store.write(1, [summed(at, house.asks(at, HOUR)) for at in hours], now)
    asked = {at: house.asks(at, min(MINUTE, now - at)) for at in range(recent, int(now) // MINUTE * MINUTE + 1, MINUTE)}
    store.write(2, [summed(at, queries) for at, queries in asked.items()], now)
    store.prune(now, 0.0)
    store.close()
    write_log(state / "log", [one for queries in asked.values() for one in queries])
    came = [
        devices.Device(one.address, one.address, now - one.age * DAY, now - 5.0 * number)
        for number, one in enumerate(DEVICES)
    ]
    NoticeFile(state).save(came, (), None, {"began": str(now - DAYS * DAY)})


def write_log(directory: Path, queries: Iterable[Asked]) -> None:
    """The query log of these queries, the oldest first."""
    by_day: dict[int, list[Asked]] = {}
    for one in queries:
        by_day.setdefault(int(one.at // DAY), []).append(one)
    last = max(by_day)
    for day, asked in by_day.items():
        file = DayFile(directory / file_of(day), day)
        rows = []
        for one in asked:
            row = subject(one)
            number = file.subject(row) or file.new_subject(row, row)
            rows.append(NewRow(one.at, number, ip_address(one.device.address).packed, one.took))
        file.write(rows)
        file.close(over=day != last)


def subject(one: Asked) -> SubjectRow:
    """What the log says of a query, but when, who and how long."""
    decided = (one.found.title, one.found.rule, int(one.found.scope), one.found.line) if one.found else ("", "", -1, 0)
    return SubjectRow(one.name, one.qtype, int(one.outcome), one.rcode, *decided, one.upstream, UDP)


def summed(at: int, queries: list[Asked]) -> Unit:
    """The roll-up of a stretch that begins at ``at``."""
    unit = Unit(at)
    counts: dict[Facet, Counter[Any]] = {facet: Counter() for facet in Facet}
    for number, one in enumerate(queries):
        client, name = ip_address(one.device.address).packed, from_text(one.name)
        pair = bytes([len(client)]) + client + name
        counts[Facet.OUTCOME][int(one.outcome)] += 1
        counts[Facet.TYPE][one.qtype] += 1
        counts[Facet.RCODE][one.rcode] += 1
        counts[Facet.TRANSPORT][UDP if number % 97 else TCP] += 1
        counts[Facet.DURATION][one.upstream.encode() + bytes([bisect_left(FINE, one.took)])] += 1
        counts[Facet.CLIENT][client] += 1
        if one.upstream:
            counts[Facet.UPSTREAM][one.upstream.encode()] += 1
        if one.found is not None:
            counts[Facet.BLOCKED_BY][one.found.title.encode()] += 1
            counts[Facet.BLOCKED_NAME][name] += 1
            counts[Facet.BLOCKED_CLIENT][client] += 1
            counts[Facet.CLIENT_BLOCKED][pair] += 1
        elif one.outcome in ANSWERED:
            counts[Facet.NAME][name] += 1
            counts[Facet.CLIENT_NAME][pair] += 1
    unit.queries = len(queries)
    unit.blocked = counts[Facet.OUTCOME][int(Outcome.BLOCKED)]
    for facet, table in counts.items():
        if table:
            unit.of(facet).add(table)
    return unit
