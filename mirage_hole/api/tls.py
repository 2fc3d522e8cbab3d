"""The certificate in use: read from its files, looked after, and exchanged while connections go on.

A pair that can't be used never takes the place of one that can. Each connection is made with what is the newest then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mirage_hole.api.certificate import (
    BadCertificate,
    Facts,
    Pem,
    context_of,
    facts_of,
    open_key,
    read_files,
    untimely,
)
from mirage_hole.api.problems import Fault
from mirage_hole.api.self_signed import own_pair
from mirage_hole.config.settled import SELF_SIGNED

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from aiohttp import web

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the files."""
RENEW_EVERY: Final = 3600.0
"""Seconds between two looks whether one's own certificate ends soon."""
HSTS: Final = "max-age=15552000"
"""180 days, of this name alone: other names of the domain may have no HTTPS (RFC 6797)."""


class Tls:
    """The certificate of one web server."""

    def __init__(
        self,
        certificate: str,
        key: str,
        directory: Path,
        *,
        names: Callable[[], Iterable[str]] = tuple,
        early: Pem | None = None,
        clock: Callable[[], float] = time.time,
        look_every: float = LOOK_EVERY,
    ) -> None:
        """
        Args:
            certificate: file, or ``SELF_SIGNED``.
            key: file.
            directory: where one's own certificate is kept.
            names: names and addresses for one's own certificate.
            early: what was read before privileges were dropped, in case that the files can't be read any more.
            clock: seconds since the epoch.
            look_every: seconds between two looks at the files.
        """
        self._certificate = certificate
        self._key = key
        self._directory = directory
        self._names = names
        self._early = early
        self._clock = clock
        self._look_every = look_every
        self._context: ssl.SSLContext | None = None
        self._pem: Pem | None = None
        self._seen: object = None
        self._asked = asyncio.Event()
        self._told = ""
        """What was logged of the newest files."""
        self._warned = ""
        self.facts: Facts | None = None
        """Of the certificate in use."""
        self.trouble = ""
        """What is wrong with the files, in a sentence."""

    @property
    def is_own(self) -> bool:
        """Whether this server signs it itself."""
        return self._certificate == SELF_SIGNED

    def context(self) -> ssl.SSLContext | None:
        """For the next connection; None before :meth:`load`."""
        return self._context

    async def load(self) -> None:
        """Read and check the pair, and use it from now on.

        Raises:
            BadCertificate: it can't be used; the one before it goes on.
        """
        try:
            self._seen = await asyncio.to_thread(self._stamp)
            pem, context, facts = await asyncio.to_thread(self._read)
        except BadCertificate as bad:
            self.trouble = str(bad)
            raise
        late = untimely(facts, self._clock())
        if late and self.facts is not None and not untimely(self.facts, self._clock()):
            self.trouble = str(BadCertificate(late))
            raise BadCertificate(late)
        self.trouble = str(BadCertificate(late)) if late else ""
        changed = self._pem is not None and pem != self._pem
        self._pem, self._context, self.facts = pem, context, facts
        for fault in late:
            # Served all the same: a browser says so and lets people in, and a machine without a battery begins in 1970.
            log.error("%s %s; %s", fault.where, fault.what, fault.instead)
        if changed:
            until = time.strftime("%Y-%m-%d", time.gmtime(facts.ends))
            log.info("a new certificate is used for the web page, until %s", until)

    def look(self) -> None:
        """Look at the files now, whether they seem changed or not."""
        self._seen = None
        self._told = ""  # whoever asks wants to hear it again
        self._asked.set()

    async def watch(self) -> None:
        """Take new files when they come; never returns."""
        while True:
            try:
                async with asyncio.timeout(RENEW_EVERY if self.is_own else self._look_every):
                    await self._asked.wait()
            except TimeoutError:
                pass
            self._asked.clear()
            if not self.is_own and self._seen is not None and await asyncio.to_thread(self._stamp) == self._seen:
                continue
            try:
                await self.load()
            except (BadCertificate, OSError) as problem:
                if str(problem) != self._told:
                    log.error("the new certificate is not used, the old one goes on: %s", problem)
                self._told = str(problem)
            else:
                self._told = ""

    async def add_header(self, request: web.Request, response: web.StreamResponse) -> None:
        """Signal handler: browsers are to come with HTTPS from now on. Not for one's own certificate, which they only tolerate."""
        encrypted = request.transport is not None and request.transport.get_extra_info("sslcontext") is not None
        if encrypted and not self.is_own:
            response.headers["Strict-Transport-Security"] = HSTS

    def _read(self) -> tuple[Pem, ssl.SSLContext, Facts]:
        if self.is_own:
            try:
                pem = own_pair(self._directory, self._names(), self._clock())
            except OSError as problem:
                what = f"can't be made in {self._directory}: {problem.strerror}"
                raise BadCertificate([Fault("web.certificate", what, "let the server write there")]) from None
        else:
            pem = self._from_files()
        facts = facts_of(pem)
        return pem, context_of(pem), facts

    def _from_files(self) -> Pem:
        for fault in open_key(self._key):
            if fault.what != self._warned:
                log.warning("%s: %s; %s", fault.where, fault.what, fault.instead)
            self._warned = fault.what
        try:
            return read_files(self._certificate, self._key)
        except BadCertificate as bad:
            if self._early is None:
                raise
            log.warning(
                "%s. What was read at the start is used; a renewed certificate counts after a restart, or when the files can "
                "be read: setfacl -m u:ACCOUNT:r FILE, or LoadCredential= in the service's unit",
                bad,
            )
            early, self._early = self._early, None
            return early

    def _stamp(self) -> object:
        """Differs when the files do."""
        stamps: list[object] = []
        for path in (self._certificate, self._key):
            try:
                status = Path(path).stat()
            except OSError as problem:
                stamps.append(problem.errno)
            else:
                stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(stamps)
