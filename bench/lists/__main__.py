"""``python -m bench.lists``: measure what lists cost, print the tables, write LISTS.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from bench import interpreter, load, machine, names, report
from bench.lists import compiling, expressions, own_rules
from bench.measure import Bench, Figures, Plan, workspace
from bench.processes import BenchError
from bench.servers.dnsmasq import Dnsmasq, DnsmasqAddress
from bench.servers.mirage_hole import MirageHole
from bench.servers.server import Server
from bench.servers.unbound import Unbound
from mirage_hole.lists.formats import FORMATS
from mirage_hole.runtime.compile_job import CompiledList
from mirage_hole.runtime.generation import directory_name, generations_directory

RESULTS: Final = Path(__file__).parent.with_name("LISTS.md")
PARTS: Final = ("compile", "many", "update", "rules", "regex")
_EXPRESSIONS: Final = 500
_PEERS: Final[tuple[Callable[[], Server], ...]] = (MirageHole, Unbound, Dnsmasq, DnsmasqAddress)

Claim = tuple[str, float, float]


class Run:
    """One run: the tables it makes and the promises it can speak of."""

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self._options = options
        self._directory = directory
        self._blocked = names.gather(options.names)
        self.tables: dict[str, report.Table] = {}
        self.claims: list[Claim] = []
        self.remarks: list[str] = []
        own = Path(sys.executable)
        distributions = interpreter.distributions_python()
        self._python = own if distributions is None else interpreter.installed(distributions) / "python"

    @cached_property
    def _many(self) -> names.Names:
        """As hard to pack as published ones, of which there are not enough."""
        return names.Names(tuple(sorted(names.realistic(self._options.many))), 0)

    def compile(self) -> None:
        """Lists to an index."""
        work = self._directory / "compile"
        work.mkdir()
        published = compiling.published()
        rows: list[compiling.Compilation] = []
        if published:
            rows += compiling.measured("every published list", published, work / "published", self._python)
            done = compiling.report(published, work, self._python)
            self._reported(done.lists)
        else:
            self.remarks.append("no published lists beside the repository: only generated names were compiled")
        plain = compiling.one_list(self._blocked.blocked, work)
        rows += compiling.measured("plain names in one list", plain, work / "plain", self._python)
        many = compiling.one_list(self._many.blocked, work)
        found = compiling.measured("many plain names in one list", many, work / "many", self._python)
        self.claims.append(("index of many names, MiB", 30, found[0].index_mib))
        rows += found
        head = ["lists", "how many", "rules", "names", "seconds", "compiler's peak MiB", "index MiB"]
        self.tables["Lists to an index"] = [head] + [
            [one.what, f"{one.lists}", f"{one.rules:,}", f"{one.names:,}", f"{one.seconds:.2f}",
             f"{one.peak_mib:.0f}", f"{one.index_mib:.1f}"]
            for one in rows
        ]  # fmt: skip
        shutil.rmtree(work)

    def _reported(self, lists: tuple[CompiledList, ...]) -> None:
        by_format = compiling.rules_a_format(lists)
        self.tables["Rules a format, of every published list"] = [
            ["format", "rules"],
            *([name, f"{by_format[name]:,}"] for name in FORMATS if name in by_format),
        ]
        reasons: dict[str, int] = {}
        for one in lists:
            for reason, count in one.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + count
        self.tables["Complaints by reason, of every published list"] = [
            ["reason", "lines"],
            *([reason, f"{count:,}"] for reason, count in sorted(reasons.items(), key=lambda one: -one[1])),
        ]

    def many(self) -> None:
        """Five million names: starts and memory."""
        plan = Plan(rounds=0, seconds=1, starts=2, latencies=False, calm_within=self._options.calm_within)
        rows = [["server", "list text to live s", "start to first blocked answer s", "data plane: RSS, PSS MiB",
                 "whole product: PSS MiB", "lists on disk MiB"]]  # fmt: skip
        blocked = self._many
        for make in _PEERS:  # one after another: they are large
            figures = self._started(make(), plan, blocked)
            if figures is None or figures.loaded is None or figures.loaded_data_plane is None:
                continue
            rows.append([
                figures.name, f"{figures.list_to_live:.1f}", ", ".join(f"{one:.2f}" for one in figures.starts),
                f"{figures.loaded_data_plane.rss:.1f}, {figures.loaded_data_plane.pss:.1f}",
                f"{figures.loaded.pss:.1f}", f"{figures.index_mib:.1f}" if figures.index_mib else report.NONE,
            ])  # fmt: skip
            if figures.name == "mirage-hole":
                self.claims.append(("start to first answer with many names, s", 0.5, min(figures.starts)))
        self.tables[f"{len(blocked.blocked):,} names"] = rows

    def update(self) -> None:
        """A changed list is taken in while questions are asked."""
        plan = Plan(rounds=0, seconds=1, starts=0, calm_within=self._options.calm_within)
        results = [self._started(make(), plan, self._blocked) for make in _PEERS[:3]]
        found = [figures for figures in results if figures is not None]
        self.tables["While a list changes"] = report.patience(found, plan.rate)
        for figures in found:
            if figures.name == "mirage-hole" and figures.reload_resident is not None:
                before, most, after = figures.reload_resident
                self.claims.append(("worker's RSS during an update, over before", 1.1, most / before))
                self.claims.append(("worker's RSS after an update, over before", 1.1, after / before))
                if figures.quiet is not None and figures.reloading is not None:
                    worse = figures.reloading.percentile(99) / figures.quiet.percentile(99)
                    self.claims.append(("p99 during an update, over quiet", 2, worse))
                    self.claims.append(("questions unanswered during an update", 0, figures.reloading.unanswered))

    def _started(self, server: Server, plan: Plan, blocked: names.Names) -> Figures | None:
        if why := server.unavailable():
            self.remarks.append(f"left out: {server.name}: {why}")
            return None
        _say(f"starting {server.name}")
        directory = self._directory / f"{server.name.split()[0]}-{time.monotonic_ns()}"
        directory.mkdir()
        try:
            with Bench(plan, blocked, machine.placement(), directory) as bench:
                figures = bench.start(server)
                if plan.latencies:
                    bench.latencies(figures)
        except BenchError as problem:
            self.remarks.append(f"left out: {server.name}: {problem}")
            return None
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        return figures

    def rules(self) -> None:
        """One rule of one's own."""
        directory = self._directory / "rules"
        directory.mkdir()
        rows = own_rules.measured(self._blocked, directory, self.remarks)
        self.tables["One name more, until it is blocked"] = [
            ["server", "how", "median ms", "longest ms"],
            *([one.server, one.how, f"{one.median:.1f}", f"{one.longest:.1f}"] for one in rows),
        ]
        self.claims += [("own rule live, longest of all, ms", 50, one.longest) for one in rows[:1]]

    def regex(self) -> None:
        """What regular expressions cost."""
        work = self._directory / "regex"
        work.mkdir()
        lists = compiling.one_list(self._blocked.blocked, work)
        more = work / "expressions.txt"
        more.write_text("".join(f"{one}\n" for one in expressions.expressions(_EXPRESSIONS)))
        both = [*lists, lists[0]._replace(path=more, source=str(more), format="adblock")]
        costs = []
        for what, jobs, count in (("names alone", lists, 0), ("names and expressions", both, _EXPRESSIONS)):
            done = compiling.report(jobs, work / what, self._python)
            generation = generations_directory(work / what / "report") / directory_name(done.generation)
            costs.append(expressions.measured(what, generation, count, self._python))
        added = costs[1].micros - costs[0].micros
        self.tables["A decision about a name that no rule is about"] = [
            ["lists", "names", "expressions", "CPU µs"],
            *(
                [one.what, f"{len(self._blocked.blocked):,}", f"{one.expressions}", f"{one.micros:.2f}"]
                for one in costs
            ),
        ]
        self.claims.append((f"{_EXPRESSIONS} expressions add to a decision, µs", 15, added))
        shutil.rmtree(work)


