"""Notices that the network has come up, so that lists which could not be reached are tried at once.

On Linux the kernel tells it (rtnetlink(7)), to any user; elsewhere nothing is noticed, and the usual retries do.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

from mirage_hole.sources.netlink import GROUPS, MAX_DATAGRAM, changes
from mirage_hole.sources.pauses import pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SETTLE: Final = 1.0
"""Seconds without a further change, after which the network counts as up: an address is followed by its routes."""
LONGEST: Final = 5.0
"""Seconds after which it does anyway."""

_AT_ONCE: Final = 32
"""Datagrams read before something else gets a turn."""

log = logging.getLogger(__name__)


def netlink_socket() -> socket.socket:
    """A socket that hears of links, addresses and routes.

    Raises:
        OSError: this system has none, or does not let us.
    """
    if sys.platform != "linux":
        raise OSError(errno.EAFNOSUPPORT, "no netlink here")
    heard = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)  # 0: NETLINK_ROUTE
    try:
        heard.bind((0, GROUPS))
    except OSError:
        heard.close()
        raise
    return heard


class NetworkWatch:
    """Calls back, once for each bunch of changes, when servers may have become reachable."""

    def __init__(
        self,
        on_change: Callable[[], object],
        *,
        open_socket: Callable[[], socket.socket] = netlink_socket,
        pause: Callable[[asyncio.Event, float], Awaitable[object]] = pause,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            on_change: called back; must return at once.
            open_socket: gives a non-blocking socket to listen to; an OSError means that there is none.
            pause: waits for the event, but not longer than the seconds given.
            clock: seconds.
        """
        self._on_change = on_change
        self._open_socket = open_socket
        self._pause = pause
        self._clock = clock
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; return where there is nothing to listen to."""
        try:
            heard = self._open_socket()
        except OSError as problem:
            log.debug("changes of the network are not noticed: %s", problem.strerror or problem)
            return
        loop = asyncio.get_running_loop()
        with heard:
            loop.add_reader(heard, self._read, heard)
            try:
                await self._follow()
            finally:
                loop.remove_reader(heard)

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            latest = self._clock() + LONGEST
            while self._changed.is_set() and self._clock() < latest:
                self._changed.clear()
                await self._pause(self._changed, SETTLE)
            self._changed.clear()
            log.debug("the network has changed")
            self._on_change()

    def _read(self, heard: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                datagram, sender = heard.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as problem:
                if problem.errno == errno.ENOBUFS:  # more than there was room for: something has changed
                    self._changed.set()
                return
            # Only the kernel, whose port is 0, is believed.
            if sender[0] == 0 and any(change.hopeful for change in changes(datagram)):
                self._changed.set()
