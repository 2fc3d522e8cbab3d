"""A server with ten million logged queries and a day of roll-ups, somebody who may look, and devices that ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench import load, names, probe
from bench.cc import built
from bench.processes import Running, free_port
from bench.querylog.disk import NAMES, Logging
from bench.querylog.generate import TYPES, UPSTREAMS, Traffic
from bench.servers.server import Site
from mirage_hole.observe.rollup import DAY, MINUTE, Facet, Unit
from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.statistics import FILE, Keep, StatisticsStore
from mirage_hole.wire.names import from_text

USER: Final = "bench"
PASSWORD: Final = "only for this bench"
RATE: Final = 1000
"""Questions a second while it is watched."""
_START_WITHIN: Final = 60.0


class Watched:
    """A running server that has a past."""

    def __init__(self, directory: Path, upstream: int) -> None:
        self.directory = directory
        self.site = Site(directory, NAMES, free_port(), free_port(), upstream)
        self.url = f"http://127.0.0.1:{self.site.web_port}"
        server = Logging("on")
        server.configure(self.site)
        self._running = Running(server.command(self.site), directory / "output.log", cwd=directory)

    def ready(self) -> None:
        """Wait until it blocks, and make its user."""
        probe.until_blocked(self.site.port, NAMES.blocked[0], patience=_START_WITHIN, meanwhile=self._running.check)
        command = [sys.executable, "-m", "mirage_hole", "user", "add", USER]
        environment = {**os.environ, "MIRAGE_HOLE_STATE": str(self.directory / "state")}
        subprocess.run(command, env=environment, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True)

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Ask ``RATE`` questions a second meanwhile, a third of them blocked."""
        questions = [
            NAMES.blocked[number % 200] if number % 3 == 0 else f"k{number % 500}.known.org" for number in range(3000)
        ]
        packets = names.write_packets(self.directory / "watched.packets", questions)
        with load.latency_client(
            self.site.port, packets, rate=RATE, most_seconds=3600, samples=self.directory / "latency.txt"
        ):
            time.sleep(2)
            yield

    def end(self) -> None:
        """Stop it."""
        self._running.end()


@contextmanager
def watched(directory: Path, log: Path, rows: int, days: int) -> Iterator[Watched]:
    """The server on a copy of this log; a link would let it change the original."""
    state = directory / "state"
    (state / "log").mkdir(parents=True, mode=0o700)
    for path in log.glob("*.db"):
        shutil.copy(path, state / "log")
    roll_up(state, rows // days, Traffic())
    counter, port = directory / "counter", free_port()
    counter.write_bytes(bytes(8))
    upstream = Running([str(built("upstream")), str(port), str(counter)], directory / "upstream.log")
    try:
        one = Watched(directory, port)
        try:
            one.ready()
            yield one
        finally:
            one.end()
    finally:
        upstream.end()


def roll_up(state: Path, a_day: int, traffic: Traffic) -> None:
    """The minutes of the last day, of as much traffic as the log has a day."""
    now = time.time()
    store = StatisticsStore(state / FILE, Keep())
    store.open()
    first = int(now - DAY) // MINUTE * MINUTE
    for batch, begin in enumerate(range(first, int(now), 60 * MINUTE), 1):
        minutes = range(begin, min(begin + 60 * MINUTE, int(now)), MINUTE)
        store.write(batch, [minute(at, a_day // 1440, traffic) for at in minutes], now)
    store.close()


def minute(at: int, queries: int, traffic: Traffic) -> Unit:
    """The roll-up of one."""
    counts: dict[Facet, Counter[Any]] = {facet: Counter() for facet in Facet}
    for number, (name, client_number, took) in enumerate(traffic.draw(queries)):
        text, client = traffic.names[name], traffic.clients[client_number]
        wire = from_text(text)
        pair = bytes([len(client)]) + client + wire
        blocked, cached = name % 3 == 0, number % 2
        outcome = Outcome.BLOCKED if blocked else Outcome.CACHED if cached else Outcome.FORWARDED
        upstream = UPSTREAMS[name % 3].encode() if outcome is Outcome.FORWARDED else b""
        counts[Facet.OUTCOME][int(outcome)] += 1
        counts[Facet.TYPE][TYPES[number % 4]] += 1
        counts[Facet.RCODE][0] += 1
        counts[Facet.TRANSPORT][0] += 1
        counts[Facet.CLIENT][client] += 1
        counts[Facet.DURATION][upstream + bytes([20 + took % 7 if upstream else 0])] += 1
        if upstream:
            counts[Facet.UPSTREAM][upstream] += 1
        if blocked:
            counts[Facet.BLOCKED_BY][f"List {name % 12}".encode()] += 1
            counts[Facet.BLOCKED_NAME][wire] += 1
            counts[Facet.BLOCKED_CLIENT][client] += 1
            counts[Facet.CLIENT_BLOCKED][pair] += 1
        else:
            counts[Facet.NAME][wire] += 1
            counts[Facet.CLIENT_NAME][pair] += 1
    unit = Unit(at)
    unit.queries, unit.blocked = queries, counts[Facet.OUTCOME][int(Outcome.BLOCKED)]
    for facet, table in counts.items():
        if table:
            unit.of(facet).add(table)
    return unit
