from __future__ import annotations

import asyncio
import logging

import orjson
import pytest
from aiohttp import web

from mirage_hole.api.guard import HEADERS
from mirage_hole.api.limits import Limits
from mirage_hole.api.pages import VIEWS, load_pages, web_directory
from mirage_hole.api.server import WebUnavailable, bind, make_app, start_web
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.parts import Parts
from mirage_hole.api.v1.routes import ALL_ROUTES
from mirage_hole.config.settled import Endpoint
from tests.api.serving import GET_ROUTES, a_state, get, get_json, listening, serving, talk


async def test_every_answer_carries_the_protecting_headers() -> None:
    async with serving(a_state()) as url:
        for path in (*GET_ROUTES, "/nothing", "/api/v1/stats?limit=x"):
            _, headers, _ = await get(url + path)
            assert {name: headers.get(name) for name in HEADERS} == HEADERS, path
            assert "Access-Control-Allow-Origin" not in headers
            assert headers["Cache-Control"] in {"no-store", "no-cache"}
        _, headers, _ = await get(url, headers={"Host": "evil.example"})
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
        async with listening(url) as listener:
            assert {name: listener.response.headers.get(name) for name in HEADERS} == HEADERS


def test_the_policy_allows_no_inline_script_no_foreign_origin_and_no_frame() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    for kind in ("script-src", "style-src", "img-src", "connect-src"):
        assert policy[kind] == "'self'"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
async def test_a_method_that_a_path_does_not_know_is_refused_with_those_that_it_knows(method: str) -> None:
    known: dict[str, set[str]] = {}
    for route in ALL_ROUTES:
        known.setdefault(route.path, set()).add(route.method)
    async with serving(a_state()) as url:
        for path in (*GET_ROUTES, "/api/v1/events"):
            methods = known.get(path.partition("?")[0], {"GET"})
            if method not in methods:
                status, headers, _ = await get(url + path, method=method)
                head = set() if path == "/api/v1/events" else {"HEAD"}
                assert (status, set(headers["Allow"].split(", "))) == (405, methods | head), path
        assert (await get(f"{url}/nothing", method=method))[0] == 404


async def test_head_is_get_without_the_body() -> None:
    async with serving(a_state()) as url:
        for path in GET_ROUTES:
            status, headers, body = await get(url + path, method="HEAD")
            wanted, whole, _ = await get(url + path)
            assert (status, body) == (wanted, b""), path
            assert headers.get("Content-Type") == whole.get("Content-Type"), path
        assert (await get(f"{url}/nothing", method="HEAD"))[0] == 404
        assert (await get(f"{url}/api/v1/events", method="HEAD"))[0] == 405  # a stream has no length, and no end


async def test_options_tells_what_a_path_can() -> None:
    async with serving(a_state()) as url:
        status, headers, body = await get(f"{url}/api/v1/stats", method="OPTIONS")
        assert (status, headers["Allow"], body) == (204, "GET, HEAD, OPTIONS", b"")
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
        assert (await get(f"{url}/nothing", method="OPTIONS"))[0] == 404


async def test_the_server_has_no_other_routes_than_the_declared_ones_and_the_pages() -> None:
    app = make_app(Parts(state=a_state()), Everybody())
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    views = {path for view in VIEWS for path in (f"/{view}", f"/{view}/{{rest}}")}
    pages = {one for one in served if one[1] in {"/", *views, *load_pages(web_directory())}}
    assert {method for method, _ in pages} == {"GET", "HEAD"}
    heads = {one for one in served if one[0] == "HEAD"}
    assert served - pages - heads == {(route.method, route.path) for route in ALL_ROUTES}
    assert {("GET", path) for _, path in heads} <= served


async def test_a_strangers_name_reads_nothing() -> None:
    async with serving(a_state()) as url:
        for path in (*GET_ROUTES, "/api/v1/events"):
            status, _, body = await get(url + path, headers={"Host": "evil.example:8080"})
            assert status == 421, path
            assert orjson.loads(body)["problems"][0]["where"] == "Host"
            assert b"doubleclick" not in body


async def test_a_configured_name_is_answered() -> None:
    async with serving(a_state(host_names=["hole.home.arpa"])) as url:
        assert (await get(url, headers={"Host": "hole.home.arpa"}))[0] == 200


async def test_a_request_without_or_with_two_hosts_is_refused() -> None:
    async with serving(a_state()) as url:
        assert b" 400 " in await talk(url, b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b" 400 " in await talk(
            url, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        )


async def test_a_request_with_a_body_is_refused() -> None:
    async with serving(a_state()) as url:
        assert (await get_json(f"{url}/healthz", 413, data=b"x"))["title"]
        answer = await talk(
            url,
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"Connection: close" in answer


@pytest.mark.parametrize(
    "octets",
    [
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01 what is this\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
async def test_what_is_no_reasonable_request_is_refused_quietly(
    octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(a_state()) as url:
        answer = await talk(url, octets)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b" 400 " in head
        assert orjson.loads(body)["status"] == 400
        assert b"Content-Type: application/problem+json" in head
        assert [name for name in (*HEADERS, "Cache-Control") if f"\r\n{name}: ".encode() not in head] == []
        assert (await get(f"{url}/healthz"))[0] == 200
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_an_error_of_ours_is_logged_and_told_without_details(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> list[object]:
        message = "secret detail"
        raise RuntimeError(message)

    async with serving(a_state(lists=broken)) as url:
        status, headers, body = await get(f"{url}/api/v1/lists")
    assert (status, headers["Content-Type"]) == (500, "application/problem+json")
    assert b"secret" not in body
    assert "secret detail" in caplog.text


async def test_connections_are_bounded_and_the_next_is_closed_at_once() -> None:
    async with serving(a_state(), Limits(connections=2)) as url:
        async with listening(url), listening(url):
            assert await talk(url, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
        await eventually(lambda: get(f"{url}/healthz"))


async def test_a_connection_that_never_finishes_its_request_is_closed() -> None:
    async with serving(a_state(), Limits(request_time=0.2, keep_alive=60)) as url:
        assert await talk(url, b"GET /healthz HTTP/1.1\r\nHost: loc") == b""
        assert await talk(url, b"") == b""


async def test_a_handler_that_takes_too_long_is_given_up() -> None:
    app = make_app(Parts(state=a_state()), Everybody(), limits=Limits(request_time=0.05))

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    app.router.add_get("/slow", slow, allow_head=False)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        assert (await get_json(f"http://127.0.0.1:{site.port}/slow", 503))["detail"] == "The answer took too long."
    finally:
        await runner.cleanup()


async def test_a_taken_port_and_a_foreign_address_are_told_in_a_sentence() -> None:
    with bind(Endpoint("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WebUnavailable, match=rf"--web 127\.0\.0\.1:{port}: .*in use; choose another"):
            await start_web(Endpoint("127.0.0.1", port), Parts(state=a_state()), Everybody())
    with pytest.raises(WebUnavailable, match=r"--web 192\.0\.2\.1:8080: "):
        bind(Endpoint("192.0.2.1", 8080))


async def test_the_server_speaks_ipv6_too() -> None:
    async with serving(a_state(), address="::1") as url:
        assert url.startswith("http://[::1]:")
        assert (await get(f"{url}/healthz"))[0] == 200


async def eventually(attempt: object) -> None:
    """Until a closed connection is seen by the server, it may refuse once more."""
    async with asyncio.timeout(30):
        while True:
            try:
                status, _, _ = await attempt()  # type: ignore[operator]
            except OSError:
                await asyncio.sleep(0.01)
            else:
                assert status == 200
                return
