"""The C parts, as the bench starts them."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import time
from pathlib import Path

import pytest

from bench import load, names, probe
from bench.cc import built
from bench.processes import BenchError, Running
from mirage_hole.wire.names import from_text
from tests.ports import kept_port

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not (os.environ.get("CC") or shutil.which("cc")), reason="there is no C compiler"),
]


def patiently(port: int, name: str, running: Running) -> bytes:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        running.check()
        if (reply := probe.ask(port, name, 0.1)) is not None:
            return reply
    pytest.fail("no answer")


@pytest.fixture
def upstream(tmp_path):
    (tmp_path / "counter").write_bytes(bytes(8))
    port = kept_port()
    running = Running([str(built("upstream")), str(port), str(tmp_path / "counter")], tmp_path / "log")
    try:
        patiently(port, "ready.example", running)
        yield port, tmp_path / "counter"
    finally:
        running.end()


def test_the_upstream_answers_and_counts(upstream):
    port, counter = upstream
    before = struct.unpack("=Q", counter.read_bytes())[0]
    reply = probe.ask(port, "some.example.com")
    assert reply is not None
    assert reply[12:-16] == from_text("some.example.com") + b"\0\1\0\1"
    assert reply[-4:] == bytes((192, 0, 2, 1))
    assert struct.unpack("=Q", counter.read_bytes())[0] == before + 1


def test_an_answer_of_the_upstream_does_not_look_blocked(upstream):
    reply = probe.ask(upstream[0], "some.example.com")
    assert reply is not None
    assert not probe.is_blocked(reply)
    assert probe.is_blocked(reply[:-4] + bytes(4))


def test_the_latency_client_times_every_question(upstream, tmp_path):
    packets = names.write_packets(tmp_path / "packets", names.never_seen("t", 10))
    running = Running([str(built("latency")), str(upstream[0]), "500", "0.1", str(packets)], tmp_path / "samples")
    try:
        assert running.wait(30) == 0
    finally:
        running.end()
    samples = [tuple(map(int, line.split())) for line in (tmp_path / "samples").read_text().splitlines()]
    assert len(samples) == 50
    assert all(took > 0 for _, took in samples)


def test_an_unanswered_question_is_reported_as_such(tmp_path):
    packets = names.write_packets(tmp_path / "packets", names.never_seen("t", 3))
    with load.latency_client(kept_port(), packets, rate=100, most_seconds=60, samples=tmp_path / "samples") as client:
        probe.ask(kept_port(), "nobody.example", 0.05)
        samples = client.finish()
    assert all(took == load.NO_ANSWER for _, took in samples)


def test_a_process_that_ends_says_what_it_wrote(tmp_path):
    running = Running([str(built("echo"))], tmp_path / "log")
    try:
        assert running.wait(10) == 2
        with pytest.raises(BenchError, match="usage: echo PORT"):
            running.check()
    finally:
        running.end()


def test_a_process_tree_ends_with_its_root(tmp_path):
    running = Running(["sh", "-c", "trap '' TERM; sleep 300 & echo started; wait; wait"], tmp_path / "log")
    try:
        end = time.monotonic() + 10
        while len(running.tree()) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        family = running.tree()
        assert len(family) == 2
    finally:
        running.end(patience=0.1)
    while any(map(_alive, family)) and time.monotonic() < end + 10:
        time.sleep(0.01)
    assert not [pid for pid in family if _alive(pid)]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(("name", "seen"), [("ads.example", 1), ("00000000.example", 64)])
def test_a_flood_asks_from_its_own_address_and_counts_names_up(tmp_path, name, seen):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        port = sock.getsockname()[1]
        running = Running([str(built("flood")), str(port), "127.0.0.66", "6400", "60", name], tmp_path / "log")
        try:
            got = [sock.recvfrom(512) for _ in range(64)]
        finally:
            running.end()
    assert {source for _, (source, _) in got} == {"127.0.0.66"}
    asked = {bytes(wire[12:]) for wire, _ in got}
    assert len(asked) == seen
    assert {len(wire) for wire in asked} == {len(names.query(name)) - 12}
    assert all(wire.endswith(b"\x07example\0\0\1\0\1") for wire in asked)
    assert int((tmp_path / "log").read_text()) >= 64
