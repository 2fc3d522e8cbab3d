"""Everything at a glance: what the first page of the dashboard shows."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from mirage_hole.api import views
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Generation, Series, Time, Upstream
from mirage_hole.observe.series import DAY_MINUTES


class StatsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """How much to tell."""

    minutes: Annotated[int, Meta(ge=1, le=DAY_MINUTES, description="Length of series.")] = DAY_MINUTES
    top: Annotated[int, Meta(ge=1, le=1000, description="Rows of each top list.")] = views.TOP


class Day(Struct, kw_only=True):
    """The last 24 hours."""

    queries: int
    blocked: int


class TopName(Struct, kw_only=True):
    """A name that is asked for often."""

    name: str
    queries: int
    uncertainty: Annotated[int, Meta(description="The true count differs from queries by at most this.")]


class TopClient(Struct, kw_only=True):
    """A client that asks much."""

    client: str
    queries: int
    uncertainty: int
    blocked: int


class Top(Struct, kw_only=True):
    """The heaviest."""

    since: Time
    names: list[TopName]
    blocked: list[TopName]
    clients: list[TopClient]
    client_count: int
    client_count_exact: bool


class Stats(Struct, kw_only=True):
    """What happened since the start, in the last day, and who serves."""

    now: Time
    version: str
    boot: Annotated[str, Meta(description="Differs in each run; query numbers begin again with it.")]
    started_at: Time
    listen: Annotated[list[str], Meta(description="ADDRESS:PORT of the DNS listeners.")]
    explain: bool
    totals: Annotated[dict[str, int], Meta(description="Since the start: queries, and by outcome.")]
    day: Day
    policy: Generation | None
    workers: Annotated[
        list[dict[str, int | bool]],
        Meta(description="number, pid, generation, paused, healthy, restarts, and each worker's counters."),
    ]
    upstreams: list[Upstream]
    records_dropped: Annotated[int, Meta(description="Queries that were answered and are in no statistics.")]
    datagrams_lost: Annotated[int, Meta(description="Queries that came faster than they were read.")]
    types: dict[str, int]
    rcodes: dict[str, int]
    transports: dict[str, int]
    series: Series
    top: Top


async def stats(call: Call[StatsQuery, None]) -> dict[str, Any]:
    """Totals since the start, the series of the last minutes, the heaviest names and clients, workers and upstreams."""
    state = needed(call.parts.state, "state")
    now = state.clock()
    return {
        **views.hello(state),
        **views.counts(state, now),
        **views.breakdown(state),
        "series": views.series(state.statistics.minutes(call.query.minutes, now)),
        "top": views.top(state, now, call.query.top),
    }


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/stats",
        area="statistics",
        role=Role.VIEWER,
        handler=stats,
        summary="Everything at a glance",
        query=StatsQuery,
        answer=Stats,
    ),
)
