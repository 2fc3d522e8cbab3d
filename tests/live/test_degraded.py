"""A running server while something is missing: lists, room on the disk, a supervisor. See docs/degraded.md."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.edns
import dns.exception
import dns.rcode
import orjson
import pytest

from .conftest import FORWARDED, PATIENCE, ListServer, Sinkhole, wait_for

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("degraded")]

Start = Callable[..., Sinkhole]


def health(one: Sinkhole) -> dict[str, str]:
    found: dict[str, str] = orjson.loads(one.get("/healthz"))["degraded"]
    return found


# -- lists are loading --


def test_closed_until_loaded_it_forwards_nothing_before_the_first_list_has_come(
    sinkhole: Start, list_server: ListServer
) -> None:
    """RFC 8914 4.15. The list server is down at first, so the lists are as late as can be."""
    (list_server.directory / "ads.txt").write_text("ads.example\n")
    list_server.stop()
    one = sinkhole("--blocklist", list_server.url("ads.txt"), "--until-loaded", "closed")
    wait_for(one.web_is_up, "the web server")
    reply = one.ask(FORWARDED)
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert [int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)] == [14]
    assert one.ask("localhost").rcode() == dns.rcode.NOERROR
    assert "nothing is forwarded" in health(one)["lists"]
    list_server.start()
    one.signal(signal.SIGHUP)
    wait_for(lambda: one.blocks("ads.example"), "the list")
    assert one.ask(FORWARDED).rcode() == dns.rcode.NOERROR
    assert health(one) == {}
    # From disk it is there at once, and the list server may be gone again.
    one.stop()
    list_server.stop()
    one.start()
    assert one.blocks("ads.example")


def test_open_until_loaded_it_forwards_everything(sinkhole: Start, list_server: ListServer) -> None:
    list_server.stop()
    one = sinkhole("--blocklist", list_server.url("ads.txt"))
    wait_for(one.web_is_up, "the web server")
    assert one.ask(FORWARDED).rcode() == dns.rcode.NOERROR
    assert "nothing is blocked" in health(one)["lists"]


# -- the disk is full --


class SmallDisk:
    """A file system of a few hundred KiB in a mount namespace of the server's own, full of one file from the start."""

    def __init__(self, directory: Path, arguments: list[str], environ: dict[str, str]) -> None:
        state = environ["MIRAGE_HOLE_STATE"]
        script = (
            f'mkdir -p "{state}" && mount -t tmpfs -o size=8m none "{state}" && touch "{state}/.mirage-hole"'
            f' && {{ head -c 16m /dev/zero > "{state}/filler" || true; }} 2> /dev/null; exec "$@"'
        )
        self.log = directory / "small.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-m", "mirage_hole", *arguments],
                env=environ, stdout=log, stderr=log,
            )  # fmt: skip
        self.state = Path(f"/proc/{self.process.pid}/root{state}")

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def small_disk(tmp_path: Path, upstream: int, sinkhole: Start) -> Iterator[tuple[Sinkhole, SmallDisk]]:
    """A server whose disk is full before it begins."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root can mount a file system")
    allowed = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True, check=False
    )
    if allowed.returncode:
        pytest.skip("this machine lets nobody mount a file system")
    one = Sinkhole(tmp_path, upstream=upstream)
    arguments = [
        "--listen", "127.0.0.1", "--port", str(one.port), "--web", f"127.0.0.1:{one.web}",
        "--upstream", f"127.0.0.1:{upstream}", "--user", "root", "--web-open-for", "127.0.0.0/8",
    ]  # fmt: skip
    disk = SmallDisk(tmp_path, arguments, one.environ)
    try:

        def answers() -> bool:
            assert disk.process.poll() is None, disk.said()
            with contextlib.suppress(dns.exception.DNSException, OSError):
                return one.ask(FORWARDED, timeout=0.3).rcode() == dns.rcode.NOERROR
            return False

        wait_for(answers, "an answer")
        wait_for(one.web_is_up, "the web server")
        yield one, disk
    finally:
        disk.end()


def test_a_disk_that_is_full_at_the_start_costs_no_answer_and_is_told_once(
    small_disk: tuple[Sinkhole, SmallDisk],
) -> None:
    one, disk = small_disk
    wait_for(lambda: "storage" in health(one), "the disk to be noticed")
    assert "the disk is full" in health(one)["storage"]
    wait_for(lambda: "compiler" in health(one), "the lists not to be compiled")
    for _ in range(50):
        assert one.ask(FORWARDED).rcode() == dns.rcode.NOERROR
    assert disk.said().count("nothing new is kept") == 1
    added = subprocess.run(
        ["nsenter", "--mount", f"--target={disk.process.pid}", sys.executable, "-m", "mirage_hole", "rules", "add", "ads.example"],
        env=one.environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert added.returncode != 0
    assert "the disk is full" in added.stderr
    # There is room again: everything is made up for, by itself.
    (disk.state / "filler").unlink()
    wait_for(lambda: one.blocks("doubleclick.net"), "the starter list")
    wait_for(lambda: health(one) == {}, "the end of it")
    assert "can be written again" in disk.said()
    assert "Traceback" not in disk.said()


def test_a_disk_that_fills_up_while_it_runs_leaves_everything_as_it_is(
    small_disk: tuple[Sinkhole, SmallDisk],
) -> None:
    one, disk = small_disk
    (disk.state / "filler").unlink()
    wait_for(lambda: one.blocks("doubleclick.net"), "the starter list")
    with contextlib.suppress(OSError), (disk.state / "filler").open("wb") as filler:
        while True:
            filler.write(bytes(4096))
            filler.flush()
    wait_for(lambda: "storage" in health(one), "the disk to be noticed")
    disk.process.send_signal(signal.SIGHUP)
    for _ in range(20):
        assert one.blocks("doubleclick.net")
        assert one.ask(FORWARDED).rcode() == dns.rcode.NOERROR
    disk.end()
    assert disk.process.returncode == 0
    assert "Traceback" not in disk.said()


# -- the supervisor is gone --


def test_without_its_supervisor_a_worker_answers_what_it_has_and_gives_the_port_free(sinkhole: Start) -> None:
    """An orphan would share the port with the next start's worker."""
    one = sinkhole()
    workers = one.workers()
    assert one.process is not None
    one.process.kill()
    one.process.wait(PATIENCE)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the workers' end")
    one.start()
    assert one.ask(FORWARDED).rcode() == dns.rcode.NOERROR
