"""The cookie of a session, and the answers that set it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from mirage_hole.api.access.logins import Visit
from mirage_hole.api.access.secrets import SESSION_COOKIE
from mirage_hole.api.access.visitor import agent_of, client_of, scheme_of

if TYPE_CHECKING:
    from mirage_hole.api.access.logins import Opened


def visit_of(request: web.Request) -> Visit:
    """What is known of whoever tries to log in."""
    return Visit(client_of(request), agent_of(request), request.cookies.get(SESSION_COOKIE, ""))


def answered(value: Any, headers: dict[str, str] | None = None, status: int = 200) -> web.Response:
    """JSON with headers of its own."""
    return web.Response(
        body=msgspec.json.encode(value) + b"\n", status=status, headers=headers, content_type="application/json"
    )


def with_session(response: web.Response, request: web.Request, opened: Opened, lasting: float) -> web.Response:
    """Give the visitor the session. Scripts can't read it, other sites' pages can't make a browser send it."""
    response.set_cookie(
        SESSION_COOKIE,
        opened.secret,
        path="/",
        max_age=int(lasting),
        httponly=True,
        samesite="Strict",
        secure=scheme_of(request) == "https",
    )
    return response


def without_session(response: web.Response, request: web.Request) -> web.Response:
    """Take it away again."""
    response.del_cookie(
        SESSION_COOKIE, path="/", httponly=True, samesite="Strict", secure=scheme_of(request) == "https"
    )
    return response
