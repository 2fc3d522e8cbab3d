"""A DNS server for one test: answers each query with what a function makes of it, over UDP and TCP on one loopback port."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import dns.message

from mirage_hole.config.settled import Endpoint
from tests.ports import bound_pair

Answer = Callable[[bytes, str], bytes | None]
"""Query and transport to a reply; None: say nothing, and over TCP close."""


@dataclass
class Server:
    endpoint: Endpoint
    queries: list[tuple[str, bytes]] = field(default_factory=list)


@contextlib.contextmanager
def a_server(answer: Answer, host: str = "127.0.0.1") -> Iterator[Server]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    udp, tcp = bound_pair(host)
    with udp, tcp:
        port = tcp.getsockname()[1]
        server = Server(Endpoint(host, port))
        threads = [
            threading.Thread(target=_serve_udp, args=(udp, answer, server)),
            threading.Thread(target=_serve_tcp, args=(tcp, answer, server)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield server
        finally:
            _wake(server.endpoint, family)
            for thread in threads:
                thread.join(30)


STOP = b"stop"


def _wake(endpoint: Endpoint, family: int) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.sendto(STOP, endpoint)
    with socket.create_connection(endpoint, 30) as tcp:
        tcp.sendall(STOP)


def _serve_udp(udp: socket.socket, answer: Answer, server: Server) -> None:
    while True:
        query, peer = udp.recvfrom(65535)
        if query == STOP:
            return
        server.queries.append(("UDP", query))
        reply = answer(query, "UDP")
        if reply is not None:
            udp.sendto(reply, peer)


def _serve_tcp(tcp: socket.socket, answer: Answer, server: Server) -> None:
    while True:
        connection, _ = tcp.accept()
        with connection:
            connection.settimeout(30)
            start = connection.recv(2, socket.MSG_WAITALL)
            if start == STOP[:2]:
                return
            query = connection.recv(int.from_bytes(start, "big"), socket.MSG_WAITALL)
            server.queries.append(("TCP", query))
            reply = answer(query, "TCP")
            if reply is not None:
                connection.sendall(len(reply).to_bytes(2, "big") + reply)


def response_to(query: bytes) -> dns.message.Message:
    """An empty response, to be filled."""
    return dns.message.make_response(dns.message.from_wire(query))
