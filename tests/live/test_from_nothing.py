"""The transcript at the head of docs/api.md, run word by word against a server that has just been installed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.conftest import PATIENCE, ListServer, Sinkhole, tool, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
ADDRESS = "http://127.0.0.1:8080"
_SETUP = re.compile(r"#setup=([\w-]+)")


class Closed(Sinkhole):
    """It asks everybody for a login."""

    OPEN_FOR = "192.0.2.0/24"


@pytest.fixture
def sinkhole(tmp_path: Path) -> Iterator[Sinkhole]:
    made = Closed(tmp_path, upstream=1)
    yield made.start()
    made.stop()


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[ListServer]:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "ads.txt").write_text("".join(f"ads{number}.example\n" for number in range(100)))
    server = ListServer(tmp_path / "lists").start()
    yield server
    server.stop()


def transcript() -> list[tuple[str, str]]:
    """(command, what it answers) of each step, as the document has them."""
    text = DOCUMENT.read_text(encoding="utf-8").split("\n## From nothing\n")[1].split("\n## ")[0]
    steps: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for step in re.split(r"^\$ ", block.replace("\\\n", ""), flags=re.M)[1:]:
            command, _, answer = step.partition("\n")
            steps.append((command, answer))
    return steps


def run(script: str) -> str:
    done = subprocess.run(
        [tool("bash"), "-c", script], capture_output=True, text=True, timeout=2 * PATIENCE, check=False
    )
    # A stream has no end, so curl is told when to stop.
    assert done.returncode in {0, 28}, (script, done.stdout, done.stderr)
    return done.stdout


def keys_in(answer: str) -> set[str]:
    return set(re.findall(r'"(\w+)":', answer))


def test_a_server_is_set_up_from_nothing_as_the_document_says(
    sinkhole: Sinkhole, lists: ListServer, tmp_path: Path
) -> None:
    tool("curl")
    wait_for(lambda: _SETUP.search(sinkhole.said()), "the word for the first user")
    steps = transcript()
    written = " ".join(command + answer for command, answer in steps)
    known: dict[str, str] = {
        ADDRESS: f"http://127.0.0.1:{sinkhole.web}",
        _SETUP.findall(written)[0]: _SETUP.findall(sinkhole.said())[0],
        "https://lists.example": f"http://127.0.0.1:{lists.port}",
        "dig @127.0.0.1": f"dig @127.0.0.1 -p {sinkhole.port}",
        "curl -sN": "curl -sN --max-time 2",
    }
    variables: list[str] = [f"cd {tmp_path}"]
    ran = 0
    for command, answer in steps:
        if command == "mirage-hole":
            continue
        for old, new in known.items():
            command = command.replace(old, new)
        if re.match(r"[A-Z]=", command):
            variables.append(command)
            continue
        said = run("\n".join([*variables, command]))
        ran += 1
        if "/events" in command:
            assert {"event: hello", "event: counts"} <= set(said.splitlines())
        elif answer.startswith("{"):
            told: dict[str, Any] = json.loads(said)
            missing = keys_in(answer.partition("...")[0]) - keys_in(said)
            assert not missing, (command, said)
            for secret in ("csrf", "token"):
                if secret in told:
                    known[re.findall(rf'"{secret}":"([^"]+)"', answer)[0]] = told[secret]
        elif "/export" in command:
            assert said.splitlines()[0] == answer.splitlines()[0]
        elif command.startswith("dig"):
            assert said == answer
    assert ran >= 10
    assert sinkhole.blocks("www.tracker.example")
