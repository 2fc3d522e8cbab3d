"""``/api/v1/logs/levels``: how much each module says, while the program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from msgspec import Meta, Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "DEFAULT"]
_GRAVITY = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
Module = Annotated[str, Meta(max_length=100, pattern=r"^[a-z0-9_.]+$", description="Such as net or runtime.control.")]


class Logging(Protocol):
    """Behind this: :class:`mirage_hole.runtime.log_levels.LogLevels`."""

    def levels(self) -> dict[str, str]:
        """By module; empty: the whole program."""

    def recent(self) -> Sequence[Any]:
        """The last lines: ``at``, ``level``, ``source``, ``message``."""

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


class LinesQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which lines."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="At most so many.")] = 200
    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Meta(description="This one or a graver one.")] = (
        "DEBUG"
    )
    module: Annotated[str, Meta(max_length=100, description="Only of modules that begin so.")] = ""


class LogLine(Struct, kw_only=True):
    """One line of the program's log."""

    at: Time
    level: str
    module: str
    message: str


class LogLines(Struct, kw_only=True):
    """The newest first."""

    lines: list[LogLine]


async def recent(call: Call[LinesQuery, None]) -> LogLines:
    """The last lines of the supervisor's log, the newest first; 1,000 are kept. Workers write to the same place, but are not in here."""
    asked = call.query
    least = _GRAVITY[asked.level]
    found = [
        LogLine(at=one.at, level=one.level, module=one.source, message=one.message)
        for one in reversed(needed(call.parts.logging, "log").recent())
        if _GRAVITY.get(one.level, 50) >= least and one.source.startswith(asked.module)
    ]
    return LogLines(lines=found[: asked.limit])


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
        path="/api/v1/logs/recent",
        area="logs",
        role=Role.ADMIN,
        handler=recent,
        summary="The last lines of the log",
        query=LinesQuery,
        answer=LogLines,
    ),
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
