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
    state: Literal["live", "held", "old", "missing", "loading", "off"]
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
    enabled: Annotated[bool, Meta(description="false: it is switched off.")] = True
    added: Annotated[bool, Meta(description="It was added here; false: the configuration names it.")] = False


class ListViews(Struct, kw_only=True):
    """All of them, and what was compiled from them."""

    policy: Generation | None
    lists: list[ListView]


class ListsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which lists."""

    all: Annotated[bool, Meta(description="Also those that are switched off.")] = False


async def lists(call: Call[ListsQuery, None]) -> dict[str, Any]:
    """The lists in use, each with its state and how often its rules decided."""
    state = needed(call.parts.state, "state")
    generation = state.generation()
    rows = call.parts.lists.rows() if call.parts.lists is not None else []
    if not rows:  # it is not known yet which there are
        rows = [{**one, "enabled": True, "added": False} for one in views.lists(state)]
    shown = [one for one in rows if one["enabled"] or call.query.all]
    return {"policy": generation._asdict() if generation else None, "lists": shown}


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/lists",
        area="lists",
        role=Role.VIEWER,
        handler=lists,
        summary="The lists in use",
        query=ListsQuery,
        answer=ListViews,
    ),
)
