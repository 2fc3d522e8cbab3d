"""Who is asked, and how they are."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Upstream


class Upstreams(Struct, kw_only=True):
    """All of them, in the order of the settings."""

    upstreams: list[Upstream]


async def show(call: Call[None, None]) -> dict[str, Any]:
    """Each upstream with its health, round-trip times, and what it answered."""
    views = needed(call.parts.state, "state").statistics.workers.upstreams()
    return {"upstreams": [view._asdict() for view in views]}


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/upstreams",
        area="upstreams",
        role=Role.VIEWER,
        handler=show,
        summary="Who is asked, and how they are",
        answer=Upstreams,
    ),
)
