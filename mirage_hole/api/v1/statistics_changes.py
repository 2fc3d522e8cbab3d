"""What is different from before: names and clients that are new or ask far more, and names that are blocked now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

from msgspec import Meta, Struct

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1 import statistics_figures as figures
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time
from mirage_hole.api.v1.statistics import Since, Until, looked
from mirage_hole.observe.rollup import DAY, HOUR

if TYPE_CHECKING:
    from mirage_hole.store.statistics_read import StatisticsReader

LOOKED_AT: Final = 300
"""Of the heaviest of now; what is lighter is no news."""
COMPARED: Final = 1000
"""Of the heaviest of before."""
MOST: Final = 50
FEWEST: Final = 20
"""Queries from which on something new is told."""
BURST_FROM: Final = 100
TIMES_MORE: Final = 4.0
"""How many times as often as before something has to be asked, for the same length of time."""


class ChangesQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which stretch of time, and how much of the time before it."""

    since: Since | None = None
    until: Until | None = None
    days: Annotated[int, Meta(ge=1, le=90, description="Days before it that it is compared with.")] = 7


class Different(Struct, kw_only=True):
    """A name or client that is different from before."""

    kind: Annotated[
        Literal["new", "more"], Meta(description="new: it was not asked for, or hardly; more: far more often.")
    ]
    key: str
    queries: Annotated[int, Meta(description="In the stretch.")]
    usual: Annotated[float, Meta(description="In a stretch as long, before.")]


class Share(Struct, kw_only=True):
    """Everything in two numbers."""

    queries: int
    blocked_share: float | None


class Changes(Struct, kw_only=True):
    """What is different from before."""

    since: Time
    until: Time
    before: Annotated[float, Meta(description="Since when it is compared.")]
    comparable: Annotated[bool, Meta(description="False: nothing is known of the time before, so nothing can be new.")]
    exact: Annotated[bool, Meta(description="False: what was rare before may be taken for new.")]
    now: Share
    usual: Annotated[Share, Meta(description="A stretch as long, before.")]
    names: list[Different]
    blocked: Annotated[list[Different], Meta(description="Names that are blocked far more than before, or newly.")]
    clients: list[Different]


class _Table(NamedTuple):
    rows: dict[str, int]
    exact: bool


async def changes(call: Call[ChangesQuery, None]) -> dict[str, Any]:
    """The heaviest names, blocked names and clients beside those of the days before: what is new, and what is asked far more."""
    asked, kept = call.query, needed(call.parts.statistics, "statistics")
    now = kept.now()
    until = now if asked.until is None else min(asked.until, now)
    since = until - DAY if asked.since is None else asked.since
    if not HOUR <= until - since <= 31 * DAY:
        fault = Fault("since", "makes a stretch that is too short or too long", "from an hour to 31 days before until")
        raise Refusal(400, "Such a stretch can't be compared.", [fault])

    def read(reader: StatisticsReader) -> dict[str, Any]:
        return compared(reader, since, until, since - asked.days * DAY)

    return await looked(kept, read)


def compared(reader: StatisticsReader, since: float, until: float, before: float) -> dict[str, Any]:
    """The stretch from ``since`` to ``until`` beside that from ``before`` to ``since``; seconds since the epoch."""
    found: dict[str, Any] = {}
    exact = True
    for of in ("names", "blocked", "clients"):
        tables = figures.tables_for(of)
        new = reader.cover(since, until, tops=tables)
        old = reader.cover(max(0.0, before), since, tops=tables)
        scale = (new.until - new.since) / _known(old.since, old.until, old.units)
        usual = _table(figures.top(old.units, of, COMPARED, reader))
        exact = exact and usual.exact
        found[of] = _different(_table(figures.top(new.units, of, LOOKED_AT, reader)).rows, usual.rows, scale)
        if of == "names":
            now_figures, old_figures = figures.figures(new.units, reader), figures.figures(old.units, reader)
            found |= {
                "since": new.since,
                "until": new.until,
                "before": old.since,
                "comparable": old_figures["queries"] > 0,
                "now": {"queries": now_figures["queries"], "blocked_share": now_figures["blocked_share"]},
                "usual": {
                    "queries": round(old_figures["queries"] * scale),
                    "blocked_share": old_figures["blocked_share"],
                },
            }
    if not found["comparable"]:
        found |= {"names": [], "blocked": [], "clients": []}
    return {**found, "exact": exact}


def _known(since: int, until: int, units: list[Any]) -> float:
    """Seconds of the time before of which anything is known: a server that began yesterday has no week behind it."""
    first = min((unit.at for unit in units if unit.queries), default=since)
    return max(float(HOUR), float(until - max(since, first)))


def _table(top: dict[str, Any]) -> _Table:
    return _Table({row["key"]: row["queries"] for row in top["rows"]}, top["exact"])


def _different(now: dict[str, int], before: dict[str, int], scale: float) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for key, queries in now.items():
        usual = before.get(key, 0) * scale
        if queries >= FEWEST and usual * 20 <= queries:
            kind = "new"
        elif queries >= BURST_FROM and queries >= usual * TIMES_MORE:
            kind = "more"
        else:
            continue
        found.append({"kind": kind, "key": key, "queries": queries, "usual": round(usual, 1)})
    return sorted(found, key=lambda one: -one["queries"])[:MOST]


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/statistics/changes",
        area="statistics",
        role=Role.VIEWER,
        handler=changes,
        summary="What is different from before",
        query=ChangesQuery,
        answer=Changes,
        problems=(503,),
    ),
)
