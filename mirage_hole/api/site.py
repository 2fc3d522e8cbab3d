"""Accepts connections: counts them, turns strangers away, speaks TLS where there is a certificate, lets go of slow readers.

aiohttp bounds neither the number of connections nor the time that a slow reader takes, and asyncio's own TLS counts a connection
only after its handshake, so a thin protocol stands in front of both.
"""

from __future__ import annotations

import asyncio
from asyncio import sslproto
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from mirage_hole.api.malformed import make_handler, raw_answer
from mirage_hole.api.problems import Refusal

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from socket import socket

    from mirage_hole.api.connections import Connections

HANDSHAKE_TIME: Final = 10
GOODBYE_TIME: Final = 2
"""Seconds for TLS's own end of a connection."""
HANDSHAKE: Final = 0x16
"""The first octet of TLS (RFC 8446 section 5.1); no HTTP method begins with it."""

FORBIDDEN: Final = raw_answer(
    Refusal(403, "This server is not for your network; web.allow_from says which ones it is for.")
)
HTTPS_HERE: Final = raw_answer(Refusal(400, "This port speaks HTTPS: write https:// in front of the address."))


class Guarded(asyncio.Protocol):
    """Passes everything on to an inner protocol, if the connection is let in."""

    def __init__(
        self,
        connections: Connections,
        make: Callable[[], asyncio.Protocol],
        admits: Callable[[str], bool],
        context: ssl.SSLContext | None,
        write_time: float,
    ) -> None:
        self._connections = connections
        self._make = make
        self._admits = admits
        self._context = context
        self._write_time = write_time
        self._inner: Any = None
        self._transport: asyncio.Transport | None = None
        self._instead = b""
        """What is answered to the first octets, whatever they are."""
        self._slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        stranger = not self._admits(str((transport.get_extra_info("peername") or ("",))[0]))
        if not self._connections.enter(transport, stranger=stranger):
            return
        if stranger:
            self._instead = FORBIDDEN
        elif self._context is None:
            self._begin(self._make())

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._context is not None and self._inner is None:
            if not self._instead and data[0] == HANDSHAKE:
                self._begin(self._encrypted(self._context))
            elif data[0] == HANDSHAKE:
                self._transport.abort()  # a refusal in TLS is not worth a handshake
            else:
                self._instead = self._instead or HTTPS_HERE
        if self._inner is None:
            if self._instead:
                self._transport.write(self._instead)
                self._transport.close()
        elif isinstance(self._inner, asyncio.BufferedProtocol):
            view = memoryview(data)
            while view:
                room = memoryview(self._inner.get_buffer(len(view)))
                size = min(len(room), len(view))
                room[:size] = view[:size]
                self._inner.buffer_updated(size)
                view = view[size:]
        else:
            self._inner.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._hurry(None)
        if self._transport is not None:
            self._connections.leave(self._transport)
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return bool(self._inner.eof_received()) if self._inner is not None else None

    def pause_writing(self) -> None:
        """What was written is not taken: from now on it has to be, in time."""
        if self._transport is not None:
            self._hurry(asyncio.get_running_loop().call_later(self._write_time, self._transport.abort))
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._hurry(None)
        if self._inner is not None:
            self._inner.resume_writing()

    def _begin(self, inner: Any) -> None:
        self._inner = inner
        inner.connection_made(self._transport)

    def _encrypted(self, context: ssl.SSLContext) -> asyncio.BaseProtocol:
        nobody: Any = None  # waits for the handshake
        return sslproto.SSLProtocol(
            asyncio.get_running_loop(),
            self._make(),
            context,
            nobody,
            server_side=True,
            ssl_handshake_timeout=HANDSHAKE_TIME,
            ssl_shutdown_timeout=GOODBYE_TIME,
        )

    def _hurry(self, timer: asyncio.TimerHandle | None) -> None:
        if self._slow is not None:
            self._slow.cancel()
        self._slow = timer


class GuardedSite(web.BaseSite):
    """A site on a bound socket whose connections are guarded."""

    def __init__(
        self,
        runner: web.AppRunner,
        sock: socket,
        connections: Connections,
        *,
        admits: Callable[[str], bool] = lambda _peer: True,
        context: Callable[[], ssl.SSLContext | None] = lambda: None,
        write_time: float = 10.0,
    ) -> None:
        """
        Args:
            runner: has the application.
            sock: listens.
            connections: where they are counted.
            admits: whether this address may come in; a proxy may, for those who are behind it.
            context: asked for each connection, so that a new certificate counts at once; None: no TLS.
            write_time: seconds in which a reader has to take something of what it was sent.
        """
        super().__init__(runner, backlog=64)
        self._sock = sock
        self._connections = connections
        self._admits = admits
        self._context = context
        self._write_time = write_time

    @property
    def name(self) -> str:
        """The address, as a URL."""
        host, port = self._sock.getsockname()[:2]
        scheme = "http" if self._context() is None else "https"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    async def start(self) -> None:
        """Accept connections."""
        await super().start()
        server = self._runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        make = partial(make_handler, server, loop)
        self._server = await loop.create_server(
            lambda: Guarded(self._connections, make, self._admits, self._context(), self._write_time),
            sock=self._sock,
            backlog=self._backlog,
        )
