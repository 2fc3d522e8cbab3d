"""Lanes: what a resolver does when it must ask, when its memory is too small, and when its upstreams are dead, lossy or slow.

Each lane has servers of its own, started with next to no list, which take turns as in the phases of :mod:`bench.measure`.
"""

from __future__ import annotations

import math
import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from bench import load, names, probe, proc
from bench.cc import built
from bench.machine import Placement
from bench.processes import BenchError, Running, free_port
from bench.servers.dnsmasq import Dnsmasq
from bench.servers.mirage_hole import MirageHole
from bench.servers.server import Server, Site
from bench.servers.unbound import Unbound

SERVERS: Final[tuple[Callable[[], Server], ...]] = (MirageHole, Unbound, Dnsmasq)
RATE: Final = 500
"""Questions a second when latencies are measured; few enough for the slowest server."""
MOST_ROUNDS: Final = 3
STALE_NAMES: Final = 5_000
SPREAD_NAMES: Final = 20_000
"""Many times what a small cache holds."""
_NOTHING: Final = names.Names(("blocked.example-tracker.net",), 0)
_START_WITHIN: Final = 30.0


class Upstream(NamedTuple):
    """Options of ``native/upstream.c``."""

    ttl: int = 3600
    loss: int = 0
    """Of a thousand."""
    delay: int = 0
    """Milliseconds."""


class Lane(NamedTuple):
    """What is asked of which upstreams."""

    name: str
    about: str
    upstreams: tuple[Upstream, ...] = (Upstream(),)
    small_cache: bool = False
    stale: bool = False
    flood: bool = True
    """Also ask as fast as can be; where answers are lost, a flood says only how long its questions wait."""


LANES: Final = (
    Lane("cold-miss", "names that nobody asked before"),
    Lane(
        "cache-full",
        f"{SPREAD_NAMES:,} names at random, of which the cache (2 MiB, 2,000 names in dnsmasq) holds few",
        small_cache=True,
    ),
    Lane(
        "stale",
        f"{STALE_NAMES:,} names that were known and are outdated; the upstream is dead",
        (Upstream(1),),
        stale=True,
    ),
    Lane(
        "loss",
        "names that nobody asked before; the upstream loses 1 % of all questions",
        (Upstream(loss=10),),
        flood=False,
    ),
    Lane(
        "slow",
        "names that nobody asked before; of three upstreams the first takes 150 ms, the others none",
        (Upstream(delay=150), Upstream(), Upstream()),
        flood=False,
    ),
)


@dataclass(slots=True)
class LaneFigures:
    """One server in one lane; a value a round."""

    lane: str
    name: str
    version: str
    micros: list[float] = field(default_factory=list)
    """CPU microseconds of the data plane per answer under a flood."""
    per_second: list[float] = field(default_factory=list)
    paced_micros: list[float] = field(default_factory=list)
    """The same at the steady rate."""
    latencies: list[load.Latencies] = field(default_factory=list)
    useful: list[float] = field(default_factory=list)
    """Share of the questions of the flood that were answered NOERROR."""
    forwarded: list[float] = field(default_factory=list)
    """Questions that reached an upstream, per question, at the steady rate."""

    @property
    def together(self) -> load.Latencies:
        """The questions of all rounds."""
        return load.Latencies(tuple(sorted(value for one in self.latencies for value in one.values)))


def run(
    lane: Lane, *, rounds: int, seconds: int, places: Placement, directory: Path, say: Callable[[str], None]
) -> Iterator[LaneFigures]:
    """Measure one lane; servers that are not installed or fail are left out and told."""
    with ExitStack() as stack:
        track = _Track(lane, seconds, places, directory, stack)
        entered: list[tuple[LaneFigures, Server, Site, Running]] = []
        for make in SERVERS:
            server = make()
            if why := server.unavailable():
                say(f"{lane.name}: left out: {server.name}: {why}")
                continue
            try:
                entered.append(track.enter(server))
            except BenchError as problem:
                say(f"{lane.name}: left out: {server.name}: {problem}")
        if lane.stale:
            track.let_them_go_stale([site for _, _, site, _ in entered])
        for number in range(rounds):
            for figures, server, site, running in entered:
                track.turn(number, figures, server, site, running)
                say(
                    f"{lane.name} {number + 1}: {figures.name} {figures.paced_micros[-1]:.1f} µs, "
                    f"p99 {figures.latencies[-1].percentile(99):.2f} ms, unanswered {figures.latencies[-1].unanswered}"
                )
        yield from (figures for figures, _, _, _ in entered)


