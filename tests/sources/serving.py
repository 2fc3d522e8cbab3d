"""Servers on loopback for the tests of downloads."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from mirage_hole.lists.rule import Action
from mirage_hole.sources.source import Source, parse_source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

LIST = b"# A list\n0.0.0.0 ads.example\n0.0.0.0 tracker.example\n"


class Served:
    """What a test server was asked."""

    def __init__(self) -> None:
        self.base = ""
        self.requests: list[web.Request] = []

    def url(self, path: str = "/list.txt") -> str:
        return self.base + path

    def source(self, path: str = "/list.txt") -> Source:
        return source(self.url(path))


def source(text: str, kind: Action = Action.BLOCK) -> Source:
    found = parse_source(text, kind, {})
    assert isinstance(found, Source), str(found)
    return found


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[Served]:
    """A server that answers every path with ``handler``."""
    served = Served()

    async def answer(request: web.Request) -> web.StreamResponse:
        served.requests.append(request)
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield served
    finally:
        await runner.cleanup()


def always(body: bytes = LIST, status: int = 200, **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The same answer every time; write header names with underscores."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handler
