"""``mirage-hole cache``: what is printed of entries, and what is asked of the server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from mirage_hole.cli import cache
from mirage_hole.cli.control import NoServer
from mirage_hole.cli.program import program

ANSWER: dict[str, Any] = {
    "name": "www.example.com", "type": "A", "kind": "answer", "rcode": "NOERROR", "ttl": 280, "age": 20, "stale": False,
    "size": 712, "upstream": "9.9.9.9:53", "dnssec": False, "unchecked": False, "subnet": "", "group": 0, "worker": 0, "errors": [],
    "authentic": False, "records": ["www.example.com. 280 IN A 192.0.2.7"], "complete": True,
}  # fmt: skip
OLD = ANSWER | {"ttl": -7300, "stale": True, "dnssec": True, "group": 2, "worker": 1}
LONG = ANSWER | {"records": [], "complete": False, "unchecked": True}
FAILURE: dict[str, Any] = {
    "name": "bad.example", "type": "AAAA", "kind": "failure", "rcode": "SERVFAIL", "ttl": 5, "stale": False,
    "upstream": "", "dnssec": False, "unchecked": False, "subnet": "", "group": 0, "worker": 0, "in_a_row": 2,
    "errors": [{"code": 22, "text": "9.9.9.9:53: did not \x1b[31manswer"}],
}  # fmt: skip


class Server:
    """What the control socket would say, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.says: dict[str, Any] | Exception = {}

    def call(self, _state: object, _method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((path, body))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def run(self, *arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(program, ["cache", *arguments], standalone_mode=False)
        code = result.return_value if isinstance(result.return_value, int) else 1
        return code, result.stdout, result.stderr


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Server:
    made = Server()
    monkeypatch.setattr(cache, "call", made.call)
    monkeypatch.setenv("MIRAGE_HOLE_STATE", str(tmp_path))
    monkeypatch.setenv("MIRAGE_HOLE_UPSTREAM", "192.0.2.1")
    return made


def shown(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"found": len(entries), "entries": list(entries), "workers": 1, "silent": [], **more}


@pytest.mark.parametrize(
    ("entry", "workers", "lines"),
    [
        (
            ANSWER,
            1,
            [
                "www.example.com A: 4 minutes left, NOERROR, 712 octets, from 9.9.9.9:53",
                "    www.example.com. 280 IN A 192.0.2.7",
            ],
        ),
        (
            OLD,
            2,
            [
                "www.example.com A: 2 hours past its time, NOERROR, 712 octets, from 9.9.9.9:53, for DNSSEC, group 2, worker 1",
                "    www.example.com. 280 IN A 192.0.2.7",
            ],
        ),
        (
            LONG,
            1,
            [
                "www.example.com A: 4 minutes left, NOERROR, 712 octets, from 9.9.9.9:53, unchecked",
                "    too long to be shown",
            ],
        ),
    ],
)
def test_an_entry_is_one_line_and_its_records(
    server: Server, entry: dict[str, Any], workers: int, lines: list[str]
) -> None:
    server.says = shown(entry, workers=workers)
    assert server.run("show") == (0, "\n".join(lines) + "\n", "")


def test_a_failure_says_why_and_nothing_moves_the_cursor(server: Server) -> None:
    server.says = shown(FAILURE)
    code, out, _ = server.run("show")
    first, second = out.splitlines()
    assert (code, first) == (0, "bad.example AAAA: asked again in 5 seconds, SERVFAIL")
    assert second.startswith("    error 22: 9.9.9.9:53: did not ")
    assert "\x1b" not in out


def test_the_words_become_the_question(server: Server) -> None:
    server.says = shown() | {"flushed": 1}
    server.run("show", "example.com", "--subtree", "--limit", "7")
    server.run("show")
    server.run("flush", "example.com", "--subtree")
    server.run("flush", "--all")
    assert server.asked == [
        ("/cache/show", {"name": "example.com", "subtree": True, "limit": 7}),
        ("/cache/show", {"name": "", "subtree": False, "limit": 100}),
        ("/cache/flush", {"name": "example.com", "subtree": True}),
        ("/cache/flush", {"name": "", "subtree": False}),
    ]


def test_when_there_is_more_it_says_how_to_see_it(server: Server) -> None:
    server.says = shown(ANSWER, found=5000)
    assert server.run("show")[1].splitlines()[-1] == "1 of 5000 entries; name one, or write --limit N, up to 1000"


@pytest.mark.parametrize(("count", "said"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries")])
def test_a_flush_says_how_much_it_was(server: Server, count: int, said: str) -> None:
    server.says = {"flushed": count, "workers": 1, "silent": []}
    assert server.run("flush", "--all") == (0, f"{said} forgotten\n", "")


@pytest.mark.parametrize("arguments", [("show",), ("flush", "--all"), ("show", "--json"), ("flush", "--all", "--json")])
def test_a_worker_that_says_nothing_is_a_failure(server: Server, arguments: tuple[str, ...]) -> None:
    server.says = shown(silent=[2]) | {"flushed": 0}
    code, _, err = server.run(*arguments)
    assert code == 1
    assert "worker 2 did not answer in time; try again" in err


def test_json_is_what_the_server_said(server: Server) -> None:
    server.says = shown(ANSWER, FAILURE)
    assert json.loads(server.run("show", "--json")[1]) == server.says


def test_without_a_server_it_says_so(server: Server) -> None:
    server.says = NoServer("no server runs with the state directory X")
    code, out, err = server.run("flush", "--all")
    assert (code, out) == (1, "")
    assert err == "mirage-hole: no server runs with the state directory X\n"
