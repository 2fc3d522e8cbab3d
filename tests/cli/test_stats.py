"""``mirage-hole stats``: what is asked of the server, and what is printed of it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from mirage_hole.cli import stats
from mirage_hole.cli.control import NoServer
from mirage_hole.cli.program import program

CURRENT: dict[str, Any] = {
    "queries": 12345, "blocked": 1234, "blocked_share": 0.09996, "outcomes": {"cached": 9000, "blocked": 1234},
    "types": {"A": 12000, "AAAA": 345}, "rcodes": {"NOERROR": 12345}, "blocked_by": {"Ads\x1b[31m": 1234},
    "times_ms": {"p50": 0.05, "p90": 12.5, "p95": 20.0, "p99": 80.0},
    "upstreams": [{"upstream": "9.9.9.9:53", "answers": 800, "waited": 700, "times_ms": {"p50": 15.0}}],
}  # fmt: skip
FOUND: dict[str, Any] = {"step": "minute", "kept": True, "trouble": "", "current": CURRENT, "previous": None}
TOPS: dict[str, Any] = {
    "names": {"exact": True, "rows": [{"key": "example.com", "queries": 5000}]},
    "blocked": {"exact": False, "rows": [{"key": "ads.example", "queries": 900}]},
    "clients": {"exact": True, "rows": []},
}


class Server:
    """Answers as the control socket would."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.found: dict[str, Any] | Exception = FOUND

    def call(self, _state: object, method: str, path: str) -> dict[str, Any]:
        assert method == "GET"
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append((parts.path, query))
        if isinstance(self.found, Exception):
            raise self.found
        return TOPS[query["of"]] if parts.path.endswith("/top") else self.found

    def run(self, *arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(program, ["stats", *arguments], standalone_mode=False)
        code = result.return_value if isinstance(result.return_value, int) else 1
        return code, result.stdout, result.stderr + str(result.exception or "")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Server:
    made = Server()
    monkeypatch.setattr(stats, "call", made.call)
    monkeypatch.setattr("mirage_hole.cli.stats.time.time", lambda: 1_000_000.0)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return made


def test_totals_times_and_tops_are_printed(server: Server) -> None:
    code, out, _ = server.run()
    assert code == 0
    assert "12,345 queries, 1,234 blocked (10.0 %)" in out
    assert "answered within 0.05 ms (50 %), 20 ms (95 %), 80 ms (99 %)" in out
    assert "upstream 9.9.9.9:53: 700 queries, half of them within 15 ms" in out
    assert "most asked:\n  5,000  example.com" in out
    assert "most blocked (about):\n  900  ads.example" in out
    assert "\x1b" not in out


def test_the_length_of_time_is_asked_for(server: Server) -> None:
    server.run("--since", "90m", "--top", "3")
    assert server.asked[0] == ("/api/v1/statistics", {"since": str(1_000_000 - 5400)})
    assert server.asked[1:] == [
        ("/api/v1/statistics/top", {"of": of, "since": str(1_000_000 - 5400), "limit": "3"})
        for of in ("names", "blocked", "clients")
    ]


def test_json_has_everything_in_one_object(server: Server) -> None:
    code, out, _ = server.run("--json")
    assert code == 0
    assert json.loads(out) == {**FOUND, "top": TOPS}


def test_no_rows_are_asked_for_when_none_are_wanted(server: Server) -> None:
    server.run("--top", "0")
    assert [path for path, _ in server.asked] == ["/api/v1/statistics"]


@pytest.mark.parametrize("text", ["soon", "1s", "900000d", "-5m"])
def test_a_time_that_is_none_is_refused_with_an_example(server: Server, text: str) -> None:
    code, _, told = server.run("--since", text)
    assert code == 1
    assert "write" in told
    assert server.asked == []


def test_without_a_server_the_reason_is_told(server: Server) -> None:
    server.found = NoServer("no server runs")
    assert server.run() == (1, "", "mirage-hole: no server runs\n")


def test_trouble_is_told_beside_the_figures(server: Server) -> None:
    server.found = FOUND | {"kept": False, "trouble": "the disk is full"}
    code, _, told = server.run()
    assert code == 0
    assert "switched off" in told
    assert "the disk is full" in told
