"""What the workers remember: shown, and forgotten on command."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.values import DomainName, Limit

Silent = Annotated[list[int], Meta(description="Numbers of workers that did not answer within three seconds.")]


class CacheQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Of which names."""

    name: Annotated[DomainName, Meta(description="Only entries of this name.")] = ""
    subtree: Annotated[bool, Meta(description="Of all names below it, too.")] = False
    limit: Limit = 100


class CachedError(Struct, kw_only=True):
    """An Extended DNS Error (RFC 8914)."""

    code: int
    text: str


class CacheEntry(Struct, kw_only=True, omit_defaults=True):
    """What one worker remembers of one question."""

    name: str
    type: str
    worker: int
    kind: Literal["answer", "failure"]
    dnssec: Annotated[bool, Meta(description="Asked with DO.")]
    unchecked: Annotated[bool, Meta(description="Asked with CD.")]
    group: Annotated[int, Meta(description="Of upstreams; 0 for the usual one.")]
    subnet: Annotated[str, Meta(description="Whose clients it is for; empty for everybody.")]
    rcode: str
    ttl: Annotated[int, Meta(description="Seconds left; of a failure, until the question is asked again.")]
    stale: bool
    upstream: str
    errors: list[CachedError]
    age: int | None = None
    size: Annotated[int | None, Meta(description="Octets.")] = None
    authentic: bool | None = None
    records: list[str] | None = None
    complete: bool | None = None
    in_a_row: int | None = None


class Cache(Struct, kw_only=True):
    """Some of what is remembered."""

    found: Annotated[int, Meta(description="Entries that there are, over all workers.")]
    entries: list[CacheEntry]
    workers: int
    silent: Silent


class FlushBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """What to forget."""

    name: Annotated[DomainName, Meta(description="Of this name; empty: everything.")] = ""
    subtree: Annotated[bool, Meta(description="Of all names below it, too.")] = False


class Flushed(Struct, kw_only=True):
    """What was forgotten."""

    flushed: Annotated[int, Meta(description="Entries, over all workers.")]
    workers: int
    silent: Silent


async def show(call: Call[CacheQuery, None]) -> dict[str, Any]:
    """What the workers remember of a name, of all below it too, or the newest of everything."""
    asked, ask = call.query, needed(needed(call.parts.state, "state").cache, "worker that can be asked")
    return await ask(asked.name, asked.limit, asked.subtree)


async def flush(call: Call[None, FlushBody]) -> dict[str, Any]:
    """Forget what is remembered of a name, of all below it too, or everything."""
    forget = needed(needed(call.parts.state, "state").flush, "worker that can be asked")
    return await forget(call.body.name, call.body.subtree)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/cache",
        area="cache",
        role=Role.VIEWER,
        handler=show,
        summary="What the workers remember",
        query=CacheQuery,
        answer=Cache,
    ),
    Route(
        method="POST",
        path="/api/v1/cache/flush",
        area="cache",
        role=Role.OPERATOR,
        handler=flush,
        summary="Forget answers",
        body=FlushBody,
        answer=Flushed,
    ),
)