class _Track:
    """The upstreams of a lane, and how its servers are asked."""

    def __init__(self, lane: Lane, seconds: int, places: Placement, directory: Path, stack: ExitStack) -> None:
        self._lane = lane
        self._seconds = seconds
        self._places = places
        self._directory = directory
        self._stack = stack
        self._log = directory / "dnsperf.log"
        self._counters = [directory / f"counter{number}" for number in range(len(lane.upstreams))]
        self._ports = [free_port() for _ in lane.upstreams]
        self._upstreams: list[Running] = []
        for options, port, counter in zip(lane.upstreams, self._ports, self._counters, strict=True):
            counter.write_bytes(bytes(8))
            command = [str(built("upstream")), str(port), str(counter), *map(str, options)]
            one = Running(command, directory / "upstream.log", places.load)
            stack.callback(one.end)
            self._upstreams.append(one)

    def enter(self, server: Server) -> tuple[LaneFigures, Server, Site, Running]:
        """Start a server."""
        lane = self._lane
        directory = self._directory / server.name
        directory.mkdir()
        first, *more = self._ports
        site = Site(directory, _NOTHING, free_port(), free_port(), first, tuple(more), lane.small_cache, lane.stale)
        server.configure(site)
        running = Running(server.command(site), directory / "output.log", cwd=directory)
        self._stack.callback(running.end)
        probe.until_blocked(site.port, _NOTHING.blocked[0], patience=_START_WITHIN, meanwhile=running.check)
        proc.pin(running.tree(), self._places.server)
        if not server.data_plane(running.tree()):
            msg = "found no process that answers queries"
            raise BenchError(msg)
        return LaneFigures(lane.name, server.name, server.version()), server, site, running

    def let_them_go_stale(self, sites: list[Site]) -> None:
        """Everybody learns all names; then they outlive their TTL, and the upstream ends."""
        known = names.write_questions(self._directory / "known.txt", _stale_names())
        for site in sites:
            load.dnsperf(site.port, known, seconds=None, once=True, cpus=self._places.load, log=self._log)
        time.sleep(self._lane.upstreams[0].ttl + 1.5)
        for one in self._upstreams:
            one.end()
        for site in sites:  # whoever learns slowly that nobody is there shall have learnt it
            load.dnsperf(site.port, known, seconds=3, once=True, cpus=self._places.load, log=self._log)

    def turn(self, number: int, figures: LaneFigures, server: Server, site: Site, running: Running) -> None:
        """One server in one round."""
        running.check()
        data_plane = server.data_plane(running.tree())
        if self._lane.flood:
            questions = names.write_questions(self._directory / "flood.txt", self._questions(f"f{number}", 60_000))
            cpu = proc.cpu_seconds(data_plane)
            done = load.dnsperf(
                site.port, questions, seconds=self._seconds, once=self._unique, cpus=self._places.load, log=self._log
            )
            cpu = proc.cpu_seconds(data_plane) - cpu
            figures.micros.append(cpu / done.answered * 1e6 if done.answered else math.nan)
            figures.per_second.append(done.per_second)
            figures.useful.append(done.noerror / max(1, done.sent))
        packets = names.write_packets(self._directory / "paced.packets", self._questions(f"p{number}", RATE))
        samples = self._directory / "latency.txt"
        forwarded, cpu = self._forwarded(), proc.cpu_seconds(data_plane)
        with load.latency_client(site.port, packets, rate=RATE, most_seconds=self._seconds, samples=samples) as client:
            time.sleep(self._seconds)
            measured = client.finish()
        asked = load.Latencies(tuple(sorted(took for _, took in measured)))
        answered = len(asked.values) - asked.unanswered
        figures.paced_micros.append((proc.cpu_seconds(data_plane) - cpu) / answered * 1e6 if answered else math.nan)
        figures.forwarded.append((self._forwarded() - forwarded) / max(1, len(asked.values)))
        figures.latencies.append(asked)

    @property
    def _unique(self) -> bool:
        return not (self._lane.stale or self._lane.small_cache)

    def _questions(self, session: str, a_second: int) -> list[str]:
        if self._lane.stale:
            return _stale_names()
        if self._lane.small_cache:
            dice = random.Random(session)
            return [f"s{dice.randrange(SPREAD_NAMES)}.spread.net" for _ in range(a_second * self._seconds)]
        return names.never_seen(session, a_second * self._seconds)

    def _forwarded(self) -> int:
        return sum(struct.unpack("=Q", counter.read_bytes())[0] for counter in self._counters)


def _stale_names() -> list[str]:
    return [f"o{number}.outdated{number % 97}.org" for number in range(STALE_NAMES)]


def choose(wanted: list[str]) -> list[Lane]:
    """The lanes of these names; :class:`BenchError` for a name that is none."""
    if unknown := [name for name in wanted if name not in {lane.name for lane in LANES}]:
        msg = f"no lane is called {', '.join(unknown)}; there are: {', '.join(lane.name for lane in LANES)}"
        raise BenchError(msg)
    return [lane for lane in LANES if lane.name in wanted]


METHOD: Final = (
    "Each lane starts mirage-hole, unbound and dnsmasq with next to no list, in front of upstreams of its own: "
    + "; ".join(f"*{lane.name}*: {lane.about}" for lane in LANES)
    + f". The flood is dnsperf's as above; latencies and what came of each question are of {RATE} questions a second, of all "
    "rounds together, with every server on its processor; a question that nobody answered within two seconds counts as the "
    "slowest. Outdated answers are on as each server has them: Mirage Hole's are by default, unbound's `serve-expired`, dnsmasq's "
    "`use-stale-cache`. All else is as in the other tables, queries of Mirage Hole's are recorded, and others log nothing."
)
"""For RESULTS.md."""
