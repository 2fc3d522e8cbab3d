"""``python -m bench.flood``: what a flood from one address does to the answers of others; writes FLOOD.md.

Each server is asked 500 questions a second by one client, first alone and then beside another that floods it. The flood comes
from the load's processor and so takes nothing from the server's but what the server spends on it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from bench import load, machine, names, probe, proc, report
from bench.cc import built
from bench.machine import Placement
from bench.measure import workspace
from bench.processes import BenchError, Running, free_port
from bench.servers.dnsmasq import Dnsmasq
from bench.servers.mirage_hole import MirageHole
from bench.servers.server import Server, Site
from bench.servers.unbound import Unbound

RESULTS: Final = Path(__file__).with_name("FLOOD.md")
FLOODER: Final = "127.0.0.66"
RATE: Final = 500
"""Questions a second of the client whose latencies count."""
LEAD: Final = 3.0
"""Seconds that a flood lasts before latencies count."""
TARGET: Final = 2.0
"""Times its quiet value: what p99 may be beside a flood."""
_NAMES: Final = names.Names(tuple(f"ads{number}.example-tracker.net" for number in range(200)), 0)
_START_WITHIN: Final = 30.0


class Flood(NamedTuple):
    """What floods ask for."""

    about: str
    name: str
    rate: int
    """A second; 0: as many as can be sent."""


FLOODS: Final = (
    Flood("one blocked name, as fast as can be", _NAMES.blocked[0], 0),
    Flood("names that nobody asked before, 50,000 a second", "00000000.never-seen.org", 50_000),
)


class LimitedMirageHole(MirageHole):
    """With the limits that everybody has, for an address that would be exempt as this machine's own."""

    def command(self, site: Site) -> list[str]:
        return [*super().command(site), "--limit-enforce", FLOODER]


class UnlimitedMirageHole(MirageHole):
    """Without limits, to see what they do."""

    name = "mirage-hole without limits"

    def command(self, site: Site) -> list[str]:
        return [*super().command(site), "--queries-per-second", "0"]


SERVERS: Final[tuple[Callable[[], Server], ...]] = (LimitedMirageHole, UnlimitedMirageHole, Unbound, Dnsmasq)


class Row(NamedTuple):
    """One server and one flood."""

    server: str
    flood: str
    quiet: load.Latencies
    beside: load.Latencies
    sent: float
    """Of the flood, a second."""
    cpu: float
    """Processors that the server's data plane took beside the flood."""

    @property
    def ratio(self) -> float:
        """The p99 beside the flood, to the quiet one."""
        return self.beside.percentile(99) / self.quiet.percentile(99)


@contextmanager
def _flooding(port: int, flood: Flood, places: Placement, log: Path) -> Iterator[Running]:
    log.write_bytes(b"")
    command = [str(built("flood")), str(port), FLOODER, str(flood.rate), "600", flood.name]
    running = Running(command, log, places.load)
    try:
        yield running
    finally:
        running.end()


