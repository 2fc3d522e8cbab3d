"""Rules and lists changed by the command line while a real server runs: they count when the command returns."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .conftest import ListServer, Sinkhole, wait_for

pytestmark = pytest.mark.live

WORKERS = 3


def ask_everywhere(one: Sinkhole, name: str) -> set[str]:
    """What is answered, over both transports and by every worker: the kernel spreads source ports over them."""
    said = set()
    for number in range(24):
        reply = one.ask(name, tcp=number % 4 == 0)
        said.add(" ".join(record.to_text() for rrset in reply.answer for record in rrset))
    return said


def told(one: Sinkhole, *arguments: str) -> str:
    ran = one.run(*arguments)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


def test_a_rule_counts_on_every_worker_when_the_command_returns(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole("--workers", str(WORKERS))
    wait_for(lambda: len(one.workers()) == WORKERS, "all workers")
    for number in range(5):
        name = f"n{number}.example"
        assert "0.0.0.0" not in ask_everywhere(one, name)  # every cache knows it now
        assert "live in" in told(one, "rules", "block", name)
        assert ask_everywhere(one, name) == {"0.0.0.0"}
        told(one, "rules", "remove", name)
        assert "0.0.0.0" not in ask_everywhere(one, name)


def test_rules_outlive_a_restart_and_new_lists_and_a_dead_worker(
    sinkhole: Callable[..., Sinkhole], list_server: ListServer
) -> None:
    (list_server.directory / "list.txt").write_text("listed.example\n")
    one = sinkhole()
    told(one, "rules", "block", "ads.example")
    told(one, "rules", "allow", "listed.example")
    told(one, "lists", "add", list_server.url("list.txt"))
    assert one.blocks("ads.example")
    assert not one.blocks("listed.example")
    [worker] = one.workers()
    os.kill(worker, signal.SIGKILL)
    assert one.blocks("ads.example")
    assert not one.blocks("listed.example")
    assert one.process is not None
    orphans = one.workers()
    one.process.kill()
    one.process.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans), "the end of its workers")
    one.start()
    assert one.blocks("ads.example")
    assert not one.blocks("listed.example")


def test_a_rule_ends_at_its_time(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole()
    told(one, "rules", "block", "short.example", "--for", "2s")
    ends = json.loads(told(one, "rules", "list", "--json"))[0]["until"]
    if time.time() < ends - 0.5:
        assert one.blocks("short.example")
    wait_for(lambda: not one.blocks("short.example"), "the end of the rule")
    assert time.time() >= ends
    wait_for(lambda: json.loads(told(one, "rules", "list", "--json")) == [], "the rule to be forgotten")


def test_many_commands_at_once_lose_no_rule(sinkhole: Callable[..., Sinkhole]) -> None:
    one = sinkhole()
    threads = [threading.Thread(target=told, args=(one, "rules", "block", f"n{number}.example")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(one.blocks(f"n{number}.example") for number in range(8))


def test_lists_change_while_the_server_runs_and_stay_so(
    sinkhole: Callable[..., Sinkhole], list_server: ListServer
) -> None:
    path: Path = list_server.directory / "list.txt"
    path.write_text("listed.example\n")
    url = list_server.url("list.txt")
    one = sinkhole("--blocklist", "starter")
    assert "1 rule" in told(one, "lists", "add", url, "--title", "Mine")
    assert one.blocks("listed.example")
    told(one, "lists", "disable", "mine")
    assert not one.blocks("listed.example")
    told(one, "lists", "enable", "mine")
    assert one.blocks("listed.example")
    path.write_text("listed.example\nfresh.example\n")
    assert "updated" in told(one, "lists", "update", "mine")
    assert one.blocks("fresh.example")
    table = json.loads(told(one, "lists", "list", "--json"))
    assert table["server"]
    mine = next(row for row in table["lists"] if row["title"] == "Mine")
    assert (mine["state"], mine["rules"]) == ("live", 2)
    wait_for(
        lambda: next(
            row for row in json.loads(told(one, "lists", "list", "--json"))["lists"] if row["title"] == "Mine"
        )["decided"],
        "hits",
    )
    one.stop()
    one.start()
    assert one.blocks("fresh.example")
    told(one, "lists", "remove", "mine")
    assert not one.blocks("fresh.example")


def test_a_list_that_can_not_be_had_is_a_failure(sinkhole: Callable[..., Sinkhole], list_server: ListServer) -> None:
    one = sinkhole()
    ran = one.run("lists", "add", list_server.url("nothing.txt"))
    assert ran.returncode == 1
    assert "404" in ran.stderr
    ran = one.run("lists", "update")
    assert ran.returncode == 1
    assert "1 failed" in ran.stdout


def test_changed_lists_count_on_every_worker_when_the_command_returns(
    sinkhole: Callable[..., Sinkhole], list_server: ListServer
) -> None:
    (list_server.directory / "list.txt").write_text("listed.example\n")
    # A worker needs longer for expressions than for names.
    (list_server.directory / "slow.txt").write_text("".join(f"/^n{number}[a-z]+{number}x/\n" for number in range(1000)))
    one = sinkhole("--workers", str(WORKERS), "--blocklist", list_server.url("slow.txt"))
    wait_for(lambda: len(one.workers()) == WORKERS, "all workers")
    told(one, "lists", "add", list_server.url("list.txt"), "--title", "Mine")
    for _ in range(3):
        assert ask_everywhere(one, "listed.example") == {"0.0.0.0"}
        told(one, "lists", "disable", "mine")
        assert "0.0.0.0" not in ask_everywhere(one, "listed.example")
        told(one, "lists", "enable", "mine")
    told(one, "lists", "remove", "mine")
    assert "0.0.0.0" not in ask_everywhere(one, "listed.example")


def test_what_was_chosen_without_a_server_counts_from_its_start_and_a_switch_outlives_it(
    sinkhole: Callable[..., Sinkhole], list_server: ListServer
) -> None:
    for name in ("a", "b"):
        (list_server.directory / f"{name}.txt").write_text(f"{name}.example\n")
    one = sinkhole("--blocklist", list_server.url("a.txt"))
    wait_for(lambda: one.blocks("a.example"), "the list")
    told(one, "lists", "disable", list_server.url("a.txt"))
    assert not one.blocks("a.example")
    one.stop()
    assert "next start" in told(one, "lists", "add", list_server.url("b.txt"))
    ran = one.run("lists", "update")
    assert ran.returncode == 1
    assert "no server runs" in ran.stderr
    one.start()
    wait_for(lambda: one.blocks("b.example"), "the added list")
    assert not one.blocks("a.example")


def test_a_state_that_somebody_has_spoilt_costs_no_list(
    sinkhole: Callable[..., Sinkhole], list_server: ListServer
) -> None:
    (list_server.directory / "list.txt").write_text("listed.example\n")
    one = sinkhole()
    told(one, "lists", "add", list_server.url("list.txt"), "--title", "Mine")
    one.stop()
    (one.directory / "state/state.db").write_text("{" * 5000)
    one.start()
    wait_for(lambda: "was damaged" in one.said(), "a word about it")
    wait_for(lambda: one.blocks("listed.example"), "the list")
    assert told(one, "lists", "list")


def test_updates_at_the_same_time_all_come_to_an_end(
    sinkhole: Callable[..., Sinkhole], list_server: ListServer
) -> None:
    path = list_server.directory / "list.txt"
    path.write_text("listed.example\n")
    one = sinkhole("--blocklist", list_server.url("list.txt"))
    wait_for(lambda: one.blocks("listed.example"), "the list")
    path.write_text("listed.example\nfresh.example\n")
    os.utime(path, (2e9, 2e9))  # the server's clock knows whole seconds only
    with ThreadPoolExecutor(4) as pool:
        for said in [pool.submit(told, one, "lists", "update") for _ in range(4)]:
            assert "1 updated" in said.result(60) or "1 unchanged" in said.result()
    assert one.blocks("fresh.example")


def test_a_list_that_has_shrunk_is_a_failure_until_somebody_confirms_it(
    sinkhole: Callable[..., Sinkhole], list_server: ListServer
) -> None:
    path = list_server.directory / "list.txt"
    path.write_text("".join(f"n{number}.example\n" for number in range(100)))
    one = sinkhole("--blocklist", list_server.url("list.txt"))
    wait_for(lambda: one.blocks("n99.example"), "the list")
    path.write_text("n0.example\n")
    os.utime(path, (2e9, 2e9))
    ran = one.run("lists", "update")
    assert (ran.returncode, "1 held" in ran.stdout) == (1, True)
    assert "lists confirm" in ran.stderr
    assert one.blocks("n99.example")
    assert "held" in one.run("lists", "list").stdout
    told(one, "lists", "confirm", "list.txt")
    assert not one.blocks("n99.example")
    assert one.blocks("n0.example")
