"""The control socket's list of upstreams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from mirage_hole.api.commands import make_command_app
from mirage_hole.observe.workers import Workers
from mirage_hole.runtime.commands import Commands

if TYPE_CHECKING:
    from pathlib import Path


async def test_upstreams_are_told_as_the_workers_see_them(tmp_path: Path) -> None:
    workers = Workers()
    row = {"address": "9.9.9.9", "port": 53, "sent": 3, "rtt_ms": 7.0, "deviation_ms": 1.5, "healthy": True}
    workers.report(0, {"pid": 1, "upstreams": [row | {"responses": {"NOERROR": 2}, "groups": ["default"]}]}, 0.0)
    nothing = None
    commands = Commands(nothing, nothing, nothing, workers.upstreams)  # type: ignore[arg-type]
    runner = web.AppRunner(make_command_app(commands))
    await runner.setup()
    try:
        await web.UnixSite(runner, str(tmp_path / "socket")).start()
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "socket"))) as session,
            session.get("http://localhost/upstreams") as response,
        ):
            answer = await response.json()
    finally:
        await runner.cleanup()
    assert answer == {
        "upstreams": [
            {
                "address": "9.9.9.9:53", "sent": 3, "answered": 0, "timeouts": 0, "failures": 0, "rtt_ms": 7.0,
                "deviation_ms": 1.5, "healthy": True, "loops": False, "responses": {"NOERROR": 2}, "groups": ["default"],
            }
        ]
    }  # fmt: skip
