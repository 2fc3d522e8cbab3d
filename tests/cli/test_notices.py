"""``mirage-hole notices`` and ``notify``: what is printed, and what is asked of the server."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from click.testing import CliRunner

from mirage_hole.cli import notices, notify
from mirage_hole.cli.control import NoServer
from mirage_hole.cli.program import program

NOTICE: dict[str, Any] = {
    "number": 3, "kind": "storage", "about": "", "severity": "critical", "title": "The disk \x1b[31mis full", "text": "It is.",
    "advice": "Free some space", "since": time.time() - 7200, "closed": None, "passing": False, "dismissed": "",
}  # fmt: skip
OVER = NOTICE | {"number": 2, "title": "A flood", "closed": NOTICE["since"] + 60, "severity": "warning"}
TARGET: dict[str, Any] = {
    "name": "phone", "kind": "ntfy", "url": "https://ntfy.sh/***", "server": "", "to": [], "signed": False, "password": True,
    "events": ["storage"], "every": "1h", "waiting": 1, "delivered": 4, "dropped": 2, "delivered_at": None, "error": "",
}  # fmt: skip


class Server:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.says: dict[str, Any] = {}

    def call(self, _state: object, method: str, path: str, body: Any = None) -> dict[str, Any]:
        self.asked.append((method, path, body))
        if "error" in self.says and isinstance(self.says["error"], Exception):
            raise self.says["error"]
        return self.says


@pytest.fixture
def server(monkeypatch):
    found = Server()
    for module in (notices, notify):
        monkeypatch.setattr(module, "call", found.call)
    return found


def run(*arguments: str) -> Any:
    return CliRunner().invoke(program, arguments, standalone_mode=False)


def test_open_notices_are_shown_with_what_to_do_and_no_colour_of_theirs(server):
    server.says = {"open": [NOTICE], "closed": [OVER]}
    shown = run("notices").output
    assert "!! 3  The disk" in shown
    assert "Free some space" in shown
    assert "(for " in shown
    assert "\x1b" not in shown
    assert "A flood" not in shown
    shown = run("notices", "--closed").output
    assert " ! 2  A flood (over after 1 minute)" in shown


def test_where_nothing_is_wrong_that_is_said(server):
    server.says = {"open": [], "closed": []}
    assert run("notices").output == "nothing needs attention\n"


def test_a_notice_is_dismissed_by_its_number(server):
    server.says = {"open": [NOTICE | {"dismissed": "local"}], "closed": []}
    result = run("notices", "--dismiss", "3")
    assert server.asked[0][:2] == ("POST", "/api/v1/notices/3/dismiss")
    assert "dismissed by local" in result.output


def test_a_test_says_what_the_server_said_and_fails_when_it_did_not_arrive(server):
    server.says = {"delivered": True, "said": "200 OK"}
    result = run("notify", "test", "phone")
    assert (result.output, result.return_value) == ("delivered: 200 OK\n", 0)
    assert server.asked == [("POST", "/api/v1/notifications/test", {"target": "phone"})]
    server.says = {"delivered": False, "said": "the server answered 403"}
    result = run("notify", "test", "phone", "--json")
    assert (json.loads(result.output), result.return_value) == (server.says, 1)


def test_targets_are_listed_with_how_they_do(server):
    server.says = {"targets": [TARGET, TARGET | {"name": "mail", "error": "it hung up"}]}
    shown = run("notify", "list").output
    assert "phone: ntfy, https://ntfy.sh/***\n     4 delivered, 1 wait, 2 given up" in shown
    assert "can't be told: it hung up" in shown
    server.says = {"targets": []}
    assert "nobody is told" in run("notify", "list").output


@pytest.mark.parametrize("words", [("notices",), ("notify", "list"), ("notify", "test", "phone")])
def test_without_a_server_that_is_said(server, words):
    server.says = {"error": NoServer("no server runs")}
    result = run(*words)
    assert result.return_value == 1
    assert "no server runs" in result.output
