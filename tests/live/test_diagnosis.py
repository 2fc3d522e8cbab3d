"""A leak is hunted on a live system: what supervisor and worker tell of themselves through the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mirage_hole.cli.control import Refused, call
from tests.live.conftest import Sinkhole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live


@pytest.fixture
def sinkhole(tmp_path: Path) -> Iterator[Sinkhole]:
    made = Sinkhole(tmp_path, upstream=1)
    yield made.start()
    made.stop()


@pytest.mark.parametrize("process", ["supervisor", "0"])
def test_a_process_is_traced_compared_and_let_be(sinkhole: Sinkhole, process: str) -> None:
    def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return call(sinkhole.directory / "state", method, f"/api/v1/diagnosis/{path}", body)

    assert ask("PUT", "memory/tracing", {"process": process, "frames": 2, "seconds": 60})["tracing"]
    ask("POST", "memory/snapshots", {"process": process})
    for number in range(50):
        sinkhole.ask(f"n{number}.answers.example")
    told = ask("POST", "memory/snapshots", {"process": process})
    assert [one["number"] for one in told["snapshots"]] == [1, 2]
    assert ask("GET", f"memory/difference?process={process}&first=1&second=2&limit=5")["rows"]
    assert not ask("PUT", "memory/tracing", {"process": process, "seconds": 0})["tracing"]
    assert ask("GET", f"memory?process={process}")["resident"] > 10_000_000
    assert any(one["type"] == "builtins.dict" for one in ask("GET", f"objects?process={process}")["rows"])
    assert ask("GET", f"tasks?process={process}")["rows"]
    assert ask("GET", f"files?process={process}")["rows"]
    with pytest.raises(Refused, match="nothing is traced"):
        ask("POST", "memory/snapshots", {"process": process})


def test_there_is_no_other_worker(sinkhole: Sinkhole) -> None:
    with pytest.raises(Refused, match="there are workers 0"):
        call(sinkhole.directory / "state", "GET", "/api/v1/diagnosis/tasks?process=7")


def test_a_module_tells_more_for_a_while(sinkhole: Sinkhole) -> None:
    done = sinkhole.run("log-level", "runtime.control", "debug")
    assert done.returncode == 0, done.stderr
    shown = json.loads(sinkhole.run("log-level", "--json").stdout)
    assert shown["levels"]["runtime.control"] == "DEBUG"
    wrong = sinkhole.run("log-level", "runtime.contrl", "debug")
    assert wrong.returncode == 1
    assert "runtime.control" in wrong.stderr
