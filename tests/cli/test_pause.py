"""``mirage-hole pause``: what is asked of the server, and what is printed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mirage_hole.cli import pause
from mirage_hole.cli.control import NoServer
from mirage_hole.cli.program import run

FREE: dict[str, Any] = {"paused": False, "until": None, "since": None, "who": "", "reason": "", "kept": True}


class Server:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.says: dict[str, Any] | Exception = FREE

    def call(self, _state: object, method: str, path: str, body: Any) -> dict[str, Any]:
        self.asked.append((method, path, body))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    made = Server()
    monkeypatch.setattr(pause, "call", made.call)
    monkeypatch.setenv("MIRAGE_HOLE_STATE", str(tmp_path))
    return made


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ([], ("GET", None)),
        (["status"], ("GET", None)),
        (["resume"], ("DELETE", None)),
        (["5m"], ("PUT", {"seconds": 300.0, "reason": ""})),
        (["1h30m", "--reason", "a shop"], ("PUT", {"seconds": 5400.0, "reason": "a shop"})),
    ],
)
def test_it_asks_the_server(
    server: Server, arguments: list[str], asked: tuple[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pause", *arguments]) == 0
    assert server.asked == [(asked[0], "/api/v1/pause", asked[1])]
    assert capsys.readouterr().out == "blocking\n"


def test_it_tells_until_when_and_whose_it_is(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.says = FREE | {"paused": True, "until": time.time() + 7210, "who": "ann", "reason": "a \x1bshop"}
    assert run(["pause", "2h"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("nothing is blocked for 2 hours, until ")
    assert ", by ann: a " in told
    assert "\x1b" not in told


def test_it_says_when_a_restart_would_end_it(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.says = FREE | {"paused": True, "until": time.time() + 60, "kept": False}
    run(["pause", "1m"])
    assert "a restart would end it" in capsys.readouterr().out


def test_a_time_that_is_none_is_told_with_what_to_write(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pause", "soon"]) == 2
    assert "5s" in capsys.readouterr().err
    assert server.asked == []


def test_without_a_server_it_says_so(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.says = NoServer("no server runs")
    assert run(["pause", "5m"]) == 1
    assert "no server runs" in capsys.readouterr().err
