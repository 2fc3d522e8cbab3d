"""Who is let in at all, before anybody asks who it is: the visitor behind proxies, his network, his browser's origin."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mirage_hole.api.access.secrets import SESSION_COOKIE
from mirage_hole.api.access.visitor import address_of, is_bearer
from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.proxies import Proxies, Visitor, within
from mirage_hole.config.settled import PRIVATE_NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

API: Final = "/api/v1/"
ASKED_HEADERS: Final = "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID"
TOLD_HEADERS: Final = "ETag, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Content-Disposition"
PREFLIGHT_SECONDS: Final = 600
"""That a browser may remember the answer to a preflight."""


class Door:
    """The door of one web server."""

    __slots__ = ("_allowed", "_origins", "_proxies")

    def __init__(
        self,
        *,
        trusted_proxies: Iterable[str] = (),
        allow_from: Iterable[str] = PRIVATE_NETWORKS,
        cors_origins: Iterable[str] = (),
    ) -> None:
        """Networks in CIDR notation; origins lower-case, as ``https://panel.example.org``."""
        self._proxies = Proxies(trusted_proxies)
        self._allowed = tuple(ip_network(one) for one in allow_from)
        self._origins = frozenset(cors_origins)

    def is_proxy(self, peer: str) -> bool:
        """Whether it may speak for others."""
        return self._proxies.trusts(address_of(peer))

    def admits(self, peer: str) -> bool:
        """Whether a connection from this address is served at all; a proxy's is, for those behind it."""
        return self.is_proxy(peer) or self._is_allowed(peer)

    def enter(self, request: web.Request) -> Visitor:
        """Who asks.

        Raises:
            Refusal: 403 for a stranger, 400 for a proxy that can't be believed.
        """
        host = request.headers.get("Host", "")
        visitor = self._proxies.visitor(request.remote or "", request.headers, scheme=request.scheme, host=host)
        if not self._is_allowed(visitor.client):
            detail = "This server is not for your network; web.allow_from says which ones it is for."
            raise Refusal(403, detail, [Fault("client", visitor.client, "a network of web.allow_from")])
        return visitor

    def seen(self, request: web.Request, visitor: Visitor) -> web.Request:
        """The request as the visitor made it: ``remote``, ``scheme`` and ``host`` are his, not the proxy's."""
        if not self.is_proxy(request.remote or ""):
            return request
        return request.clone(remote=visitor.client, scheme=visitor.scheme, host=visitor.host)

    def check_origin(self, request: web.Request, visitor: Visitor) -> None:
        """Another origin may ask with a token of its own, never with the login of whoever looks at its page.

        Raises:
            Refusal: 403.
        """
        origin = request.headers.get("Origin")
        if origin is None or is_own(origin, visitor) or is_bearer(request):
            return
        if SESSION_COOKIE in request.cookies:
            fault = Fault(
                "Origin", f"{origin[:120]!r} is another page's", "a request with an API token and without cookies"
            )
            raise Refusal(403, "A login by cookie is for this server's own page alone.", [fault])

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Signal handler: what :meth:`cors` says."""
        response.headers.update(self.cors(request))

    def cors(self, request: web.Request) -> dict[str, str]:
        """The headers that let the page of a configured origin read an answer of the API; empty for all others."""
        if not self._origins or not request.path.startswith(API):
            return {}
        headers = {"Vary": "Origin"}  # also for those that are not allowed, as caches must not mix them up
        origin = request.headers.get("Origin", "")
        if origin.lower() in self._origins:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = TOLD_HEADERS
        return headers

    def preflight(self, request: web.Request, methods: Iterable[str]) -> dict[str, str]:
        """The headers of the answer to OPTIONS. Credentials mode is never allowed (Fetch standard, CORS protocol)."""
        headers = {"Allow": ", ".join(sorted(methods))}
        asked = request.headers.get("Access-Control-Request-Method")
        if asked is not None and "Access-Control-Allow-Origin" in self.cors(request):
            headers["Access-Control-Allow-Methods"] = headers["Allow"]
            headers["Access-Control-Allow-Headers"] = ASKED_HEADERS
            headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return headers

    def _is_allowed(self, client: str) -> bool:
        address = address_of(client)
        return address is not None and within(address, self._allowed)


def is_own(origin: str, visitor: Visitor) -> bool:
    """Whether it is this server's own page. A proxy that is not trusted may end TLS: then the page has https, and we see http."""
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return False
    if parts.scheme not in {visitor.scheme, "https"}:
        return False
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return parts.netloc.removesuffix(default) == visitor.host.lower().removesuffix(default)