def main() -> int:
    """Entry point. 0: measured; 1: something failed."""
    options = _options()
    facts = {**machine.describe(), "date": datetime.now(UTC).date().isoformat()}
    facts["load"] = f"dnsperf {load.dnsperf_version()}, and 2,000 questions a second for latencies"
    facts["names"] = f"{options.names:,}, and {options.many:,} where it says many"
    with workspace() as directory:
        run = Run(options, directory)
        try:
            for part in options.part or PARTS:
                _say(part)
                getattr(run, part)()
        except BenchError as problem:
            print(f"bench: {problem}", file=sys.stderr)
            return 1
    promises = [["promise", "limit", "measured", "kept"]]
    for claim, limit, value in run.claims:
        promises.append([claim, f"≤ {limit:g}", f"{value:.2f}", "yes" if value <= limit else "NO"])
    tables = {**run.tables, "Promises": promises}
    for title, table in tables.items():
        print(f"\n{title}\n\n{report.text(table)}")
    print("\n" + "\n".join(f"- {remark}" for remark in run.remarks))
    if options.write and not options.part:
        parts = ["# Results of `make bench-lists`", "Written by `python -m bench.lists`."]
        parts.append("\n".join(f"- {key}: {value}" for key, value in facts.items()))
        for title, table in tables.items():
            parts += [f"## {title}", report.markdown(table)]
        if run.remarks:
            parts += ["## Remarks", "\n".join(f"- {remark}" for remark in run.remarks)]
        RESULTS.write_text("\n\n".join(parts) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parser.add_argument("--part", action="append", choices=PARTS, help="measure this alone (repeatable)")
    parser.add_argument("--names", type=int, default=850_000, help="how many names are blocked (850000)")
    parser.add_argument("--many", type=int, default=5_000_000, help="how many where it says many (5000000)")
    parser.add_argument("--calm-within", type=float, default=10.0, metavar="SECONDS", help="how long to wait for quiet")
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True, help="write LISTS.md")
    return parser.parse_args()


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
