"""Bounds connections: how many there are, and how long one may take for a request and its answer.

aiohttp bounds neither the number of connections nor the time that a slow reader takes, so a thin protocol stands in front.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from mirage_hole.api.limits import Limits


class Connections:
    """The open connections of one web server, and their deadlines."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[asyncio.BaseTransport, asyncio.TimerHandle | None] = {}
        self.refused = 0
        """Connections closed at once since there were too many."""

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, transport: asyncio.Transport) -> bool:
        """Count a connection in; False, and it is gone, when there are too many."""
        if len(self._open) >= self._limits.connections:
            self.refused += 1
            transport.abort()
            return False
        self._open[transport] = None
        self.renew(transport)
        return True

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """Count a connection out."""
        deadline = self._open.pop(transport, None)
        if deadline is not None:
            deadline.cancel()

    def renew(self, transport: asyncio.BaseTransport | None) -> None:
        """A request has come: its answer may take ``Limits.request_time`` from now on."""
        if isinstance(transport, asyncio.Transport) and transport in self._open:
            self.release(transport)
            loop = asyncio.get_running_loop()
            self._open[transport] = loop.call_later(self._limits.request_time, transport.abort)

    def release(self, transport: asyncio.BaseTransport | None) -> None:
        """The connection has deadlines of its own: a live stream."""
        if transport is not None and (deadline := self._open.get(transport)) is not None:
            deadline.cancel()
            self._open[transport] = None


class _Guarded(asyncio.Protocol):
    """Passes everything on to aiohttp's protocol, if the connection is let in."""

    def __init__(self, connections: Connections, inner: asyncio.Protocol) -> None:
        self._connections = connections
        self._inner: asyncio.Protocol | None = inner
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._inner is not None and self._connections.enter(transport):
            self._inner.connection_made(transport)
        else:
            self._inner = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._connections.leave(self._transport)
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()


class GuardedSite(web.BaseSite):
    """A site on a bound socket whose connections are guarded."""

    def __init__(self, runner: web.AppRunner, sock: socket, connections: Connections) -> None:
        super().__init__(runner, backlog=64)
        self._sock = sock
        self._connections = connections

    @property
    def name(self) -> str:
        """The address, as a URL."""
        host, port = self._sock.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        """Accept connections."""
        await super().start()
        make: Callable[[], Any] | None = self._runner.server
        assert make is not None
        inner = make
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Guarded(self._connections, inner()), sock=self._sock, backlog=self._backlog
        )
