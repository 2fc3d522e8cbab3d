"""Asks one server one question and waits for the answer: for ``query`` and ``healthcheck``, which have nothing else to do."""

from __future__ import annotations

import os
import socket
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.config.settled import Endpoint
from mirage_hole.upstream.verify import answers, refuses_without_question
from mirage_hole.wire.codes import RRClass, RRType
from mirage_hole.wire.framing import frame
from mirage_hole.wire.message import make_query
from mirage_hole.wire.query import skip_name

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_REPLY = 65_535
UDP_TRIES = 3
"""Within the time that is given: a lost packet should not look like a dead server."""
_HEADER_SIZE = 12
_TC = 0x02  # in the header's third octet
_ID = slice(0, 2)


class NoReply(Exception):  # noqa: N818 - reads as what it is at the raise
    """The server gave no usable answer; the message names it and says why."""


class Reply(NamedTuple):
    """What came back."""

    data: bytes
    seconds: float
    """From the question to the answer, a retry over TCP included."""
    transport: str
    """``UDP`` or ``TCP``."""
    truncated: bool
    """The answer over UDP was truncated, so this one came over TCP."""


def question(name: str | bytes, qtype: int = RRType.A, *, qclass: int = RRClass.IN, dnssec: bool = False) -> bytes:
    """A query with a random ID.

    Raises:
        BadName: ``name`` is no domain name.
    """
    ident = int.from_bytes(os.urandom(2), "big")
    return make_query(name, qtype, ident, qclass=qclass, dnssec=dnssec)


def ask(server: Endpoint, query: bytes, timeout: float, *, tcp: bool = False) -> Reply:
    """Ask ``server``; over UDP first unless ``tcp``, and again over TCP when the answer was truncated.

    Args:
        query: a message with one question.
        timeout: seconds, for everything together.

    Raises:
        NoReply: no answer in time, nobody there, or no answer to this question.
    """
    started = time.monotonic()
    deadline = started + timeout
    try:
        if tcp:
            return Reply(_ask_tcp(server, query, deadline), time.monotonic() - started, "TCP", truncated=False)
        data = _ask_udp(server, query, deadline, timeout / UDP_TRIES)
        if not data[2] & _TC:
            return Reply(data, time.monotonic() - started, "UDP", truncated=False)
        return Reply(_ask_tcp(server, query, deadline), time.monotonic() - started, "TCP", truncated=True)
    except TimeoutError:
        message = f"no answer from {server} within {timeout:g} s"
        raise NoReply(message) from None
    except ConnectionRefusedError:
        message = f"nobody answers on {server}; is the server running?"
        raise NoReply(message) from None
    except OSError as error:
        message = f"{server} can't be asked: {error.strerror or error}"
        raise NoReply(message) from None


def local_endpoint(listen: Iterable[Endpoint]) -> Endpoint:
    """Where a server with these listen addresses is reached from its own machine."""
    first = next(iter(listen))
    if not ip_address(first.address.partition("%")[0]).is_unspecified:
        return first
    return Endpoint("::1" if ":" in first.address else "127.0.0.1", first.port)


def _ask_udp(server: Endpoint, query: bytes, deadline: float, interval: float) -> bytes:
    with _connected(server, socket.SOCK_DGRAM, deadline) as connection:
        while True:
            connection.settimeout(_left(deadline))
            connection.send(query)
            again_at = min(time.monotonic() + interval, deadline)
            try:
                return _matching_datagram(connection, query, again_at)
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise


def _matching_datagram(connection: socket.socket, query: bytes, deadline: float) -> bytes:
    while True:
        connection.settimeout(_left(deadline))
        data = connection.recv(MAX_REPLY)
        if _fits(data, query):
            return data


def _ask_tcp(server: Endpoint, query: bytes, deadline: float) -> bytes:
    with _connected(server, socket.SOCK_STREAM, deadline) as connection:
        connection.settimeout(_left(deadline))
        connection.sendall(frame(query))
        size = int.from_bytes(_exactly(connection, 2, deadline), "big")
        data = _exactly(connection, size, deadline)
    if not _fits(data, query):
        message = f"{server} answered another question"
        raise NoReply(message)
    return data


def _exactly(connection: socket.socket, count: int, deadline: float) -> bytes:
    data = bytearray()
    while len(data) < count:
        connection.settimeout(_left(deadline))
        piece = connection.recv(count - len(data))
        if not piece:
            message = "the server closed the connection without an answer"
            raise NoReply(message)
        data += piece
    return bytes(data)


def _connected(server: Endpoint, kind: socket.SocketKind, deadline: float) -> socket.socket:
    # Numeric only: this turns fe80::1%eth0 into a socket address, it looks no name up.
    family, _, _, _, address = socket.getaddrinfo(server.address, server.port, type=kind, flags=socket.AI_NUMERICHOST)[
        0
    ]
    connection = socket.socket(family, kind)
    try:
        connection.settimeout(_left(deadline))
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def _left(deadline: float) -> float:
    """Seconds until ``deadline``; a socket's time limit of 0 would mean "do not wait", which is another thing."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _fits(reply: bytes, query: bytes) -> bool:
    if reply[_ID] != query[_ID]:
        return False
    asked = query[_HEADER_SIZE : skip_name(query, _HEADER_SIZE) + 4]
    return answers(reply, asked) or refuses_without_question(reply)
