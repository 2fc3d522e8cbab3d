"""Who is asked, and how they are."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from msgspec import Meta, Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Upstream


class Upstreams(Struct, kw_only=True):
    """All of them, in the order of the settings."""

    upstreams: list[Upstream]


class Step(Struct, kw_only=True):
    """One thing that was tried."""

    what: str
    ok: Annotated[bool, Meta(description="False: it must work, and does not.")]
    said: str
    milliseconds: Annotated[float | None, Meta(description="Until the answer; null when there was none.")]


class Tested(Struct, kw_only=True):
    """What an upstream can do."""

    server: str
    ok: Annotated[bool, Meta(description="Whether all that must work does.")]
    steps: list[Step]


class Prober(Protocol):
    """Asks upstreams directly."""

    async def test(self, number: int) -> Tested:
        """Ask the upstream with this index. Raises :class:`mirage_hole.api.problems.Refusal` when there is none."""


async def test(call: Call[None, None]) -> Tested:
    """Ask the upstream a few questions, past cache and workers: UDP and TCP must work; EDNS, signatures, a large answer, and names in
    random spelling are told. `number` is its place in the list, from 0.
    """
    return await needed(call.parts.probe, "way to ask upstreams").test(int(call.path["number"]))


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
    Route(
        method="POST",
        path="/api/v1/upstreams/{number}/test",
        area="upstreams",
        role=Role.OPERATOR,
        handler=test,
        summary="Ask an upstream directly",
        answer=Tested,
        problems=(404,),
        seconds=40.0,
    ),
)
