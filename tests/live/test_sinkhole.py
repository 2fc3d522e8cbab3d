"""The product as its users meet it: a process, its clients, its signals, its failures."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import orjson
import pytest

from .conftest import FORWARDED, ListServer, Sinkhole, free_port, tool, wait_for

pytestmark = pytest.mark.live

Start = Callable[..., Sinkhole]


def ede(message: dns.message.Message) -> list[tuple[int, str]]:
    return [
        (int(option.code), option.text or "") for option in message.options if isinstance(option, dns.edns.EDEOption)
    ]


def test_the_first_run_blocks_with_no_network_at_all(sinkhole: Start) -> None:
    started = sinkhole()
    wait_for(lambda: started.blocks("doubleclick.net"), "the starter list")
    answer = started.ask("ad.doubleclick.net")
    [(code, text)] = ede(answer)
    assert code == 15
    assert "doubleclick.net" in text


def test_dig_sees_the_block_and_its_reason(sinkhole: Start) -> None:
    dig = tool("dig")
    started = sinkhole()
    wait_for(lambda: started.blocks("doubleclick.net"), "the starter list")
    said = subprocess.run(
        [dig, "@127.0.0.1", "-p", str(started.port), "doubleclick.net"], capture_output=True, text=True, timeout=20
    ).stdout
    assert "0.0.0.0" in said
    assert "EDE: 15 (Blocked)" in said


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_lists_from_a_server_block_and_all_else_is_forwarded(
    sinkhole: Start, list_server: ListServer, tcp: bool, address: str
) -> None:
    (list_server.directory / "list.txt").write_text(
        "0.0.0.0 ads.example trackers.example # two names\n||tree.example^\n"
    )
    started = sinkhole("--blocklist", list_server.url("list.txt"))
    wait_for(lambda: started.blocks("ads.example"), "the list")

    def ask(name: str, kind: str = "A") -> dns.message.Message:
        return started.ask(name, kind, tcp=tcp, address=address)

    assert ask("trackers.example").answer[0][0].to_text() == "0.0.0.0"
    assert ask("deep.in.the.tree.example", "AAAA").answer[0][0].to_text() == "::"
    https = ask("ads.example", "HTTPS")
    assert (https.rcode(), https.answer, len(https.authority)) == (dns.rcode.NOERROR, [], 1)
    assert ask(FORWARDED).answer[0][0].to_text() == "192.0.2.80"
    assert ask("sub.ads.example").rcode() == dns.rcode.NXDOMAIN  # a hosts line names one name; this came from upstream


def test_real_lists_are_served_whole(sinkhole: Start, tmp_path: Path, shared_lists: Path) -> None:
    server = ListServer(shared_lists).start()
    try:
        started = sinkhole(
            *("--blocklist", server.url("hosts/blocklistproject-basic.txt")),
            *("--blocklist", server.url("adblock/oisd-small.txt")),
            *("--blocklist", server.url("wildcard/adaway-2022.txt")),
            *("--allowlist", server.url("allow/anudeepnd-whitelist.txt")),
        )
        lists = wait_for(lambda: served_lists(started, 4), "four lists")
    finally:
        server.stop()
    assert sum(one["rules"] for one in lists) > 130_000
    names = (shared_lists / "hosts" / "blocklistproject-basic.txt").read_text().splitlines()
    allowed = set((shared_lists / "allow" / "anudeepnd-whitelist.txt").read_text().split())
    listed = [line.split()[1] for line in names if line.startswith("0.0.0.0 ")][::1500]
    assert len(listed) > 40
    for name in listed:
        assert started.blocks(name) or name in allowed, name


def served_lists(started: Sinkhole, count: int) -> list[dict[str, int]] | None:
    if not started.web_is_up():
        return None
    lists: list[dict[str, int]] = orjson.loads(started.get("/api/v1/lists"))["lists"]
    return lists if len(lists) == count and all(one.get("rules") for one in lists) else None


def test_a_killed_worker_is_replaced_and_answers_resume(sinkhole: Start) -> None:
    started = sinkhole()
    [worker] = started.workers()
    os.kill(worker, signal.SIGKILL)
    # The sockets belong to the supervisor, so this question waits in the kernel for the next worker.
    assert started.ask(FORWARDED).answer[0][0].to_text() == "192.0.2.80"
    assert started.workers() != [worker]
    assert started.process is not None
    assert started.process.poll() is None


def test_without_the_list_server_it_starts_from_disk(sinkhole: Start, list_server: ListServer) -> None:
    (list_server.directory / "list.txt").write_text("ads.example\n")
    started = sinkhole("--blocklist", list_server.url("list.txt"))
    wait_for(lambda: started.blocks("ads.example"), "the list")
    assert started.stop() == 0
    list_server.stop()
    started.start()
    assert started.blocks("ads.example")


def test_an_error_page_instead_of_a_list_keeps_the_old_list(sinkhole: Start, list_server: ListServer) -> None:
    path = list_server.directory / "list.txt"
    path.write_text("ads.example\n")
    started = sinkhole("--blocklist", list_server.url("list.txt"))
    wait_for(lambda: started.blocks("ads.example"), "the list")
    path.write_text("<!DOCTYPE html><html><body>Down for maintenance</body></html>")
    os.utime(path, (2e9, 2e9))  # a later date, or the server says 304 to a question in the same second
    started.signal(signal.SIGHUP)
    wait_for(lambda: "web page" in started.said().lower(), "the refusal in the log")
    assert started.blocks("ads.example")


def test_sighup_fetches_the_lists_again(sinkhole: Start, list_server: ListServer) -> None:
    path = list_server.directory / "list.txt"
    path.write_text("ads.example\n")
    started = sinkhole("--blocklist", list_server.url("list.txt"))
    wait_for(lambda: started.blocks("ads.example"), "the list")
    path.write_text("other.example\n")
    os.utime(path, (2e9, 2e9))  # a later date, or the server says 304 to a question in the same second
    started.signal(signal.SIGHUP)
    wait_for(lambda: started.blocks("other.example"), "the new list")
    assert not started.blocks("ads.example")


def test_a_dead_upstream_is_servfail_with_the_reason(sinkhole: Start) -> None:
    started = sinkhole("--timeout", "1", upstream=free_port())
    answer = started.ask(FORWARDED)
    assert answer.rcode() == dns.rcode.SERVFAIL
    [(code, text)] = ede(answer)
    assert code in {22, 23}
    assert str(started.upstream) in text


def test_a_silent_upstream_is_servfail_in_the_configured_time(sinkhole: Start) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        started = sinkhole("--timeout", "1", upstream=silent.getsockname()[1])
        answer = started.ask(FORWARDED)
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert [code for code, _ in ede(answer)] == [22]


def test_an_answer_too_long_for_a_datagram_comes_over_tcp(sinkhole: Start) -> None:
    started = sinkhole()
    short = started.ask(f"big.{FORWARDED}", "TXT")
    assert short.flags & dns.flags.TC
    assert short.edns == 0
    assert len(started.ask(f"big.{FORWARDED}", "TXT", tcp=True).answer[0]) == 30


def test_explain_names_list_line_and_rule(sinkhole: Start, list_server: ListServer) -> None:
    (list_server.directory / "list.txt").write_text("! Title: A list of ours\nfirst.example\n||tree.example^\n")
    started = sinkhole("--blocklist", list_server.url("list.txt"))
    wait_for(lambda: started.blocks("tree.example"), "the list")
    said = started.run("explain", "deep.tree.example").stdout
    assert "A list of ours" in said
    assert "||tree.example^" in said
    assert "line 3" in said


def test_the_page_the_statistics_and_the_metrics_count_every_query(sinkhole: Start) -> None:
    started = sinkhole()
    wait_for(started.web_is_up, "the web server")
    wait_for(lambda: started.blocks("doubleclick.net"), "the starter list")
    wait_for(lambda: counted(started) == sent(started), "every datagram in the counters")
    before = started.stats()["totals"]
    for number in range(50):
        started.ask("doubleclick.net", edns=number % 2 == 0)
        started.ask(FORWARDED)
    wait_for(lambda: started.stats()["totals"]["queries"] == before["queries"] + 100, "a hundred more queries")
    assert started.stats()["totals"]["blocked"] == before["blocked"] + 50
    assert b"mirage_hole_queries_total" in started.get("/metrics")
    assert b"<title>" in started.get("/")


def counted(started: Sinkhole) -> int:
    return int(started.stats()["totals"]["queries"])


def sent(started: Sinkhole) -> int:
    return sum(one["datagrams"] for one in started.stats()["workers"])


def test_sigterm_drains_and_exits_0(sinkhole: Start) -> None:
    started = sinkhole()
    assert started.stop() == 0


def test_two_workers_share_the_port(sinkhole: Start) -> None:
    started = sinkhole("--workers", "2")
    wait_for(lambda: len(started.workers()) == 2, "two workers")
    for _ in range(40):
        assert started.ask(FORWARDED).answer[0][0].to_text() == "192.0.2.80"


def test_a_port_in_use_is_said_and_ends_with_69(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "mirage_hole", "--listen", "127.0.0.1", "--port", port, "--web", "off"]
        command += ["--upstream", "192.0.2.53", "--state", str(tmp_path)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 69
    assert port in ended.stderr
    assert "in use" in ended.stderr


def test_a_configuration_that_cannot_be_read_ends_with_78(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[server]\nport = "many"\nworker = 3\n')
    command = [sys.executable, "-m", "mirage_hole", "--config", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 78
    assert "port" in ended.stderr
    assert "worker" in ended.stderr  # all problems at once
