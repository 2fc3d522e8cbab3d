"""What stands between a request and its handler: input, tags, rates, deadlines, and problems that say what to write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from msgspec import Meta, Struct
from yarl import URL

from mirage_hole.api.packing import packed_tag
from mirage_hole.api.problems import Refusal
from mirage_hole.api.server import make_app
from mirage_hole.api.v1 import dispatch
from mirage_hole.api.v1.dispatch import Everybody, Proves, mount
from mirage_hole.api.v1.identity import LOCAL, NOBODY, Identity, Role
from mirage_hole.api.v1.parts import Parts, needed
from mirage_hole.api.v1.rates import Rates
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.values import DomainName, Network
from tests.api.serving import a_state, get, get_json, talk


class Things(Struct, kw_only=True, forbid_unknown_fields=True):
    many: Annotated[tuple[str, ...], Meta(max_length=3)] = ()
    limit: Annotated[int, Meta(ge=1, le=9)] = 5
    name: DomainName = ""
    flag: bool = False
    share: float = 0.5


class Inner(Struct, kw_only=True, forbid_unknown_fields=True):
    network: Network
    text: Annotated[str, Meta(max_length=3)] = ""


class Thing(Struct, kw_only=True, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1)]
    inner: Annotated[list[Inner], Meta(max_length=2)] = []
    maybe: Annotated[int, Meta(ge=1)] | None = None


class Told(Struct, kw_only=True):
    value: Any


class Shelf:
    """One value behind routes."""

    def __init__(self) -> None:
        self.value = 1
        self.waits = asyncio.Event()

    async def read(self, call: Call[None, None]) -> Told:
        return Told(value=self.value)

    async def write(self, call: Call[None, Thing]) -> Told:
        self.value = call.body.number
        return Told(value=self.value)

    async def ask(self, call: Call[Things, None]) -> Told:
        asked = call.query
        return Told(value=[list(asked.many), asked.limit, asked.name, asked.flag, asked.share])

    async def named(self, call: Call[None, None]) -> Told:
        return Told(value=call.path)

    async def wait(self, call: Call[None, None]) -> Told:
        await self.waits.wait()
        return Told(value=0)

    async def lack(self, call: Call[None, None]) -> Told:
        return Told(value=needed(call.parts.pause, "pause"))

    async def go(self, call: Call[None, None]) -> None:
        return None

    async def break_down(self, call: Call[None, None]) -> Told:
        message = "secret detail"
        raise RuntimeError(message)


def route(shelf: Shelf, method: str, path: str, handler: Any, role: Role = Role.NOBODY, **more: Any) -> Route:
    usual = {"answer": Told} | more
    return Route(
        method=method, path=f"/api/v1/try/{path}", area="try", role=role, handler=handler, summary="try", **usual
    )


@asynccontextmanager
async def trying(access: Proves | None = None, rates: Rates | None = None) -> AsyncIterator[tuple[str, Shelf]]:
    shelf = Shelf()
    routes = [
        route(shelf, "GET", "value", shelf.read),
        route(shelf, "PUT", "value", shelf.write, body=Thing, max_body=70_000),
        route(shelf, "GET", "ask", shelf.ask, query=Things),
        route(shelf, "GET", "named/{name}", shelf.named),
        route(shelf, "GET", "numbered/{number}", shelf.named),
        route(shelf, "GET", "wait", shelf.wait, seconds=0.05),
        route(shelf, "GET", "lack", shelf.lack),
        route(shelf, "DELETE", "value", shelf.go, answer=None, status=204),
        route(shelf, "GET", "broken", shelf.break_down),
        route(shelf, "GET", "viewer", shelf.read, Role.VIEWER),
        route(shelf, "POST", "operator", shelf.read, Role.OPERATOR),
    ]
    access = access or Everybody(LOCAL)
    app = make_app(Parts(state=a_state()), access)
    mount(app, Parts(), access, routes, rates=rates)
    runner = web.AppRunner(app, shutdown_timeout=0.1, auto_decompress=False, lingering_time=0.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site.port}/api/v1/try", shelf
    finally:
        await runner.cleanup()


async def faults(url: str, status: int = 400, **more: Any) -> list[tuple[str, str, str]]:
    problem = await get_json(url, status, **more)
    return [(one["where"], one["what"], one["instead"]) for one in problem.get("problems", [])]


async def test_parameters_become_what_the_route_declares() -> None:
    async with trying() as (url, _):
        told = await get_json(f"{url}/ask?many=a,b&limit=9&name=Www.Example&flag=1&share=0.25")
        assert told["value"] == [["a", "b"], 9, "Www.Example", True, 0.25]
        assert (await get_json(f"{url}/ask"))["value"] == [[], 5, "", False, 0.5]


async def test_every_problem_of_a_query_is_told_at_once_with_what_to_write() -> None:
    async with trying() as (url, _):
        found = await faults(f"{url}/ask?limit=10&name=a..b&flag=maybe&nmae=x&share=nan&many=a,b,c,d&limit=1")
    told = {where: (what, instead) for where, what, instead in found}
    assert told["limit"] == ("is given 2 times", "it once")
    assert told["nmae"] == ("is no parameter of this resource", "one of many, limit, name, flag, share")
    assert told["flag"][1] == "true or false"
    assert told["share"] == ("'nan' is no number", "a number such as 1.5")
    assert "is no domain name" in told["name"][0]
    assert "length <= 3" in told["many"][1]


@pytest.mark.parametrize("text", ["0", "10", "1e0", "5.0", "", "null", "٣", "0x5", "+5", "9" * 30, "-1"])
async def test_a_whole_number_is_digits_within_its_bounds(text: str) -> None:
    async with trying() as (url, _):
        found = await faults(f"{url}/ask", params={"limit": text})
    assert [where for where, _, _ in found] == ["limit"]
    assert found[0][2]


@pytest.mark.parametrize(
    ("body", "wheres"),
    [
        (b"", ["number"]),
        (b"{}", ["number"]),
        (b'{"number": 0, "more": 1}', ["number", "more"]),
        (b'{"number": "1"}', ["number"]),
        (b'{"number": true}', ["number"]),
        (b'{"number": null, "maybe": 0}', ["number", "maybe"]),
        (b'{"number": 1, "inner": [{}, {"network": "x", "text": "long"}]}', [
            "inner[0].network", "inner[1].network", "inner[1].text",
        ]),
        (b'{"number": 1, "inner": [{"network": "10.0.0.1"}, 7]}', ["inner[1]"]),
        (b'{"number": 1, "inner": [1, 2, 3]}', ["inner[0]", "inner[1]", "inner[2]"]),
        (b"[]", ["body"]),
        (b"null", ["body"]),
        (b'{"number": 1', ["body"]),
        (b'{"number": NaN}', ["body"]),
        (b'{"number": 1e999}', ["body"]),
        (b'{"number": 1' + b"0" * 40 + b"}", ["body"]),
        (b'{"\xff": 1}', ["body"]),
        (b'{"a": "\\ud800"}', ["body"]),
        (b"[" * 500 + b"]" * 500, ["body"]),
        (b'\\"' * 30_000 + b"[" * 30, ["body"]),
        (b'"' + b'\\"' * 30_000 + b"[" * 30, ["body"]),
        (b'{"number": 1, "inner": ' + b"[" * 30 + b"]" * 30 + b"}", ["body"]),
    ],
)  # fmt: skip
async def test_a_body_that_is_wrong_is_told_place_by_place(body: bytes, wheres: list[str]) -> None:
    async with trying() as (url, shelf):
        found = await faults(f"{url}/value", method="PUT", data=body, headers={"Content-Type": "application/json"})
    assert sorted(where for where, _, _ in found) == sorted(wheres)
    assert all(what and instead for _, what, instead in found)
    assert shelf.value == 1


async def test_a_deep_text_is_no_deep_body() -> None:
    async with trying() as (url, shelf):
        body = b'{"number": 7, "inner": [{"network": "10.0.0.1", "text": "[[["}]}'
        status, _, _ = await get(f"{url}/value", method="PUT", data=body, headers={"Content-Type": "application/json"})
    assert (status, shelf.value) == (200, 7)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
async def test_a_body_that_is_not_said_to_be_json_is_refused(kind: str) -> None:
    async with trying() as (url, shelf):
        status, _, _ = await get(
            f"{url}/value", method="PUT", data=b'{"number": 7}', headers={"Content-Type": kind} if kind else None
        )
    assert (status, shelf.value) == (415, 1)


async def test_a_packed_body_is_refused_before_it_is_unpacked() -> None:
    async with trying() as (url, shelf):
        import gzip

        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        packed = gzip.compress(b'{"number": 7}' + b" " * 100_000)
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            request = session.put(f"{url}/value", data=packed, headers=headers, compress=None)
            async with request as answer:
                assert answer.status == 415
    assert shelf.value == 1


async def test_a_body_is_bounded_whatever_is_said_of_its_length() -> None:
    head = "PUT /api/v1/try/value HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    async with trying() as (url, shelf):
        server = url.partition("/api")[0]
        said = await talk(server, f"{head}Content-Length: 9000000\r\n\r\n{{".encode())
        assert said.startswith(b"HTTP/1.1 413 ")
        chunk = b"%x\r\n%b\r\n" % (60_000, b" " * 60_000)
        said = await talk(server, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 3)
        assert said.startswith(b"HTTP/1.1 413 ")
        assert b"Connection: close" in said
    assert shelf.value == 1


async def test_a_body_that_comes_octet_by_octet_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "ASK_TIME", 0.2)
    head = "PUT /api/v1/try/value HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    async with trying() as (url, shelf):
        said = await talk(url.partition("/api")[0], head.encode())
    assert said.startswith(b"HTTP/1.1 408 ")
    assert shelf.value == 1


async def test_a_visitor_who_leaves_before_the_end_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with trying() as (url, shelf):
        address = URL(url)
        _, writer = await asyncio.open_connection(address.host, address.port)
        head = f"PUT {address.path}/value HTTP/1.1\r\nHost: {address.authority}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        await get(f"{url}/value")  # so that the other request is in work
        writer.transport.abort()
        await get(f"{url}/value")
    assert shelf.value == Shelf().value
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_body_nobody_asked_for_is_refused() -> None:
    async with trying() as (url, _):
        assert (await get(f"{url}/value", method="DELETE", data=b"x"))[0] == 413


async def test_an_answer_that_is_known_is_not_sent_again() -> None:
    async with trying() as (url, shelf):
        _, headers, _ = await get(f"{url}/value")
        tag = headers["ETag"]
        for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
            status, _, body = await get(f"{url}/value", headers={"If-None-Match": known})
            assert (status, body) == (304, b"")
        shelf.value = 2
        assert (await get(f"{url}/value", headers={"If-None-Match": tag}))[0] == 200


async def test_a_change_on_top_of_somebody_elses_is_refused_with_the_new_tag() -> None:
    async with trying() as (url, shelf):
        _, headers, _ = await get(f"{url}/value")
        tag = headers["ETag"]
        body = {"method": "PUT", "json": {"number": 2}}
        assert (await get(f"{url}/value", headers={"If-Match": tag}, **body))[0] == 200
        status, headers, _ = await get(f"{url}/value", headers={"If-Match": tag}, method="PUT", json={"number": 3})
        assert (status, shelf.value) == (412, 2)
        packed = packed_tag(headers["ETag"])  # what a browser has, which takes gzip
        again = await get(f"{url}/value", headers={"If-Match": packed}, method="PUT", json={"number": 3})
        assert (again[0], shelf.value) == (200, 3)
        assert (await get(f"{url}/value", headers={"If-Match": f"W/{tag}"}, **body))[0] == 412
        assert (await get(f"{url}/value", headers={"If-Match": "*"}, **body))[0] == 200
        assert (await get(f"{url}/value", headers={"If-Match": tag}, method="DELETE"))[0] == 412


async def test_nothing_is_answered_where_nothing_is_to_be_said() -> None:
    async with trying() as (url, _):
        assert (await get(f"{url}/value", method="DELETE"))[::2] == (204, b"")


async def test_a_number_in_a_path_is_a_number() -> None:
    async with trying() as (url, _):
        assert (await get_json(f"{url}/numbered/17"))["value"] == {"number": "17"}
        for text in ("x", "-1", "1e3", "9" * 30, "%31%20", "%F0%9D%9F%8E"):
            assert (await get(f"{url}/numbered/{text}"))[0] == 404, text


@pytest.mark.parametrize(
    ("text", "status"),
    [("a%27%20OR%201=1--", 200), ("..%2f..%2fetc%2fpasswd", 200), ("a%00b", 400), ("a%0Ab", 400), ("x" * 2000, 400)],
)
async def test_a_text_in_a_path_is_only_a_text(text: str, status: int) -> None:
    from yarl import URL

    async with trying() as (url, _):
        assert (await get(URL(f"{url}/named/{text}", encoded=True)))[0] == status  # type: ignore[arg-type]


async def test_a_handler_that_is_late_and_a_part_that_is_missing_are_told() -> None:
    async with trying() as (url, _):
        assert (await get_json(f"{url}/wait", 503))["detail"] == "The answer took too long."
        status, headers, body = await get(f"{url}/lack")
        assert (status, orjson.loads(body)["detail"]) == (503, "This server has no pause, or not yet.")
        assert headers["Retry-After"]


async def test_a_bug_is_told_without_details(caplog: pytest.LogCaptureFixture) -> None:
    async with trying() as (url, _):
        status, headers, body = await get(f"{url}/broken")
    assert (status, headers["Content-Type"]) == (500, "application/problem+json")
    assert b"secret" not in body
    assert "secret detail" in caplog.text


async def test_a_visitor_who_asks_too_much_is_told_when_to_come_back() -> None:
    now = [100.0]
    rates = Rates(1, clock=lambda: now[0])
    visitor = Everybody(Identity("", Role.VIEWER, "open"))
    async with trying(visitor, rates) as (url, _):
        left = []
        for _ in range(4):
            status, headers, _ = await get(f"{url}/value")
            assert status == 200
            left.append(headers["RateLimit-Remaining"])
        assert left == ["3", "2", "1", "0"]
        status, headers, body = await get(f"{url}/value")
        assert (status, headers["Retry-After"], headers["RateLimit-Reset"]) == (429, "1", "1")
        assert orjson.loads(body)["status"] == 429
        now[0] += 1.5
        assert (await get(f"{url}/value"))[0] == 200


async def test_the_control_socket_is_not_limited() -> None:
    async with trying(Everybody(LOCAL), Rates(1, clock=lambda: 0.0)) as (url, _):
        for _ in range(10):
            assert (await get(f"{url}/value"))[0] == 200


class Forged(Everybody):
    """Every token is one that nobody gave out."""

    async def identify(self, request: web.Request) -> Identity:
        raise Refusal(401, "no such token")


async def test_guessing_tokens_is_limited_as_well() -> None:
    async with trying(Forged(), Rates(1, clock=lambda: 0.0)) as (url, _):
        assert [(await get(f"{url}/value"))[0] for _ in range(6)] == [401] * 4 + [429] * 2


async def test_whoever_may_not_is_told_what_is_needed() -> None:
    async with trying(Everybody(NOBODY)) as (url, _):
        status, headers, body = await get(f"{url}/viewer")
        assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="mirage-hole"')
        assert "viewer" in orjson.loads(body)["detail"]
        assert (await get(f"{url}/value"))[0] == 200
    async with trying(Everybody(Identity("ann", Role.VIEWER, "session", key="1"))) as (url, _):
        assert await faults(f"{url}/operator", 403, method="POST") == [
            ("role", "ann is viewer", "somebody who is operator")
        ]
    token = Identity("token x", Role.ADMIN, "token", frozenset({"lists"}), "1")
    async with trying(Everybody(token)) as (url, _):
        assert await faults(f"{url}/viewer", 403) == [("area", "this token is for lists", "a token for try")]


async def test_a_visitor_of_an_open_network_is_asked_to_log_in() -> None:
    async with trying(Everybody(Identity("", Role.VIEWER, "open"))) as (url, _):
        assert (await get(f"{url}/viewer"))[0] == 200
        assert (await get(f"{url}/operator", method="POST"))[0] == 401
