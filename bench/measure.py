"""The order of measurements: starts one by one, then rounds in which every server has its turn, then latencies.

All servers run at the same time and are idle while another one is asked, so slow changes of the machine meet all of them.
"""

from __future__ import annotations

import math
import random
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import load, names, probe, proc
from bench.cc import BUILD, built
from bench.machine import Placement
from bench.processes import BenchError, Running, free_port
from bench.servers.server import Server, Site

PHASES: Final = ("blocked", "blocked once", "cached", "never seen")
_START_WITHIN: Final = 180.0
_QUIET: Final = 0.03
"""Share of a processor below which a server has settled."""
_GAP: Final = 0.5
"""Seconds between the quiet window and the change, so that questions which the change catches waiting count for neither."""
_MARKER: Final = "added-while-running.example-tracker.net"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: int
    """Of each phase of each round."""
    starts: int
    rate: int = 2000
    """Questions a second when latencies are measured."""
    quiet_seconds: float = 5.0
    latencies: bool = True
    calm_within: float = 10.0
    """Seconds to wait, before each measurement, for other programs on the machine to be quiet."""


@dataclass(slots=True)
class Turn:
    """One phase of one round."""

    micros: float
    """CPU microseconds of the data plane per answer."""
    kernel_micros: float
    """The part of it that the kernel took."""
    control_micros: float
    per_second: float
    busy: float
    """Share of a processor that the whole product used; well below 1 means that it waited for questions."""
    lost: int
    forwarded: float
    """Questions that reached the upstream, per answer."""
    foreign: float
    """Processors that others on the machine kept busy meanwhile."""


@dataclass(slots=True)
class Figures:
    """Everything about one server."""

    name: str
    version: str
    blocks: bool
    list_to_live: float = math.nan
    """Seconds from the first start, with nothing compiled, to the first blocked answer."""
    starts: list[float] = field(default_factory=list)
    """The same for later starts."""
    loaded: proc.Memory | None = None
    loaded_data_plane: proc.Memory | None = None
    used: proc.Memory | None = None
    """After all rounds."""
    used_data_plane: proc.Memory | None = None
    index_mib: float | None = None
    turns: dict[str, list[Turn]] = field(default_factory=lambda: {phase: [] for phase in PHASES})
    paced_micros: float = math.nan
    """CPU microseconds of the data plane per answer at the steady rate, where few questions share a wake-up."""
    quiet: load.Latencies | None = None
    reloading: load.Latencies | None = None
    reload_seconds: float | None = None
    reload_peak: float | None = None
    """MiB of RSS of all processes together, at most, while a list is reloaded."""
    reload_resident: tuple[float, float, float] | None = None
    """MiB of RSS of the data plane: before the reload, at most meanwhile, a second after it."""


