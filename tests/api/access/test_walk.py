"""Every route that there is, asked by everybody who might: each needs its role, its area, and where it changes something, our own page."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest
from aiohttp import web

from mirage_hole.api.access.service import AccessService
from mirage_hole.api.problems import Refusal, problem_response
from mirage_hole.api.v1.access import AREA
from mirage_hole.api.v1.dispatch import mount
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.api.v1.routes import ALL_ROUTES
from mirage_hole.store import accounts, credentials
from mirage_hole.store.state import StateStore
from tests.api.access.door import GOOD, Cheap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mirage_hole.api.v1.route import Call, Route

FOR_ALL: Final = {
    ("GET", "/api/v1/setup"),
    ("POST", "/api/v1/setup"),
    ("POST", "/api/v1/login"),
    ("POST", "/api/v1/login/passkey"),
    ("POST", "/api/v1/login/passkey/begin"),
    ("POST", "/api/v1/logout"),
    ("GET", "/healthz"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/docs"),
}
"""What answers to somebody who is nobody."""
OWN: Final = {
    "/api/v1/password",
    "/api/v1/sessions",
    "/api/v1/sessions/{number}",
    "/api/v1/totp",
    "/api/v1/totp/confirm",
    "/api/v1/totp/remove",
    "/api/v1/passkeys",
    "/api/v1/passkeys/begin",
    "/api/v1/passkeys/{number}",
    "/api/v1/tokens",
    "/api/v1/tokens/{number}",
}
"""What a viewer changes: things of an own account."""


class Walk:
    """A server of every route, none of which does anything but say that it was reached."""

    def __init__(self, url: str, service: AccessService, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.service = service
        self._session = session

    async def reaches(self, route: Route, **headers: str) -> int:
        """0 when the handler was called, or would have been but for the body; else the status of the refusal."""
        path = re.sub(r"{\w+}", "1", route.path)
        sent = {"Content-Type": "application/json", **headers}
        if route.method == "GET":
            del sent["Content-Type"]
        async with self._session.request(route.method, self.url + path, headers=sent) as response:
            return response.status if response.status in {401, 403, 404, 405, 429, 500} else 0

    async def token(self, role: Role, areas: tuple[str, ...] = ()) -> dict[str, str]:
        """What a program with such a token sends."""
        from mirage_hole.api.access.secrets import digest_of, new_token

        token = new_token()
        name = f"{role.name} {' '.join(areas)}"
        await self.service.accounts.quiet(
            lambda db: credentials.add_token(db, None, name, role, areas, digest_of(token), 0.0, None)
        )
        return {"Authorization": f"Bearer {token}"}

    async def cookie(self, role: Role) -> dict[str, str]:
        """What a browser sends by itself, from wherever."""
        from mirage_hole.api.access.logins import Visit

        await self.service.logins.add(f"user-{role.name}", GOOD, role, "local")
        user = await self.service.accounts.read(lambda db: accounts.existing(db, f"user-{role.name}"))
        opened = await self.service.logins.open(user, "password", Visit("127.0.0.1", ""))
        return {"Cookie": f"mirage_session={opened.secret}"}


async def _reached(call: Call[Any, Any]) -> web.Response:
    return web.Response(text=call.who.name)


@web.middleware
async def _outermost(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return problem_response(refusal)


@pytest.fixture
async def walk(tmp_path: Path) -> AsyncIterator[Walk]:
    store = StateStore(tmp_path)
    service = AccessService(store, hasher=Cheap())
    app = web.Application(middlewares=[_outermost])
    mount(app, Parts(access=service), service.access, [replace(route, handler=_reached) for route in ALL_ROUTES])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Walk(f"http://127.0.0.1:{runner.addresses[0][1]}", service, session)
    await runner.cleanup()
    store.close()


def test_only_what_a_login_needs_is_there_for_all() -> None:
    assert {(route.method, route.path) for route in ALL_ROUTES if route.role is Role.NOBODY} <= FOR_ALL


def test_a_viewer_changes_nothing_but_the_own_account() -> None:
    changed = {route.path for route in ALL_ROUTES if route.method != "GET" and route.role is Role.VIEWER}
    assert changed <= OWN


def test_users_are_for_admins() -> None:
    assert {route.role for route in ALL_ROUTES if route.path.startswith("/api/v1/users")} == {Role.ADMIN}


async def test_every_route_is_reached_with_its_role_and_with_none_below(walk: Walk) -> None:
    programs = {role: await walk.token(role) for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN)}
    for route in ALL_ROUTES:
        where = f"{route.method} {route.path}"
        assert await walk.reaches(route) == (401 if route.role > Role.NOBODY else 0), where
        for role, headers in programs.items():
            assert await walk.reaches(route, **headers) == (403 if route.role > role else 0), (where, role)


async def test_every_route_is_reached_only_by_tokens_for_its_area(walk: Walk) -> None:
    areas = sorted({route.area for route in ALL_ROUTES})
    assert AREA in areas
    programs = {area: await walk.token(Role.ADMIN, (area,)) for area in areas}
    for route in ALL_ROUTES:
        if route.role is Role.NOBODY:
            continue
        other = next(area for area in areas if area != route.area)
        assert await walk.reaches(route, **programs[route.area]) == 0, route.path
        assert await walk.reaches(route, **programs[other]) == 403, route.path


async def test_every_route_refuses_a_forged_token(walk: Walk) -> None:
    for route in ALL_ROUTES:
        assert await walk.reaches(route, Authorization=f"Bearer mh_{'x' * 43}") == 401, route.path


async def test_every_change_by_cookie_is_refused_to_other_sites_pages(walk: Walk) -> None:
    cookie = await walk.cookie(Role.ADMIN)
    for route in ALL_ROUTES:
        wanted = 0 if route.method == "GET" else 403
        assert await walk.reaches(route, **cookie) == wanted, route.path
        assert await walk.reaches(route, **cookie, Origin="https://evil.example") == wanted, route.path


async def test_every_route_refuses_a_session_that_has_ended(walk: Walk) -> None:
    cookie = await walk.cookie(Role.ADMIN)
    await walk.service.accounts.quiet(lambda db: credentials.end_sessions(db, "user-ADMIN"))
    for route in ALL_ROUTES:
        assert await walk.reaches(route, **cookie) == (401 if route.role > Role.NOBODY else 0), route.path
