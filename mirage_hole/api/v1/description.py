"""The API's own description, for programs; people read it at ``/api/docs``."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.route import Call, Route

if TYPE_CHECKING:
    from aiohttp import web

PATH = "/api/v1/openapi.json"


@lru_cache(maxsize=1)
def document() -> tuple[bytes, str]:
    """The OpenAPI document and its tag; made once."""
    from mirage_hole.api.v1.dispatch import tag_of
    from mirage_hole.api.v1.openapi import openapi
    from mirage_hole.api.v1.routes import ALL_ROUTES

    body = orjson.dumps(openapi(ALL_ROUTES), option=orjson.OPT_APPEND_NEWLINE)
    return body, tag_of(body)


async def openapi_json(call: Call[None, None]) -> web.Response:
    """OpenAPI 3.1, made of the routes themselves. It holds nothing of this server but its version."""
    from aiohttp import web

    body, tag = await asyncio.to_thread(document)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    known = call.request.headers.get("If-None-Match", "")
    if tag in [one.strip().removeprefix("W/") for one in known.split(",")]:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)


ROUTES = (
    Route(
        method="GET",
        path=PATH,
        area="api",
        role=Role.NOBODY,
        handler=openapi_json,
        summary="This description",
    ),
)