class Bench:
    """One run."""

    def __init__(self, plan: Plan, blocked: names.Names, places: Placement, directory: Path) -> None:
        self.plan = plan
        self.names = blocked
        self._places = places
        self._directory = directory
        self._stack = ExitStack()
        self._log = directory / "dnsperf.log"
        self._upstream_port = free_port()
        self._counter = directory / "counter"
        self._running: dict[str, tuple[Server, Site, Running]] = {}
        sample = blocked.sample
        self._files = {
            "blocked": names.write_questions(directory / "blocked.txt", sample),
            "cached": names.write_questions(directory / "cached.txt", names.cached_names()),
        }
        self._packets = names.write_packets(directory / "blocked.packets", sample)

    def __enter__(self) -> Bench:
        self._counter.write_bytes(bytes(8))
        command = [str(built("upstream")), str(self._upstream_port), str(self._counter)]
        self._upstream = Running(command, self._directory / "upstream.log", self._places.load)
        self._stack.callback(self._upstream.end)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, server: Server) -> Figures:
        """Measure the server's starts and leave it running."""
        figures = Figures(server.name, server.version(), server.blocks)
        directory = self._directory / server.name.replace(" ", "-").replace("=", "").replace("(", "").replace(")", "")
        directory.mkdir()
        site = Site(directory, self.names, free_port(), free_port(), self._upstream_port)
        server.configure(site)
        for number in range(self.plan.starts + 1 if server.blocks else 1):
            self._calm()
            running = Running(server.command(site), directory / "output.log", cwd=directory)
            with ExitStack() as stack:
                stack.callback(running.end)
                took = self._first_answer(server, site, running)
                if number == 0:
                    figures.list_to_live = took
                else:
                    figures.starts.append(took)
                self._settle(running)
                if number < self.plan.starts and server.blocks:
                    continue
                stack.pop_all()
        self._stack.callback(running.end)
        if server.blocks:
            self._verify(server, site)
        data_plane = server.data_plane(running.tree())
        if not data_plane:
            msg = f"{server.name}: found no process that answers queries"
            raise BenchError(msg)
        figures.loaded = proc.memory(running.tree())
        figures.loaded_data_plane = proc.memory(data_plane)
        figures.index_mib = server.index_mib(site)
        self._running[server.name] = (server, site, running)
        return figures

    def round(self, number: int, servers: list[Figures]) -> Iterator[tuple[Figures, str, Turn]]:
        """Every phase for every server."""
        for _, _, running in self._running.values():
            proc.pin(running.tree(), self._places.server)
        fresh = names.write_questions(self._directory / "fresh.txt", self.names.fresh(number, self.plan.rounds))
        unseen_names = names.never_seen(f"r{number}", self.plan.seconds * 60_000)
        unseen = names.write_questions(self._directory / "unseen.txt", unseen_names)
        files = {**self._files, "blocked once": fresh, "never seen": unseen}
        for phase in PHASES:
            for figures in servers:
                if not figures.blocks and phase != "blocked":
                    continue
                port = self._running[figures.name][1].port
                if phase in {"blocked", "cached"}:  # whoever remembers answers shall have the chance to
                    self._ask(port, files[phase], seconds=None, once=True)
                self._calm()
                turn = self._turn(figures.name, files[phase], once=phase in {"blocked once", "never seen"})
                figures.turns[phase].append(turn)
                yield figures, phase, turn

    def weigh(self, figures: Figures) -> None:
        """Memory after all that work."""
        server, _, running = self._running[figures.name]
        figures.used = proc.memory(running.tree())
        figures.used_data_plane = proc.memory(server.data_plane(running.tree()))

    def latencies(self, figures: Figures) -> None:
        """Blocked answers at a steady rate, first in peace, then while a changed list is taken in.

        Nobody is pinned: what reloads may use whichever processor is free, as it does at home.
        """
        server, site, running = self._running[figures.name]
        proc.pin(running.tree(), self._places.everything)
        self._ask(site.port, self._files["blocked"], seconds=None, once=True)
        samples = self._directory / "latency.txt"
        self._calm()
        with load.latency_client(
            site.port, self._packets, rate=self.plan.rate, most_seconds=int(_START_WITHIN), samples=samples
        ) as client:
            time.sleep(0.5)
            data_plane = server.data_plane(running.tree())
            began, cpu = time.time_ns(), proc.cpu_seconds(data_plane)
            time.sleep(self.plan.quiet_seconds)
            quiet_ended, cpu = time.time_ns(), proc.cpu_seconds(data_plane) - cpu
            time.sleep(_GAP)
            changed, changed_at = time.time_ns(), time.monotonic()
            live = None
            before = proc.resident(data_plane)
            with Peak(running, server.data_plane) as peak:
                if server.add_and_reload(site, running, _MARKER):
                    live = probe.until_blocked(
                        site.port, _MARKER, patience=_START_WITHIN / 2, meanwhile=running.check, every=0.02
                    )
                    figures.reload_seconds = live - changed_at
                    time.sleep(1.0)
                    figures.reload_peak = peak.rss
                    figures.reload_resident = (before, max(before, peak.data_plane), proc.resident(data_plane))
            ended = time.time_ns()
            measured = client.finish()
        figures.quiet = load.window(measured, began, quiet_ended)
        figures.paced_micros = cpu / len(figures.quiet.values) * 1e6
        figures.reloading = load.window(measured, changed, ended) if live is not None else None

    def running(self, name: str) -> tuple[Site, Running]:
        """A started server."""
        _, site, running = self._running[name]
        return site, running

    # -- parts --

    def _first_answer(self, server: Server, site: Site, running: Running) -> float:
        if not server.blocks:
            end = time.monotonic() + _START_WITHIN
            while probe.ask(site.port, self.names.blocked[0], 0.1) is None:
                running.check()
                if time.monotonic() > end:
                    msg = f"{server.name} does not answer"
                    raise BenchError(msg)
            return time.monotonic() - running.started
        name = self.names.blocked[len(self.names.blocked) // 2]
        live = probe.until_blocked(site.port, name, patience=_START_WITHIN, meanwhile=running.check)
        return live - running.started

    def _calm(self) -> None:
        """Wait until nobody else uses the machine, but not for ever: the report says who was disturbed."""
        end = time.monotonic() + self.plan.calm_within
        while time.monotonic() < end:
            foreign = proc.Foreign([])
            time.sleep(0.2)
            if foreign.processors() < _QUIET * 2:
                return

    def _settle(self, running: Running) -> None:
        """Wait until nothing more is done in the background."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            before = proc.cpu_seconds(running.tree(), reaped=True)
            time.sleep(0.5)
            if proc.cpu_seconds(running.tree(), reaped=True) - before <= _QUIET * 0.5 + 0.01:
                return
            running.check()

    def _verify(self, server: Server, site: Site) -> None:
        """A server that does not do what is measured is not measured."""
        for name in random.Random(1).sample(self.names.blocked, 20):
            reply = probe.ask(site.port, name)
            if reply is None or not probe.is_blocked(reply):
                msg = f"{server.name} does not block {name}"
                raise BenchError(msg)
        for name in names.never_seen("verify", 5):
            reply = probe.ask(site.port, name)
            if reply is None or bytes((192, 0, 2, 1)) not in reply:
                msg = f"{server.name} does not forward {name}"
                raise BenchError(msg)

    def _turn(self, name: str, questions: Path, *, once: bool) -> Turn:
        server, site, running = self._running[name]
        running.check()
        tree = running.tree()
        data_plane = server.data_plane(tree)
        others = [pid for pid in tree if pid not in data_plane]
        foreign = proc.Foreign([*tree, self._upstream.pid])
        forwarded, cpu, control = self._forwarded(), proc.cpu_seconds(data_plane), proc.cpu_seconds(others, reaped=True)
        kernel = proc.kernel_seconds(data_plane)
        done = self._ask(site.port, questions, seconds=self.plan.seconds, once=once)
        kernel = proc.kernel_seconds(data_plane) - kernel
        cpu = proc.cpu_seconds(data_plane) - cpu
        control = proc.cpu_seconds(others, reaped=True) - control
        if not done.answered or cpu <= 0:
            msg = f"{name}: {done.answered} of {done.sent} questions were answered"
            raise BenchError(msg)
        return Turn(
            micros=cpu / done.answered * 1e6,
            kernel_micros=kernel / done.answered * 1e6,
            control_micros=control / done.answered * 1e6,
            per_second=done.per_second,
            busy=(cpu + control) / done.seconds,
            lost=done.sent - done.answered + (done.answered - done.noerror if server.blocks else 0),
            forwarded=(self._forwarded() - forwarded) / done.answered,
            foreign=foreign.processors(),
        )

    def _ask(self, port: int, questions: Path, *, seconds: int | None, once: bool) -> load.Load:
        return load.dnsperf(port, questions, seconds=seconds, once=once, cpus=self._places.load, log=self._log)

    def _forwarded(self) -> int:
        return int(struct.unpack("=Q", self._counter.read_bytes())[0])


class Peak:
    """The most memory that a process tree was seen to hold, looked at ten times a second by a thread of its own."""

    def __init__(self, running: Running, data_plane: Callable[[list[int]], list[int]] = list) -> None:
        self.rss = 0.0
        """MiB, all processes together."""
        self.data_plane = 0.0
        """MiB, those of them that ``data_plane`` picks."""
        self._running = running
        self._data_plane = data_plane
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            tree = self._running.tree()
            self.rss = max(self.rss, proc.resident(tree))
            self.data_plane = max(self.data_plane, proc.resident(self._data_plane(tree)))


@contextmanager
def workspace() -> Iterator[Path]:
    """A directory for the run, on the disk of the repository, gone afterwards."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=BUILD) as directory:
        yield Path(directory)
