"""A stranger's page must not act in the name of whoever visits it (cross-site request forgery).

A browser adds the session's cookie to requests that other pages make. So a change by cookie has to come from our own page, as the
browser tells (``Sec-Fetch-Site``, https://www.w3.org/TR/fetch-metadata/; ``Origin``, RFC 6454), and has to repeat what only our own page can read.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mirage_hole.api.access.visitor import scheme_of
from mirage_hole.api.problems import Fault, Refusal

if TYPE_CHECKING:
    from aiohttp import web

HEADER: Final = "X-CSRF-Token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 section 9.2.1)."""
_PURPOSE: Final = b"mirage-hole csrf 1"


def csrf_token(secret: str) -> str:
    """The session's: whoever has only this can't learn the session's secret."""
    digest = hmac.digest(secret.encode(), _PURPOSE, "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def check_origin(request: web.Request, *, needed: bool) -> None:
    """Refuse what another site's page asks for.

    Args:
        needed: also refuse what says nothing of where it comes from.

    Raises:
        Refusal: 403.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None and site != "same-origin":
        fault = Fault("Sec-Fetch-Site", f"{site[:40]!r}", "ask from the server's own page, or with an API token")
        raise Refusal(403, "Another site's page asked for this; a login by cookie is not for it.", [fault])
    if origin is not None and not _same(origin, request):
        fault = Fault("Origin", f"{origin[:120]!r}", "ask from the server's own page, or with an API token")
        raise Refusal(403, "Another site's page asked for this; a login by cookie is not for it.", [fault])
    if needed and site is None and origin is None:
        fault = Fault("Origin", "is missing", "the server's own address, such as http://localhost:8080")
        detail = "A change by cookie says which page it comes from; programs use an API token instead."
        raise Refusal(403, detail, [fault])


def check_token(request: web.Request, secret: str) -> None:
    """Refuse a change that does not repeat the session's token.

    Raises:
        Refusal: 403.
    """
    told = request.headers.get(HEADER, "")
    # aiohttp passes on octets that are no UTF-8 as surrogates.
    if not hmac.compare_digest(told.encode(errors="replace"), csrf_token(secret).encode()):
        what = "is not that of this session" if told else "is missing"
        fault = Fault(HEADER, what, "the value of csrf in the answer to the login or to GET /api/v1/session")
        raise Refusal(403, "A change by cookie repeats the session's CSRF token.", [fault])


def _same(origin: str, request: web.Request) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    scheme = scheme_of(request)
    # A proxy that nobody told us to trust may end TLS in front of us: then the page is https and we see http.
    if parts.scheme not in {scheme, "https"}:
        return False
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    host = request.host.lower()
    return parts.netloc.lower().removesuffix(default) == host.removesuffix(default)
