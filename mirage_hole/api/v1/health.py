"""For programs that watch this one: health and metrics."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from mirage_hole.api import views
from mirage_hole.api.processes import processes
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.observe.metrics import MetricsCollector, exposition, load_exposition

if TYPE_CHECKING:
    from aiohttp import web

    from mirage_hole.api.v1.parts import Parts


class Health(Struct, kw_only=True):
    """Whether DNS is answered."""

    status: Annotated[str, Meta(description="ok, or what is wrong.")]
    workers: int
    generation: int
    degraded: Annotated[
        dict[str, str],
        Meta(description="What does not work as it should although DNS is answered, each with a sentence."),
    ]


async def healthz(call: Call[None, None]) -> Health | web.Response:
    """200 while a worker answers queries, else 503."""
    from aiohttp import web

    state = needed(call.parts.state, "state")
    now, generation = state.clock(), state.generation()
    well = views.healthy(state, now)
    health = Health(
        status="ok" if well else "no worker answers queries",
        workers=len(state.statistics.workers.views()),
        generation=generation.number if generation else 0,
        degraded=views.degraded(state, now),
    )
    if well:
        return health
    return web.Response(body=msgspec.json.encode(health) + b"\n", status=503, content_type="application/json")


async def metrics(call: Call[None, None]) -> web.Response:
    """Numbers for Prometheus; docs/metrics.md describes them."""
    from aiohttp import web

    await asyncio.to_thread(load_exposition)
    body, content_type = exposition(await collector_of(call.parts), call.request.headers.get("Accept", "")[:1000])
    return web.Response(body=body, headers={"Content-Type": content_type})


async def collector_of(parts: Parts) -> MetricsCollector:
    """What there is to measure now."""
    state = needed(parts.state, "state")
    pids = {f"worker {view.number}": view.pid for view in state.statistics.workers.views() if view.pid}
    seen = await asyncio.to_thread(processes, {"supervisor": os.getpid(), **pids})
    listeners = parts.streams.listeners if parts.streams is not None else 0
    facts = views.facts(state)._replace(processes=seen, stream_listeners=listeners)
    return MetricsCollector(state.statistics, lambda: facts)


ROUTES = (
    Route(
        method="GET",
        path="/healthz",
        area="health",
        role=Role.NOBODY,
        handler=healthz,
        summary="Whether DNS is answered",
        answer=Health,
        others=((503, Health),),
    ),
    Route(
        method="GET",
        path="/metrics",
        area="metrics",
        role=Role.VIEWER,
        handler=metrics,
        summary="Numbers for Prometheus",
        media="text/plain",
    ),
)
