"""What can be read: one handler a resource. They only look at what is in memory, so none of them waits.

docs/api.md describes every resource and field.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from mirage_hole.api import views
from mirage_hole.api.parameters import Parameters, no_parameters
from mirage_hole.api.problems import Refusal
from mirage_hole.api.stream import Streams
from mirage_hole.observe.metrics import MetricsCollector, exposition, load_exposition
from mirage_hole.observe.series import DAY_MINUTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mirage_hole.api.connections import Connections
    from mirage_hole.api.limits import Limits
    from mirage_hole.api.pages import Page
    from mirage_hole.api.state import ApiState
    from mirage_hole.observe.recent import QueryRow

MAX_TOP = 1000
MAX_CACHE = 1000


class Resources:
    """One method a resource."""

    def __init__(self, state: ApiState, limits: Limits, connections: Connections) -> None:
        self._state = state
        self._limits = limits
        self._connections = connections
        self._metrics = MetricsCollector(state.statistics, lambda: views.facts(state))
        self.streams = Streams(state, limits)

    async def stats(self, request: web.Request) -> web.Response:
        """``/api/v1/stats``"""
        parameters = Parameters(request.query)
        minutes = parameters.number("minutes", DAY_MINUTES, 1, DAY_MINUTES)
        top = parameters.number("top", views.TOP, 1, MAX_TOP)
        parameters.done()
        state, now = self._state, self._state.clock()
        assert minutes is not None
        assert top is not None
        return _json(
            {
                **views.hello(state),
                **views.counts(state, now),
                **views.breakdown(state),
                "series": views.series(state.statistics.minutes(minutes, now)),
                "top": views.top(state, now, top),
            }
        )

    async def queries(self, request: web.Request) -> web.Response:
        """``/api/v1/queries``"""
        parameters = Parameters(request.query)
        limit = parameters.number("limit", 100, 1, self._limits.rows)
        before = parameters.number("before", None, 1, 10**15)
        name = parameters.text("name", 255).lower()
        client = parameters.network("client")
        outcomes = parameters.outcomes("outcome")
        parameters.done()
        assert limit is not None

        def wanted(row: QueryRow) -> bool:
            return (
                (not outcomes or row.outcome in outcomes)
                and name in row.name
                and (client is None or ip_address(row.client) in client)
            )

        # One more than asked for tells whether there is a next page.
        found = self._state.statistics.recent.find(limit + 1, before, wanted)
        page = found[:limit]
        return _json(
            {
                "boot": views.boot(self._state),
                "queries": views.rows(self._state, page),
                "before": page[-1].number if len(found) > limit else None,
            }
        )

    async def lists(self, request: web.Request) -> web.Response:
        """``/api/v1/lists``"""
        no_parameters(request.query)
        generation = self._state.generation()
        return _json({"policy": generation._asdict() if generation else None, "lists": views.lists(self._state)})

    async def explain(self, request: web.Request) -> web.Response:
        """``/api/v1/explain``"""
        parameters = Parameters(request.query)
        name = parameters.domain("name")
        qtype = parameters.rrtype("type")
        client = parameters.address("client")
        parameters.done()
        found = self._state.explain(name, qtype, client) if self._state.explain else None
        if found is None:
            raise Refusal(503, "No lists are loaded yet.", headers={"Retry-After": "5"})
        return _json(views.explanation(found))

    async def cache(self, request: web.Request) -> web.Response:
        """``/api/v1/cache``"""
        parameters = Parameters(request.query)
        name = parameters.optional_domain("name")
        subtree = parameters.flag("subtree")
        limit = parameters.number("limit", 100, 1, MAX_CACHE)
        parameters.done()
        assert limit is not None
        if self._state.cache is None:
            raise Refusal(503, "No worker can be asked yet.", headers={"Retry-After": "5"})
        return _json(await self._state.cache(name, limit, subtree))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """``/api/v1/events``"""
        parameters = Parameters(request.query)
        after = parameters.text("last_event_id", 64)
        parameters.done()
        self._connections.release(request.transport)
        # A browser that reconnects by itself repeats the address, so what it says in the header is newer.
        return await self.streams.serve(request, request.headers.get("Last-Event-ID", after)[:64])

    async def metrics(self, request: web.Request) -> web.Response:
        """``/metrics``"""
        await asyncio.to_thread(load_exposition)
        body, content_type = exposition(self._metrics, request.headers.get("Accept", "")[:1000])
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def healthz(self, request: web.Request) -> web.Response:
        """``/healthz``"""
        no_parameters(request.query)
        state, now = self._state, self._state.clock()
        generation = state.generation()
        body = {
            "workers": len(state.statistics.workers.views()),
            "generation": generation.number if generation else 0,
            "degraded": views.degraded(state, now),
        }
        if views.healthy(state, now):
            return _json({"status": "ok", **body})
        return _json({"status": "no worker answers queries", **body}, status=503)


def page_handler(page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Serves one file of the dashboard; a browser that has it is told so."""
    headers = {"Content-Type": page.content_type, "ETag": page.etag, "Cache-Control": "no-cache"}

    async def serve(request: web.Request) -> web.StreamResponse:
        known = request.headers.get("If-None-Match", "")
        if page.etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]:
            return web.Response(status=304, headers={"ETag": page.etag, "Cache-Control": "no-cache"})
        return web.Response(body=page.body, headers=headers)

    return serve


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE), status=status, content_type="application/json"
    )
