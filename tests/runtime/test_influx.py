"""Metrics are pushed as line protocol, with a token that nobody sees, and no push waits for a server for ever."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import CounterMetricFamily

from mirage_hole.config.settled import InfluxSettings
from mirage_hole.observe.influx import line, lines
from mirage_hole.runtime.influx import InfluxPush, NotTaken
from mirage_hole.sources.resolve import UpstreamResolver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


def read_back(text: str) -> tuple[str, dict[str, str], float, int]:
    """A line as InfluxDB's own parser takes it apart."""
    parts: list[str] = [""]
    at = 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in {",", " ", "="}:
            parts[-1] += f"\0{text[at + 1]}"
            at += 2
        elif text[at] == " ":
            parts.append("")
            at += 1
        else:
            parts[-1] += text[at]
            at += 1
    head, fields, moment = parts
    pieces = [""]
    for number, one in enumerate(head):
        if one == "," and (number == 0 or head[number - 1] != "\0"):
            pieces.append("")
        else:
            pieces[-1] += one
    tags = {}
    for piece in pieces[1:]:
        cut = next(n for n, one in enumerate(piece) if one == "=" and piece[n - 1 : n] != "\0")
        tags[piece[:cut].replace("\0", "")] = piece[cut + 1 :].replace("\0", "")
    return pieces[0].replace("\0", ""), tags, float(fields.partition("=")[2]), int(moment)


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), TEXTS, max_size=4),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_line_says_what_was_measured(tags: dict[str, str], value: float) -> None:
    written = line("mirage_hole_queries_total", tags, value, 1_700_000_000)
    assert written.endswith("\n")
    assert written.count("\n") == 1
    name, found, number, moment = read_back(written[:-1])
    assert (name, number, moment) == ("mirage_hole_queries_total", value, 1_700_000_000)
    plain = {key: "".join(" " if one in "\n\r\t" else one for one in text) for key, text in tags.items() if text}
    assert {key: text.rstrip(" \\") for key, text in found.items()} == {k: t.rstrip(" \\") for k, t in plain.items()}


def test_what_is_no_number_is_left_out() -> None:
    metric = CounterMetricFamily("queries", "x", labels=["type"])
    metric.add_metric(["A"], 5, created=1.0)
    metric.add_metric(["B"], float("nan"))
    assert lines([metric], 7.9, "here") == b"queries_total,host=here,type=A value=5.0 7\n"


@asynccontextmanager
async def a_server(answer: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def a_push(url: str, **settings: Any) -> InfluxPush:
    metric = CounterMetricFamily("queries", "x")
    metric.add_metric([], 5)

    async def measured() -> list[Any]:
        return [metric]

    return InfluxPush(InfluxSettings(url, **settings), measured, lambda: UpstreamResolver([]), lambda: 1000.0)


async def test_the_server_gets_the_lines_and_the_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    got: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        got.append((request.path_qs, request.headers["Authorization"], plain))
        return web.Response(status=204)

    async with a_server(take) as url:
        await a_push(f"{url}/api/v2/write?org=o&bucket=b", token_file=str(tmp_path / "token")).push()
    ((path, token, body),) = got
    assert (path, token) == ("/api/v2/write?org=o&bucket=b&precision=s", "Token s3cret")
    assert body.startswith(b"queries_total,host=")
    assert body.endswith(b"value=5.0 1000\n")


async def test_a_refusal_is_told_without_the_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=401, text=f"bad {request.headers['Authorization']}")

    async with a_server(refuse) as url:
        with pytest.raises(NotTaken, match=r"401: bad Token \*\*\*"):
            await a_push(f"{url}/write?db=x", token_file=str(tmp_path / "token")).push()


async def test_no_redirection_is_followed() -> None:
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with a_server(elsewhere) as url:
        with pytest.raises(NotTaken, match="307"):
            await a_push(f"{url}/write").push()
    assert seen == ["/write"]


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotTaken, match="token can't be read"):
        await a_push("http://127.0.0.1:9/write", token_file=str(tmp_path / "token")).push()


async def test_pushes_go_on_after_a_failure_and_stop_with_the_settings() -> None:
    answers = iter([503, 204])
    done = asyncio.Event()

    async def take(_request: web.Request) -> web.Response:
        status = next(answers)
        if status == 204:
            done.set()
        return web.Response(status=status)

    async with a_server(take) as url:
        push = a_push(f"{url}/write", every=0.01)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(push.run())
            async with asyncio.timeout(60):
                await done.wait()
                push.change(InfluxSettings())
            async with asyncio.timeout(60):
                while push.pushed == 0:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.01)
            task.cancel()
    assert (push.failed, push.pushed, push.trouble) == (1, 1, "")
