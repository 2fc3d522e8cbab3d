"""Talks to systemd: state changes through ``$NOTIFY_SOCKET`` and the watchdog's interval (sd_notify(3)).

Without a service manager every call does nothing. No library is needed: a message is one datagram.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServiceManager:
    """The service manager that started this process, if one did."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._path = environ.get("NOTIFY_SOCKET", "")
        self.watchdog_every = _watchdog(environ)
        """Seconds between two ``WATCHDOG=1``: half of what the service manager waits; None when it doesn't watch."""

    def ready(self, status: str) -> None:
        """Start-up, or a reload, is complete."""
        self._send("READY=1", _status(status))

    def reloading(self) -> None:
        """The configuration is read again; :meth:`ready` must follow."""
        # systemd 253 tells a reload from an older one by the time (Type=notify-reload).
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self._send(_status(status))

    def stopping(self, status: str) -> None:
        """The drain has begun."""
        self._send("STOPPING=1", _status(status))

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> bool:
        # "@" stands for the abstract namespace; anything else but a path is no socket (sd_notify(3)).
        if not self._path.startswith(("/", "@")):
            return False
        address = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.connect(address)
                return sock.send("\n".join(lines).encode()) > 0
        except (OSError, ValueError):  # nobody listens, its queue is full, the path is too long: DNS goes on
            return False


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.split())


def _watchdog(environ: Mapping[str, str]) -> float | None:
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isascii() or not usec.isdigit() or int(usec) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None
    return int(usec) / 2_000_000
