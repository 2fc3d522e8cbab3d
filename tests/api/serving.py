"""A running web server for tests, with a state that was folded from frames."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from multidict import CIMultiDict

from mirage_hole.api.server import start_web
from mirage_hole.api.state import ApiState, GenerationView
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.identity import Identity, Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.settled import Endpoint
from mirage_hole.observe.statistics import Statistics
from mirage_hole.policy.explain import explain
from mirage_hole.policy.verdict import Outcome
from mirage_hole.sources.status import ListStatus
from tests.observe.frames import NOON, frame, replays, ruled, single, subject
from tests.policy.rules import a_policy, rule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mirage_hole.api.limits import Limits

GET_ROUTES = (
    "/", "/queries", "/icon.svg", "/theme.js",
    "/api/v1/stats", "/api/v1/queries", "/api/v1/lists", "/api/v1/explain?name=a.example", "/metrics", "/healthz",
)  # fmt: skip


VISITOR = Identity("", Role.VIEWER, "open")
INDEX = a_policy([rule("||example", 7)], [rule("@@|www.example", 9)])


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def a_state(**changes: Any) -> ApiState:
    """A state in which three queries were blocked, one forwarded and one failed."""
    statistics = Statistics()
    statistics.register_generation(1, ["Ads", "Exceptions"])
    statistics.fold_frame(
        frame(
            replays(NOON - 70, [("192.168.1.20", ruled("ads.doubleclick.net", "doubleclick.net", line=42))] * 3),
            single(NOON - 5, "192.168.1.21", subject("example.com", upstream=0), 0.0213),
            single(NOON - 1, "2001:db8::7", subject("gone.example", Outcome.FAILED, rcode=2, qtype=28)),
        ),
        NOON,
    )
    report(statistics)
    settings: dict[str, Any] = {
        "statistics": statistics,
        "version": "1.2.3",
        "started_at": NOON - 3600,
        "listen": ["127.0.0.1:5353"],
        "lists": lambda: [
            a_status("Ads", "https://lists.example/ads.txt", rules=900, complaints=3, last_success=NOON - 60),
            a_status("Broken", "/etc/broken.txt", state="missing", error="It answered with an HTML page."),
        ],
        "generation": lambda: GenerationView(1, NOON - 100, 850_000),
        "explain": lambda *asked: explain(INDEX, *asked),
        "clock": Clock(),
    }
    return ApiState(**(settings | changes))


def a_status(title: str, source: str, kind: str = "block", **known: Any) -> ListStatus:
    """What the schedule tells of one list."""
    unknown: dict[str, Any] = {
        "key": title.lower(), "state": "live", "format": "hosts", "rules": 0, "complaints": 0, "bytes": 0,
        "last_success": None, "last_try": NOON - 60, "next_try": NOON + 60, "error": "",
    }  # fmt: skip
    return ListStatus(title=title, source=source, kind=kind, **(unknown | known))


def report(statistics: Statistics, now: float = NOON) -> None:
    """The worker reports."""
    upstream = {"address": "9.9.9.9", "port": 53, "sent": 2, "answered": 2, "rtt_ms": 12.5, "healthy": True}
    counters = {"pid": 77, "generation": 1, "datagrams": 5, "cache_entries": 9, "upstreams": [upstream]}
    statistics.workers.report(0, counters, now)


@asynccontextmanager
async def serving(
    state: ApiState, limits: Limits | None = None, address: str = "127.0.0.1", who: Identity = VISITOR
) -> AsyncIterator[str]:
    """The URL of a server of ``state``, where everybody is ``who``."""
    server = await start_web(Endpoint(address, 0), Parts(state=state), Everybody(who), limits=limits)
    try:
        yield server.url
    finally:
        await server.cleanup()


async def get(url: str, **more: Any) -> tuple[int, CIMultiDict[str], bytes]:
    """(status, headers, body) of a request."""
    method = more.pop("method", "GET")
    async with aiohttp.ClientSession() as session, session.request(method, url, **more) as response:
        return response.status, CIMultiDict(response.headers), await response.read()


async def get_json(url: str, status: int = 200, **more: Any) -> Any:
    """The JSON of an answer that has ``status``."""
    told, _, body = await get(url, **more)
    assert told == status, body
    return orjson.loads(body)


async def talk(url: str, octets: bytes) -> bytes:
    """Everything that a server answers to raw octets until it closes."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        writer.write(octets)
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


class Listener:
    """Reads a live stream event by event."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def event(self) -> tuple[str, Any, str]:
        """(event, data, id) of the next event."""
        fields: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self.response.content.readline(), 10)).decode()
            if not line:
                raise EOFError
            if line == "\n":
                if "data" in fields:
                    return fields["event"], orjson.loads(fields["data"]), fields.get("id", "")
                fields = {}
                continue
            field, _, value = line.rstrip("\n").partition(":")
            fields[field] = value.removeprefix(" ")

    async def until(self, name: str) -> tuple[Any, str]:
        """(data, id) of the next event of that name."""
        while True:
            event, data, identifier = await self.event()
            if event == name:
                return data, identifier


@asynccontextmanager
async def listening(url: str, **more: Any) -> AsyncIterator[Listener]:
    """A listener at the live stream of the server at ``url``."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with (
        aiohttp.ClientSession(timeout=timeout, read_bufsize=2**20) as session,
        session.get(f"{url}/api/v1/events", **more) as response,
    ):
        assert response.status == 200, await response.read()
        yield Listener(response)
