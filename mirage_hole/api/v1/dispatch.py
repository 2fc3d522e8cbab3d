"""Puts routes into a web application: proves who asks, checks everything, calls the handler, and encodes what it gives.

The order for each request: who asks, how often, whether that is allowed, what is asked, then the handler within its time.
"""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from aiohttp import web
from multidict import MultiDict

from mirage_hole.api.packing import WORTHWHILE, packed, packed_tag, plain_tags, wants_gzip
from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.identity import LOCAL, Identity, Role
from mirage_hole.api.v1.rates import Rates, key_of
from mirage_hole.api.v1.reading import read_body, read_query
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.routes import ALL_ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirage_hole.api.connections import Connections
    from mirage_hole.api.v1.parts import Parts

MAX_VARIABLE: Final = 1024
"""Characters of a variable in a path."""
ASK_TIME: Final = 20.0
"""Seconds until a request has come whole; whoever sends it octet by octet is cut off."""
WRITE_TIME: Final = 20.0
"""Seconds in which an answer has to be taken."""
NOTHING: Final = MultiDict[str]()
SECRETS: Final = frozenset({"access"})
"""Areas whose answers are never packed; see :mod:`mirage_hole.api.packing`."""
LOGIN: Final = 'Bearer realm="mirage-hole"'


class Proves(Protocol):
    """Says who asks: :class:`mirage_hole.api.access.authenticate.Access`, or :class:`Everybody`."""

    async def identify(self, request: web.Request) -> Identity:
        """Who asks. Raises :class:`Refusal` (401) for what is forged."""

    def check_csrf(self, request: web.Request, identity: Identity) -> None:
        """Raises :class:`Refusal` (403) for a change that another site's page may have asked for."""


class Everybody:
    """All are the same one: for the control socket, whose file decides who may open it."""

    def __init__(self, identity: Identity = LOCAL) -> None:
        self._identity = identity

    async def identify(self, request: web.Request) -> Identity:  # noqa: ARG002 - all are the same
        """That one."""
        return self._identity

    def check_csrf(self, request: web.Request, identity: Identity) -> None:
        """No page reaches a Unix socket."""


def mount(
    app: web.Application,
    parts: Parts,
    access: Proves,
    routes: Iterable[Route] = ALL_ROUTES,
    *,
    rates: Rates | None = None,
    connections: Connections | None = None,
) -> None:
    """Serve these routes; the application's middleware turns :class:`Refusal` into problem documents."""
    routes = tuple(routes)
    readers = {route.path: route for route in routes if route.method == "GET" and route.answer is not None}
    locks: dict[str, asyncio.Lock] = {path: asyncio.Lock() for path in readers}
    for route in routes:
        door = _Door(route, parts, access, rates, readers.get(route.path), locks.get(route.path), connections)
        app.router.add_route(route.method, route.path, door.serve)


