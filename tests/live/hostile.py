"""An upstream that is late, lies, cuts, shouts, refuses, dies and returns: at random, but the same for the same seed.

    python -m tests.live.hostile PORT SEED

It reads nothing but packets and keeps no state between them except its mood, which changes every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final, NamedTuple

HEADER: Final = struct.Struct("!6H")
A, TXT, OPT = 1, 16, 41
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
QR, TC, RD, RA = 0x8000, 0x0200, 0x0100, 0x0080
SHORTEST_MOOD, LONGEST_MOOD = 1.0, 6.0
"""Seconds."""
LONGEST_DELAY: Final = 4.0


class Asked(NamedTuple):
    """A query, as far as it takes to answer it."""

    ident: int
    question: bytes
    """With type and class."""
    qtype: int
    edns: bool


def read(wire: bytes) -> Asked | None:
    """None when it is no query for one name."""
    if len(wire) < HEADER.size + 5:
        return None
    ident, flags, questions, _, _, additional = HEADER.unpack_from(wire)
    at = HEADER.size
    while at < len(wire) and wire[at]:
        at += wire[at] + 1
    end = at + 5
    if flags & QR or questions != 1 or end > len(wire):
        return None
    return Asked(ident, wire[HEADER.size : end], int.from_bytes(wire[at + 1 : at + 3], "big"), bool(additional))


def message(
    asked: Asked,
    rcode: int = NOERROR,
    answers: bytes = b"",
    count: int = 0,
    *,
    flags: int = 0,
    ident: int | None = None,
) -> bytes:
    """A well-formed reply."""
    head = HEADER.pack(
        asked.ident if ident is None else ident, QR | RD | RA | flags | rcode, 1, count, 0, 1 if asked.edns else 0
    )
    opt = struct.pack("!BHHIH", 0, OPT, 1232, 0, 0) if asked.edns else b""
    return head + asked.question + answers + opt


def record(kind: int, ttl: int, data: bytes) -> bytes:
    """A record of the question's name."""
    return struct.pack("!HHHIH", 0xC00C, kind, 1, ttl, len(data)) + data


def right(asked: Asked, dice: random.Random) -> bytes:
    """What an honest upstream says: an address, no such name, or no data. The name decides, so upstreams agree."""
    if asked.question[1:3] == b"nx":
        return message(asked, NXDOMAIN)
    if asked.qtype != A:
        return message(asked)
    return message(asked, NOERROR, record(A, dice.randint(1, 5), bytes((192, 0, 2, 7))), 1)


def huge(asked: Asked, octets: int) -> bytes:
    """A right answer of so many octets or some more."""
    piece = record(TXT, 5, bytes((200,)) + b"h" * 200)
    count = octets // len(piece) + 1
    return message(Asked(asked.ident, asked.question, TXT, asked.edns), NOERROR, piece * count, count)


def another_question(asked: Asked) -> Asked:
    """The same with another name of the same length."""
    return asked._replace(question=asked.question[:1] + bytes((asked.question[1] ^ 1,)) + asked.question[2:])


def loops(asked: Asked) -> bytes:
    """An answer whose owner name points to itself."""
    at = HEADER.size + len(asked.question)
    owner = struct.pack("!H", 0xC000 | at)
    return message(asked, NOERROR, owner + struct.pack("!HHIH", A, 1, 60, 4) + b"\x01\x02\x03\x04", 1)


def wrong(asked: Asked, dice: random.Random) -> bytes:
    """Something that is not the answer."""
    good = right(asked, dice)
    return dice.choice(
        (
            lambda: message(asked, ident=asked.ident ^ (1 + dice.getrandbits(15))),
            lambda: right(another_question(asked), dice),
            lambda: good[: dice.randrange(len(good))],
            lambda: dice.randbytes(dice.randint(0, 600)),
            lambda: good[:2] + dice.randbytes(dice.randint(1, 600)),
            lambda: good[: HEADER.size + len(asked.question)] + dice.randbytes(dice.randint(1, 300)),
            lambda: loops(asked),
            lambda: message(asked, count=40_000),
            lambda: good + b"trailing" * 8,
            lambda: message(asked, NOERROR, record(A, 2**32 - 1, b"\x01\x02\x03\x04"), 1),
            lambda: message(asked, NOERROR, record(A, 60, b"\x01\x02\x03\x04\x05"), 1),
        )
    )()


