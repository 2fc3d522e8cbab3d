"""The lists in use, and how they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from mirage_hole.api import views
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Generation, Time


class ListView(Struct, kw_only=True):
    """A list."""

    key: str
    title: str
    source: Annotated[str, Meta(description="Where it comes from, without passwords and tokens.")]
    kind: Literal["block", "allow"]
    state: Literal["live", "held", "old", "missing", "loading"]
    format: str
    rules: int
    complaints: Annotated[int, Meta(description="Lines that are no rule.")]
    bytes: int
    last_success: Time | None
    last_try: Time | None
    next_try: Time | None
    error: Annotated[str, Meta(description="Why the last try failed, and what to do; empty when it did not.")]
    held: Annotated[str, Meta(description="Why a newer text is not used; empty when there is none.")]
    refresh_every: Annotated[float, Meta(description="Seconds between two downloads; 0: never downloaded.")]
    doing: Annotated[str, Meta(description="started, receiving, compiling, or empty.")]
    received: Annotated[int, Meta(description="Octets of what is on its way.")]
    total: int | None
    last_change: Time | None
    decided: Annotated[int, Meta(description="Queries since the start that its rules decided.")]


class ListViews(Struct, kw_only=True):
    """All of them, and what was compiled from them."""

    policy: Generation | None
    lists: list[ListView]


async def lists(call: Call[None, None]) -> dict[str, Any]:
    """The lists in use, each with its state and how often its rules decided."""
    state = needed(call.parts.state, "state")
    generation = state.generation()
    return {"policy": generation._asdict() if generation else None, "lists": views.lists(state)}


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/lists",
        area="lists",
        role=Role.VIEWER,
        handler=lists,
        summary="The lists in use",
        answer=ListViews,
    ),
)