def _asked(port: int, seconds: int, directory: Path, session: str) -> load.Latencies:
    """A mixture: blocked, known, and never seen names."""
    fresh = iter(names.never_seen(session, RATE * seconds // 10))
    questions = [
        next(fresh)
        if number % 10 == 0
        else _NAMES.blocked[number % 200]
        if number % 2
        else f"k{number % 500}.known.org"
        for number in range(RATE * seconds)
    ]
    packets = names.write_packets(directory / "paced.packets", questions)
    with load.latency_client(
        port, packets, rate=RATE, most_seconds=seconds, samples=directory / "latency.txt"
    ) as client:
        time.sleep(seconds)
        return load.Latencies(tuple(sorted(took for _, took in client.finish())))


def _together(rounds: list[load.Latencies]) -> load.Latencies:
    return load.Latencies(tuple(sorted(took for one in rounds for took in one.values)))


def measure(server: Server, rounds: int, seconds: int, places: Placement, directory: Path) -> Iterator[Row]:
    """Start a server, and measure it alone and beside each flood."""
    counter, port = directory / "counter", free_port()
    counter.write_bytes(bytes(8))
    upstream = Running([str(built("upstream")), str(port), str(counter)], directory / "upstream.log", places.load)
    site = Site(directory, _NAMES, free_port(), free_port(), port)
    server.configure(site)
    running = Running(server.command(site), directory / "output.log", cwd=directory)
    try:
        probe.until_blocked(site.port, _NAMES.blocked[0], patience=_START_WITHIN, meanwhile=running.check)
        proc.pin(running.tree(), places.server)
        _asked(site.port, 2, directory, "warm")
        for flood in FLOODS:
            quiet, beside = [], []
            sent = lasted = cpu = busy = 0.0
            for number in range(rounds):  # in turns, so that what else runs here disturbs both
                session = f"{FLOODS.index(flood)}{number}"
                quiet.append(_asked(site.port, seconds, directory, f"q{session}"))
                log = directory / "flood.log"
                with _flooding(site.port, flood, places, log) as flooding:
                    time.sleep(LEAD)
                    data_plane = server.data_plane(running.tree())
                    cpu -= proc.cpu_seconds(data_plane)
                    busy -= time.monotonic()
                    beside.append(_asked(site.port, seconds, directory, f"f{session}"))
                    cpu += proc.cpu_seconds(data_plane)
                    busy += time.monotonic()
                    lasted += time.monotonic() - flooding.started
                sent += int(log.read_text())
                running.check()
                time.sleep(LEAD)
            yield Row(server.name, flood.about, _together(quiet), _together(beside), sent / lasted, cpu / busy)
    finally:
        running.end()
        upstream.end()


def table(rows: list[Row]) -> report.Table:
    """A row a server and flood."""
    head = [
        "flood",
        "server",
        "flood q/s",
        "quiet: p50, p99 ms",
        "beside it: p50, p99 ms",
        "p99: times",
        "unanswered",
        "CPU",
    ]
    return [
        head,
        *(
            [
                row.flood,
                row.server,
                f"{row.sent:,.0f}",
                _latencies(row.quiet),
                _latencies(row.beside),
                f"{row.ratio:.1f}",
                f"{row.beside.unanswered / max(1, len(row.beside.values)):.1%}",
                f"{row.cpu:.0%}",
            ]
            for row in sorted(rows, key=lambda row: [flood.about for flood in FLOODS].index(row.flood))
        ),
    ]


def _latencies(measured: load.Latencies) -> str:
    return ", ".join(f"{measured.percentile(share):.2f}" for share in (50, 99))


def main() -> int:
    """Entry point. 0: the target was met; 1: something failed; 3: it was not met."""
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement (5)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="of measurements, alone and beside the flood in turns (3)"
    )
    parser.add_argument("--only", action="append", help="measure this server alone (repeatable)")
    options = parser.parse_args()
    if not shutil.which("cc"):
        print("bench: there is no C compiler (apt-get install gcc)", file=sys.stderr)
        return 1
    places, rows, left_out = machine.placement(), [], []
    with workspace() as directory:
        for make in SERVERS:
            server = make()
            if options.only and server.name not in options.only:
                continue
            if why := server.unavailable():
                left_out.append(f"{server.name}: {why}")
                continue
            own = directory / server.name.replace(" ", "-")
            own.mkdir()
            try:
                for row in measure(server, options.rounds, options.seconds, places, own):
                    rows.append(row)
                    print(f"{row.server}, {row.flood}: {row.ratio:.1f} times", file=sys.stderr)
            except BenchError as problem:
                left_out.append(f"{server.name}: {problem}")
                print(f"bench: left out: {left_out[-1]}", file=sys.stderr)
    ours = [row for row in rows if row.server == LimitedMirageHole.name]
    met = bool(ours) and all(row.ratio <= TARGET and not row.beside.unanswered for row in ours)
    facts = {
        **machine.describe(),
        "date": datetime.now(UTC).date().isoformat(),
        "load": f"{RATE} questions a second (half of them blocked, one in ten never seen), "
        f"{options.rounds} times {options.seconds} s each; {places.text}; others as they come, without limits of their own",
    }
    text = "\n".join([
        "# Results of `python -m bench.flood`", "", *(f"- {key}: {value}" for key, value in facts.items()), "",
        f"Target: beside a flood from one address, the p99 of others is at most {TARGET:g} times its quiet value, and none of "
        f"their questions is lost. {'Met.' if met else 'Not met.'}", "",
        report.markdown(table(rows)), *(f"- left out: {one}" for one in left_out), "",
    ])  # fmt: skip
    if not options.only:
        RESULTS.write_text(text)
    print(text)
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main())
