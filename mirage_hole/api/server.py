"""The web application and the server around it. docs/api.md describes every resource."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

from aiohttp import web

from mirage_hole.api.connections import Connections
from mirage_hole.api.door import Door
from mirage_hole.api.guard import ProtocolLog, add_headers, guard
from mirage_hole.api.hosts import HostRule, own_names
from mirage_hole.api.limits import Limits
from mirage_hole.api.pages import add_pages, load_pages, web_directory
from mirage_hole.api.redirect import make_redirect
from mirage_hole.api.site import GuardedSite
from mirage_hole.api.stream import Streams
from mirage_hole.api.v1.dispatch import mount
from mirage_hole.api.v1.routes import ALL_ROUTES
from mirage_hole.config.settled import WebDoor

if TYPE_CHECKING:
    from mirage_hole.api.tls import Tls
    from mirage_hole.api.v1.dispatch import Proves
    from mirage_hole.api.v1.parts import Parts
    from mirage_hole.api.v1.rates import Rates
    from mirage_hole.config.settled import Endpoint

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
PLAIN = WebDoor()


class WebUnavailable(Exception):  # noqa: N818 - reads as what it is at the raise
    """The web server can't listen; the message names the address and says what to do."""


def make_app(
    parts: Parts,
    access: Proves,
    *,
    address: str = LOOPBACK,
    limits: Limits | None = None,
    connections: Connections | None = None,
    rates: Rates | None = None,
    settings: WebDoor = PLAIN,
    tls: Tls | None = None,
) -> web.Application:
    """The application. ``address`` is the literal it listens on, which the Host check needs to know."""
    limits = limits or Limits()
    connections = Connections(limits) if connections is None else connections  # an empty one is false
    names = parts.state.host_names if parts.state is not None else ()
    hosts = HostRule(address, (*own_names(), *names, *settings.host_names))
    door = door_of(settings)
    app = web.Application(middlewares=[guard(hosts, connections, limits, door)], client_max_size=1)
    app.on_response_prepare.append(add_headers)
    app.on_response_prepare.append(door.add_headers)
    if tls is not None:
        app.on_response_prepare.append(tls.add_header)
    stream_events(app, parts, limits)
    mount(app, parts, access, rates=rates, connections=connections)
    pages = load_pages(web_directory())
    if not pages:
        log.warning("the dashboard was not built; DNS and the API work (python hatch_build.py builds it)")
    add_pages(app.router, pages)
    _answer_head(app)
    return app


def door_of(settings: WebDoor) -> Door:
    """The door that settings ask for."""
    return Door(
        trusted_proxies=settings.trusted_proxies,
        allow_from=settings.allow_from,
        cors_origins=settings.cors_origins,
    )


def _answer_head(app: web.Application) -> None:
    """HEAD wherever there is GET (RFC 9110 section 9.1), but for streams, which would be made for nothing."""
    streams = {route.path for route in ALL_ROUTES if route.method == "GET" and not route.seconds}
    for resource in app.router.resources():
        for route in list(resource):
            if route.method == "GET" and resource.canonical not in streams and isinstance(resource, web.Resource):
                resource.add_route("HEAD", route.handler)


def stream_events(app: web.Application, parts: Parts, limits: Limits) -> None:
    """Have live streams, which end with the application."""
    if parts.streams is None and parts.state is not None:
        parts.streams = Streams(parts.state, limits)

    async def close_streams(_app: web.Application) -> None:
        if parts.streams is not None:
            parts.streams.close()

    app.on_shutdown.append(close_streams)


class WebServer:
    """A running web server; :meth:`cleanup` ends it."""

    def __init__(self, runner: web.AppRunner, site: GuardedSite, connections: Connections) -> None:
        self._runner = runner
        self.connections = connections
        self.url = site.name
        """``http://ADDRESS:PORT``, with the port that the kernel chose when 0 was asked for."""

    async def cleanup(self) -> None:
        """Stop accepting, end the live streams, wait a moment for answers in progress, close."""
        await self._runner.cleanup()


def bind(endpoint: Endpoint, flag: str = "--web") -> socket.socket:
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
        raise _unavailable(endpoint, problem, flag) from problem
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where[0][4])
        sock.listen(64)
    except OSError as problem:
        sock.close()
        raise _unavailable(endpoint, problem, flag) from problem
    return sock


async def start_web(
    endpoint: Endpoint,
    parts: Parts,
    access: Proves,
    *,
    sock: socket.socket | None = None,
    limits: Limits | None = None,
    rates: Rates | None = None,
    settings: WebDoor = PLAIN,
    tls: Tls | None = None,
) -> WebServer:
    """Serve the application at ``endpoint``, or at a socket that :func:`bind` made for it.

    Args:
        endpoint: where.
        parts: what the API acts on.
        access: says who asks.
        sock: listens there already.
        limits: what a visitor may take.
        rates: how often a visitor may ask.
        settings: who may come in.
        tls: has a certificate; None: HTTP.

    Raises:
        WebUnavailable: see :func:`bind`.
    """
    limits = limits or Limits()
    sock = sock or bind(endpoint)
    door = door_of(settings)
    connections = Connections(limits, door.is_proxy)
    app = make_app(
        parts,
        access,
        address=endpoint.address,
        limits=limits,
        connections=connections,
        rates=rates,
        settings=settings,
        tls=tls,
    )
    return await _start(app, sock, connections, limits, door, tls)


async def start_redirect(
    endpoint: Endpoint,
    to_port: int,
    *,
    sock: socket.socket | None = None,
    limits: Limits | None = None,
    settings: WebDoor = PLAIN,
) -> WebServer:
    """Answer HTTP at ``endpoint`` with the way to HTTPS at ``to_port``.

    Raises:
        WebUnavailable: see :func:`bind`.
    """
    limits = limits or Limits()
    sock = sock or bind(endpoint, "--web-redirect")
    door = door_of(settings)
    connections = Connections(limits, door.is_proxy)
    hosts = HostRule(endpoint.address, (*own_names(), *settings.host_names))
    app = make_redirect(to_port, guard(hosts, connections, limits, door))
    return await _start(app, sock, connections, limits, door, None)


async def _start(
    app: web.Application,
    sock: socket.socket,
    connections: Connections,
    limits: Limits,
    door: Door,
    tls: Tls | None,
) -> WebServer:
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
        auto_decompress=False,
    )
    try:
        await runner.setup()
        site = GuardedSite(
            runner,
            sock,
            connections,
            admits=door.admits,
            context=tls.context if tls is not None else lambda: None,
            write_time=limits.request_time,
        )
        await site.start()
    except BaseException:
        sock.close()
        await runner.cleanup()
        raise
    server = WebServer(runner, site, connections)
    log.debug("listening at %s/", server.url)
    return server


def _unavailable(endpoint: Endpoint, problem: OSError, flag: str) -> WebUnavailable:
    reason = problem.strerror or str(problem)
    message = f"{flag} {endpoint}: {reason}; choose another address or port, or stop what uses it"
    return WebUnavailable(message)
