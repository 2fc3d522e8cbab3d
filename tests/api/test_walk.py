"""Every route of the two real applications: without a login nothing answers but what a login needs, and the socket asks for none.

tests/api/access/test_walk.py asks each route in every role and with tokens of every area.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from mirage_hole.api.commands import make_command_app
from mirage_hole.api.pages import VIEWS, load_pages, web_directory
from mirage_hole.api.server import make_app
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.api.v1.routes import ALL_ROUTES
from tests.api.realm import real_parts, realm
from tests.api.serving import a_state, get

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = {
    "GET /api/v1/setup",
    "POST /api/v1/setup",
    "POST /api/v1/login",
    "POST /api/v1/login/passkey",
    "POST /api/v1/login/passkey/begin",
    "POST /api/v1/logout",
    "GET /healthz",
    "GET /api/v1/openapi.json",
}


def address(path: str) -> str:
    return re.sub(r"{\w+}", "1", path)


async def test_without_a_login_exactly_these_answer(tmp_path: Path) -> None:
    parts = real_parts(tmp_path)
    assert parts.access is not None
    answered = set()
    with realm(parts, parts.access.access) as url:
        for route in ALL_ROUTES:
            status, headers, _ = await get(url + address(route.path), method=route.method)
            if status == 401 and "WWW-Authenticate" in headers:
                continue
            answered.add(f"{route.method} {route.path}")
    assert answered == PUBLIC


@pytest.mark.parametrize("told", ["Bearer mh_" + "x" * 43, "Bearer x", "Bearer ", "bearer ../../etc/passwd"])
async def test_a_forged_token_opens_nothing(tmp_path: Path, told: str) -> None:
    parts = real_parts(tmp_path)
    assert parts.access is not None
    with realm(parts, parts.access.access) as url:
        for route in ALL_ROUTES:
            status, _, _ = await get(url + address(route.path), method=route.method, headers={"Authorization": told})
            assert status == 401, route.path


async def test_whatever_else_is_served_is_a_file_of_the_page() -> None:
    app = make_app(Parts(state=a_state()), Everybody())
    declared = {(route.method, route.path) for route in ALL_ROUTES}
    pages = {"/", *load_pages(web_directory())}
    views = {path for view in VIEWS for path in (f"/{view}", f"/{view}/{{rest}}")}
    for served in app.router.routes():
        assert served.resource is not None
        one = (served.method, served.resource.canonical)
        if one not in declared:
            assert one[0] in {"GET", "HEAD"}
            assert one[1] in {*pages, *views} or one[0] == "HEAD", one


async def test_the_control_socket_serves_every_route_to_whoever_may_open_it(tmp_path: Path) -> None:
    app = make_command_app(object(), real_parts(tmp_path))  # type: ignore[arg-type]
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    assert served >= {(route.method, route.path) for route in ALL_ROUTES}
    path = str(tmp_path / "socket")
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, path).start()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
            for route in ALL_ROUTES:
                if route.method == "GET" and route.seconds and route.role >= Role.VIEWER:
                    async with session.get(f"http://localhost{address(route.path)}") as answer:
                        assert answer.status != 401, route.path
                        assert answer.status != 500, route.path
            async with session.put("http://localhost/api/v1/pause", json={"seconds": 60}) as answer:
                assert (answer.status, (await answer.json())["who"]) == (200, "local")
    finally:
        await runner.cleanup()
