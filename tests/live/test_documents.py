"""A state goes from one running server to another through a file, as from a Git repository, and the log is looked at."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import dns.rcode
import pytest

from tests.live.conftest import Sinkhole, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live

WANTED = """version = 1
settings.blocking = { mode = "nxdomain" }
rule = [{ text = "||tracker.example^", comment = "TV" }]
record = [{ name = "nas.lan", type = "A", value = "10.0.0.9" }]
"""


def command(sinkhole: Sinkhole, *arguments: str, code: int = 0) -> str:
    done = sinkhole.run(*arguments)
    assert done.returncode == code, done.stderr
    return done.stdout


def addresses(sinkhole: Sinkhole, name: str) -> list[str]:
    return [record.to_text() for rrset in sinkhole.ask(name).answer for record in rrset]


@pytest.fixture
def sinkholes(tmp_path: Path) -> Iterator[list[Sinkhole]]:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(Sinkhole(tmp_path / name, upstream=1))
    try:
        yield [one.start() for one in made]
    finally:
        for one in made:
            one.stop()


def test_a_document_makes_a_server_answer_by_it_and_another_one_the_same(
    sinkholes: list[Sinkhole], tmp_path: Path
) -> None:
    one, two = sinkholes
    wanted, exported = tmp_path / "wanted.toml", tmp_path / "exported.toml"
    wanted.write_text(WANTED)
    assert "+ rule ||tracker.example^" in command(one, "apply", str(wanted), "--dry-run", code=2)
    command(one, "apply", str(wanted), "--yes")
    assert "the server is as the document says" in command(one, "apply", str(wanted), "--yes")
    command(one, "export", str(exported))
    command(two, "apply", str(exported), "--yes")
    for sinkhole in sinkholes:
        wait_for(lambda sinkhole=sinkhole: addresses(sinkhole, "nas.lan") == ["10.0.0.9"], "the record")
        assert sinkhole.ask("www.tracker.example").rcode() == dns.rcode.NXDOMAIN
    changes = json.loads(command(two, "audit", "list", "--json"))["changes"]
    command(two, "audit", "undo", str(changes[0]["number"]))
    wait_for(lambda: addresses(two, "nas.lan") == [], "the record to go")


def test_the_log_is_searched_and_taken_away_in_every_format(sinkholes: list[Sinkhole]) -> None:
    one, _ = sinkholes
    command(one, "rules", "add", "||tracker.example^")
    wait_for(lambda: one.blocks("www.tracker.example"), "the rule")

    def logged() -> list[dict[str, Any]]:
        said = command(one, "log", "--outcome", "blocked", "--name", "tracker", "--json")
        return [json.loads(line) for line in said.splitlines()]

    wait_for(lambda: bool(logged()), "the log")
    row = logged()[-1]
    assert (row["name"], row["list"], row["rule"]) == ("www.tracker.example", "your own rules", "||tracker.example^")
    exported = command(one, "log", "--export", "csv", "--name", "=www.tracker.example")
    assert {found["outcome"] for found in csv.DictReader(io.StringIO(exported))} == {"blocked"}
    lines = command(one, "log", "--export", "jsonl", "--client", "127.0.0.1").splitlines()
    assert {json.loads(line)["client"] for line in lines} == {"127.0.0.1"}


def test_the_log_outlives_a_restart(sinkholes: list[Sinkhole]) -> None:
    one, _ = sinkholes
    one.ask("before.the.restart.example")
    one.stop()
    one.start()
    wait_for(lambda: "before.the.restart.example" in command(one, "log"), "the log of before")
