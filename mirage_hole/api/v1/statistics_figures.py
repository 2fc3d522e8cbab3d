"""Roll-ups as figures for people: totals, shares, percentiles, top lists."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from mirage_hole.api.v1.statistics_stretch import STEPS
from mirage_hole.observe.durations import percentiles
from mirage_hole.observe.rollup import BUCKET_BITS, PAIR_BITS, Counts, Facet, Unit, heaviest, total
from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.statistics_read import NONE
from mirage_hole.store.statistics_schema import CLIENT
from mirage_hole.wire.codes import rcode_text, type_text
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mirage_hole.api.v1.statistics_stretch import Stretch
    from mirage_hole.observe.rollup import Key
    from mirage_hole.store.statistics_read import StatisticsReader

SHARES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
OTHER: Final = "other"
UNKNOWN: Final = "unknown"
MAX_ROWS: Final = 1000
_TRANSPORTS: Final = {0: "udp", 1: "tcp"}
_OUTCOMES: Final = {int(outcome): outcome.name.lower() for outcome in Outcome}
OF: Final = {
    "names": Facet.NAME,
    "blocked": Facet.BLOCKED_NAME,
    "clients": Facet.CLIENT,
    "lists": Facet.BLOCKED_BY,
    "upstreams": Facet.UPSTREAM,
    "types": Facet.TYPE,
    "rcodes": Facet.RCODE,
}
"""What a top list can be of."""
OF_CLIENTS: Final = frozenset({Facet.CLIENT, Facet.BLOCKED_CLIENT, Facet.CLIENT_NAME, Facet.CLIENT_BLOCKED})
"""What figures of one client are made of."""


def tables_for(of: str) -> frozenset[Facet]:
    """What a top list is made of."""
    return frozenset({OF[of], Facet.BLOCKED_CLIENT}) if of == "clients" else frozenset({OF[of]})


def units_of(reader: StatisticsReader, stretch: Stretch, *, tops: frozenset[Facet] = NONE) -> list[Unit]:
    """One unit for each point of a series."""
    if stretch.step == "day":
        return reader.grouped(stretch.starts, stretch.until, tops=tops)
    units = reader.units(STEPS[stretch.step], stretch.since, stretch.until, tops=tops)
    found = {unit.at: unit for unit in units}
    return [found.get(start) or Unit(start) for start in stretch.starts]


def series(units: Sequence[Unit]) -> dict[str, Any]:
    """The columns of a series."""
    times = [milliseconds(buckets_of(unit)) for unit in units]
    return {
        "at": [unit.at for unit in units],
        "queries": [unit.queries for unit in units],
        "blocked": [unit.blocked for unit in units],
        **{share: [None if row is None else row[share] for row in times] for share in SHARES},
    }


def figures(units: Iterable[Unit], reader: StatisticsReader) -> dict[str, Any]:
    """Totals of several units."""
    summed = total(0, units)
    return {
        "queries": summed.queries,
        "blocked": summed.blocked,
        "blocked_share": share(summed.blocked, summed.queries),
        "outcomes": _by(summed, Facet.OUTCOME, lambda key: _OUTCOMES.get(key, OTHER)),
        "types": _by(summed, Facet.TYPE, lambda key: type_text(key) if key else OTHER),
        "rcodes": _by(summed, Facet.RCODE, rcode_text),
        "transports": _by(summed, Facet.TRANSPORT, lambda key: _TRANSPORTS.get(key, OTHER)),
        "blocked_by": _titled(summed, Facet.BLOCKED_BY, reader),
        "allowed_by": _titled(summed, Facet.ALLOWED_BY, reader),
        "rewritten_by": _titled(summed, Facet.REWRITTEN_BY, reader),
        "times_ms": milliseconds(buckets_of(summed)),
        "upstreams": _upstreams(summed, reader),
    }


def top(units: Sequence[Unit], of: str, limit: int, reader: StatisticsReader) -> dict[str, Any]:
    """The heaviest of one kind."""
    queries = sum(unit.queries for unit in units)
    rows, exact = heaviest(_tables(units, OF[of]), limit)
    spell = _speller(of, [row.key for row in rows], reader)
    blocked = {
        key: sum(unit.counts(Facet.BLOCKED_CLIENT).get(key, 0) for unit in units)
        for key in ([row.key for row in rows] if of == "clients" else [])
    }
    return {
        "queries": queries,
        "exact": exact,
        "rows": [
            {
                "key": spell(row.key),
                "queries": row.times,
                "uncertainty": row.uncertainty,
                "share": share(row.times, queries),
                "blocked": blocked.get(row.key),
            }
            for row in rows
        ],
    }


def client(units: Sequence[Unit], address: bytes, limit: int, reader: StatisticsReader) -> dict[str, Any]:
    """What one client asked."""
    number = reader.number(CLIENT, address)
    queries = [_times(unit, Facet.CLIENT, number) for unit in units]
    blocked = [_times(unit, Facet.BLOCKED_CLIENT, number) for unit in units]
    names, exact = _names(units, Facet.CLIENT_NAME, number, limit, reader)
    blocked_names, blocked_exact = _names(units, Facet.CLIENT_BLOCKED, number, limit, reader)
    tables = _tables(units, Facet.CLIENT)
    return {
        "queries": sum(queries),
        "blocked": sum(blocked),
        "blocked_share": share(sum(blocked), sum(queries)),
        "exact": exact and blocked_exact and not any(table.floor for table in tables),
        "series": {"at": [unit.at for unit in units], "queries": queries, "blocked": blocked},
        "names": names,
        "blocked_names": blocked_names,
    }


def share(part: int, whole: int) -> float | None:
    """From 0 to 1; None of nothing."""
    return round(part / whole, 6) if whole else None


def buckets_of(unit: Unit, upstream: int | None = None) -> dict[int, int]:
    """How many answers were in each bucket of ``FINE``; of one upstream, or of all queries."""
    found: dict[int, int] = {}
    for key, number in unit.counts(Facet.DURATION).items():
        if isinstance(key, int) and (upstream is None or key >> BUCKET_BITS == upstream):
            place = key & (1 << BUCKET_BITS) - 1
            found[place] = found.get(place, 0) + number
    return found


def milliseconds(buckets: dict[int, int]) -> dict[str, float] | None:
    """The percentiles of ``SHARES``; None when there was no answer."""
    found = percentiles(buckets, SHARES.values())
    return None if found is None else {name: round(one * 1000, 3) for name, one in zip(SHARES, found, strict=True)}


def _by(unit: Unit, facet: Facet, spell: Callable[[int], str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, number in sorted(unit.counts(facet).items(), key=lambda pair: -pair[1]):
        text = spell(int(key))
        found[text] = found.get(text, 0) + number
    return found


def _titled(unit: Unit, facet: Facet, reader: StatisticsReader) -> dict[str, int]:
    words = reader.words(int(key) for key in unit.counts(facet))
    return _by(unit, facet, lambda key: words.get(key, b"").decode(errors="replace") or UNKNOWN)


def _upstreams(unit: Unit, reader: StatisticsReader) -> list[dict[str, Any]]:
    answered = unit.counts(Facet.UPSTREAM)
    waited = {key >> BUCKET_BITS for key in unit.counts(Facet.DURATION) if isinstance(key, int)} - {0}
    words = reader.words([*(int(key) for key in answered), *waited])
    rows = []
    for number in dict.fromkeys([*sorted(answered, key=lambda key: -answered[key]), *sorted(waited)]):
        buckets = buckets_of(unit, int(number))
        rows.append(
            {
                "upstream": words.get(int(number), b"").decode(errors="replace") or UNKNOWN,
                "answers": answered.get(number, 0),
                "waited": sum(buckets.values()),
                "times_ms": milliseconds(buckets),
            }
        )
    return rows


def _tables(units: Sequence[Unit], facet: Facet) -> list[Counts]:
    return [unit.facets[facet] for unit in units if facet in unit.facets]


def _speller(of: str, keys: list[Key], reader: StatisticsReader) -> Callable[[Key], str]:
    if of == "types":
        return lambda key: type_text(int(key)) if key else OTHER
    if of == "rcodes":
        return lambda key: rcode_text(int(key))
    words = reader.words(int(key) for key in keys)

    def spell(key: Key) -> str:
        word = words.get(int(key))
        if word is None:
            return UNKNOWN
        if of in {"names", "blocked"}:
            return to_text(word)
        return str(ip_address(word)) if of == "clients" else word.decode(errors="replace")

    return spell


def _times(unit: Unit, facet: Facet, number: int | None) -> int:
    return 0 if number is None else unit.counts(facet).get(number, 0)


def _names(
    units: Sequence[Unit], facet: Facet, number: int | None, limit: int, reader: StatisticsReader
) -> tuple[list[dict[str, Any]], bool]:
    """The heaviest names of one client: its part of the tables of pairs."""
    tables = []
    for table in _tables(units, facet):
        counts: dict[Key, int] = {
            key & (1 << PAIR_BITS) - 1: times
            for key, times in table.counts.items()
            if isinstance(key, int) and key >> PAIR_BITS == number
        }
        tables.append(Counts(counts, table.slack, table.floor))
    rows, exact = heaviest(tables, limit)
    words = reader.words(int(row.key) for row in rows)
    return [
        {
            "name": to_text(words[int(row.key)]) if int(row.key) in words else UNKNOWN,
            "queries": row.times,
            "uncertainty": row.uncertainty,
        }
        for row in rows
    ], exact
