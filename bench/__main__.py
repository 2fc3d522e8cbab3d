"""``python -m bench``: start the servers, measure them, print the tables, write RESULTS.md."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from bench import lanes, load, machine, names, report
from bench.cc import BUILD
from bench.measure import PHASES, Bench, Figures, Plan, workspace
from bench.processes import BenchError
from bench.servers.adguard_home import AdGuardHome
from bench.servers.blocky import Blocky
from bench.servers.dnsmasq import Dnsmasq, DnsmasqAddress
from bench.servers.echo import Echo
from bench.servers.mirage_hole import MirageHole, MirageHoleHere
from bench.servers.server import Server
from bench.servers.unbound import Unbound

SERVERS: Final[tuple[Callable[[], Server], ...]] = (
    Echo,
    MirageHole,
    MirageHoleHere,
    Unbound,
    Dnsmasq,
    DnsmasqAddress,
    Blocky,
    AdGuardHome,
)
RESULTS: Final = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Entry point. 0: measured; 1: something failed; 2: wrong use."""
    options = _options()
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, _interrupt)
    if not shutil.which("dnsperf"):
        print("bench: dnsperf is not installed (apt-get install dnsperf)", file=sys.stderr)
        return 1
    try:
        return _run(options)
    except BenchError as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; every server has been ended", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    plan = Plan(
        options.rounds,
        options.seconds,
        options.starts,
        latencies=not options.no_latencies,
        calm_within=options.calm_within,
    )
    wanted = lanes.choose(options.lane) if options.lane else [] if options.only else list(lanes.LANES)
    servers, skipped = ([], []) if options.lane else _choose(options.only)
    blocked = names.Names((), 0) if options.lane else names.gather(options.names)
    places = machine.placement()
    facts = {
        **machine.describe(),
        "date": datetime.now(UTC).date().isoformat(),
        "names": f"{len(blocked.blocked):,} blocked, {blocked.real:,} of them from published lists, the others generated",
        "load": f"dnsperf {load.dnsperf_version()} {' '.join(load.DNSPERF)}, {plan.rounds} rounds of {plan.seconds} s",
        "placement": places.text,
    }
    results: list[Figures] = []
    lane_results: list[lanes.LaneFigures] = []
    with workspace() as directory, Bench(plan, blocked, places, directory) as bench:
        for server in servers:
            _say(f"starting {server.name}")
            try:
                results.append(bench.start(server))
            except BenchError as problem:
                skipped.append(f"{server.name}: {problem}")
                _say(f"left out: {problem}")
        for number in range(plan.rounds):
            for figures, phase, turn in bench.round(number, results):
                _say(f"round {number + 1} {phase}: {figures.name} {turn.micros:.2f} µs, {turn.per_second:,.0f} q/s")
        for figures in results:
            bench.weigh(figures)
        for figures in results:
            if plan.latencies and figures.blocks:
                _say(f"latencies of {figures.name}")
                bench.latencies(figures)
    with workspace() as directory:
        for lane in wanted:
            _say(f"lane {lane.name}: {lane.about}")
            (directory / lane.name).mkdir()
            lane_results += lanes.run(
                lane,
                rounds=min(plan.rounds, lanes.MOST_ROUNDS),
                seconds=plan.seconds,
                places=places,
                directory=directory / lane.name,
                say=_say,
            )
    facts |= {figures.name: figures.version for figures in results}
    tables = {
        "CPU a query and queries a second (median, lowest-highest)": report.speed(results),
        "Ratio of CPU a query": report.ratios(results),
        "Memory and times": report.weight(results),
        "Latency of blocked answers": report.patience(results, plan.rate),
        "Lanes": report.lanes(lane_results, lanes.RATE),
        "Promises": report.promises(results, lane_results),
    }
    tables = {title: table for title, table in tables.items() if len(table) > 1}
    remarks = [*(f"left out: {reason}" for reason in skipped), *report.remarks(results)]
    for title, table in tables.items():
        print(f"\n{title}\n\n{report.text(table)}")
    print("\n" + "\n".join(f"- {remark}" for remark in remarks))
    (BUILD / "results.json").write_text(report.to_json(results, facts, lane_results))
    if options.write:
        RESULTS.write_text(_document(facts, tables, remarks))
        print(f"\nwritten: {RESULTS}")
    measured = {figures.name for figures in (*results, *lane_results)}
    return 1 if "mirage-hole" not in measured and not options.only else 0


