"""Ports for tests: one number, free for both UDP and TCP."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_240


def bound_pair(host: str = "127.0.0.1") -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on one port. Who closes them frees it.

    The kernel gives a number that is free for one of the two; somebody else may hold it for the other.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(50):
        udp, tcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family)
        try:
            udp.bind((host, 0))
            tcp.bind((host, udp.getsockname()[1]))
            tcp.listen()
        except OSError:
            udp.close()
            tcp.close()
            continue
        return udp, tcp
    msg = "no port is free for both UDP and TCP"
    raise AssertionError(msg)


def kept_port() -> int:
    """A port for a program that is yet to bind it: nobody else is given it while the tests run.

    A number from the kernel would be free for a moment only, as the kernel gives it to the next socket without a port of its
    own. So this one is from below the kernel's, and locked against the other processes that run tests.
    """
    locks = _locks()
    for _ in range(1000):
        port = random.randrange(_LOWEST, _first_of_the_kernel())
        if port in _ours:
            continue
        try:
            fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)  # until this process ends
        except OSError:
            continue
        _ours.add(port)
        if _is_free(port):
            return port
    msg = "no port is free for both UDP and TCP"
    raise AssertionError(msg)


_ours: set[int] = set()


@cache
def _locks() -> int:
    """The file whose octets stand for ports; never closed, as that would give all locks back."""
    path = Path(tempfile.gettempdir(), f"mirage-hole-test-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


@cache
def _first_of_the_kernel() -> int:
    with contextlib.suppress(OSError, ValueError):
        first = int(_EPHEMERAL.read_text().split()[0])
        if first > _LOWEST + 1000:
            return first
    return 32_768


def _is_free(port: int) -> bool:
    with contextlib.ExitStack() as stack:
        for host in ("127.0.0.1", "::1"):
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                try:
                    sock = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind))
                    sock.bind((host, port))
                except OSError as problem:
                    if problem.errno in {errno.EADDRINUSE, errno.EACCES}:  # else there is no IPv6 here
                        return False
    return True
