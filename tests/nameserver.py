"""A nameserver that does as it is told: the upstream of tests with real sockets. UDP and TCP on one loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, NamedTuple

import dns.message
import dns.rdatatype

from mirage_hole.wire.framing import frame
from tests.make import answer_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Heard(NamedTuple):
    """One query that came."""

    wire: bytes
    peer: tuple
    tcp: bool
    send: Callable[[bytes], None]
    """Sends octets back as they are: over TCP without a length in front."""
    end: Callable[[], None] = lambda: None
    """Ends the stream."""

    @property
    def name(self) -> str:
        return str(dns.message.from_wire(self.wire).question[0].name).rstrip(".")

    def reply(self, *records: str, **how: object) -> None:
        """Answer; see :func:`tests.make.answer_to`."""
        wire = answer_to(self.wire, *records, **how)
        self.send(frame(wire) if self.tcp else wire)


def addresses(heard: Heard) -> None:
    """What a nameserver does unless it is told otherwise: every name has the address 192.0.2.7, and there is no IPv6."""
    if dns.message.from_wire(heard.wire).question[0].rdtype == dns.rdatatype.A:
        heard.reply(f"{heard.name} 300 A 192.0.2.7")
    else:
        heard.reply()


def silence(_heard: Heard) -> None:
    """Says nothing."""


def too_large(records: int, size: int = 200) -> Callable[[Heard], None]:
    """Answers TC over UDP, and over TCP as many TXT records as are wanted."""

    def answer(heard: Heard) -> None:
        if heard.tcp:
            heard.reply(*(f'{heard.name} 300 TXT "{number:0{size}}"' for number in range(records)))
        else:
            heard.reply(flags="QR RD RA TC")

    return answer


class Nameserver:
    """What came, and what is done about it."""

    def __init__(self, behave: Callable[[Heard], None]) -> None:
        self.behave = behave
        self.heard: list[Heard] = []
        self.address = ""
        self.port = 0
        self.connections = 0

    @property
    def at(self) -> tuple[str, int]:
        return self.address, self.port

    def hear(self, heard: Heard) -> None:
        self.heard.append(heard)
        self.behave(heard)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Nameserver) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple) -> None:
        self._server.hear(Heard(data, addr, False, lambda wire: self._transport.sendto(wire, addr)))


@contextlib.asynccontextmanager
async def a_nameserver(
    behave: Callable[[Heard], None] = addresses, *, address: str = "127.0.0.1", port: int = 0, tcp: bool = True
) -> AsyncIterator[Nameserver]:
    """A nameserver for as long as the block lasts; ``port`` 0 asks the kernel for one that is free for both."""
    server = Nameserver(behave)
    loop = asyncio.get_running_loop()
    streams: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        streams.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                wire = await reader.readexactly(length)
                server.hear(Heard(wire, writer.get_extra_info("peername"), True, writer.write, writer.close))
        writer.close()
        streams.discard(writer)

    while True:
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), local_addr=(address, port))
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        server.address, server.port = transport.get_extra_info("sockname")[:2]
        if not tcp:
            listener = None
            break
        try:
            listener = await asyncio.start_server(serve, address, server.port)
            break
        except OSError:  # another program has the TCP port of this number
            transport.close()
            if port:
                raise
    try:
        yield server
    finally:
        transport.close()
        if listener is not None:
            listener.close()
        for writer in streams:
            writer.transport.abort()
        while streams:  # noqa: ASYNC110 - each is gone after a turn or two of the loop
            await asyncio.sleep(0)
