"""The web part of the control plane: starts it, follows its address, and tries again when the address is taken."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import TYPE_CHECKING

from mirage_hole.config.settled import WebDoor
from mirage_hole.runtime.early_web import NOTHING, Early
from mirage_hole.runtime.parts import back_off, wait_at_most

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mirage_hole.api.server import WebServer
    from mirage_hole.api.tls import Tls
    from mirage_hole.api.v1.dispatch import Proves
    from mirage_hole.api.v1.parts import Parts
    from mirage_hole.api.v1.rates import Rates
    from mirage_hole.config.settled import Endpoint

log = logging.getLogger(__name__)


PLAIN = WebDoor()


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
        door: WebDoor = PLAIN,
        directory: Path | None = None,
        names: Callable[[], Iterable[str]] = tuple,
        early: Early = NOTHING,
    ) -> None:
        """Serve ``parts``.

        Args:
            endpoint: where; None: not at all.
            parts: what is behind the API.
            sock: bound already, for a port that needs privileges which are gone by now.
            access: makes what tells who asks; without one everybody looks and nobody changes anything.
            requests_per_second: of each visitor; 0: any number.
            door: TLS, and who may come in.
            directory: the state directory, for a certificate of one's own.
            names: the names and addresses for that.
            early: what was got while there were privileges.
        """
        self._endpoint = endpoint
        self._door = door
        self._directory = directory
        self._names = names
        self._early = early
        self._tls: Tls | None = None
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

    def move(self, endpoint: Endpoint | None, door: WebDoor | None = None) -> None:
        """Serve at this address from now on, with this door; None: not at all, and the same door."""
        self._endpoint = endpoint
        self._door = door or self._door
        self._changed.set()

    def look(self) -> None:
        """Read the certificate again."""
        if self._tls is not None:
            self._tls.look()

    @property
    def certificate_ends(self) -> float | None:
        """When the certificate in use expires, in seconds since the epoch; None without one."""
        facts = self._tls.facts if self._tls is not None else None
        return facts.ends if facts is not None else None

    @property
    def certificate_trouble(self) -> str:
        """What is wrong with the certificate's files, in a sentence; empty: nothing."""
        return self._tls.trouble if self._tls is not None else ""

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
        door = self._door
        self._tls = tls = await self._certificate(endpoint, door, failures)
        if door.certificate and tls is None:
            if sock is not None:
                self._sock = sock  # it may not be had again
            return False
        try:
            server = await start_web(
                endpoint, self._parts, access, sock=sock, rates=self._rates, settings=door, tls=tls
            )
        except WebUnavailable as problem:
            await self._wait(f"no web page, DNS is not affected: {problem}", failures)
            return False
        self.url = server.url
        if self.tried.is_set():  # the first time, the announcement tells it
            log.info("the web page is at %s/", server.url)
        self.tried.set()
        try:
            await self._look_after(server, door, tls)
        finally:
            self.url = ""
            with contextlib.suppress(OSError):
                await server.cleanup()
        return True

    async def _look_after(self, server: WebServer, door: WebDoor, tls: Tls | None) -> None:
        """Until the address or the door changes."""
        async with asyncio.TaskGroup() as group:
            beside = []
            if tls is not None:
                beside.append(group.create_task(tls.watch()))
            if door.redirect is not None and tls is not None:
                beside.append(group.create_task(self._lead(door.redirect, door, int(server.url.rpartition(":")[2]))))
            await self._changed.wait()
            for task in beside:
                task.cancel()

    async def _lead(self, endpoint: Endpoint, door: WebDoor, to_port: int) -> None:
        """Lead from HTTP to HTTPS until cancelled."""
        from mirage_hole.api.server import WebUnavailable, start_redirect

        for failures in itertools.count():
            sock, self._early = self._early.redirect, self._early._replace(redirect=None)
            try:
                server = await start_redirect(endpoint, to_port, sock=sock, settings=door)
            except WebUnavailable as problem:
                delay = back_off(failures)
                log.error("nothing leads from HTTP to HTTPS: %s; next try in %g s", problem, delay)
                await asyncio.sleep(delay)
            else:
                try:
                    await asyncio.Event().wait()
                finally:
                    with contextlib.suppress(OSError):
                        await server.cleanup()

    async def _certificate(self, endpoint: Endpoint, door: WebDoor, failures: int) -> Tls | None:
        """The certificate that is asked for, loaded; None: there is none, and when it can't be used, some time has passed."""
        if not door.certificate:
            return None
        # Late: it brings OpenSSL and cryptography.
        from mirage_hole.api.certificate import BadCertificate, Pem
        from mirage_hole.api.tls import Tls

        early = Pem(*self._early.pair) if self._early.pair is not None else None
        self._early = self._early._replace(pair=None)
        directory = self._directory
        assert directory is not None, "a certificate needs a place to be kept"
        names = self._names
        tls = Tls(
            door.certificate,
            door.key,
            directory,
            names=lambda: (*names(), *door.host_names, endpoint.address),
            early=early,
        )
        try:
            await tls.load()
        except BadCertificate as problem:
            if early is not None:
                self._early = self._early._replace(pair=(early.certificate, early.key))
            self._tls = tls
            await self._wait(f"no web page, DNS is not affected: {problem}", failures)
            return None
        return tls

    async def _wait(self, why: str, failures: int) -> None:
        """Say why there is no web page, and wait before the next try, or for other settings."""
        delay = back_off(failures)
        log.error("%s; next try in %g s", why, delay)
        self.tried.set()
        await wait_at_most(self._changed, delay)
