"""What DNS notices of the query log: without one, with one, and with a disk that is blocked or full."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from bench import load, names, probe, proc
from bench.cc import built
from bench.machine import Placement
from bench.processes import BenchError, Running, free_port
from bench.servers.mirage_hole import MirageHole
from bench.servers.server import Site

STATES: Final = ("off", "on", "blocked", "full")
RATE: Final = 20_000
"""Questions a second that are logged."""
ASKED: Final = 500
"""Questions a second whose latencies count."""
NAMES: Final = names.Names(tuple(f"ads{number}.example-tracker.net" for number in range(200)), 0)
FULL_KIB: Final = 512
_START_WITHIN: Final = 30.0


class Logging(MirageHole):
    """With the query log in one state."""

    def __init__(self, state: str) -> None:
        self.state = state
        self.name = f"log {state}"

    def configure(self, site: Site) -> None:
        super().configure(site)
        text = "[query_log]\nenabled = false\n" if self.state == "off" else ""
        # What is measured is the log: a limit of questions would be in its way.
        (site.directory / "config.toml").write_text(f"{text}[limits]\nqueries_per_second = 0\n")


@dataclass(slots=True)
class Figures:
    """One state over all rounds."""

    state: str
    cpu: list[float] = field(default_factory=list)
    """Microseconds of the worker a question."""
    control: list[float] = field(default_factory=list)
    """Of the supervisor."""
    took: list[float] = field(default_factory=list)
    """Milliseconds of each question whose latency counts."""
    asked: int = 0
    lost: int = 0
    written: float = 0.0
    dropped: float = 0.0
    rss: float = 0.0
    """MiB of the supervisor at the end."""

    def percentile(self, share: float) -> float:
        """Of the latencies."""
        return load.Latencies(tuple(sorted(self.took))).percentile(share)


class Served:
    """A running server with its log in one state."""

    def __init__(self, state: str, directory: Path, upstream: int, places: Placement) -> None:
        self.figures = Figures(state)
        self._server = Logging(state)
        self._directory = directory
        self._places = places
        self._holder: sqlite3.Connection | None = None
        self._mounted: Path | None = None
        self.site = Site(directory, NAMES, free_port(), free_port(), upstream)
        self._server.configure(self.site)
        self._log = directory / "state" / "log"
        if state == "full":
            self._log.mkdir(parents=True)
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={FULL_KIB}k,mode=0700", "tmpfs", str(self._log)], check=False,
                capture_output=True,
            )  # fmt: skip
            if done.returncode:
                msg = "only root can make a disk that is full"
                raise BenchError(msg)
            self._mounted = self._log
        self._running = Running(self._server.command(self.site), directory / "output.log", cwd=directory)

    def ready(self) -> None:
        """Wait until it answers, and bring its disk into its state."""
        probe.until_blocked(self.site.port, NAMES.blocked[0], patience=_START_WITHIN, meanwhile=self._running.check)
        proc.pin(self._running.tree(), self._places.server)
        self.ask(2, keep=False)
        if self.figures.state == "blocked":
            deadline = time.monotonic() + _START_WITHIN
            while not (files := list(self._log.glob("*.db"))) and time.monotonic() < deadline:
                time.sleep(0.1)
            self._holder = sqlite3.connect(max(files), timeout=30, isolation_level=None)
            self._holder.execute("BEGIN IMMEDIATE")

    def ask(self, seconds: int, *, keep: bool = True) -> None:
        """Load for so many seconds, with latencies of some questions beside it."""
        questions = [
            NAMES.blocked[number % 200] if number % 3 == 0 else f"k{number % 500}.known.org" for number in range(3000)
        ]
        text = self._directory / "questions.txt"
        text.write_text("".join(f"{name} A\n" for name in questions))
        packets = names.write_packets(self._directory / "paced.packets", questions[: ASKED * 2])
        worker = self._server.data_plane(self._running.tree())
        supervisor = [self._running.pid]
        before, control = proc.cpu_seconds(worker), proc.cpu_seconds(supervisor)
        with load.latency_client(
            self.site.port, packets, rate=ASKED, most_seconds=seconds, samples=self._directory / "latency.txt"
        ) as client:
            sent, answered = _paced(self.site.port, text, seconds, self._places, self._directory / "dnsperf.txt")
            took = [one for _, one in client.finish()]
        if keep:
            total = answered + len(took)
            self.figures.cpu.append((proc.cpu_seconds(worker) - before) / total * 1e6)
            self.figures.control.append((proc.cpu_seconds(supervisor) - control) / total * 1e6)
            self.figures.took += took
            self.figures.asked += sent
            self.figures.lost += sent - answered

    def end(self) -> Figures:
        """Its figures; the server is ended."""
        with contextlib.suppress(OSError, ValueError):
            with urlopen(f"http://127.0.0.1:{self.site.web_port}/metrics", timeout=10) as response:
                text = response.read().decode()
            self.figures.written, self.figures.dropped = _counted(text)
        self.figures.rss = proc.resident([self._running.pid])
        self.close()
        return self.figures

    def close(self) -> None:
        """End the server and give the disk back."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None
        self._running.end()
        if self._mounted is not None:
            subprocess.run(["umount", str(self._mounted)], check=False)
            self._mounted = None


def measure(rounds: int, seconds: int, places: Placement, directory: Path) -> tuple[list[Figures], list[str]]:
    """(figures of each state, what was left out), the states in turns."""
    counter, port = directory / "counter", free_port()
    counter.write_bytes(bytes(8))
    upstream = Running([str(built("upstream")), str(port), str(counter)], directory / "upstream.log", places.load)
    served: list[Served] = []
    left_out = []
    try:
        for state in STATES:
            own = directory / state
            own.mkdir()
            try:
                served.append(Served(state, own, port, places))
                served[-1].ready()
            except BenchError as problem:
                left_out.append(f"log {state}: {problem}")
        for _ in range(rounds):
            for one in served:
                one.ask(seconds)
        return [one.end() for one in served], left_out
    finally:
        for one in served:
            one.close()
        upstream.end()


def _paced(port: int, questions: Path, seconds: int, places: Placement, log: Path) -> tuple[int, int]:
    """(sent, answered) at the rate that is to be logged."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(questions), *load.DNSPERF, "-l", str(seconds)]
    log.write_bytes(b"")
    running = Running([*command, "-Q", str(RATE)], log, places.load)
    try:
        running.wait(seconds + 30)
    finally:
        running.end()
    text = log.read_text(errors="replace")
    return load.figure(r"Queries sent:\s+(\d+)", text), load.figure(r"Queries completed:\s+(\d+)", text)


def _counted(metrics: str) -> tuple[float, float]:
    written = dropped = 0.0
    for line in metrics.splitlines():
        if line.startswith("mirage_hole_queue_dropped_total") and 'queue="query log"' in line:
            dropped = float(line.rpartition(" ")[2])
        elif line.startswith("mirage_hole_queue_written_total") and 'queue="query log"' in line:
            written = float(line.rpartition(" ")[2])
    return written, dropped
