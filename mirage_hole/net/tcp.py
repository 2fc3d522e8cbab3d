"""DNS over TCP (RFC 7766): pipelined queries, answers in whatever order they are ready, and bounds on everything."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import TCP
from mirage_hole.resolver.events import QueryReceived
from mirage_hole.wire.framing import MessageBuffer, frame
from mirage_hole.wire.query import MAX_QUERY

if TYPE_CHECKING:
    from mirage_hole.net.dataplane import DataPlane

PIPELINED: Final = 64
"""Queries of one connection in work at once; then it is not read until some are answered."""
WRITE_BUFFER: Final = 256 * 1024
"""Octets that wait for a client that does not read; more and the connection is closed."""


class TcpListener:
    """Every TCP connection of one worker, counted and swept."""

    def __init__(self, plane: DataPlane, *, idle: float, most: int, most_per_client: int) -> None:
        """``idle``: seconds without a whole query after which a connection is closed."""
        self.plane = plane
        self.idle = idle
        self.most = most
        self.most_per_client = most_per_client
        self.connections: set[TcpConnection] = set()
        self.by_client: dict[bytes, int] = {}
        self.refused = 0
        """Connections over a cap."""
        self.closed_idle = 0
        self._servers: list[asyncio.Server] = []

    async def listen(self, sock: socket.socket) -> None:
        """Accept connections on a socket that is bound and listening."""
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(lambda: TcpConnection(self), sock=sock, backlog=512))

    def sweep(self, now: float) -> None:
        """Close what is idle or stalled. A connection that waits for our answers is not idle."""
        for connection in [c for c in self.connections if c.in_work == 0 and now - c.last_query_at > self.idle]:
            self.closed_idle += 1
            connection.close()

    def stop(self) -> None:
        """Accept no more."""
        for server in self._servers:
            server.close()

    def close_all(self) -> None:
        """End every connection."""
        for connection in list(self.connections):
            connection.close()


class TcpConnection(asyncio.Protocol):
    """One client's stream. A ticket is (connection,)."""

    def __init__(self, listener: TcpListener) -> None:
        self.in_work = 0
        self.last_query_at = time.monotonic()
        self._listener = listener
        self._buffer = MessageBuffer(MAX_QUERY)
        self._transport: asyncio.Transport | None = None
        self._client = b""
        self._ticket = (self,)
        self._over = False
        """The client has finished sending."""
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or turn it away."""
        assert isinstance(transport, asyncio.Transport)
        listener = self._listener
        peer = transport.get_extra_info("peername")
        if peer is None:  # gone between accept and here
            transport.abort()
            return
        family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
        client = socket.inet_pton(family, peer[0].partition("%")[0])
        held = listener.by_client.get(client, 0)
        if len(listener.connections) >= listener.most or held >= listener.most_per_client:
            listener.refused += 1
            transport.abort()
            return
        self._transport, self._client = transport, client
        transport.set_write_buffer_limits(high=WRITE_BUFFER // 4)
        listener.connections.add(self)
        listener.by_client[client] = held + 1

    def connection_lost(self, _problem: Exception | None) -> None:
        """Give the place back."""
        self._transport = None
        listener = self._listener
        if self in listener.connections:
            listener.connections.discard(self)
            held = listener.by_client[self._client] - 1
            if held:
                listener.by_client[self._client] = held
            else:
                del listener.by_client[self._client]

    def data_received(self, data: bytes) -> None:
        """Take octets; every whole query goes to the engine."""
        if self._transport is None:
            return
        try:
            messages = self._buffer.feed(data)
        except ValueError:
            self.close()
            return
        if not messages:
            return
        now = self.last_query_at = time.monotonic()
        self.in_work += len(messages)
        if self.in_work >= PIPELINED:
            self._pause()
        plane = self._listener.plane
        plane.take([QueryReceived(message, self._client, TCP, self._ticket) for message in messages], now)
        plane.after_batch()

    def eof_received(self) -> bool:
        """The client will send no more; what it asked is still answered."""
        self._over = True
        return self.in_work > 0

    def reply(self, _ticket: object, wire: bytes) -> None:
        """Send one answer."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.write(frame(wire))
            if transport.get_write_buffer_size() > WRITE_BUFFER:
                transport.abort()  # it asks and does not listen
        self._one_less()

    def no_reply(self) -> None:
        """There will be no answer to one query."""
        self._one_less()

    def close(self) -> None:
        """End the connection, what is written already goes out if the client takes it."""
        transport = self._transport
        if transport is None:
            return
        if transport.get_write_buffer_size():
            transport.abort()
        else:
            transport.close()

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _one_less(self) -> None:
        self.in_work -= 1
        # An answered query begins the idle time anew (RFC 7766 6.2.3).
        self.last_query_at = time.monotonic()
        if self._over and self.in_work == 0:
            if self._transport is not None:
                self._transport.close()
        elif self._paused and self.in_work < PIPELINED // 2 and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
