"""The last queries, as they are in memory."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from mirage_hole.api import views
from mirage_hole.api.v1.shapes import Time
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.codes import rcode_number, type_number

if TYPE_CHECKING:
    from mirage_hole.api.state import ApiState
    from mirage_hole.observe.recent import QueryRow
    from mirage_hole.store.querylog.filters import Filter

OutcomeName = Literal[
    "forwarded", "cached", "blocked", "local", "failed", "refused", "malformed", "dropped",
    "stale", "limited", "special", "bogus", "rebind",
]  # fmt: skip


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


def page(state: ApiState, wanted: Filter, limit: int, before: int | None) -> tuple[list[dict[str, Any]], int | None]:
    """(the last queries in memory that are wanted, the newest first; the number to go on before)."""
    upstreams = [view.address for view in state.statistics.workers.upstreams()]

    def fits(row: QueryRow) -> bool:
        upstream = upstreams[row.upstream] if row.upstream is not None and row.upstream < len(upstreams) else ""
        return (
            _named(row.name, wanted.name)
            and (not wanted.clients or any(ip_address(row.client) in network for network in wanted.clients))
            and (not wanted.types or type_number(row.type) in wanted.types)
            and (not wanted.outcomes or int(Outcome[row.outcome.upper()]) in wanted.outcomes)
            and (not wanted.rcodes or rcode_number(row.rcode) in wanted.rcodes)
            and (not wanted.transports or ("udp", "tcp").index(row.transport) in wanted.transports)
            and (not wanted.lists or row.list in wanted.lists)
            and wanted.rule in (row.rule or "")
            and (not wanted.upstreams or upstream in wanted.upstreams)
            and row.at >= wanted.since
            and (not wanted.until or row.at < wanted.until)
        )

    # One more than asked for tells whether there is a next page.
    found = state.statistics.recent.find(limit + 1, before, fits)
    rows = found[:limit]
    return views.rows(state, rows), rows[-1].number if len(found) > limit else None


def _named(name: str, wanted: str) -> bool:
    if wanted.startswith("="):
        return name == wanted[1:]
    if wanted.startswith("."):
        return name == wanted[1:] or name.endswith(wanted)
    return wanted in name
