"""What this server is."""

from __future__ import annotations

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


async def show(call: Call[Any, None]) -> Server:
    """The version, since when it runs, and where DNS is answered."""
    return Server(**views.hello(needed(call.parts.state, "state")))


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
