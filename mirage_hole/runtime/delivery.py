"""Brings one message to one target: reads its secret, finds its server through the upstreams, and speaks its language."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

from mirage_hole.observe import notice_texts
from mirage_hole.runtime.forwarding import endpoints
from mirage_hole.runtime.state_files import read_at_most
from mirage_hole.sources.failures import Failure
from mirage_hole.sources.notify_http import send_ntfy, send_webhook, session
from mirage_hole.sources.resolve import UpstreamResolver
from mirage_hole.sources.said import without
from mirage_hole.sources.smtp import Login, send_mail

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from mirage_hole.config.settled import NotifySettings, Settled
    from mirage_hole.observe.notice_texts import Message

WITHIN: Final = 10.0
"""Seconds for one delivery."""
_MAX_SECRET: Final = 4096


class Courier:
    """Delivers with the upstreams of some settings. :meth:`close` when there are others."""

    def __init__(self, settled: Settled, server: str, context: ssl.SSLContext | None = None) -> None:
        """
        Args:
            server: what this server is called, in messages.
            context: whom mail servers' certificates must be signed by; None: the system's authorities.
        """
        self._server = server
        self._context = context
        self._resolver = UpstreamResolver([(end.address, end.port) for end in endpoints(settled.upstreams)])
        self._http: aiohttp.ClientSession | None = None

    async def deliver(self, target: NotifySettings, message: Message) -> str:
        """What the target's server said.

        Raises:
            Failure: it did not take it; the sentence has no secret in it.
        """
        try:
            async with asyncio.timeout(WITHIN):
                return await self._deliver(target, message)
        except TimeoutError:
            sentence = f"it was not done within {WITHIN:g} s"
            raise Failure(sentence, network=True) from None

    async def close(self) -> None:
        """Hold nothing any more."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _deliver(self, target: NotifySettings, message: Message) -> str:
        password = target.password or await _secret_of(target.password_file)
        now = time.time()
        if target.kind == "smtp":
            identifier = f"{secrets.token_hex(12)}@{target.sender.rpartition('@')[2]}"
            octets = notice_texts.mail(message, target.sender, target.to, now, identifier)
            protection = cast("Literal['starttls', 'tls', 'none']", target.tls)
            return await send_mail(
                target.server, target.port, protection, Login(target.user, password), target.sender, target.to, octets,
                resolver=self._resolver, context=self._context,
            )  # fmt: skip
        if self._http is None:
            self._http = session(self._resolver)
        try:
            if target.kind == "ntfy":
                headers, body = notice_texts.ntfy(message)
                said = await send_ntfy(self._http, target.url, headers, body, user=target.user, password=password)
            else:
                secret = target.secret or await _secret_of(target.secret_file)
                content = notice_texts.webhook(message, self._server, now)
                said = await send_webhook(
                    self._http, target.url, content, secret=secret, user=target.user, password=password
                )
        except Failure as failure:
            # Addresses of webhooks are secrets, too, and servers like to quote them.
            sentence = without((_path_of(target.url),), str(failure))
            raise Failure(sentence, passing=failure.passing, network=failure.network) from None
        return without((_path_of(target.url),), said)


def _path_of(url: str) -> str:
    path = url.partition("://")[2].partition("/")[2].strip("/")
    return path if len(path) > 3 else ""


async def _secret_of(path: str) -> str:
    """The first line of a file; empty when there is none. It is read anew each time, so that it may be changed."""
    if not path:
        return ""
    try:
        data = await asyncio.to_thread(read_at_most, Path(path), _MAX_SECRET)
    except (OSError, ValueError) as problem:
        sentence = f"{path} can't be read ({getattr(problem, 'strerror', None) or problem}); let this account read it"
        raise Failure(sentence) from None
    line = data.decode("utf-8", "replace").partition("\n")[0].rstrip("\r")
    if not line or not line.isprintable():
        sentence = f"{path} has no secret in its first line"
        raise Failure(sentence)
    return line
