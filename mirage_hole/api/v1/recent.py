"""The last queries, as they are in memory."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from mirage_hole.api import views
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time
from mirage_hole.api.v1.values import Limit, Network
from mirage_hole.policy.verdict import Outcome

if TYPE_CHECKING:
    from mirage_hole.observe.recent import QueryRow

OutcomeName = Literal[
    "forwarded", "cached", "blocked", "local", "failed", "refused", "malformed", "dropped",
    "stale", "limited", "special", "bogus", "rebind",
]  # fmt: skip


class RecentQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which of them."""

    limit: Limit = 100
    before: Annotated[int | None, Meta(description="Only those with a smaller number: the next page.")] = None
    name: Annotated[str, Meta(max_length=255, description="Only names that contain this text.")] = ""
    client: Annotated[Network, Meta(description="Only this address or network.")] = ""
    outcome: Annotated[
        tuple[OutcomeName, ...], Meta(max_length=len(Outcome), description="Only these, separated by commas.")
    ] = ()


class Row(Struct, kw_only=True):
    """One query."""

    number: Annotated[int, Meta(description="Counts up from 1 in each run.")]
    at: Time
    client: str
    transport: str
    name: str
    type: str
    outcome: OutcomeName
    rcode: str
    list: Annotated[str | None, Meta(description="Title of the list that decided; null when no rule did.")]
    rule: str | None
    scope: Literal["exact", "subtree", "below"] | None
    line: int | None
    upstream: str | None
    duration_ms: Annotated[float, Meta(description="From the query's arrival to its answer; 0 for a ready answer.")]


class Recent(Struct, kw_only=True):
    """A page of queries, the newest first."""

    boot: Annotated[str, Meta(description="Differs in each run; numbers begin again with it.")]
    queries: list[Row]
    before: Annotated[int | None, Meta(description="For the next page; null when this was the last.")]


async def queries(call: Call[RecentQuery, None]) -> dict[str, Any]:
    """The last queries that are in memory, the newest first."""
    asked, state = call.query, needed(call.parts.state, "state")
    name = asked.name.lower()
    client = ip_network(asked.client, strict=False) if asked.client else None
    outcomes = frozenset[str](asked.outcome)

    def wanted(row: QueryRow) -> bool:
        return (
            (not outcomes or row.outcome in outcomes)
            and name in row.name
            and (client is None or ip_address(row.client) in client)
        )

    # One more than asked for tells whether there is a next page.
    found = state.statistics.recent.find(asked.limit + 1, asked.before, wanted)
    page = found[: asked.limit]
    return {
        "boot": views.boot(state),
        "queries": views.rows(state, page),
        "before": page[-1].number if len(found) > asked.limit else None,
    }


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/queries",
        area="queries",
        role=Role.VIEWER,
        handler=queries,
        summary="The last queries",
        query=RecentQuery,
        answer=Recent,
    ),
)
