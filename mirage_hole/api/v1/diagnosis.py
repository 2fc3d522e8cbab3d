"""``/api/v1/logs/levels``: how much each module says, while the program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from msgspec import Meta, Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "DEFAULT"]
Module = Annotated[str, Meta(max_length=100, pattern=r"^[a-z0-9_.]+$", description="Such as net or runtime.control.")]


class Logging(Protocol):
    """Behind this: :class:`mirage_hole.runtime.log_levels.LogLevels`."""

    def levels(self) -> dict[str, str]:
        """By module; empty: the whole program."""

    def change(self, levels: Mapping[str, str], seconds: float = 0.0) -> None:
        """Give modules levels of their own."""


class Levels(Struct, kw_only=True):
    """Log levels in force."""

    levels: Annotated[dict[str, str], Meta(description="By module; the empty name is the whole program.")]


class LevelsBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which modules say how much."""

    levels: Annotated[
        dict[Module, Level],
        Meta(min_length=1, max_length=100, description="By module; DEFAULT takes a module's own level away."),
    ]
    seconds: Annotated[int, Meta(ge=0, le=86_400, description="Until they go back; 0: they stay.")] = 0


async def levels(call: Call[None, None]) -> Levels:
    """The level of the whole program, and of each module that has its own."""
    return Levels(levels=needed(call.parts.logging, "log levels").levels())


async def change(call: Call[None, LevelsBody]) -> Levels:
    """Give modules levels of their own, in the supervisor and in every worker. An unknown module changes nothing."""
    part = needed(call.parts.logging, "log levels")
    part.change(call.body.levels, call.body.seconds)
    return Levels(levels=part.levels())


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/logs/levels",
        area="logs",
        role=Role.ADMIN,
        handler=levels,
        summary="Log levels",
        answer=Levels,
    ),
    Route(
        method="PUT",
        path="/api/v1/logs/levels",
        area="logs",
        role=Role.ADMIN,
        handler=change,
        summary="Change log levels",
        body=LevelsBody,
        answer=Levels,
        problems=(422,),
    ),
)
