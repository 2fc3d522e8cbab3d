"""A port for HTTP that only knows the way to HTTPS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from mirage_hole.api.guard import add_headers
from mirage_hole.api.hosts import host_of

if TYPE_CHECKING:
    from aiohttp.typedefs import Middleware


def make_redirect(to_port: int, guarded: Middleware) -> web.Application:
    """An application that answers everything with the same place at ``to_port`` in HTTPS; 308 keeps the method."""

    async def lead(request: web.Request) -> web.Response:
        # The guard has found that the name is ours, so nobody is led elsewhere.
        host = host_of(request.host) or "localhost"
        place = f"[{host}]" if ":" in host else host
        port = "" if to_port == 443 else f":{to_port}"
        return web.Response(status=308, headers={"Location": f"https://{place}{port}{request.rel_url.raw_path_qs}"})

    app = web.Application(middlewares=[guarded], client_max_size=1)
    app.on_response_prepare.append(add_headers)
    app.router.add_route("*", "/{path:(?s:.*)}", lead)
    return app
