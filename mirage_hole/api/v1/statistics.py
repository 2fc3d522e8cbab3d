"""Figures of minutes, hours and days: series, top lists, one device. They outlive a restart."""

from __future__ import annotations

import asyncio
import sqlite3
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Protocol, TypeVar

from msgspec import Meta, Struct

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1 import statistics_figures as view
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time
from mirage_hole.api.v1.statistics_stretch import MAX_POINTS, Stretch, before, stretch, zone_of
from mirage_hole.observe.rollup import HOUR
from mirage_hole.observe.segments import plain_address
from mirage_hole.store.database import StoreProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.store.statistics_read import StatisticsReader

T = TypeVar("T")

MAX_CLIENT_POINTS: Final = 800
"""Points of a series of one client: each reads the tables of all clients."""
_LATEST: Final = 1e11


class KeptStatistics(Protocol):
    """Where the roll-ups are: :class:`mirage_hole.runtime.statistics_service.StatisticsService`."""

    enabled: bool
    trouble: str

    @property
    def lost(self) -> int:
        """Queries that could not be kept."""

    def now(self) -> float:
        """Seconds since the epoch."""

    async def look(self, read: Callable[[StatisticsReader], T]) -> T:
        """What ``read`` says of everything up to now."""

    async def clear(self) -> None:
        """Forget everything."""


Since = Annotated[
    float,
    Meta(
        ge=0, le=_LATEST, description="Seconds since the epoch; absent: a day before until.", examples=[1_790_000_000]
    ),
]
Until = Annotated[float, Meta(ge=0, le=_LATEST, description="Seconds since the epoch; absent: now.")]
StepName = Literal["auto", "minute", "hour", "day"]
Zone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="Whose days: a time zone such as Europe/Berlin, or a distance from UTC such as +05:30 (as %2B05:30).",
    ),
]


class SeriesQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which stretch of time, in which steps."""

    since: Since | None = None
    until: Until | None = None
    step: StepName = "auto"
    tz: Zone = "UTC"
    compare: Annotated[
        Literal["none", "previous"], Meta(description="previous: also the equally long stretch before.")
    ] = "none"


class TopQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Of what, and of when."""

    of: Literal["names", "blocked", "clients", "lists", "upstreams", "types", "rcodes"]
    since: Since | None = None
    until: Until | None = None
    limit: Annotated[int, Meta(ge=1, le=view.MAX_ROWS)] = 10


class ClientQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which stretch of time, in which steps, and how many names."""

    since: Since | None = None
    until: Until | None = None
    step: StepName = "auto"
    tz: Zone = "UTC"
    limit: Annotated[int, Meta(ge=1, le=view.MAX_ROWS)] = 10


class Times(Struct, kw_only=True):
    """Milliseconds that this share of answers did not exceed."""

    p50: float
    p90: float
    p95: float
    p99: float


class UpstreamFigures(Struct, kw_only=True):
    """One upstream."""

    upstream: Annotated[str, Meta(examples=["9.9.9.9:53"])]
    answers: Annotated[int, Meta(description="Queries answered with what it said, also later from the cache.")]
    waited: Annotated[int, Meta(description="Queries that waited for it.")]
    times_ms: Times | None


class Points(Struct, kw_only=True):
    """One entry a point in each column."""

    at: Annotated[list[int], Meta(description="When each point begins, in seconds since the epoch.")]
    queries: list[int]
    blocked: list[int]
    p50: list[float | None]
    p90: list[float | None]
    p95: list[float | None]
    p99: list[float | None]


class Figures(Struct, kw_only=True):
    """Everything of a stretch of time."""

    since: Time
    until: Time
    queries: int
    blocked: int
    blocked_share: Annotated[float | None, Meta(description="From 0 to 1; null when there were no queries.")]
    outcomes: dict[str, int]
    types: dict[str, int]
    rcodes: dict[str, int]
    transports: dict[str, int]
    blocked_by: Annotated[dict[str, int], Meta(description="By the title of the list whose rule decided.")]
    allowed_by: dict[str, int]
    rewritten_by: dict[str, int]
    times_ms: Times | None
    upstreams: list[UpstreamFigures]
    series: Points


class Answer(Struct, kw_only=True):
    """A stretch of time, and the one before when it was asked for."""

    step: Literal["minute", "hour", "day"]
    tz: str
    now: Time
    kept: Annotated[bool, Meta(description="False: statistics are switched off, these are old.")]
    lost: Annotated[
        int, Meta(description="Queries since the start that could not be kept: the disk was full or too slow.")
    ]
    trouble: Annotated[str, Meta(description="Why nothing can be kept at the moment; empty when it can.")]
    current: Figures
    previous: Figures | None


class TopRow(Struct, kw_only=True):
    """One of the heaviest."""

    key: str
    queries: Annotated[int, Meta(description="Never more than the truth.")]
    uncertainty: Annotated[int, Meta(description="There were at most so many more; 0: exact.")]
    share: Annotated[float | None, Meta(description="Of all queries, from 0 to 1.")]
    blocked: Annotated[int | None, Meta(description="Of a client's queries; null for anything else.")]


class TopAnswer(Struct, kw_only=True):
    """The heaviest first."""

    of: str
    since: Annotated[float, Meta(description="What was asked for, widened to whole minutes, hours or days.")]
    until: Time
    queries: Annotated[int, Meta(description="All queries of the stretch.")]
    exact: Annotated[bool, Meta(description="No number is too low and no key is missing.")]
    rows: list[TopRow]


class ClientPoints(Struct, kw_only=True):
    """One entry a point in each column."""

    at: list[int]
    queries: list[int]
    blocked: list[int]


class ClientName(Struct, kw_only=True):
    """A name that a client asked for."""

    name: str
    queries: int
    uncertainty: int


class ClientAnswer(Struct, kw_only=True):
    """What one device asked."""

    client: str
    step: Literal["minute", "hour", "day"]
    since: Time
    until: Time
    queries: int
    blocked: int
    blocked_share: float | None
    exact: Annotated[bool, Meta(description="False: some of its queries or names may be missing.")]
    series: ClientPoints
    names: Annotated[list[ClientName], Meta(description="Names that it got an answer for.")]
    blocked_names: list[ClientName]


class Cleared(Struct, kw_only=True):
    """Everything is gone."""

    cleared: bool


async def statistics(call: Call[SeriesQuery, None]) -> dict[str, Any]:
    """Totals, shares, percentiles and a series of a stretch of time, at most 2,000 points; the last point is still running."""
    asked = call.query
    kept = needed(call.parts.statistics, "statistics")
    zone = await asyncio.to_thread(zone_of, asked.tz)  # its rules are a file
    now = kept.now()

    def read(reader: StatisticsReader) -> dict[str, Any]:
        wanted = stretch(asked.since, asked.until, asked.step, zone, now, kept_from(reader), MAX_POINTS)
        return {
            "step": wanted.step,
            "current": _figures(wanted, reader),
            "previous": _figures(before(wanted, zone), reader) if asked.compare == "previous" else None,
        }

    found = await looked(kept, read)
    return {**found, "tz": asked.tz, "now": now, "kept": kept.enabled, "lost": kept.lost, "trouble": kept.trouble}


async def top(call: Call[TopQuery, None]) -> dict[str, Any]:
    """The heaviest names, blocked names, clients, lists, upstreams, record types or response codes."""
    asked, kept = call.query, needed(call.parts.statistics, "statistics")
    now = kept.now()

    def read(reader: StatisticsReader) -> dict[str, Any]:
        until = now if asked.until is None else min(asked.until, now)
        since = until - 24 * HOUR if asked.since is None else asked.since
        if not 0 <= since < until:
            fault = Fault("since", f"{since:g} is not before {until:g}", "an earlier time")
            raise Refusal(400, "This stretch of time is empty.", [fault])
        covered = reader.cover(since, until, tops=view.tables_for(asked.of))
        found = view.top(covered.units, asked.of, asked.limit, reader)
        return {"of": asked.of, "since": covered.since, "until": covered.until, **found}

    return await looked(kept, read)


async def client(call: Call[ClientQuery, None]) -> dict[str, Any]:
    """How much one client asked and for what, as far as its address is still the same device's."""
    asked, kept = call.query, needed(call.parts.statistics, "statistics")
    zone = await asyncio.to_thread(zone_of, asked.tz)
    now, text = kept.now(), call.path["address"]
    try:
        address = plain_address(ip_address(text).packed)
    except ValueError:
        fault = Fault("address", f"{text[:64]!r} is no address", "an address such as 192.168.1.20 or fd00::7")
        raise Refusal(400, "This is no client.", [fault]) from None

    def read(reader: StatisticsReader) -> dict[str, Any]:
        wanted = stretch(asked.since, asked.until, asked.step, zone, now, kept_from(reader), MAX_CLIENT_POINTS)
        units = view.units_of(reader, wanted, tops=view.OF_CLIENTS)
        return {
            "client": str(ip_address(address)),
            "step": wanted.step,
            "since": wanted.since,
            "until": wanted.until,
            **view.client(units, address, asked.limit, reader),
        }

    return await looked(kept, read)


