"""What stands before every handler: method, Host, body and time are checked, and every answer gets the same headers."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from mirage_hole.api.problems import Fault, Refusal, problem_response

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from aiohttp.typedefs import Handler, Middleware

    from mirage_hole.api.connections import Connections
    from mirage_hole.api.door import Door
    from mirage_hole.api.hosts import HostRule
    from mirage_hole.api.limits import Limits
    from mirage_hole.api.proxies import Visitor

log = logging.getLogger(__name__)

API = "/api/v1/"
"""Below it everything is a route of :mod:`mirage_hole.api.v1.routes`."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "mirage-hole",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer. No header of CORS is among them: no other origin may read anything."""


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: the headers of every answer; what changes by itself is not to be stored."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def guard(hosts: HostRule, connections: Connections, limits: Limits, door: Door) -> Middleware:
    """The outermost middleware: refuses what no handler should see, and turns every failure into a problem document."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        connections.renew(request.transport)
        counted = ""
        try:
            visitor = door.enter(request)
            _check(request, hosts, visitor)
            if not connections.begin(visitor.client):
                detail = "These are more requests at once than this server answers for one visitor."
                raise Refusal(429, detail, headers={"Retry-After": "5"})
            counted = visitor.client
            if request.method == "OPTIONS":
                return _options(request, door)
            door.check_origin(request, visitor)
            # A route of the API knows how long it may take.
            async with asyncio.timeout(None if request.path.startswith(API) else limits.request_time):
                return await handler(door.seen(request, visitor))
        except Refusal as refusal:
            response = problem_response(refusal)
        except web.HTTPNotFound:
            response = problem_response(Refusal(404, "There is nothing here; /api/docs lists what there is."))
        except web.HTTPMethodNotAllowed as problem:
            allowed = ", ".join(sorted(problem.allowed_methods))
            detail = f"{request.method[:20]} means nothing here; this path knows {allowed}."
            response = problem_response(Refusal(405, detail, headers={"Allow": allowed}))
        except web.HTTPException as problem:
            response = problem_response(Refusal(problem.status, problem.reason))
        except TimeoutError:
            response = problem_response(Refusal(503, "The answer took too long.", headers={"Retry-After": "10"}))
        except Exception:  # a bug in one handler must neither end the server nor leave a visitor without an answer
            log.exception("%s %s failed", request.method, request.path)
            response = problem_response(Refusal(500, "Something broke; the log says what."))
        finally:
            if counted:
                connections.end(counted)
            connections.rest(request.transport)
        if request.can_read_body or response.status >= 500 or not counted:
            response.force_close()
        return response

    return guarded


def _options(request: web.Request, door: Door) -> web.Response:
    """What a path can, and what another origin's page may ask of it (RFC 9110 section 9.3.7)."""
    problem = request.match_info.http_exception
    if not isinstance(problem, web.HTTPMethodNotAllowed):
        raise Refusal(404, "There is nothing here; /api/docs lists what there is.")
    return web.Response(status=204, headers=door.preflight(request, {*problem.allowed_methods, "OPTIONS"}))


def _check(request: web.Request, hosts: HostRule, visitor: Visitor) -> None:
    told = request.headers.getall("Host", [])
    if len(told) != 1:
        fault = Fault("Host", f"is given {len(told)} times", "it once")
        raise Refusal(400, "A request names its host once (RFC 9110 section 7.2).", [fault])
    # A page can write X-Forwarded-Host into its own requests, so it does not make another Host good.
    strange = next((host for host in (told[0], visitor.host) if not hosts.allows(host)), None)
    if strange is not None:
        instead = "localhost, the name of the machine, its address, or one of web.host_names"
        fault = Fault("Host", f"{strange[:80]!r} is no name of this server", instead)
        detail = (
            "This server does not answer to that name, so that a stranger's page can't read it through DNS rebinding."
        )
        raise Refusal(421, detail, [fault])
    if request.method in {"GET", "HEAD", "OPTIONS"} and request.can_read_body:
        raise Refusal(413, f"A {request.method} request has no body here.")


class ProtocolLog(logging.LoggerAdapter[logging.Logger]):
    """aiohttp's log: what is no HTTP is a visitor's fault and no error of ours."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **more: Any) -> None:
        """Log an error with its traceback, or a malformed request in one quiet line."""
        if isinstance(exc_info, HttpProcessingError):
            self.debug("malformed request: %s", exc_info.message)
        else:
            self.error(msg, *args, exc_info=exc_info, **more)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Nothing to add."""
        return msg, kwargs