MOODS: Final = (
    "calm",
    "calm",
    "late",
    "lying",
    "cutting",
    "refusing",
    "failing",
    "shouting",
    "silent",
    "mixed",
    "dead",
)
DEEDS: Final = ("right", "late", "lying", "cutting", "refusing", "failing", "shouting", "silent", "twice")


@contextlib.contextmanager
def held(port: int) -> Iterator[None]:
    """Keep a port from others while nobody listens there, so that whoever asks is told so.

    The UDP socket is connected to somebody who says nothing, so it takes no datagram; the other one does not listen.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        for sock in (udp, tcp):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(("127.0.0.1", port))
        udp.connect(("127.0.0.1", 1))
        yield


class Hostile:
    """One upstream."""

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self._dice = random.Random(seed)
        self._mood = "calm"
        self._streams: set[asyncio.StreamWriter] = set()

    async def run(self, over: asyncio.Event) -> None:
        """Serve in one mood after the other until told to end."""
        with held(self.port):
            while not over.is_set():
                self._mood = self._dice.choice(MOODS)
                length = self._dice.uniform(SHORTEST_MOOD, LONGEST_MOOD)
                if self._mood == "dead":
                    await _wait(over, length)
                    continue
                async with self._serving():
                    await self._live(over, length)

    async def _live(self, over: asyncio.Event, length: float) -> None:
        """One life, in one mood or several."""
        loop = asyncio.get_running_loop()
        end = loop.time() + length
        while not over.is_set() and (left := end - loop.time()) > 0:
            await _wait(over, left)
            self._mood = self._dice.choice([mood for mood in MOODS if mood != "dead"])
            if self._dice.random() < 0.7:  # the next mood without a restart
                end += self._dice.uniform(SHORTEST_MOOD, LONGEST_MOOD)

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=("127.0.0.1", self.port), reuse_port=True
        )
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        listener = await asyncio.start_server(self._stream, "127.0.0.1", self.port, reuse_port=True)
        try:
            yield
        finally:
            transport.abort()
            listener.close()
            for writer in list(self._streams):
                writer.transport.abort()

    def deed(self) -> str:
        """What to do about one query."""
        if self._mood == "calm":
            return "right"
        if self._mood == "mixed":
            return self._dice.choice(DEEDS)
        return self._mood if self._dice.random() < 0.8 else "right"

    def hear(self, wire: bytes, send: Callable[[bytes], None], *, tcp: bool) -> None:
        """Do something about a query."""
        asked = read(wire)
        if asked is None:
            return
        dice = self._dice
        match self.deed():
            case "right":
                send(right(asked, dice))
            case "twice":
                send(right(asked, dice))
                send(right(asked, dice))
            case "late":
                reply = right(asked, dice)
                asyncio.get_running_loop().call_later(dice.uniform(0.01, LONGEST_DELAY), send, reply)
            case "lying":
                send(wrong(asked, dice))
                if dice.random() < 0.5:  # and then the truth, as when somebody else had forged the first
                    send(right(asked, dice))
            case "cutting":
                send(right(asked, dice) if tcp else message(asked, flags=TC))
            case "refusing":
                send(message(asked, dice.choice((REFUSED, NOTIMP, FORMERR, 11))))
            case "failing":
                send(message(asked, SERVFAIL))
            case "shouting":
                send(huge(asked, dice.randint(1000, 60_000 if tcp else 8000)))

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._streams.add(writer)
        dice = self._dice

        def send(wire: bytes) -> None:
            if writer.is_closing():
                return
            what = dice.random()
            framed = len(wire).to_bytes(2, "big") + wire
            if self._mood == "calm" or what < 0.6:
                writer.write(framed)
            elif what < 0.7:
                writer.transport.abort()
            elif what < 0.8:
                writer.write(framed[: len(framed) // 2])
                writer.close()
            elif what < 0.9:
                writer.write(dice.randbytes(1 + dice.getrandbits(6)))
            else:
                writer.write(b"\xff\xff" + wire)  # and never the rest

        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                self.hear(await reader.readexactly(length), send, tcp=True)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._streams.discard(writer)
            writer.transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Hostile) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        def send(wire: bytes) -> None:
            if not self._transport.is_closing():
                self._transport.sendto(wire, addr)

        self._server.hear(data, send, tcp=False)


async def _wait(over: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)


async def main(port: int, seed: int) -> None:
    """Be hostile until SIGTERM."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    await Hostile(port, seed).run(over)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