async def clear(call: Call[None, None]) -> dict[str, Any]:
    """Forget the figures of every minute, hour and day. What counts from the start of the server goes on."""
    kept = needed(call.parts.statistics, "statistics")
    try:
        await kept.clear()
    except OSError as problem:
        raise Refusal(503, f"The statistics can't be cleared: {problem}", headers={"Retry-After": "30"}) from None
    return {"cleared": True}


def kept_from(reader: StatisticsReader) -> dict[str, int]:
    """Since when there are units of each step."""
    return {"minute": reader.minutes_from, "hour": reader.hours_from, "day": 0}


def _figures(wanted: Stretch, reader: StatisticsReader) -> dict[str, Any]:
    units = view.units_of(reader, wanted)
    return {
        "since": wanted.since,
        "until": wanted.until,
        **view.figures(units, reader),
        "series": view.series(units),
    }


async def looked(kept: KeptStatistics, read: Callable[[StatisticsReader], T]) -> T:
    """What ``read`` says.

    Raises:
        Refusal: 503: there is nothing to read, or it can't be read.
    """
    try:
        return await kept.look(read)
    except FileNotFoundError:
        detail = "No statistics are kept yet." if kept.enabled else "Statistics are switched off (statistics.enabled)."
        raise Refusal(503, detail, headers={"Retry-After": "5"}) from None
    except (OSError, sqlite3.Error, StoreProblem) as problem:
        raise Refusal(503, f"The statistics can't be read now: {problem}", headers={"Retry-After": "5"}) from None


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/statistics",
        area="statistics",
        role=Role.VIEWER,
        handler=statistics,
        summary="Figures of a stretch of time",
        query=SeriesQuery,
        answer=Answer,
        problems=(503,),
    ),
    Route(
        method="GET",
        path="/api/v1/statistics/top",
        area="statistics",
        role=Role.VIEWER,
        handler=top,
        summary="The heaviest of a stretch of time",
        query=TopQuery,
        answer=TopAnswer,
        problems=(503,),
    ),
    Route(
        method="GET",
        path="/api/v1/statistics/clients/{address}",
        area="statistics",
        role=Role.VIEWER,
        handler=client,
        summary="Figures of one client",
        query=ClientQuery,
        answer=ClientAnswer,
        problems=(503,),
    ),
    Route(
        method="DELETE",
        path="/api/v1/statistics",
        area="statistics",
        role=Role.ADMIN,
        handler=clear,
        summary="Forget all figures",
        answer=Cleared,
        problems=(503,),
    ),
)
