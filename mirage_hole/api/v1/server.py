"""What this server is."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from msgspec import Meta, Struct

from mirage_hole.api import views
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route


class Server(Struct, kw_only=True):
    """A run of the program."""

    now: Annotated[float, Meta(description="Seconds since the epoch.")]
    version: str
    boot: Annotated[str, Meta(description="Differs in each run; query numbers begin again with it.")]
    started_at: Annotated[float, Meta(description="Seconds since the epoch.")]
    listen: Annotated[list[str], Meta(description="ADDRESS:PORT of the DNS listeners.")]
    explain: Annotated[bool, Meta(description="Whether names can be explained.")]
    addresses: Annotated[
        list[str], Meta(description="Under which other devices reach it; empty: it is there for this machine alone.")
    ]
    port: Annotated[int, Meta(description="Of DNS; most devices know 53 alone.")]


async def show(call: Call[Any, None]) -> Server:
    """The version, since when it runs, and where DNS is answered."""
    state = needed(call.parts.state, "state")
    ports = [int(end.rpartition(":")[2]) for end in state.listen]
    addresses = await asyncio.to_thread(state.addresses)  # the kernel is asked
    return Server(**views.hello(state), addresses=list(addresses), port=53 if 53 in ports or not ports else ports[0])


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/server",
        area="server",
        role=Role.VIEWER,
        handler=show,
        summary="What this server is",
        answer=Server,
    ),
)
