"""The web part of the control plane: starts it, follows its address, and tries again when the address is taken."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from mirage_hole.runtime.parts import back_off, wait_at_most

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from mirage_hole.api.v1.dispatch import Proves
    from mirage_hole.api.v1.parts import Parts
    from mirage_hole.api.v1.rates import Rates
    from mirage_hole.config.settled import Endpoint

log = logging.getLogger(__name__)


class WebService:
    """A web server on an address that may change. :meth:`run` is its task."""

    def __init__(
        self,
        endpoint: Endpoint | None,
        parts: Parts,
        sock: socket.socket | None = None,
        *,
        access: Callable[[], Proves] | None = None,
        requests_per_second: float = 0.0,
    ) -> None:
        """Serve ``parts``.

        Args:
            endpoint: where; None: not at all.
            parts: what is behind the API.
            sock: bound already, for a port that needs privileges which are gone by now.
            access: makes what tells who asks; without one everybody looks and nobody changes anything.
            requests_per_second: of each visitor; 0: any number.
        """
        self._endpoint = endpoint
        self._parts = parts
        self._access = access
        self._rate = requests_per_second
        self._rates: Rates | None = None
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

    def limit(self, requests_per_second: float) -> None:
        """Take so many requests of each visitor from now on."""
        self._rate = requests_per_second
        if self._rates is not None:
            self._rates.change(requests_per_second)

    async def _serve(self, endpoint: Endpoint, failures: int) -> bool:
        """Serve until the address changes. False when the address could not be used; then some time has passed."""
        from mirage_hole.api.server import WebUnavailable, start_web
        from mirage_hole.api.v1.dispatch import Everybody
        from mirage_hole.api.v1.identity import Identity, Role
        from mirage_hole.api.v1.rates import Rates

        access = self._access() if self._access is not None else Everybody(Identity("", Role.VIEWER, "open"))
        self._rates = Rates(self._rate)
        sock, self._sock = self._sock, None
        try:
            server = await start_web(endpoint, self._parts, access, sock=sock, rates=self._rates)
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
