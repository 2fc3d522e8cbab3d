"""The web part of the control plane: starts it, follows its address, and tries again when the address is taken."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from mirage_hole.runtime.parts import back_off, wait_at_most

if TYPE_CHECKING:
    import socket

    from mirage_hole.api.state import ApiState
    from mirage_hole.config.settled import Endpoint

log = logging.getLogger(__name__)


class WebService:
    """A web server on an address that may change. :meth:`run` is its task."""

    def __init__(self, endpoint: Endpoint | None, state: ApiState, sock: socket.socket | None = None) -> None:
        """``sock``: bound already, for a port that needs privileges which are gone by now."""
        self._endpoint = endpoint
        self._state = state
        self._sock = sock
        self._changed = asyncio.Event()
        self.url = ""
        """``http://ADDRESS:PORT`` while it serves."""
        self.tried = asyncio.Event()
        """It serves, or has tried to, or is not wanted."""

    async def run(self) -> None:
        """Serve until cancelled."""
        failures = 0
        while True:
            self._changed.clear()
            if self._endpoint is None:
                self.tried.set()
                await self._changed.wait()
            elif await self._serve(self._endpoint, failures):
                failures = 0
            else:
                failures += 1

    def move(self, endpoint: Endpoint | None) -> None:
        """Serve at this address from now on; None: not at all."""
        self._endpoint = endpoint
        self._changed.set()

    async def _serve(self, endpoint: Endpoint, failures: int) -> bool:
        """Serve until the address changes. False when the address could not be used; then some time has passed."""
        from mirage_hole.api.server import WebUnavailable, start_web

        sock, self._sock = self._sock, None
        try:
            server = await start_web(endpoint, self._state, sock=sock)
        except WebUnavailable as problem:
            delay = back_off(failures)
            log.error("no web page, DNS is not affected: %s; next try in %g s", problem, delay)
            self.tried.set()
            await wait_at_most(self._changed, delay)
            return False
        self.url = server.url
        if self.tried.is_set():  # the first time, the announcement tells it
            log.info("the web page is at %s/", server.url)
        self.tried.set()
        try:
            await self._changed.wait()
        finally:
            self.url = ""
            with contextlib.suppress(OSError):
                await server.cleanup()
        return True
