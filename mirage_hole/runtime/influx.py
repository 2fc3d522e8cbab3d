"""Pushes the metrics to InfluxDB at their time. What is not taken is not kept: the next push has newer numbers."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mirage_hole.runtime.forwarding import endpoints
from mirage_hole.runtime.parts import wait_at_most
from mirage_hole.runtime.state_files import read_at_most

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from prometheus_client import Metric

    from mirage_hole.api.v1.parts import Parts
    from mirage_hole.config.settled import InfluxSettings, Settled
    from mirage_hole.sources.resolve import UpstreamResolver

log = logging.getLogger(__name__)

WITHIN: Final = 10.0
"""Seconds for one push."""
LONGEST: Final = 300.0
"""Seconds between two tries while the server does not take anything."""
_MAX_SECRET: Final = 4096
_READ: Final = 500
"""Octets of a refusal that are looked at."""


def upstream_resolver(settled: Settled) -> UpstreamResolver:
    """Finds servers through the upstreams: the filter might block them."""
    from mirage_hole.sources.resolve import UpstreamResolver

    return UpstreamResolver([(end.address, end.port) for end in endpoints(settled.upstreams)])


async def measured(parts: Parts) -> Iterable[Metric]:
    """What ``/metrics`` would tell now."""
    from mirage_hole.api.v1.health import collector_of
    from mirage_hole.observe.metrics import load_exposition

    await asyncio.to_thread(load_exposition)
    return (await collector_of(parts)).collect()


class NotTaken(Exception):  # noqa: N818 - reads as what it is at the raise
    """The server did not take the metrics; the message says why, without what is secret."""


class InfluxPush:
    """One task runs :meth:`run`; :meth:`change` may be called at any time."""

    def __init__(
        self,
        settings: InfluxSettings,
        metrics: Callable[[], Awaitable[Iterable[Metric]]],
        resolver: Callable[[], UpstreamResolver],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            settings: where to.
            metrics: what ``/metrics`` would tell now.
            resolver: finds the server by the upstreams, as list servers are found.
            clock: seconds since the epoch.
        """
        self._settings = settings
        self._metrics = metrics
        self._resolver = resolver
        self._clock = clock
        self._changed = asyncio.Event()
        self.pushed = 0
        self.failed = 0
        """Pushes that were not taken."""
        self.trouble = ""
        """Why the last one was not; empty when it was."""

    def change(self, settings: InfluxSettings) -> None:
        """Take new settings."""
        self._settings = settings
        self._changed.set()

    async def run(self) -> None:
        """Push until cancelled."""
        failures = 0
        while True:
            self._changed.clear()
            if not self._settings.url:
                self.trouble = ""
                await self._changed.wait()
                failures = 0
                continue
            if not await wait_at_most(
                self._changed, min(self._settings.every * 2 ** min(failures, 8), max(LONGEST, self._settings.every))
            ):
                failures = 0 if await self._push() else failures + 1

    async def _push(self) -> bool:
        try:
            async with asyncio.timeout(WITHIN):
                await self.push()
        except (NotTaken, TimeoutError) as problem:
            self.failed += 1
            why = str(problem) or f"it took longer than {WITHIN:g} s"
            if why != self.trouble:
                log.warning("the metrics could not be pushed to influx.url: %s; it is tried again", why)
            self.trouble = why
            return False
        if self.trouble:
            log.info("the metrics are pushed to influx.url again")
        self.pushed, self.trouble = self.pushed + 1, ""
        return True

    async def push(self) -> None:
        """Push once.

        Raises:
            NotTaken: the server was not reached, or does not take it.
        """
        import aiohttp

        from mirage_hole.observe.influx import lines
        from mirage_hole.sources.notify_http import session
        from mirage_hole.sources.said import without

        token = await self._token()
        body = gzip.compress(lines(await self._metrics(), self._clock(), socket.gethostname()), 5)
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}
        if token:
            headers["Authorization"] = f"Token {token}"
        url = self._settings.url
        if "precision=" not in url:
            url += f"{'&' if '?' in url else '?'}precision=s"
        try:
            async with (
                session(self._resolver()) as http,
                http.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                if response.status >= 300:
                    said = (await response.content.read(_READ)).decode("utf-8", "replace")
                    message = without((token,), f"it answered {response.status}: {said}")
                    raise NotTaken(message)
        except (aiohttp.ClientError, OSError) as problem:
            raise NotTaken(without((token,), str(problem) or type(problem).__name__)) from None

    async def _token(self) -> str:
        path = self._settings.token_file
        if not path:
            return ""
        try:
            data = await asyncio.to_thread(read_at_most, Path(path), _MAX_SECRET)
        except (OSError, ValueError) as problem:
            message = (
                f"{path} can't be read ({getattr(problem, 'strerror', None) or problem}); let this account read it"
            )
            raise NotTaken(message) from None
        token = data.decode("utf-8", "replace").partition("\n")[0].strip()
        if not token or not token.isprintable():
            message = f"{path} has no token in its first line"
            raise NotTaken(message)
        return token
