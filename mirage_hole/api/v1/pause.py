"""A pause of blocking: everything is let through until a time."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final, Protocol

from msgspec import Meta, Struct

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route

LONGEST: Final = 365 * 86400
"""Seconds."""
PATH: Final = "/api/v1/pause"


class Pausing(Protocol):
    """Who keeps the pause: :class:`mirage_hole.runtime.pause_service.PauseService`."""

    def view(self) -> dict[str, Any]:
        """As :class:`Pause`."""

    async def begin(self, until: float, reason: str, who: str) -> dict[str, Any]:
        """Pause until then."""

    async def end(self, who: str) -> dict[str, Any]:
        """Block again."""


class PauseBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Until when: one of ``seconds`` and ``until``."""

    seconds: Annotated[float, Meta(gt=0, le=LONGEST, description="From now on.", examples=[300])] | None = None
    until: Annotated[float, Meta(gt=0, le=1e11, description="Seconds since the epoch.")] | None = None
    reason: Annotated[str, Meta(max_length=200, description="For people.", examples=["a shop does not load"])] = ""


class Pause(Struct, kw_only=True):
    """Whether blocking is paused."""

    paused: bool
    until: Annotated[float | None, Meta(description="Seconds since the epoch.")]
    since: Annotated[float | None, Meta(description="Seconds since the epoch.")]
    who: Annotated[str, Meta(description="Who paused it.")]
    reason: str
    kept: Annotated[bool, Meta(description="False: the disk could not be written, so a restart would end it.")]


async def show(call: Call[None, None]) -> dict[str, Any]:
    """Whether everything is let through, until when, and who wanted it."""
    return needed(call.parts.pause, "pause").view()


async def begin(call: Call[None, PauseBody]) -> dict[str, Any]:
    """Let everything through for a time, at most a year; instead of the pause that lasts. A restart does not end it."""
    body, now = call.body, time.time()
    if (body.seconds is None) == (body.until is None):
        which = "both are given" if body.seconds is not None else "neither is given"
        fault = Fault("seconds, until", which, "seconds: 300")
        raise Refusal(400, "A pause has either seconds or until.", [fault])
    until = body.until if body.until is not None else now + (body.seconds or 0.0)
    if not now < until <= now + LONGEST:
        what = "is over already" if until <= now else "is more than a year away"
        raise Refusal(400, "A pause ends within a year.", [Fault("until", what, f"a time up to {now + LONGEST:.0f}")])
    return await needed(call.parts.pause, "pause").begin(until, body.reason, call.who.name)


async def end(call: Call[None, None]) -> dict[str, Any]:
    """Block again, at once."""
    return await needed(call.parts.pause, "pause").end(call.who.name)


ROUTES = (
    Route(
        method="GET",
        path=PATH,
        area="pause",
        role=Role.VIEWER,
        handler=show,
        summary="Whether blocking is paused",
        answer=Pause,
    ),
    Route(
        method="PUT",
        path=PATH,
        area="pause",
        role=Role.OPERATOR,
        handler=begin,
        summary="Pause blocking",
        body=PauseBody,
        answer=Pause,
    ),
    Route(
        method="DELETE",
        path=PATH,
        area="pause",
        role=Role.OPERATOR,
        handler=end,
        summary="Block again",
        answer=Pause,
    ),
)
