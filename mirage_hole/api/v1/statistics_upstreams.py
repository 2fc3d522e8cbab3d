"""How each upstream was over a stretch of time."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time
from mirage_hole.api.v1.statistics import MAX_CLIENT_POINTS, Since, StepName, Until, Zone, kept_from, looked
from mirage_hole.api.v1.statistics_figures import UNKNOWN, buckets_of, milliseconds, units_of
from mirage_hole.api.v1.statistics_stretch import stretch, zone_of
from mirage_hole.observe.rollup import BUCKET_BITS, Facet, Unit
from mirage_hole.store.statistics_read import StatisticsReader


class UpstreamsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which stretch of time, in which steps."""

    since: Since | None = None
    until: Until | None = None
    step: StepName = "auto"
    tz: Zone = "UTC"


class UpstreamSeries(Struct, kw_only=True):
    """One upstream, with one entry a point in each column."""

    upstream: Annotated[str, Meta(examples=["9.9.9.9:53"])]
    answers: Annotated[list[int], Meta(description="Queries answered with what it said, also later from the cache.")]
    waited: Annotated[list[int], Meta(description="Queries that waited for it.")]
    p50: Annotated[
        list[float | None], Meta(description="Milliseconds that half of those took at most; null: there was none.")
    ]
    p90: list[float | None]


class UpstreamsOverTime(Struct, kw_only=True):
    """Those that were asked in this time."""

    step: Literal["minute", "hour", "day"]
    since: Time
    until: Time
    at: Annotated[list[int], Meta(description="When each point begins, in seconds since the epoch.")]
    upstreams: Annotated[list[UpstreamSeries], Meta(description="The one with the most answers first.")]


async def upstreams(call: Call[UpstreamsQuery, None]) -> dict[str, Any]:
    """Answers and times of each upstream, at most 800 points; the last point is still running."""
    asked, kept = call.query, needed(call.parts.statistics, "statistics")
    zone = await asyncio.to_thread(zone_of, asked.tz)
    now = kept.now()

    def read(reader: StatisticsReader) -> dict[str, Any]:
        wanted = stretch(asked.since, asked.until, asked.step, zone, now, kept_from(reader), MAX_CLIENT_POINTS)
        units = units_of(reader, wanted)
        return {
            "step": wanted.step,
            "since": wanted.since,
            "until": wanted.until,
            "at": [unit.at for unit in units],
            "upstreams": _series(units, reader),
        }

    return await looked(kept, read)


def _series(units: Sequence[Unit], reader: StatisticsReader) -> list[dict[str, Any]]:
    answers: dict[int, int] = {}
    for unit in units:
        for key, times in unit.counts(Facet.UPSTREAM).items():
            answers[int(key)] = answers.get(int(key), 0) + times
        for key in unit.counts(Facet.DURATION):
            if isinstance(key, int) and key >> BUCKET_BITS:
                answers.setdefault(key >> BUCKET_BITS, 0)
    words = reader.words(answers)
    rows = []
    for number in sorted(answers, key=lambda one: -answers[one]):
        buckets = [buckets_of(unit, number) for unit in units]
        times_ms = [milliseconds(one) for one in buckets]
        rows.append(
            {
                "upstream": words.get(number, b"").decode(errors="replace") or UNKNOWN,
                "answers": [unit.counts(Facet.UPSTREAM).get(number, 0) for unit in units],
                "waited": [sum(one.values()) for one in buckets],
                "p50": [None if one is None else one["p50"] for one in times_ms],
                "p90": [None if one is None else one["p90"] for one in times_ms],
            }
        )
    return rows


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/statistics/upstreams",
        area="statistics",
        role=Role.VIEWER,
        handler=upstreams,
        summary="Each upstream over time",
        query=UpstreamsQuery,
        answer=UpstreamsOverTime,
        problems=(503,),
    ),
)
