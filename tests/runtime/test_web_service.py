"""The web part follows its address, and DNS never waits for it."""

import asyncio
import contextlib
import socket
import ssl
import time

import aiohttp
import pytest

from mirage_hole.api.self_signed import own_pair
from mirage_hole.api.state import ApiState
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.settled import SELF_SIGNED, Endpoint, WebDoor
from mirage_hole.observe.statistics import Statistics
from mirage_hole.runtime import web_service
from mirage_hole.runtime.early_web import Early
from mirage_hole.runtime.listeners import bind_web
from mirage_hole.runtime.web_service import WebService
from tests.ports import kept_port

ANYWHERE = Endpoint("127.0.0.1", 0)


@pytest.fixture
async def a_service():
    async with contextlib.AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())

        def start(endpoint, sock=None, **more):
            state = ApiState(statistics=Statistics(), version="1", started_at=time.time())
            service = WebService(endpoint, Parts(state=state), sock, **more)
            task = group.create_task(service.run())
            stack.callback(task.cancel)
            return service

        yield start


async def serves(service, other_than=""):
    """Wait until it serves; the URL."""
    for _ in range(3000):
        if service.url not in ("", other_than):
            return service.url
        await asyncio.sleep(0.01)
    pytest.fail("no web server within 30 s")


async def get(url):
    async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz") as response:
        return response.status


async def test_it_serves_and_moves(a_service):
    service = a_service(ANYWHERE)
    first = await serves(service)
    assert await get(first) in (200, 503)
    service.move(Endpoint("127.0.0.2", 0))
    second = await serves(service, first)
    assert second.startswith("http://127.0.0.2:")
    assert await get(second) in (200, 503)
    with pytest.raises(aiohttp.ClientConnectionError):
        await get(first)


async def test_a_socket_that_was_bound_before_is_used(a_service):
    sock = bind_web(ANYWHERE)
    port = sock.getsockname()[1]
    assert await serves(a_service(Endpoint("127.0.0.1", port), sock)) == f"http://127.0.0.1:{port}"


async def test_it_can_be_off_and_come_back(a_service):
    service = a_service(None)
    async with asyncio.timeout(30):
        await service.tried.wait()
    assert service.url == ""
    service.move(ANYWHERE)
    assert await serves(service)


async def test_a_taken_port_is_told_and_tried_again(a_service, caplog, monkeypatch):
    monkeypatch.setattr(web_service, "back_off", lambda failures: 0.01)
    with socket.create_server(("127.0.0.1", kept_port())) as taken:
        service = a_service(Endpoint(*taken.getsockname()))
        async with asyncio.timeout(30):
            await service.tried.wait()
        assert service.url == ""
        assert "DNS is not affected" in caplog.text
    assert await serves(service)


async def test_a_certificate_brings_https_and_the_way_to_it(a_service, tmp_path):
    lead = bind_web(ANYWHERE)
    where = Endpoint("127.0.0.1", lead.getsockname()[1])
    service = a_service(
        ANYWHERE,
        door=WebDoor(certificate=SELF_SIGNED, redirect=where),
        directory=tmp_path,
        names=lambda: ["localhost"],
        early=Early(redirect=lead),
    )
    url = await serves(service)
    assert url.startswith("https://")
    assert service.certificate_ends > time.time() + 300 * 86400
    trust = ssl.create_default_context(cafile=str(tmp_path / "web-certificate.pem"))
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{where.port}/healthz", ssl=trust) as response:
                    break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.01)
        assert str(response.url) == f"{url}/healthz"
        assert response.status in (200, 503)


async def test_a_certificate_that_can_not_be_used_is_told_and_nothing_is_served_without_it(
    a_service, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr(web_service, "back_off", lambda failures: 0.01)
    path = tmp_path / "web.pem"
    service = a_service(ANYWHERE, door=WebDoor(certificate=str(path), key=str(path)), directory=tmp_path)
    async with asyncio.timeout(30):
        await service.tried.wait()
    assert service.url == ""
    assert "No such file" in service.certificate_trouble
    assert "DNS is not affected" in caplog.text
    own_pair(tmp_path, ["localhost"])
    (tmp_path / "web-certificate.pem").rename(path)
    assert (await serves(service)).startswith("https://")


async def test_another_door_counts_without_a_restart(a_service):
    service = a_service(ANYWHERE)
    first = await serves(service)
    service.move(ANYWHERE, WebDoor(allow_from=("192.168.0.0/16",)))
    assert await get(await serves(service, first)) == 403
