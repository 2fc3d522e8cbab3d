"""Who a request comes from: a session's cookie, a token, a network that may look, or nobody."""

from __future__ import annotations

import asyncio
import time
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final, Protocol

from mirage_hole.api.access.csrf import SAFE, check_origin, check_token
from mirage_hole.api.access.secrets import SESSION_COOKIE, TOKEN_PREFIX, digest_of, is_session, is_token
from mirage_hole.api.access.visitor import address_of, client_of, is_bearer
from mirage_hole.api.problems import Refusal
from mirage_hole.api.v1.identity import LOCAL, NOBODY, Identity, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from aiohttp import web

    from mirage_hole.store.credentials import KnownSession, KnownToken

__all__ = ["LOCAL", "Access", "Proven"]

OPEN: Final = Identity("", Role.VIEWER, "open")
"""A visitor out of ``web.open_for``."""
TOUCH_EVERY: Final = 60.0
"""Seconds between two notes of when a session or token was used last."""


class Proven(Protocol):
    """What sessions and tokens there are. Every call waits for the disk: it belongs into a thread."""

    def session(self, digest: bytes, now: float) -> KnownSession | None:
        """The session with this digest that has not ended."""

    def token(self, digest: bytes) -> KnownToken | None:
        """The token with this digest, whether it has expired or not."""

    def touch_session(self, number: int, now: float) -> None:
        """It is used now."""

    def touch_token(self, number: int, now: float, address: str) -> None:
        """It is used now, from there."""

    def token_refused(self, name: str, address: str, why: str) -> None:
        """Somebody used a token that does not count."""


class Access:
    """Proves who asks. Forged, expired and revoked tokens are refused; a cookie that means nothing is nobody's."""

    def __init__(self, proven: Proven, *, clock: Callable[[], float] = time.time, open_for: Iterable[str] = ()) -> None:
        """``clock``: seconds since the epoch."""
        self._proven = proven
        self._clock = clock
        self._open: tuple[IPv4Network | IPv6Network, ...] = ()
        self.open(open_for)

    def open(self, networks: Iterable[str]) -> None:
        """From now on visitors from these look without a login (``web.open_for``)."""
        self._open = tuple(ip_network(one) for one in networks)

    async def identify(self, request: web.Request) -> Identity:
        """Who asks; ``NOBODY`` when nothing proves it.

        Raises:
            Refusal: 401: a token is given that does not count.
        """
        if is_bearer(request):
            told = request.headers["Authorization"].partition(" ")[2]
            return await self._by_token(told.strip(), client_of(request))
        cookie = request.cookies.get(SESSION_COOKIE, "")
        if is_session(cookie):
            known = await asyncio.to_thread(self._session, cookie)
            if known is not None:
                return Identity(known.user, Role(known.role), "session", key=str(known.number))
        address = address_of(client_of(request))
        return OPEN if address is not None and self._is_open(address) else NOBODY

    def check_csrf(self, request: web.Request, identity: Identity) -> None:
        """Refuse a change that another site's page may have asked for. Tokens and the control socket have nothing to fear.

        Raises:
            Refusal: 403.
        """
        if request.method in SAFE or identity.how in {"token", "local"}:
            return
        by_cookie = identity.how == "session"
        check_origin(request, needed=by_cookie)
        if by_cookie:
            check_token(request, request.cookies.get(SESSION_COOKIE, ""))

    def _session(self, cookie: str) -> KnownSession | None:
        now = self._clock()
        known = self._proven.session(digest_of(cookie), now)
        if known is not None and now - known.last_seen >= TOUCH_EVERY:
            self._proven.touch_session(known.number, now)
        return known

    async def _by_token(self, told: str, address: str) -> Identity:
        if not is_token(told):
            message = f"this is no API token; they begin with {TOKEN_PREFIX} and have 43 characters more"
            raise _not_proven(message)
        return await asyncio.to_thread(self._token, told, address)

    def _token(self, told: str, address: str) -> Identity:
        now = self._clock()
        known = self._proven.token(digest_of(told))
        if known is None:
            self._proven.token_refused("", address, "is not known")
            message = "this API token is not known: it was revoked, or never given out"
            raise _not_proven(message)
        if known.expires is not None and known.expires <= now:
            self._proven.token_refused(known.name, address, "has expired")
            day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(known.expires))
            message = f"the API token {known.name!r} has expired, {day}; make another"
            raise _not_proven(message)
        if known.last_used is None or now - known.last_used >= TOUCH_EVERY:
            self._proven.touch_token(known.number, now, address)
        return Identity(f"token {known.name}", Role(known.role), "token", known.areas, str(known.number))

    def _is_open(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address.version == network.version and address in network for network in self._open)


def _not_proven(detail: str) -> Refusal:
    challenge = 'Bearer realm="mirage-hole", error="invalid_token"'  # RFC 6750 section 3
    return Refusal(401, detail, headers={"WWW-Authenticate": challenge})
