"""The live stream: what happens, told as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from mirage_hole.api.problems import Refusal
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route

if TYPE_CHECKING:
    from aiohttp import web

AREA = "events"


class EventsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Where to go on."""

    last_event_id: Annotated[
        str,
        Meta(max_length=64, description="The id of the last event that was seen; the header Last-Event-ID is newer."),
    ] = ""


async def events(call: Call[EventsQuery, None]) -> web.StreamResponse:
    """Server-sent events: ``hello``, ``series``, ``minutes``, ``counts``, ``top``, ``lists``, ``pause``, ``queries``, ``ping``.

    It ends when the session or token that asked for it ends.
    """
    streams = needed(call.parts.streams, "live stream")
    request, access = call.request, call.access

    async def still() -> bool:
        try:
            who = await access.identify(request) if access is not None else call.who
        except Refusal:
            return False
        return who.role >= Role.VIEWER and (not who.areas or AREA in who.areas)

    # A browser that reconnects by itself repeats the address, so what it says in the header is newer.
    after = request.headers.get("Last-Event-ID", call.query.last_event_id)[:64]
    return await streams.serve(request, after, still)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/events",
        area=AREA,
        role=Role.VIEWER,
        handler=events,
        summary="What happens, as it happens",
        query=EventsQuery,
        media="text/event-stream",
        problems=(503,),
        seconds=0,
    ),
)
