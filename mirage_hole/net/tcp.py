"""DNS over TCP (RFC 7766): pipelined queries, answers in whatever order they are ready, and bounds on everything."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import TCP
from mirage_hole.resolver.events import QueryReceived
from mirage_hole.wire.framing import MessageBuffer, frame
from mirage_hole.wire.query import MAX_QUERY

if TYPE_CHECKING:
    from mirage_hole.net.dataplane import DataPlane

BACKLOG: Final = 512
"""Connections that the kernel holds until they are accepted."""
ACCEPTED_A_WAKE: Final = 16
"""Connections accepted before the loop goes on to others; and, without descriptors, attempts a second, each logged."""
PIPELINED: Final = 64
"""Queries of one connection in work at once; the others wait, and the connection is not read meanwhile."""
WRITE_BUFFER: Final = 256 * 1024
"""Octets that wait for a client that does not read; more and the connection is closed. At a quarter, no query is begun."""


class TcpListener:
    """Every TCP connection of one worker, counted and swept."""

    def __init__(self, plane: DataPlane, *, idle: float, most: int, most_per_client: int) -> None:
        """``idle``: seconds without a whole query or an answer after which a connection is closed."""
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
        self._servers.append(await loop.create_server(lambda: TcpConnection(self), sock=sock, backlog=ACCEPTED_A_WAKE))
        sock.listen(BACKLOG)  # asyncio has given the kernel its own number

    def sweep(self, now: float) -> None:
        """Close what is idle or stalled. A connection that waits for our answers is not idle."""
        for connection in [c for c in self.connections if c.in_work == 0 and now - c.active_at > self.idle]:
            self.closed_idle += 1
            connection.close()

    def drain(self) -> None:
        """Accept no more, take no more queries; each connection ends with its last answer."""
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.finish()

    def close_all(self) -> None:
        """End every connection now."""
        for connection in list(self.connections):
            connection.close()


class TcpConnection(asyncio.Protocol):
    """One client's stream. A ticket is (connection,)."""

    def __init__(self, listener: TcpListener) -> None:
        self.in_work = 0
        """Queries that the engine has and has not answered."""
        self.active_at = time.monotonic()
        """When the last whole query came or the last answer went (RFC 7766 6.2.3)."""
        self._listener = listener
        self._buffer = MessageBuffer(MAX_QUERY)
        self._waiting: deque[bytes] = deque()
        """Whole queries whose turn has not come: at most what one read holds."""
        self._transport: asyncio.Transport | None = None
        self._client = b""
        self._ticket: tuple[TcpConnection, ...] = (self,)
        self._over = False
        """No more queries will be taken."""
        self._paused = False
        self._full = False
        """The client does not take what is sent."""
        self._turn_is_due = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or turn it away."""
        assert isinstance(transport, asyncio.Transport)
        listener = self._listener
        peer = transport.get_extra_info("peername")
        if not peer:  # gone between accept and here
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
        """Give the place back. What is in work is still resolved, and its answers go nowhere."""
        self._transport = None
        self._waiting.clear()
        self._ticket = ()  # else the connection would hold itself
        listener = self._listener
        if self in listener.connections:
            listener.connections.discard(self)
            held = listener.by_client[self._client] - 1
            if held:
                listener.by_client[self._client] = held
            else:
                del listener.by_client[self._client]

    def data_received(self, data: bytes) -> None:
        """Take octets; whole queries go to the engine, a bounded number at a time."""
        if self._transport is None or self._over:
            return
        try:
            messages = self._buffer.feed(data)
        except ValueError:
            self.close()
            return
        if messages:
            self._waiting.extend(messages)
            self._turn()

    def eof_received(self) -> bool:
        """The client will send no more; what it asked is still answered."""
        self._over = True
        return self.in_work > 0 or bool(self._waiting)

    def pause_writing(self) -> None:
        """The client is slow to read: begin nothing more for it."""
        self._full = True
        self._pause()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._full = False
        self.active_at = time.monotonic()
        self._go_on()

    def reply(self, _ticket: object, wire: bytes) -> None:
        """Send one answer."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.write(frame(wire))
            if transport.get_write_buffer_size() > WRITE_BUFFER:
                transport.abort()  # it asks and does not listen
        self.no_reply()

    def no_reply(self) -> None:
        """One query is done with."""
        self.in_work -= 1
        self.active_at = time.monotonic()
        self._go_on()

    def finish(self) -> None:
        """Take no more queries, answer those that are here, then end."""
        self._over = True
        if self._paused and self._transport is not None:
            self._transport.resume_reading()  # what is left unread at the end would turn it into a reset
        self._go_on()

    def close(self) -> None:
        """End the connection now. What the client has not taken by now, it will not get."""
        transport = self._transport
        if transport is None:
            return
        if transport.get_write_buffer_size():
            transport.abort()
        else:
            transport.close()

    def _turn(self) -> None:
        """Hand the engine what it may have at once, then let others have theirs."""
        self._turn_is_due = True  # answers may come before this ends
        waiting = self._waiting
        now = self.active_at = time.monotonic()
        count = min(len(waiting), PIPELINED - self.in_work)
        self.in_work += count
        if self.in_work >= PIPELINED or len(waiting) > count:
            self._pause()
        plane = self._listener.plane
        plane.take([QueryReceived(waiting.popleft(), self._client, TCP, self._ticket) for _ in range(count)], now)
        plane.after_batch()
        self._turn_is_due = False
        self._go_on()

    def _go_on(self) -> None:
        """What is next: another turn, reading on, or the end."""
        transport = self._transport
        if transport is None or self._turn_is_due:
            return
        if self._waiting:
            if self.in_work <= PIPELINED // 2 and not self._full:
                self._turn_is_due = True
                asyncio.get_running_loop().call_soon(self._turn)
        elif self._over:
            if self.in_work == 0:
                transport.close()
        elif self._paused and self.in_work <= PIPELINED // 2 and not self._full:
            self._paused = False
            transport.resume_reading()

    def _pause(self) -> None:
        if not self._paused and not self._over and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
