"""DNS over TCP (RFC 7766): pipelined queries, answers in whatever order they are ready, and bounds on everything."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import TCP
from mirage_hole.resolver.events import QueryReceived
from mirage_hole.wire.framing import MessageBuffer, frame
from mirage_hole.wire.query import MAX_QUERY

if TYPE_CHECKING:
    from mirage_hole.net.dataplane import DataPlane
    from mirage_hole.policy.limits import ClientLimits

log = logging.getLogger(__name__)

ACCEPTED_A_WAKE: Final = 16
"""Connections accepted before the loop goes on to others."""
REST_FOR: Final = 1.0
"""Seconds until the next attempt to accept, when descriptors or memory are short. The kernel holds who waits."""
READ: Final = 16 * 1024
"""Octets read at once; what whole queries they hold is all that a connection may keep waiting."""
PIPELINED: Final = 64
"""Queries of one connection in work at once; the others wait, and the connection is not read meanwhile."""
WRITE_BUFFER: Final = 256 * 1024
"""Octets that wait for a client that does not read; more and the connection is closed. At a quarter, no query is begun."""

_NETWORK: Final = 8
"""Octets of an IPv6 address that name its network, a /64. All zero: an IPv4 address, or this machine."""

# What accept(2) says when it is this machine that lacks something.
_SHORT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


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
        self.closed_for_others = 0
        """Idle connections closed early, since a client with fewer wanted one (RFC 7766 6.2.3)."""
        self.limits: ClientLimits | None = None
        """How much a client may ask over all its connections; more has to wait."""
        self.delayed = 0
        """Times that a connection had to wait for the next second."""
        self._counts: dict[bytes, int] = {}
        self._held: set[TcpConnection] = set()
        self.closed_broken = 0
        """Connections on which something came that is no message, or whose client does not read."""
        self.inbox = bytearray(READ)
        """What was read last, by whichever connection: it is taken out before anybody else reads."""
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._rests: dict[socket.socket, asyncio.TimerHandle] = {}

    def listen(self, sock: socket.socket) -> None:
        """Accept connections on a socket that is bound, listening and non-blocking."""
        self._sockets.append(sock)
        self._loop.add_reader(sock.fileno(), self._on_acceptable, sock)

    def sweep(self, now: float) -> None:
        """Close what is idle or stalled. A connection that waits for our answers is not idle."""
        for connection in [c for c in self.connections if c.in_work == 0 and now - c.active_at > self.idle]:
            self.closed_idle += 1
            connection.close()

    def turn(self, now: float) -> None:
        """A second is over: who had to wait goes on."""
        counts, self._counts = self._counts, {}
        if self.limits is not None:
            self.limits.turn(counts, now)
        held, self._held = self._held, set()
        for connection in held:
            connection.go_on()

    def share(self, connection: TcpConnection, wanted: int) -> int:
        """How many queries a connection may ask now. Fewer than ``wanted``: it is told when it may go on."""
        limits, client = self.limits, connection.client
        if limits is None:
            return wanted
        if client in limits.over:
            got = limits.take(client, wanted)
            if got < wanted:
                self.delayed += 1
                self._held.add(connection)
            wanted = got
        self._counts[client] = self._counts.get(client, 0) + wanted
        return wanted

    def drain(self) -> None:
        """Accept no more, take no more queries; each connection ends with its last answer."""
        self.limits = None
        self.turn(time.monotonic())
        for rest in self._rests.values():
            rest.cancel()
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        for connection in list(self.connections):
            connection.finish()

    def close_all(self) -> None:
        """End every connection now."""
        for connection in list(self.connections):
            connection.close()

    def forget(self, connection: TcpConnection) -> None:
        """Give its place to another."""
        self.connections.discard(connection)
        self._held.discard(connection)
        held = self.by_client[connection.client] - 1
        if held:
            self.by_client[connection.client] = held
        else:
            del self.by_client[connection.client]

    # asyncio's own server would do, but without descriptors it tries, and logs, as often as its backlog is long.

    def _on_acceptable(self, sock: socket.socket) -> None:
        for _ in range(ACCEPTED_A_WAKE):
            try:
                stream, peer = sock.accept()
            except OSError as problem:
                if problem.errno in _SHORT:
                    self._rest(sock, problem)
                return  # nobody is left, or somebody has gone again
            self._admit(stream, peer)

    def _rest(self, sock: socket.socket, problem: OSError) -> None:
        log.warning("can't accept connections now: %s", problem.strerror)
        self._loop.remove_reader(sock.fileno())
        self._rests[sock] = self._loop.call_later(
            REST_FOR, self._loop.add_reader, sock.fileno(), self._on_acceptable, sock
        )

    def _admit(self, stream: socket.socket, peer: tuple[str, int]) -> None:
        client = socket.inet_pton(stream.family, peer[0].partition("%")[0])
        held = self.by_client.get(client, 0)
        full = len(self.connections) >= self.most
        if held >= self.most_per_client or (full and not self._make_room(held + 1)):
            self.refused += 1
            stream.close()
            return
        stream.setblocking(False)
        connection = TcpConnection(self, client)
        self.connections.add(connection)
        self.by_client[client] = held + 1
        self.plane.begin(self._serve(stream, connection))

    def _make_room(self, more_than: int) -> bool:
        """Close the connection that has been idle for longest, of clients that have more than so many.

        One machine may have any number of IPv6 addresses: else, of a /64 that holds more than half of all places.
        """
        idle = [c for c in self.connections if c.in_work == 0]
        networks = Counter(
            c.client[:_NETWORK] for c in self.connections if len(c.client) > _NETWORK and any(c.client[:_NETWORK])
        )
        crowds = {network for network, held in networks.items() if held > self.most // 2}
        idle = [c for c in idle if self.by_client[c.client] > more_than] or [
            c for c in idle if c.client[:_NETWORK] in crowds
        ]
        if not idle:
            return False
        self.closed_for_others += 1
        min(idle, key=lambda connection: connection.active_at).close()
        return True

    async def _serve(self, stream: socket.socket, connection: TcpConnection) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, stream)
        except OSError:
            stream.close()
            self.forget(connection)


class TcpConnection(asyncio.BufferedProtocol):
    """One client's stream. A ticket is (connection,)."""

    def __init__(self, listener: TcpListener, client: bytes) -> None:
        """``client``: address octets."""
        self.client = client
        self.in_work = 0
        """Queries that the engine has and has not answered."""
        self.active_at = time.monotonic()
        """When the last whole query came or the last answer went (RFC 7766 6.2.3)."""
        self._listener = listener
        self._buffer = MessageBuffer(MAX_QUERY)
        self._waiting: deque[bytes] = deque()
        """Whole queries whose turn has not come."""
        self._transport: asyncio.Transport | None = None
        self._ticket: tuple[TcpConnection, ...] = (self,)
        self._over = False
        """No more queries will be taken."""
        self._paused = False
        self._full = False
        """The client does not take what is sent."""
        self._turn_is_due = False
        self._held = False
        """Its client is over the limit, until the second is over."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream can be used from now on."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=WRITE_BUFFER // 4)
        self._transport = transport
        if self._over:  # the listener ended in between
            transport.close()

    def connection_lost(self, _problem: Exception | None) -> None:
        """Give the place back. What is in work is still resolved, and its answers go nowhere."""
        self._transport = None
        self._waiting.clear()
        self._ticket = ()  # else the connection would hold itself
        self._listener.forget(self)

    def get_buffer(self, _size: int) -> bytearray:
        """Where to read to."""
        return self._listener.inbox

    def buffer_updated(self, count: int) -> None:
        """Take octets; whole queries go to the engine, a bounded number at a time."""
        if self._transport is None or self._over:
            return
        try:
            messages = self._buffer.feed(bytes(self._listener.inbox[:count]))
        except ValueError:
            self._listener.closed_broken += 1
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
                self._listener.closed_broken += 1
                transport.abort()  # it asks and does not listen
        self.no_reply()

    def no_reply(self) -> None:
        """One query is done with."""
        self.in_work -= 1
        self.active_at = time.monotonic()
        self._go_on()

    def hang_up(self) -> None:
        """One query gets no answer, and the client is to see that: what is due is sent, then the connection ends."""
        self.in_work -= 1
        self._waiting.clear()
        self.finish()

    def finish(self) -> None:
        """Take no more queries, answer those that are here, then end."""
        self._over = True
        if self._paused and self._transport is not None:
            self._transport.resume_reading()  # what is left unread at the end would turn it into a reset
        self._go_on()

    def close(self) -> None:
        """End the connection now. What the client has not taken by now, it will not get."""
        self._over = True
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
        wanted = min(len(waiting), PIPELINED - self.in_work)
        count = self._listener.share(self, wanted)
        self._held = count < wanted
        self.in_work += count
        if self.in_work >= PIPELINED or len(waiting) > count:
            self._pause()
        plane = self._listener.plane
        plane.take([QueryReceived(waiting.popleft(), self.client, TCP, self._ticket) for _ in range(count)], now)
        plane.after_batch()
        self._turn_is_due = False
        self._go_on()

    def go_on(self) -> None:
        """The second is over for whose end it had to wait."""
        self._held = False
        self._go_on()

    def _go_on(self) -> None:
        """What is next: another turn, reading on, or the end."""
        transport = self._transport
        if transport is None or self._turn_is_due or self._held:
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