class _Door:
    """One route, served."""

    def __init__(
        self,
        route: Route,
        parts: Parts,
        access: Proves,
        rates: Rates | None,
        reader: Route | None,
        lock: asyncio.Lock | None,
        connections: Connections | None,
    ) -> None:
        self._route = route
        self._parts = parts
        self._access = access
        self._rates = rates
        self._reader = reader
        self._lock = lock
        self._connections = connections

    async def serve(self, request: web.Request) -> web.StreamResponse:
        route = self._route
        try:
            async with asyncio.timeout(ASK_TIME):
                call, headers = await self._asked(request)
        except TimeoutError:
            raise Refusal(408, f"The request did not come within {ASK_TIME:g} seconds.") from None
        if self._connections is not None:
            if route.seconds:
                self._connections.renew(request.transport, route.seconds + WRITE_TIME)
            else:
                self._connections.release(request.transport)
        async with asyncio.timeout(route.seconds or None):
            if route.method != "GET" and self._reader is not None and self._lock is not None:
                answer = await self._change(call, self._reader, self._lock)
            else:
                answer = await route.handler(call)
        response = answer if isinstance(answer, web.StreamResponse) else await _encoded(request, route, answer)
        if not response.prepared:
            response.headers.update(headers)
        return response

    async def _asked(self, request: web.Request) -> tuple[Call[Any, Any], dict[str, str]]:
        """The request, checked, and what its answer tells of the rate."""
        route = self._route
        who = await self._identify(request)
        headers = self._limit(request, who)
        check_role(route, who)
        self._access.check_csrf(request, who)
        path = _variables(request)
        query = read_query(request.query, route.query)
        if self._connections is not None and request.can_read_body:
            self._connections.expect(request.transport)
        body = await read_body(request, route.body, route.max_body)
        return Call(request, self._parts, who, path, query, body, self._access), headers

    async def _identify(self, request: web.Request) -> Identity:
        try:
            return await self._access.identify(request)
        except Refusal:
            self._limit(request, None)  # guessing tokens is a request as well
            raise

    def _limit(self, request: web.Request, who: Identity | None) -> dict[str, str]:
        allowance = self._rates.take(key_of(request, who)) if self._rates is not None else None
        if allowance is None:
            return {}
        headers = allowance.headers()
        if allowance.again:
            headers["Retry-After"] = str(ceil(allowance.again))
            raise Refusal(429, "These are more requests than this server takes from one visitor.", headers=headers)
        return headers

    async def _change(self, call: Call[Any, Any], reader: Route, lock: asyncio.Lock) -> Any:
        """One change at a time of what has a tag, so that ``If-Match`` means what it says (RFC 9110 section 13.1.1)."""
        wanted = call.request.headers.get("If-Match", "")
        if not wanted:
            return await self._route.handler(call)
        async with lock:
            query = read_query(NOTHING, reader.query)
            seen = await reader.handler(Call(call.request, call.parts, call.who, call.path, query, None))
            tag = tag_of(msgspec.json.encode(seen) + b"\n")
            if wanted.strip() != "*" and tag not in plain_tags(wanted):
                fault = Fault("If-Match", "is not the tag of what is here now", f"{tag}, after reading it again")
                raise Refusal(412, "It was changed by somebody else since it was read.", [fault], {"ETag": tag})
            return await self._route.handler(call)


def check_role(route: Route, who: Identity) -> None:
    """Whether this one may use the route.

    Raises:
        Refusal: 401 when a login would help, 403 with the role or area that is needed.
    """
    if route.role is Role.NOBODY:
        return
    needed = route.role.name.lower()
    if who.role < route.role:
        if who.how in {"none", "open"}:
            detail = f"This needs the role {needed}: log in, or send an API token in the header Authorization."
            raise Refusal(401, detail, headers={"WWW-Authenticate": LOGIN})
        fault = Fault("role", f"{who.name or who.how} is {who.role.name.lower()}", f"somebody who is {needed}")
        raise Refusal(403, f"This needs the role {needed}.", [fault])
    if who.areas and route.area not in who.areas:
        fault = Fault("area", f"this token is for {', '.join(sorted(who.areas))}", f"a token for {route.area}")
        raise Refusal(403, f"This needs a token for the area {route.area}.", [fault])


def tag_of(body: bytes) -> str:
    """The strong entity tag of an answer."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


async def _encoded(request: web.Request, route: Route, answer: object) -> web.Response:
    if answer is None and route.status == 204:
        return web.Response(status=204)
    body = msgspec.json.encode(answer) + b"\n"
    if route.method != "GET":
        return web.Response(body=body, status=route.status, content_type="application/json")
    tag = tag_of(body)
    headers = {"ETag": tag, "Vary": "Accept-Encoding"}
    known = request.headers.get("If-None-Match", "")
    if known and (known.strip() == "*" or tag in plain_tags(known.replace("W/", ""))):
        return web.Response(status=304, headers=headers)
    if len(body) >= WORTHWHILE and route.area not in SECRETS and wants_gzip(request):
        headers |= {"ETag": packed_tag(tag), "Content-Encoding": "gzip"}
        body = await packed(body)
    return web.Response(body=body, status=route.status, content_type="application/json", headers=headers)


def _variables(request: web.Request) -> dict[str, str]:
    variables = dict(request.match_info)
    for name, value in variables.items():
        if len(value) > MAX_VARIABLE or not value.isprintable():
            fault = Fault(name, "is too long or has letters that can't be shown", "what a list of these says")
            raise Refusal(400, f"{name} in the path can't be read.", [fault])
        if name == "number" and not (value.isascii() and value.isdigit() and len(value) <= 18):
            raise Refusal(404, f"{value[:80]!r} is no number of anything here.")
    return variables
