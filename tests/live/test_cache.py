"""The cache of a running server through the command line: shown, flushed on every worker, and there after a restart."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.live.servers import Actor
from tests.nameserver import addresses

from .conftest import Sinkhole, wait_for

pytestmark = pytest.mark.live

WORKERS = 2
BELOW = "not-blocked.forwarded.example"


def ask_everywhere(one: Sinkhole, *names: str) -> None:
    """Over both transports and often: the kernel spreads source ports over the workers."""
    for name in names:
        for number in range(16):
            assert one.ask(name, tcp=number % 4 == 0).rcode() == 0


def told(one: Sinkhole, *arguments: str) -> str:
    ran = one.run("cache", *arguments)
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout)


def known(one: Sinkhole, *arguments: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(told(one, "show", "--json", *arguments))["entries"]
    return entries


def test_a_flush_counts_on_every_worker_when_the_command_returns(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole("--workers", str(WORKERS))
    wait_for(lambda: len(one.workers()) == WORKERS, "all workers")
    ask_everywhere(one, "forwarded.example", BELOW)
    assert {entry["worker"] for entry in known(one, "forwarded.example")} == set(range(WORKERS))
    assert {entry["name"] for entry in known(one, "forwarded.example", "--subtree")} == {"forwarded.example", BELOW}
    assert told(one, "flush", BELOW) == f"{WORKERS} entries forgotten\n"
    assert {entry["name"] for entry in known(one, "forwarded.example", "--subtree")} == {"forwarded.example"}
    assert told(one, "flush", "forwarded.example", "--subtree") == f"{WORKERS} entries forgotten\n"
    assert known(one, "forwarded.example", "--subtree") == []
    ask_everywhere(one, "forwarded.example")
    assert known(one, "forwarded.example")
    told(one, "flush", "--all")
    assert known(one) == []
    assert told(one, "show") == "nothing is remembered\n"


def test_an_entry_is_shown_with_all_that_is_known_of_it(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole()
    assert one.ask("forwarded.example").answer
    (entry,) = known(one, "forwarded.example")
    assert (entry["name"], entry["type"], entry["rcode"], entry["stale"]) == (
        "forwarded.example",
        "A",
        "NOERROR",
        False,
    )
    assert [record.split()[2:] for record in entry["records"]] == [["IN", "A", "192.0.2.80"]]
    assert 200 < entry["ttl"] <= 300 <= entry["size"]
    first, record = told(one, "show", "forwarded.example").splitlines()
    assert first.startswith("forwarded.example A: 4 minutes left, NOERROR") or "5 minutes left" in first
    assert first.endswith(f"from 127.0.0.1:{one.upstream}")
    assert record.split()[-1] == "192.0.2.80"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("flush",), "write a NAME"),
        (("flush", "--all", "a.example"), "write a NAME"),
        (("flush", "--all", "--subtree"), "--subtree needs a NAME"),
        (("flush", "a..example"), "'a..example' is no domain name"),
        (("show", "a..example"), "'a..example' is no domain name"),
        (("show", "--limit", "0"), "1<=x<=1000"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_write(
    sinkhole: Callable[..., Sinkhole], arguments: tuple[str, ...], said: str
) -> None:
    one = sinkhole()
    ran = one.run("cache", *arguments)
    assert ran.returncode != 0
    assert said in ran.stderr


def test_without_a_server_it_says_so(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole()
    one.stop()
    ran = one.run("cache", "show")
    assert ran.returncode == 1
    assert "no server runs" in ran.stderr


def test_what_is_known_outlives_the_server_and_its_ttl_goes_on_counting(
    sinkhole: Callable[..., Sinkhole], actor: Callable[..., Actor]
) -> None:
    upstream = actor(addresses)
    one = sinkhole(upstream=upstream.port)
    assert one.ask("forwarded.example").answer
    asked = upstream.asked_for("forwarded.example")
    (before,) = known(one, "forwarded.example")
    assert one.stop() == 0
    one.start()
    wait_for(lambda: len(known(one, "forwarded.example")) == 1, "what was kept")
    (after,) = known(one, "forwarded.example")
    assert after["ttl"] <= before["ttl"]
    assert after["age"] >= before["age"]
    assert one.ask("forwarded.example").answer
    assert upstream.asked_for("forwarded.example") == asked
    folder = one.directory / "state" / "cache"
    assert [(file.name, file.stat().st_mode & 0o777) for file in folder.rglob("*") if file.is_file()] == [
        ("answers", 0o600)
    ]


def test_what_was_flushed_does_not_come_back(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole()
    assert one.ask("forwarded.example").answer
    one.stop()
    one.start()
    wait_for(lambda: len(known(one, "forwarded.example")) == 1, "what was kept")
    told(one, "flush", "--all")
    for pid in one.workers():
        os.kill(pid, signal.SIGKILL)  # it writes nothing
    wait_for(lambda: one.answers() and one.workers() != [], "a new worker")
    assert known(one, "forwarded.example") == []
