"""Asks one question and looks at the answer: is the name blocked?"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable
from typing import Final

from bench.names import query
from bench.processes import BenchError

EVERY: Final = 0.005
"""Seconds between two questions."""
_SINK: Final = re.compile(rb"\x00\x01\x00\x01.{4}\x00\x04\x00{4}", re.DOTALL)
"""Type A, class IN, any TTL, four octets, 0.0.0.0"""


def is_blocked(reply: bytes) -> bool:
    """Whether the reply says 0.0.0.0."""
    return reply[3] & 0x0F == 0 and reply[6:8] != b"\0\0" and _SINK.search(reply, 12) is not None


def ask(port: int, name: str, patience: float = 2.0) -> bytes | None:
    """The reply, or None when there was none."""
    with _socket() as sock:
        sock.sendto(query(name, 1), ("127.0.0.1", port))
        return _reply(sock, patience)


def until_blocked(
    port: int, name: str, *, patience: float, meanwhile: Callable[[], None], every: float = EVERY
) -> float:
    """The moment (monotonic) at which the answer arrived that first showed the name as blocked.

    ``meanwhile`` is called between two questions and may raise. Raises :class:`BenchError` after ``patience`` seconds.
    """
    end = time.monotonic() + patience
    ident = 0
    with _socket() as sock:
        while (now := time.monotonic()) < end:
            ident = ident % 0xFFFF + 1
            sock.sendto(query(name, ident), ("127.0.0.1", port))  # not connected, so no refusal is reported here
            while (left := now + every - time.monotonic()) > 0:
                reply = _reply(sock, left)
                if reply is not None and is_blocked(reply):
                    return time.monotonic()
            meanwhile()
    msg = f"{name} was not blocked within {patience:g} s"
    raise BenchError(msg)


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    return sock


def _reply(sock: socket.socket, patience: float) -> bytes | None:
    if not select.select([sock], [], [], patience)[0]:
        return None
    try:
        reply = sock.recv(4096)
    except (BlockingIOError, ConnectionRefusedError):
        return None
    return reply if len(reply) >= 12 else None
