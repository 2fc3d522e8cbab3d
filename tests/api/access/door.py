"""A server with nothing but the routes about who may, a clock that stands, and hashes that cost nothing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from aiohttp import web
from argon2 import PasswordHasher

from mirage_hole.api.access.service import AccessService
from mirage_hole.api.problems import Refusal, problem_response
from mirage_hole.api.v1.dispatch import Everybody, mount
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.routes import ALL_ROUTES
from mirage_hole.store.state import StateStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

NOON = 1_800_000_000.0
GOOD = "a fine long password"
OTHER = "another long password"


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Cheap(PasswordHasher):
    """argon2id with the least memory; counts what was asked of it."""

    def __init__(self, **more: int) -> None:
        super().__init__(**({"time_cost": 1, "memory_cost": 8, "parallelism": 1} | more))
        self.verified: list[bool] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002 - the library's name
        try:
            found = super().verify(hash, password)
        except BaseException:
            self.verified.append(False)
            raise
        self.verified.append(True)
        return found


@dataclass
class Answer:
    """One answer."""

    status: int
    body: Any
    headers: Mapping[str, str]
    cookie: str | None
    """The value that ``mirage_session`` was set to; None: it was not set."""
    set_cookie: str


@dataclass
class Door:
    """A running server."""

    url: str
    service: AccessService
    store: StateStore
    hasher: Cheap
    clock: Clock
    ticks: Clock
    session: aiohttp.ClientSession
    local: str
    """The same routes as the control socket has them."""

    def visitor(self, address: str = "127.0.0.1", **headers: str) -> Visitor:
        """Somebody at a browser of his own."""
        return Visitor(self, address, headers)

    async def set_up(self, name: str = "ada", password: str = GOOD) -> Visitor:
        """The first user, at her browser."""
        await self.service.logins.add(name, password, Role.ADMIN, "local")
        visitor = self.visitor()
        await visitor.log_in(name, password)
        return visitor

    async def with_user(self, role: str, name: str = "", password: str = GOOD) -> Visitor:
        """One more user, logged in."""
        await self.service.logins.add(name or role, password, Role[role.upper()], "local")
        visitor = self.visitor()
        await visitor.log_in(name or role, password)
        return visitor

    def audit(self) -> list[tuple[str, str, str, str]]:
        """(who, what, target, after) of everything that was written down."""
        return self.store.read(
            lambda db: [tuple(row) for row in db.execute("SELECT who, what, target, after FROM audit ORDER BY number")]
        )


@dataclass
class Visitor:
    """Keeps a cookie, as a browser does, and repeats its token."""

    door: Door
    address: str
    headers: dict[str, str]
    cookie: str = ""
    csrf: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answer:
        """Ask as our own page does; a header that is None is left out."""
        sent: dict[str, str | None] = {"X-Test-Client": self.address, **self.headers}
        if method != "GET":
            sent |= {"Origin": self.door.url, "X-CSRF-Token": self.csrf}
        if self.cookie:
            sent["Cookie"] = f"mirage_session={self.cookie}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        final = {name: value for name, value in sent.items() if value is not None}
        data = None if body is None else orjson.dumps(body)
        async with self.door.session.request(method, self.door.url + path, data=data, headers=final) as response:
            morsel = response.cookies.get("mirage_session")
            text = await response.read()
            return Answer(
                response.status,
                orjson.loads(text) if text else None,
                response.headers,
                None if morsel is None else morsel.value,
                response.headers.get("Set-Cookie", ""),
            )

    async def log_in(self, name: str, password: str, code: str = "", status: int = 200) -> Answer:
        """Log in and keep the cookie."""
        body = {"name": name, "password": password} | ({"code": code} if code else {})
        answer = await self.ask("POST", "/api/v1/login", body)
        assert answer.status == status, answer.body
        self.take(answer)
        return answer

    def take(self, answer: Answer) -> None:
        """Keep the cookie and the token of an answer."""
        if answer.cookie is not None:
            self.cookie = answer.cookie
            self.csrf = answer.body.get("csrf", "")

    async def good(self, method: str, path: str, body: Any = None, **headers: str | None) -> Any:
        """The body of an answer that is good."""
        answer = await self.ask(method, path, body, **headers)
        assert answer.status in {200, 201}, answer.body
        self.take(answer)
        return answer.body

    async def refused(self, status: int, method: str, path: str, body: Any = None, **headers: str | None) -> str:
        """The detail of a refusal."""
        answer = await self.ask(method, path, body, **headers)
        assert answer.status == status, (answer.status, answer.body)
        return str(answer.body["detail"])


@web.middleware
async def _outermost(request: web.Request, handler: Any) -> web.StreamResponse:
    remote = request.headers.get("X-Test-Client", request.remote)
    request = request.clone(remote=remote, scheme=request.headers.get("X-Test-Scheme", "http"))
    try:
        return await handler(request)
    except Refusal as refusal:
        return problem_response(refusal)


async def _change_rules(call: Call[None, None]) -> dict[str, str]:
    return {"who": call.who.name}


CHANGES = Route(
    method="POST",
    path="/api/v1/try/rules",
    area="server",
    role=Role.OPERATOR,
    handler=_change_rules,
    summary="a change",
)
LOOKS = Route(
    method="GET", path="/api/v1/try/lists", area="lists", role=Role.VIEWER, handler=_change_rules, summary="a look"
)
"""What others' routes are to this folder: something that needs a role and belongs to an area."""


@asynccontextmanager
async def a_door(directory: Path, **settings: Any) -> AsyncIterator[Door]:
    """A server whose state is kept in ``directory``."""
    store, hasher = StateStore(directory), settings.pop("hasher", None) or Cheap()
    clock, ticks = Clock(NOON), Clock(1000.0)
    service = AccessService(store, hasher=hasher, clock=clock, monotonic=ticks, **settings)
    runners = []
    urls = []
    for proves in (service.access, Everybody()):
        app = web.Application(middlewares=[_outermost])
        mount(app, Parts(access=service), proves, (*ALL_ROUTES, CHANGES, LOOKS))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        urls.append(f"http://localhost:{runner.addresses[0][1]}")
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield Door(urls[0], service, store, hasher, clock, ticks, session, urls[1])
    finally:
        for runner in runners:
            await runner.cleanup()
        store.close()
