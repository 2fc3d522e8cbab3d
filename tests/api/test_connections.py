"""Connections are bounded: slow ones, idle ones, floods and garbage keep nobody else out, and take no memory."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from mirage_hole.api import connections as module
from mirage_hole.api.connections import Connections, network_of
from mirage_hole.api.limits import Limits
from mirage_hole.api.site import GuardedSite
from tests.api.doors import a_door
from tests.api.serving import get, listening, talk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WELL = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@contextlib.asynccontextmanager
async def clients(url: str, many: int) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    """So many open connections."""
    opened = []
    try:
        for _ in range(many):
            opened.append(await asyncio.open_connection("127.0.0.1", port_of(url)))
        yield opened
    finally:
        for _, writer in opened:
            writer.transport.abort()


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server closes the connection, sooner or later."""
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 20)
    return True


async def until(what: object) -> None:
    async with asyncio.timeout(30):
        while not what():  # type: ignore[operator]  # noqa: ASYNC110 - nothing tells when a socket is closed
            await asyncio.sleep(0.01)


async def test_idle_connections_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTS_AFTER", 0.0)
    async with a_door(Limits(connections=4)) as server, clients(server.url, 4) as idle:
        await until(lambda: len(server.connections) == 4)
        for _ in range(3):
            assert (await talk(server.url, WELL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))).startswith(
                b"HTTP/1.1 200"
            )
        assert server.connections.displaced >= 1
        assert await ended(idle[0][0])  # who rests longest goes first


async def test_a_connection_in_use_never_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTS_AFTER", 0.0)
    async with a_door(Limits(connections=2)) as server, listening(server.url), listening(server.url) as listener:
        assert await talk(server.url, WELL) == b""
        assert server.connections.refused == 1
        await listener.until("hello")


async def test_a_body_that_does_not_come_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTS_AFTER", 0.0)
    head = b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    async with a_door(Limits(connections=2)) as server, clients(server.url, 2) as slow:
        for _, writer in slow:
            writer.write(head)
        # From here on they are in work, and only that their bodies are missing lets them make room.
        await until(lambda: sum(server.connections._requests.values()) == 2)
        assert (await talk(server.url, WELL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))).startswith(
            b"HTTP/1.1 200"
        )
        assert server.connections.displaced == 1


async def test_one_client_has_no_more_than_its_share() -> None:
    async with a_door(Limits(connections=50, connections_per_client=3)) as server, clients(server.url, 3):
        await until(lambda: len(server.connections) == 3)
        assert await talk(server.url, WELL) == b""
        assert server.connections.refused == 1


async def test_a_proxy_has_a_share_for_each_of_its_clients() -> None:
    limits = Limits(connections=50, connections_per_client=2)
    async with a_door(limits, trusted_proxies=("127.0.0.0/8",)) as server:
        first, second = {"X-Forwarded-For": "192.168.1.1"}, {"X-Forwarded-For": "192.168.1.2"}
        async with listening(server.url, headers=first), listening(server.url, headers=first):
            assert (await get(f"{server.url}/healthz", headers=first))[0] == 429
            assert (await get(f"{server.url}/healthz", headers=second))[0] == 200

        async def again() -> int:
            return (await get(f"{server.url}/healthz", headers=first))[0]

        async with asyncio.timeout(30):
            while await again() != 200:  # noqa: ASYNC110 - the server tells nobody that it is ready for more
                await asyncio.sleep(0.01)


def test_of_ipv6_a_network_is_one_client() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::2:3") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") != network_of("192.0.2.2")


async def test_thousands_over_the_cap_are_refused_and_cost_nothing_that_stays() -> None:
    """What stands for 10,000 live streams: each is a connection more than there may be."""
    stream = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with (
        a_door(Limits(connections=4, listeners=4)) as server,
        listening(server.url),
        listening(server.url),
        listening(server.url),
        listening(server.url) as listener,
    ):

        async def flood(many: int) -> None:
            for _ in range(many // 50):
                async with clients(server.url, 50) as opened:
                    for _, writer in opened:
                        writer.write(stream)
                    for reader, _ in opened:
                        await ended(reader)

        await flood(200)
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            await flood(1000)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert grown < 500_000  # a thousand connections that stayed would have some 20 MB
        assert (len(server.connections), server.connections.refused) == (4, 1200)
        await listener.until("hello")


@pytest.mark.parametrize(
    "drip", [b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"POST /x HTTP/1.1\r\nContent-"]
)
async def test_a_head_that_drips_is_cut_off(drip: bytes) -> None:
    async with a_door(Limits(request_time=0.3, keep_alive=60)) as server, clients(server.url, 1) as opened:
        reader, writer = opened[0]
        writer.write(drip)

        async def go_on() -> None:
            while not writer.is_closing():
                writer.write(b"a")
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(go_on())
            assert await ended(reader)
            task.cancel()


async def test_a_body_that_drips_is_cut_off() -> None:
    async with a_door(Limits(request_time=0.3)) as server, clients(server.url, 1) as opened:
        reader, writer = opened[0]
        writer.write(b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
        assert b" 405 " in await asyncio.wait_for(reader.read(), 20)


async def test_a_reader_that_does_not_read_is_let_go() -> None:
    async def much(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 65536)
        return response

    app = web.Application()
    app.router.add_get("/", much)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    connections = Connections(Limits())
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    site = GuardedSite(runner, sock, connections, write_time=0.1)
    await site.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(site.name), limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: len(connections) == 1)
        connections.release(next(iter(connections._open.values())).transport)  # as streams do
        await until(lambda: len(connections) == 0)
        writer.transport.abort()
        del reader
    finally:
        await runner.cleanup()


async def test_pipelined_garbage_behind_a_good_request_ends_the_connection() -> None:
    async with a_door() as server, clients(server.url, 1) as ((reader, writer),):
        writer.write(WELL)
        assert b"200 OK" in await asyncio.wait_for(reader.readline(), 20)
        writer.write(b"\x00\x01garbage\r\n\r\n" * 2000)
        answer = await asyncio.wait_for(reader.read(), 20)
        assert answer.count(b"400 Bad Request") == 1
        assert (await get(f"{server.url}/healthz"))[0] == 200


async def test_a_long_pipeline_is_answered_in_order_and_to_its_end() -> None:
    last = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with a_door() as server:
        answer = await talk(server.url, WELL * 200 + last)
        assert answer.count(b"HTTP/1.1 200 ") == 200
        assert answer.rpartition(b"HTTP/1.1 ")[2].startswith(b"404 ")


@pytest.mark.parametrize("count", [65, 5000, 100_000])
async def test_more_headers_than_allowed_are_refused(count: int) -> None:
    async with a_door() as server:
        flood = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * count + b"\r\n"
        answer = await talk(server.url, flood)
        assert b" 200 " not in answer  # 400, or reset while it still writes
        assert (await get(f"{server.url}/healthz"))[0] == 200
