"""A web server with a door: TLS, proxies, networks, origins."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mirage_hole.api.server import WebServer, start_web
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.settled import Endpoint, WebDoor
from tests.api.serving import VISITOR, a_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mirage_hole.api.limits import Limits
    from mirage_hole.api.tls import Tls


@asynccontextmanager
async def a_door(limits: Limits | None = None, tls: Tls | None = None, **door: Any) -> AsyncIterator[WebServer]:
    """A server of the usual state with this door."""
    server = await start_web(
        Endpoint("127.0.0.1", 0),
        Parts(state=a_state()),
        Everybody(VISITOR),
        limits=limits,
        settings=WebDoor(**door),
        tls=tls,
    )
    try:
        yield server
    finally:
        await server.cleanup()
