"""Ports for tests: one number, free for both UDP and TCP."""

from __future__ import annotations

import socket


def bound_pair(host: str = "127.0.0.1", *, listening: bool = True) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on one port. Who closes them frees it.

    The kernel gives a number that is free for one of the two; somebody else may hold it for the other.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(50):
        udp, tcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family)
        try:
            udp.bind((host, 0))
            tcp.bind((host, udp.getsockname()[1]))
            if listening:
                tcp.listen()
        except OSError:
            udp.close()
            tcp.close()
            continue
        return udp, tcp
    msg = "no port is free for both UDP and TCP"
    raise AssertionError(msg)
