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
    from mirage_hole.api.hosts import HostRule
    from mirage_hole.api.limits import Limits

log = logging.getLogger(__name__)

STREAM = "/api/v1/events"
"""The one resource without an end; it has deadlines of its own."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
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


def guard(hosts: HostRule, connections: Connections, limits: Limits) -> Middleware:
    """The outermost middleware: refuses what no handler should see, and turns every failure into a problem document."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        connections.renew(request.transport)
        try:
            _check(request, hosts)
            async with asyncio.timeout(None if request.path == STREAM else limits.request_time):
                return await handler(request)
        except Refusal as refusal:
            response = problem_response(refusal)
        except web.HTTPNotFound:
            response = problem_response(Refusal(404, "There is nothing here; docs/api.md lists what there is."))
        except web.HTTPException as problem:
            response = problem_response(Refusal(problem.status, problem.reason))
        except TimeoutError:
            response = problem_response(Refusal(503, "The answer took too long.", headers={"Retry-After": "10"}))
        except Exception:  # a bug in one handler must neither end the server nor leave a visitor without an answer
            log.exception("%s %s failed", request.method, request.path)
            response = problem_response(Refusal(500, "Something broke; the log says what."))
        if request.can_read_body or response.status >= 500:
            response.force_close()
        return response

    return guarded


def _check(request: web.Request, hosts: HostRule) -> None:
    if request.method != "GET":
        raise Refusal(405, "Everything here is read with GET.", headers={"Allow": "GET"})
    told = request.headers.getall("Host", [])
    if len(told) != 1:
        fault = Fault("Host", f"is given {len(told)} times", "it once")
        raise Refusal(400, "A request names its host once (RFC 9110 section 7.2).", [fault])
    if not hosts.allows(told[0]):
        fault = Fault(
            "Host", f"{told[0][:80]!r} is no name of this server", "localhost, the name of the machine, or its address"
        )
        detail = (
            "This server does not answer to that name, so that a stranger's page can't read it through DNS rebinding."
        )
        raise Refusal(421, detail, [fault])
    if request.can_read_body:
        raise Refusal(413, "A GET request has no body here.")


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