def _document(facts: dict[str, str], tables: dict[str, report.Table], remarks: list[str]) -> str:
    parts = [
        "# Results of `make bench`",
        "Written by `python -m bench`; `bench/build/results.json` holds every single figure.",
        "\n".join(f"- {key}: {value}" for key, value in facts.items()),
        _METHOD,
    ]
    for title, table in tables.items():
        parts += [f"## {title}", report.markdown(table)]
        if title == "Lanes":
            parts.append(lanes.METHOD)
    if remarks:
        parts += ["## Remarks", "\n".join(f"- {remark}" for remark in remarks)]
    return "\n\n".join(parts) + "\n"


_METHOD: Final = f"""\
CPU is user and system time of all processes that answer queries (`/proc/PID/stat`) over the number of answers; \
Mirage Hole's supervisor is in the column *control plane*, the other servers have none. Its query records, statistics and web \
server are on; the other servers' query logs are off. Phases: *{PHASES[0]}* asks {names.SAMPLE:,} names of the list over and over, \
*{PHASES[1]}* each name of the list at most once, *{PHASES[2]}* {names.CACHED:,} forwarded names that were asked before, \
*{PHASES[3]}* names that nobody asked before. All servers forward to the same C program on the same machine, which answers at \
once. They take turns in each phase of each round; ratios are taken within a round. For latencies nobody is pinned to a \
processor, and a question that was not answered counts as the slowest."""


def _choose(only: list[str]) -> tuple[list[Server], list[str]]:
    every = [make() for make in SERVERS]
    if unknown := [name for name in only if name not in {server.name for server in every}]:
        msg = f"no server is called {', '.join(unknown)}; there are: {', '.join(server.name for server in every)}"
        raise BenchError(msg)
    chosen, skipped = [], []
    for server in every:
        if only and server.name not in only:
            continue
        if why := server.unavailable():
            skipped.append(f"{server.name}: {why}")
            _say(f"left out: {server.name}: {why}")
        else:
            chosen.append(server)
    return chosen, skipped


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="measure this server (repeatable)")
    parser.add_argument(
        "--lane",
        action="append",
        default=[],
        metavar="NAME",
        help=f"measure this lane and nothing else (repeatable): {', '.join(lane.name for lane in lanes.LANES)}",
    )
    parser.add_argument("--rounds", type=_positive, help="rounds, in each of which every server has its turn (3)")
    parser.add_argument("--seconds", type=_positive, help="length of a phase of a round (3)")
    parser.add_argument("--starts", type=_positive, help="starts after the first (3)")
    parser.add_argument("--names", type=_positive, help="how many names are blocked (850000)")
    parser.add_argument(
        "--calm-within",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long to wait, before each measurement, for other programs to be quiet (10)",
    )
    parser.add_argument("--no-latencies", action="store_true", help="leave out latencies and reloads")
    parser.add_argument(
        "--quick", action="store_true", help="2 rounds, 1 second, 1 start, 100000 names: a try, no result"
    )
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, help="write RESULTS.md (if all is measured)")
    options = parser.parse_args()
    for name, usual, quick in (("rounds", 3, 2), ("seconds", 3, 1), ("starts", 3, 1), ("names", 850_000, 100_000)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
    if options.write is None:
        options.write = not (options.quick or options.only or options.lane or options.no_latencies)
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        msg = f"{text} is not positive; write 1 or more"
        raise argparse.ArgumentTypeError(msg)
    return number


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
