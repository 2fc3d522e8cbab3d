"""What a route is: everything that authorization, checks of input, OpenAPI and the tests need to know of it.

An area's module has plain handlers and one tuple, ``ROUTES``; nothing about a route is said anywhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from aiohttp import web

    from mirage_hole.api.v1.dispatch import Proves
    from mirage_hole.api.v1.identity import Identity, Role
    from mirage_hole.api.v1.parts import Parts

Query = TypeVar("Query")
Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class Call(Generic[Query, Body]):
    """One request, checked: who asks may, and everything has its type."""

    request: web.Request
    parts: Parts
    who: Identity
    path: dict[str, str]
    """The variables of the path."""
    query: Query
    body: Body
    access: Proves | None = None
    """Who proved it, for a stream that has to ask again."""


Handler = Callable[[Call[Any, Any]], Awaitable[Any]]
"""Returns the route's ``answer``, or a ready ``web.StreamResponse`` when that is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method at one path."""

    method: str
    """``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``."""
    path: str
    """Such as ``/api/v1/rules/{number}``."""
    area: str
    """What a token can be limited to, and the tag in OpenAPI: ``rules``, ``lists``, ``queries``, ..."""
    role: Role
    """The least that is needed. A GET never changes anything."""
    handler: Handler
    summary: str
    """One line; the handler's docstring says the rest."""
    query: type | None = None
    """A ``msgspec.Struct`` of the parameters; unknown ones are refused."""
    body: type | None = None
    """A ``msgspec.Struct`` that forbids unknown fields; None: a body is refused."""
    answer: type | None = None
    """A ``msgspec.Struct``; None: the handler makes the response itself."""
    status: int = 200
    media: str = "application/json"
    """Of the answer, where the handler makes it; several are separated by commas."""
    others: tuple[tuple[int, type], ...] = ()
    """Statuses with answers of their own that the handler makes, besides ``status``."""
    problems: tuple[int, ...] = ()
    """Statuses of problem documents besides those that every route can give."""
    max_body: int = 64 * 1024
    """Octets."""
    seconds: float = 10.0
    """Until the answer counts as late; 0: the handler has deadlines of its own, as streams do."""
