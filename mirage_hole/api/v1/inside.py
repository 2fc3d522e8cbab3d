"""A look inside the processes: memory, tasks, open files. For hunting a leak on the live system; admins only."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
from typing import Annotated, Any, Protocol

from msgspec import Meta, Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time

AREA = "diagnosis"
Process = Annotated[
    str,
    Meta(
        max_length=10,
        pattern="^(supervisor|[0-9]{1,2})$",
        description="supervisor, or the number of a worker.",
        examples=["supervisor"],
    ),
]
Rows = Annotated[int, Meta(ge=1, le=200, description="At most so many.")]
Number = Annotated[int, Meta(ge=0, le=10**9)]


class Diagnosis(Protocol):
    """Asks processes of themselves. Raises :class:`mirage_hole.api.problems.Refusal` for what can't be answered."""

    async def ask(self, process: str, what: str, **arguments: Any) -> dict[str, Any]:
        """One question to one process."""


class Which(Struct, kw_only=True, forbid_unknown_fields=True):
    """Of which process."""

    process: Process = "supervisor"


class Most(Which, kw_only=True, forbid_unknown_fields=True):
    """And how much of it."""

    limit: Rows = 50


class Between(Most, kw_only=True, forbid_unknown_fields=True):
    """Two snapshots."""

    first: Annotated[Number, Meta(description="The earlier one; 0: all that the second has.")] = 0
    second: Annotated[Number, Meta(description="The later one.")]


class Trace(Which, kw_only=True, forbid_unknown_fields=True):
    """How to trace."""

    frames: Annotated[int, Meta(ge=1, le=25, description="Of each allocation; more cost more.")] = 1
    seconds: Annotated[
        float,
        Meta(ge=0, le=7200, description="Until tracing ends by itself; 0: it ends now, and snapshots are forgotten."),
    ] = 600.0


class Snapshot(Struct, kw_only=True):
    """What was allocated at a moment."""

    number: int
    at: Time


class Memory(Struct, kw_only=True):
    """What a process takes, and what is traced in it."""

    pid: int
    resident: Annotated[int, Meta(description="Octets of resident memory; 0 where the system does not tell.")]
    tracing: bool
    frames: int
    until: Annotated[float, Meta(description="When tracing ends, in seconds since the epoch; 0: nothing is traced.")]
    traced: Annotated[int, Meta(description="Octets that are allocated now and were since tracing began.")]
    peak: int
    snapshots: list[Snapshot]


class Line(Struct, kw_only=True):
    """A line of code that allocates."""

    place: str
    octets: int
    count: int
    more_octets: int
    more_count: int


class Lines(Struct, kw_only=True):
    """The largest difference first."""

    rows: list[Line]


class Kind(Struct, kw_only=True):
    """Objects of one type."""

    type: str
    count: int


class Kinds(Struct, kw_only=True):
    """The most first."""

    rows: list[Kind]


class Task(Struct, kw_only=True):
    """One asyncio task."""

    name: str
    runs: str
    stack: Annotated[list[str], Meta(description="Where it waits, outermost first.")]


class Tasks(Struct, kw_only=True):
    """By name."""

    rows: list[Task]


class OpenFile(Struct, kw_only=True):
    """One file descriptor."""

    number: int
    what: str


class OpenFiles(Struct, kw_only=True):
    """By number."""

    rows: list[OpenFile]


async def _ask(call: Call[Any, Any], process: str, what: str, **arguments: Any) -> dict[str, Any]:
    return await needed(call.parts.diagnosis, "diagnosis").ask(process, what, **arguments)


async def memory(call: Call[Which, None]) -> dict[str, Any]:
    """What a process takes, and what is traced in it."""
    return await _ask(call, call.query.process, "memory")


async def trace(call: Call[None, Trace]) -> dict[str, Any]:
    """Trace allocations. That makes the process slower, a worker as well, so it ends by itself."""
    return await _ask(call, call.body.process, "trace", frames=call.body.frames, seconds=call.body.seconds)


async def snapshot(call: Call[None, Which]) -> dict[str, Any]:
    """Keep what is allocated now; five are kept. The process stands still for a moment."""
    return await _ask(call, call.body.process, "snapshot")


async def difference(call: Call[Between, None]) -> dict[str, Any]:
    """What one snapshot has more than another, by line of code."""
    asked = call.query
    return await _ask(call, asked.process, "difference", first=asked.first, second=asked.second, limit=asked.limit)


async def objects(call: Call[Most, None]) -> dict[str, Any]:
    """How many objects there are of each type."""
    return await _ask(call, call.query.process, "objects", limit=call.query.limit)


async def tasks(call: Call[Which, None]) -> dict[str, Any]:
    """The asyncio tasks, each with where it waits."""
    return await _ask(call, call.query.process, "tasks")


async def files(call: Call[Which, None]) -> dict[str, Any]:
    """The open file descriptors."""
    return await _ask(call, call.query.process, "files")


def _route(method: str, path: str, handler: Any, summary: str, answer: type, **more: Any) -> Route:
    return Route(
        method=method, path=f"/api/v1/diagnosis/{path}", area=AREA, role=Role.ADMIN, handler=handler, summary=summary,
        answer=answer, problems=(404, 409), seconds=30.0, **more,
    )  # fmt: skip


ROUTES = (
    _route("GET", "memory", memory, "What a process takes", Memory, query=Which),
    _route("PUT", "memory/tracing", trace, "Trace allocations", Memory, body=Trace),
    _route("POST", "memory/snapshots", snapshot, "Keep what is allocated now", Memory, body=Which),
    _route("GET", "memory/difference", difference, "What is allocated between two moments", Lines, query=Between),
    _route("GET", "objects", objects, "Objects by type", Kinds, query=Most),
    _route("GET", "tasks", tasks, "Tasks and where they wait", Tasks, query=Which),
    _route("GET", "files", files, "Open files", OpenFiles, query=Which),
)
