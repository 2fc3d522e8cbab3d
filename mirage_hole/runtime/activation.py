"""Sockets that the service manager bound for us: ``LISTEN_FDS``, ``LISTEN_PID``, ``LISTEN_FDNAMES`` (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.runtime.errors import BAD_CONFIG, StartupError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

FIRST_FD: Final = 3
MAX_FDS: Final = 256
WEB: Final = "web"
"""``FileDescriptorName=`` of a socket that is meant for the web server."""


class Inherited(NamedTuple):
    """Sockets by purpose, in the order in which they were given."""

    udp: list[socket.socket]
    tcp: list[socket.socket]
    web: list[socket.socket]


def inherited(environ: MutableMapping[str, str] | None = None, first: int = FIRST_FD) -> Inherited:
    """Take the sockets over; the variables are removed, so that no child takes them for its own.

    Raises:
        StartupError: a descriptor is no UDP socket and no listening TCP socket.
    """
    environ = os.environ if environ is None else environ
    count, pid, names = (environ.pop(name, "") for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"))
    found = Inherited([], [], [])
    if pid != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return found
    labels = names.split(":")
    problems = []
    for number in range(min(int(count), MAX_FDS)):
        label = labels[number] if number < len(labels) else ""
        problem = _sort(first + number, label, found)
        if problem:
            problems.append(f"socket {number} ({label or 'unnamed'}) from the service manager {problem}")
    if problems:
        raise StartupError("\n".join(problems), BAD_CONFIG)
    return found


def _sort(fd: int, label: str, found: Inherited) -> str:
    """Put one descriptor where it belongs; the return value is a complaint or empty."""
    try:
        sock = socket.socket(fileno=fd)
    except OSError:
        return "is no socket; use ListenDatagram= and ListenStream= only"
    sock.set_inheritable(False)
    sock.setblocking(False)
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        sock.detach()
        return "is not of the Internet; write ADDRESS:PORT in ListenDatagram= and ListenStream="
    if sock.type == socket.SOCK_DGRAM:
        found.udp.append(sock)
    elif sock.type == socket.SOCK_STREAM and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        (found.web if label == WEB else found.tcp).append(sock)
    else:
        sock.detach()
        return "does not listen; write Accept=no"
    return ""
