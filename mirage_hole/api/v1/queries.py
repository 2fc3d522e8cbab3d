"""The query log: search, export, forget."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from mirage_hole.api import views
from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1 import recent
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.recent import OutcomeName, Row
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time
from mirage_hole.api.v1.values import Limit, Network, RecordType
from mirage_hole.observe.exports import FORMATS, Format
from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.querylog.day import NUMBERS_A_DAY
from mirage_hole.store.querylog.filters import Filter
from mirage_hole.wire.codes import rcode_number, type_number

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from mirage_hole.observe.logged import LoggedQuery
    from mirage_hole.store.querylog.search import Page

WRITE_WITHIN = 30.0
"""Seconds that one piece of an export may take on its way; who reads slower than that is let go."""
MOST_TYPES = 50
MOST_TEXTS = 50


def _check_rcode(text: str) -> tuple[str, str] | None:
    try:
        rcode_number(text.upper())
    except ValueError:
        return f"{text[:80]!r} is no response code", "NXDOMAIN or RCODE11"
    return None


Rcode = Annotated[str, Meta(max_length=16, examples=["NXDOMAIN"], extra={"check": _check_rcode})]
Title = Annotated[str, Meta(max_length=200)]
Moment = Annotated[float, Meta(ge=0, le=2**40, description="Seconds since the epoch.")]


class QueryLog(Protocol):
    """What is logged. Each method raises :class:`mirage_hole.api.problems.Refusal` for what it can't do."""

    @property
    def enabled(self) -> bool:
        """Whether queries are logged."""

    async def page(self, wanted: Filter, limit: int, before: int | None) -> Page:
        """Some queries, the newest first."""

    def export(self, wanted: Filter, form: Format) -> AbstractAsyncContextManager[AsyncGenerator[bytes, None]]:
        """All queries as the pieces of a file."""

    async def forget(self, before: float | None) -> int:
        """Remove days; how many."""


class Wanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which queries. Each parameter narrows the search; of several values, separated by commas, one is enough."""

    name: Annotated[
        str,
        Meta(
            max_length=255,
            description="A part of the name; =www.example.com is that name alone, .example.com that name and all below it.",
            examples=["tracker", ".example.com"],
        ),
    ] = ""
    client: Annotated[tuple[Network, ...], Meta(max_length=MOST_TEXTS, description="Addresses or networks.")] = ()
    type: Annotated[tuple[RecordType, ...], Meta(max_length=MOST_TYPES)] = ()
    outcome: Annotated[tuple[OutcomeName, ...], Meta(max_length=len(Outcome))] = ()
    rcode: Annotated[tuple[Rcode, ...], Meta(max_length=MOST_TYPES)] = ()
    transport: Annotated[tuple[Literal["udp", "tcp"], ...], Meta(max_length=2)] = ()
    list: Annotated[tuple[Title, ...], Meta(max_length=MOST_TEXTS, description="Titles of lists that decided.")] = ()
    rule: Annotated[str, Meta(max_length=255, description="A part of the rule that decided.")] = ""
    upstream: Annotated[tuple[Title, ...], Meta(max_length=MOST_TEXTS, description="Addresses of upstreams.")] = ()
    since: Moment = 0.0
    until: Annotated[Moment, Meta(description="Only earlier ones.")] = 0.0


class Search(Wanted, kw_only=True, forbid_unknown_fields=True):
    """A page of them."""

    limit: Limit = 100
    before: (
        Annotated[int, Meta(ge=0, description="Only those with a smaller number: what the page before has said.")]
        | None
    ) = None


class Export(Wanted, kw_only=True, forbid_unknown_fields=True):
    """All of them."""

    format: Literal["csv", "jsonl", "dnstap"] = "csv"


class Found(Struct, kw_only=True):
    """A page of queries, the newest first."""

    boot: Annotated[str, Meta(description="Differs in each run; numbers of the live stream begin again with it.")]
    logged: Annotated[bool, Meta(description="False: there is no log, these are the last queries in memory.")]
    queries: list[Row]
    before: Annotated[int | None, Meta(description="For the next page; null when this was the last.")]
    complete: Annotated[
        bool,
        Meta(description="False: the search took too long for a full page; the next page goes on where it stopped."),
    ]


class Forget(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which days."""

    before: Annotated[Moment | None, Meta(description="Only days that ended before; without it, all.")] = None


