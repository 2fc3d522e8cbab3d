"""The web application and the server around it. docs/api.md describes every resource."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

from aiohttp import web

from mirage_hole.api.connections import Connections, GuardedSite
from mirage_hole.api.guard import STREAM, ProtocolLog, add_headers, guard
from mirage_hole.api.hosts import HostRule, own_names
from mirage_hole.api.limits import Limits
from mirage_hole.api.pages import load_pages, web_directory
from mirage_hole.api.resources import Resources, page_handler

if TYPE_CHECKING:
    from mirage_hole.api.state import ApiState
    from mirage_hole.config.settled import Endpoint

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


class WebUnavailable(Exception):  # noqa: N818 - reads as what it is at the raise
    """The web server can't listen; the message names the address and says what to do."""


def make_app(
    state: ApiState, *, address: str = LOOPBACK, limits: Limits | None = None, connections: Connections | None = None
) -> web.Application:
    """The application. ``address`` is the literal it listens on, which the Host check needs to know."""
    limits = limits or Limits()
    connections = connections or Connections(limits)
    resources = Resources(state, limits, connections)
    hosts = HostRule(address, (*own_names(), *state.host_names))
    app = web.Application(middlewares=[guard(hosts, connections, limits)], client_max_size=1)
    app.on_response_prepare.append(add_headers)

    async def close_streams(_app: web.Application) -> None:
        resources.streams.close()

    app.on_shutdown.append(close_streams)
    routes = {
        "/api/v1/stats": resources.stats,
        "/api/v1/queries": resources.queries,
        "/api/v1/lists": resources.lists,
        "/api/v1/explain": resources.explain,
        "/api/v1/cache": resources.cache,
        STREAM: resources.events,
        "/metrics": resources.metrics,
        "/healthz": resources.healthz,
    }
    for path, handler in routes.items():
        app.router.add_get(path, handler, allow_head=False)
    pages = load_pages(web_directory())
    if not pages:
        log.warning("the dashboard's files are missing; the API works, / does not")
    for path, page in pages.items():
        app.router.add_get(path, page_handler(page), allow_head=False)
    return app


class WebServer:
    """A running web server; :meth:`cleanup` ends it."""

    def __init__(self, runner: web.AppRunner, site: GuardedSite) -> None:
        self._runner = runner
        self.url = site.name
        """``http://ADDRESS:PORT``, with the port that the kernel chose when 0 was asked for."""

    async def cleanup(self) -> None:
        """Stop accepting, end the live streams, wait a moment for answers in progress, close."""
        await self._runner.cleanup()


def bind(endpoint: Endpoint) -> socket.socket:
    """The web server's listening socket; for a port below 1024, before the privileges are dropped.

    Raises:
        WebUnavailable: the address is not ours, the port is taken or needs privileges.
    """
    family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
    try:
        # getaddrinfo reads the zone of a link-local address
        where = socket.getaddrinfo(
            endpoint.address, endpoint.port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST
        )
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as problem:
        raise _unavailable(endpoint, problem) from problem
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where[0][4])
        sock.listen(64)
    except OSError as problem:
        sock.close()
        raise _unavailable(endpoint, problem) from problem
    return sock


async def start_web(
    endpoint: Endpoint, state: ApiState, *, sock: socket.socket | None = None, limits: Limits | None = None
) -> WebServer:
    """Serve the application at ``endpoint``, or at a socket that :func:`bind` made for it.

    Raises:
        WebUnavailable: see :func:`bind`.
    """
    limits = limits or Limits()
    sock = sock or bind(endpoint)
    connections = Connections(limits)
    app = make_app(state, address=endpoint.address, limits=limits, connections=connections)
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=ProtocolLog(log),
        keepalive_timeout=limits.keep_alive,
        max_line_size=limits.line_octets,
        max_field_size=limits.line_octets,
        max_headers=limits.headers,
        lingering_time=0.0,
        shutdown_timeout=2.0,
    )
    try:
        await runner.setup()
        site = GuardedSite(runner, sock, connections)
        await site.start()
    except BaseException:
        sock.close()
        await runner.cleanup()
        raise
    server = WebServer(runner, site)
    log.debug("the dashboard is at %s/", server.url)
    return server


def _unavailable(endpoint: Endpoint, problem: OSError) -> WebUnavailable:
    reason = problem.strerror or str(problem)
    message = f"--web {endpoint}: {reason}; choose another address or port, or stop what uses it"
    return WebUnavailable(message)
