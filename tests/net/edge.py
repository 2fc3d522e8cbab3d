"""A whole data plane on loopback, inside the test's event loop, and clients for it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import dns.message

from mirage_hole.cache.packets import PacketCache
from mirage_hole.net.dataplane import DataPlane, make_dice
from mirage_hole.net.records import RecordSender
from mirage_hole.net.tcp import TcpListener
from mirage_hole.observe.record import decode_frame, decode_subject
from mirage_hole.upstream.health import Upstream
from mirage_hole.wire.framing import frame
from tests.make import Told, an_engine, answer_to, query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from mirage_hole.resolver.engine import Engine

PATIENCE = 20.0
"""Seconds that a test waits for what must come; a busy machine is slow."""


class Edge:
    """The data plane under test."""

    def __init__(self, engine: Engine, tasks: asyncio.TaskGroup) -> None:
        self.engine = engine
        self.frames: list[bytes] = []
        self.records = RecordSender(self._take)
        self.packets = PacketCache(1 << 20)
        self.plane = DataPlane(engine, self.packets, self.records, make_dice(), asyncio.get_running_loop(), tasks)
        self.tcp = TcpListener(self.plane, idle=10.0, most=100, most_per_client=10)
        self._closed = False

    def _take(self, one: bytes) -> bool:
        self.frames.append(one)
        return True

    def bind(self, address: str, port: int = 0) -> tuple:
        """Listen for datagrams; the address to send to."""
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        if ":" in address:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind((address, port))
        self.plane.listen(sock)
        return sock.getsockname()[:2]

    def accept(self, address: str = "127.0.0.1", *, send_buffer: int = 0) -> tuple:
        """Listen for connections; the address to connect to."""
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        if send_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        sock.setblocking(False)
        sock.bind((address, 0))
        sock.listen(64)
        self.tcp.listen(sock)
        return sock.getsockname()[:2]

    def close(self) -> None:
        """As a worker ends, without the waiting. Once."""
        if not self._closed:
            self._closed = True
            self.plane.stop_reading()
            self.tcp.drain()
            self.plane.close()
            self.tcp.close_all()

    def told(self) -> list[Told]:
        """Every record so far."""
        self.records.flush()
        return [
            Told(record.client, record.transport, record.duration, decode_subject(record.subject))
            for one in self.frames
            for record in decode_frame(one)
        ]


class PatientUpstream(Upstream):
    """Asked once and waited for: on a busy machine a second asking would come at any time. Retries are tested in flow/."""

    def patience(self, attempt: int) -> float:
        return 1000.0


@contextlib.asynccontextmanager
async def an_edge(*upstreams: tuple[str, int], **how: object) -> AsyncIterator[Edge]:
    """A data plane that asks these upstreams; ``how`` goes to :func:`tests.make.an_engine`."""
    how.setdefault("timeout", 600.0)
    problems: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: note(loop, context, problems))
    engine = an_engine(upstreams=len(upstreams), **how)
    engine.upstreams = [PatientUpstream(number, *at) for number, at in enumerate(upstreams)]
    async with asyncio.TaskGroup() as tasks:
        edge = Edge(engine, tasks)
        try:
            yield edge
        finally:
            edge.close()
            await until(lambda: not edge.tcp.connections)
    assert not problems


def note(loop: asyncio.AbstractEventLoop, context: dict, problems: list[str]) -> None:
    """No callback may raise, whatever comes."""
    loop.default_exception_handler(context)
    problems.append(f"{context['message']}: {context.get('exception')!r}")


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that must come true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for has no events
            await asyncio.sleep(0.002)


class UdpClient:
    """A socket that asks from one port."""

    def __init__(self, at: tuple, source: str = "") -> None:
        self._at = at
        self.socket = socket.socket(socket.AF_INET6 if ":" in at[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if source:
            self.socket.bind((source, 0))

    def send(self, wire: bytes, at: tuple = ()) -> None:
        """Send without giving the listener its turn, so that several become one batch."""
        self.socket.sendto(wire, at or self._at)

    async def receive(self) -> tuple[bytes, tuple]:
        """The next datagram and whom it is from."""
        async with asyncio.timeout(PATIENCE):
            return await asyncio.get_running_loop().sock_recvfrom(self.socket, 65535)

    async def ask(self, wire: bytes, at: tuple = ()) -> dns.message.Message:
        """Send a query, read its answer."""
        self.send(wire, at)
        reply, _ = await self.receive()
        assert reply[:2] == wire[:2]
        return dns.message.from_wire(reply)

    async def nothing_comes(self, at: tuple, known: bytes) -> bool:
        """Whether the answer to ``known``, asked now, is the first thing to arrive: what came before got no answer."""
        self.send(known, at)
        reply, _ = await self.receive()
        return reply[:2] == known[:2]

    def __enter__(self) -> UdpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


class TcpClient:
    """A stream that asks."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._loop = asyncio.get_running_loop()

    async def send(self, *messages: bytes) -> None:
        """Messages, each behind its length, in one write."""
        await self.send_raw(b"".join(frame(message) for message in messages))

    async def send_raw(self, octets: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._loop.sock_sendall(self.socket, octets)

    async def receive(self) -> bytes:
        """The next message; ``b""`` when the stream ends."""
        length = await self._exactly(2)
        return await self._exactly(int.from_bytes(length, "big")) if length else b""

    async def ended(self) -> bool:
        """Whether the other side ends the stream now, orderly or not."""
        try:
            return await self.receive() == b""
        except ConnectionError:
            return True

    async def _exactly(self, count: int) -> bytes:
        octets = b""
        async with asyncio.timeout(PATIENCE):
            while len(octets) < count:
                more = await self._loop.sock_recv(self.socket, count - len(octets))
                if not more:
                    assert not octets, "the stream ends inside a message"
                    return b""
                octets += more
        return octets


@contextlib.asynccontextmanager
async def connected(at: tuple, *, receive_buffer: int = 0) -> AsyncIterator[TcpClient]:
    sock = socket.socket(socket.AF_INET6 if ":" in at[0] else socket.AF_INET)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    with sock:
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_connect(sock, at)
        yield TcpClient(sock)


def numbered(name: str, ident: int, qtype: str = "A", **how: object) -> bytes:
    return query(name, qtype, ident=ident, **how)


def open_descriptors() -> set[tuple[str, str]]:
    """What this process has open, number and what it is.

    Compare what is new and not how many there are: what earlier tests left may close at any time.
    """
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one by which this is read, to begin with
            found.add((entry.name, str(entry.readlink())))
    return found


@contextlib.contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Nothing can be opened in here."""
    wire = query("example")
    dns.message.from_wire(answer_to(wire, "example 1 A 192.0.2.1"))  # dnspython loads what it needs when it needs it
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    gc.collect()  # what earlier tests left must not close in here, which would leave numbers free
    free = os.dup(0)  # the lowest that is free, and the limit is on the number
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def long_after() -> float:
    """A time by which everything idle has been idle for too long."""
    return time.monotonic() + 1000.0