class Forgotten(Struct, kw_only=True):
    """What is gone."""

    days: int


async def search(call: Call[Search, None]) -> dict[str, Any]:
    """Search the query log, the newest first. Without a log, the last queries that are in memory."""
    asked, state = call.query, needed(call.parts.state, "state")
    part = call.parts.query_log
    in_memory = asked.before is not None and 0 < asked.before < NUMBERS_A_DAY  # a number of the live stream
    if part is None or not part.enabled or in_memory:
        rows, before = recent.page(state, filter_of(asked), asked.limit, asked.before)
        return {"boot": views.boot(state), "logged": False, "queries": rows, "before": before, "complete": True}
    page = await part.page(filter_of(asked), asked.limit, asked.before)
    return {
        "boot": views.boot(state),
        "logged": True,
        "queries": [row_of(one) for one in page.rows],
        "before": page.before,
        "complete": page.complete,
    }


async def export(call: Call[Export, None]) -> web.StreamResponse:
    """All queries that the search finds, as a file: CSV, one JSON object a line, or dnstap (Frame Streams)."""
    part = needed(call.parts.query_log, "query log")
    form = FORMATS[call.query.format]
    name = f"queries-{datetime.now(UTC).strftime('%Y-%m-%d')}.{form.suffix}"
    headers = {"Content-Type": form.media, "Content-Disposition": f'attachment; filename="{name}"'}
    async with part.export(filter_of(call.query), form) as pieces:
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        async for piece in pieces:
            if not response.prepared:
                await response.prepare(call.request)
            try:
                async with asyncio.timeout(WRITE_WITHIN):
                    await response.write(piece)
            except TimeoutError:
                with contextlib.suppress(AttributeError):
                    call.request.transport.abort()  # type: ignore[union-attr]
                return response
        if not response.prepared:
            await response.prepare(call.request)
        await response.write_eof()
        return response


async def forget(call: Call[Forget, None]) -> Forgotten:
    """Remove the query log, or its days before a moment. That can't be undone. The statistics stay."""
    return Forgotten(days=await needed(call.parts.query_log, "query log").forget(call.query.before))


def filter_of(asked: Wanted) -> Filter:
    """What a search asks for.

    Raises:
        Refusal: 400: it ends before it begins.
    """
    if asked.until and asked.until <= asked.since:
        raise Refusal(
            400, "The search ends before it begins.", [Fault("until", "is not after since", "a later moment")]
        )
    return Filter(
        name=asked.name.lower().removesuffix(".") if asked.name not in {".", "="} else asked.name,
        clients=tuple(ip_network(text, strict=False) for text in asked.client),
        types=frozenset(map(type_number, asked.type)),
        outcomes=frozenset(int(Outcome[one.upper()]) for one in asked.outcome),
        rcodes=frozenset(rcode_number(one.upper()) for one in asked.rcode),
        transports=frozenset(("udp", "tcp").index(one) for one in asked.transport),
        lists=frozenset(asked.list),
        rule=asked.rule,
        upstreams=frozenset(asked.upstream),
        since=asked.since,
        until=asked.until,
    )


def row_of(query: LoggedQuery) -> dict[str, Any]:
    """A logged query as the API has it."""
    row = query._asdict()
    row["duration_ms"] = round(row.pop("duration") * 1000, 3)
    return row


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/queries",
        area="queries",
        role=Role.VIEWER,
        handler=search,
        summary="Search the query log",
        query=Search,
        answer=Found,
    ),
    Route(
        method="GET",
        path="/api/v1/queries/export",
        area="queries",
        role=Role.VIEWER,
        handler=export,
        summary="The query log as a file",
        query=Export,
        media=", ".join(form.media for form in FORMATS.values()),
        seconds=0,
    ),
    Route(
        method="DELETE",
        path="/api/v1/queries",
        area="queries",
        role=Role.ADMIN,
        handler=forget,
        summary="Remove the query log",
        query=Forget,
        answer=Forgotten,
        seconds=60.0,
    ),
)
__all__ = ["ROUTES", "QueryLog", "Time"]
