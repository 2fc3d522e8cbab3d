"""A flood from one address: it is stopped, it is counted, and what others ask meanwhile is answered, every time.

How long the others' answers take beside a flood is measured by ``python -m bench.flood``.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from mirage_hole.wire.framing import frame

from .conftest import PATIENCE, Sinkhole, wait_for

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("flood")]

FLOODER, OTHER = "127.0.0.66", "127.0.0.7"
RATE = 20_000

Start = Callable[..., Sinkhole]


@contextmanager
def a_flood(one: Sinkhole) -> Iterator[subprocess.Popen[bytes]]:
    """As long as the block lasts."""
    command = [sys.executable, "-m", "tests.live.flooder", str(one.port), FLOODER, str(RATE), "60"]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


def worker(one: Sinkhole) -> dict[str, Any]:
    found: dict[str, Any] = one.stats()["workers"][0]
    return found


def asked_from(one: Sinkhole, source: str, name: str, timeout: float = PATIENCE) -> dns.message.Message:
    query = dns.message.make_query(name, "A", use_edns=0, payload=1232)
    return dns.query.udp(query, "127.0.0.1", port=one.port, source=source, timeout=timeout)


@pytest.fixture
def limited(sinkhole: Start) -> Sinkhole:
    one = sinkhole("--limit-enforce", FLOODER, "--queries-per-second", "100", "--query-burst", "200")
    wait_for(one.web_is_up, "the web server")
    wait_for(lambda: one.blocks("doubleclick.net"), "the starter list")
    return one


def test_a_flood_is_stopped_and_nobody_else_loses_an_answer(limited: Sinkhole) -> None:
    with a_flood(limited):
        wait_for(lambda: worker(limited)["clients_stopped"], "the flood to be stopped")
        before = worker(limited)
        for number in range(300):
            assert asked_from(limited, OTHER, "doubleclick.net").answer, number
            if number % 10 == 0:
                assert asked_from(limited, OTHER, f"n{number}.forwarded.example").rcode() == dns.rcode.NXDOMAIN
        after = wait_for(lambda: (now := worker(limited))["flood_dropped"] > before["flood_dropped"] and now, "drops")
        assert after["clients_over_limit"] == 1
    answered = after["datagrams"] - before["datagrams"]
    dropped = after["flood_dropped"] - before["flood_dropped"]
    assert dropped > answered  # one in some hundred is read, and what the other asks
    # Whoever stops is a client like any other again.
    wait_for(lambda: not worker(limited)["clients_over_limit"], "the end of the flood to be noticed")
    wait_for(lambda: not asked_from(limited, FLOODER, "doubleclick.net").flags & dns.flags.TC, "an answer")
    text = limited.get("/metrics").decode()
    assert "mirage_hole_flood_dropped_total" in text
    assert "mirage_hole_clients_stopped 0.0" in text


def test_a_worker_that_dies_in_a_flood_leaves_nobody_shut_out(limited: Sinkhole) -> None:
    """The filter is on a socket that outlives it."""
    with a_flood(limited):
        wait_for(lambda: worker(limited)["clients_stopped"], "the flood to be stopped")
        (pid,) = limited.workers()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: limited.workers() not in ([], [pid]), "another worker")
    wait_for(limited.answers, "an answer")
    for _ in range(20):
        wait_for(lambda: answered(limited), "an answer to who flooded before")


def answered(one: Sinkhole) -> bool:
    try:
        return bool(asked_from(one, FLOODER, "doubleclick.net", 0.5).answer)
    except dns.exception.Timeout:
        return False


def test_this_machine_may_flood_itself(sinkhole: Start) -> None:
    """Loopback has no limit unless it is asked for: what a program here asks is its owner's business."""
    one = sinkhole("--queries-per-second", "100", "--query-burst", "200")
    wait_for(one.web_is_up, "the web server")
    wait_for(lambda: one.blocks("doubleclick.net"), "the starter list")
    with a_flood(one):
        wait_for(lambda: worker(one)["datagrams"] > 5 * 200, "the flood to be read")
        for _ in range(3):
            found = worker(one)
            assert (found["clients_over_limit"], found["flood_dropped"]) == (0, 0)
            wait_for(lambda found=found: worker(one)["datagrams"] > found["datagrams"], "more of it")  # type: ignore[misc]


def test_a_stream_that_asks_much_is_made_to_wait_and_gets_every_answer(limited: Sinkhole) -> None:
    """RFC 7766 6.2.1: what a client sends over TCP is answered, if later."""
    wire = dns.message.make_query("doubleclick.net", "A").to_wire()
    pipelined = 50
    with (
        socket.create_connection(("127.0.0.1", limited.port), timeout=PATIENCE, source_address=(FLOODER, 0)) as stream,
        stream.makefile("rb") as reader,
    ):

        def a_round() -> int:
            """Ask, read every answer; how often somebody had to wait so far."""
            stream.sendall(b"".join(frame(number.to_bytes(2, "big") + wire[2:]) for number in range(pipelined)))
            for _ in range(pipelined):
                reply = reader.read(int.from_bytes(reader.read(2), "big"))
                assert reply[3] & 0x0F == dns.rcode.NOERROR
            waited: int = worker(limited)["limited_delayed"]
            return waited

        wait_for(a_round, "a wait")
        a_round()
