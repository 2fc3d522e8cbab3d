from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json

import pytest
from aiohttp import web

from mirage_hole.sources.failures import Failure
from mirage_hole.sources.notify_http import send_ntfy, send_webhook, session
from mirage_hole.sources.resolve import UpstreamResolver


@contextlib.asynccontextmanager
async def serving(handler):
    """An HTTP server; its address without the final slash."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def client():
    http = session(UpstreamResolver([]))
    try:
        yield http
    finally:
        await http.close()


async def test_a_webhook_gets_json_that_its_secret_signs():
    seen = []

    async def handler(request):
        seen.append((request.method, dict(request.headers), await request.read()))
        return web.Response(text="thanks")

    async with serving(handler) as address, client() as http:
        said = await send_webhook(http, f"{address}/hook", {"title": "ü"}, secret="0123456789abcdef")
    ((method, headers, body),) = seen
    assert (method, headers["Content-Type"], json.loads(body)) == ("POST", "application/json", {"title": "ü"})
    wanted = hmac.new(b"0123456789abcdef", body, hashlib.sha256).hexdigest()
    assert headers["X-Mirage-Hole-Signature"] == f"sha256={wanted}"
    assert said == "200 OK: thanks"


async def test_without_a_secret_nothing_is_signed_and_a_login_is_basic():
    seen = []

    async def handler(request):
        seen.append(request.headers)
        return web.Response(status=204)

    async with serving(handler) as address, client() as http:
        await send_webhook(http, address, {}, user="me", password="sesame")
        await send_ntfy(http, f"{address}/topic", {"Title": "T"}, b"body", password="tk_1")
        await send_ntfy(http, f"{address}/topic", {"Title": "T"}, b"body", user="me", password="sesame")
        await send_ntfy(http, f"{address}/topic", {"Title": "T"}, b"body")
    assert [one.get("Authorization") for one in seen] == [
        "Basic bWU6c2VzYW1l",
        "Bearer tk_1",
        "Basic bWU6c2VzYW1l",
        None,
    ]
    assert all("X-Mirage-Hole-Signature" not in one for one in seen)
    assert seen[1]["Title"] == "T"


async def test_no_redirection_is_followed():
    seen = []

    async def handler(request):
        seen.append(request.path)
        msg = "/elsewhere"
        raise web.HTTPFound(msg)

    async with serving(handler) as address, client() as http:
        with pytest.raises(Failure, match="302 and sends us elsewhere, which is not followed"):
            await send_webhook(http, f"{address}/hook", {})
    assert seen == ["/hook"]


@pytest.mark.parametrize(("status", "passing"), [(400, False), (403, False), (404, False), (429, True), (503, True)])
async def test_what_the_server_says_is_told_short_printable_and_without_secrets(status, passing):
    async def handler(request):
        text = f"bad\x1b[31m {request.headers['Authorization']} sesame-of-mine\n" + "x" * 5000
        return web.Response(status=status, text=text)

    async with serving(handler) as address, client() as http:
        with pytest.raises(Failure) as caught:
            await send_ntfy(http, f"{address}/topic", {}, b"", password="sesame-of-mine")
    text = str(caught.value)
    assert str(status) in text
    assert "sesame" not in text
    assert text.isprintable()
    assert len(text) < 250
    assert caught.value.passing == passing


async def test_a_server_that_breaks_off_or_is_not_there_is_a_failure():
    async def hang_up(reader, writer):
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with client() as http:
        with pytest.raises(Failure):
            await send_webhook(http, f"http://127.0.0.1:{port}/", {})
        server.close()
        await server.wait_closed()
        with pytest.raises(Failure):
            await send_webhook(http, f"http://127.0.0.1:{port}/", {})
        with pytest.raises(Failure, match=r"no address found|no upstream"):
            await send_webhook(http, "http://hooks.invalid/", {})


async def test_an_answer_without_end_is_not_waited_for():
    release = asyncio.Event()

    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"y" * 4096)
        await release.wait()
        return response

    async with serving(handler) as address, client() as http:
        said = await send_webhook(http, address, {})
        release.set()
    assert said.startswith("200 OK: yyy")
    assert len(said) <= 200
