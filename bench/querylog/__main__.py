"""``python -m bench.querylog``: a log of ten million queries, searched, exported, written; and what DNS notices of it. Writes QUERYLOG.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import machine, report
from bench.measure import workspace
from bench.querylog import disk, looking
from bench.querylog.generate import Traffic, fill
from mirage_hole.store.querylog.day import DAY

RESULTS: Final = Path(__file__).parent.with_name("QUERYLOG.md")
KEPT: Final = Path(__file__).parents[1] / "build" / "querylog"
DAYS: Final = 7
RARE: Final = "track59"
Claim = tuple[str, str, float, float, bool]
"""What, unit, promised, measured, whether less is better."""


def generated(rows: int, tell: Callable[[str], None]) -> tuple[Path, int]:
    """(the folder of the log, its last day); one that was made before is used again."""
    folder = KEPT / f"{rows}-{DAYS}-3"
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        tell(f"writing a log of {rows:,} queries over {DAYS} days to {folder}")
        last_day = int(time.time() // DAY)
        fill(folder, rows, DAYS, last_day, Traffic(), tell=True)
        done.write_text(str(last_day))
    return folder, int(done.read_text())


def main() -> int:
    """Entry point. 0: every promise was kept; 3: one was not."""
    parser = argparse.ArgumentParser(prog="python -m bench.querylog", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the generated log (10,000,000)")
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement of DNS (10)")
    parser.add_argument("--rounds", type=int, default=3, help="of measurements of DNS, the states in turns (3)")
    parser.add_argument("--no-dns", action="store_true", help="only search and export")
    options = parser.parse_args()

    def tell(text: str) -> None:
        print(f"bench: {text}", file=sys.stderr, flush=True)

    folder, last_day = generated(options.rows, tell)
    octets = sum(path.stat().st_size for path in folder.glob("*.db")) / options.rows
    searches = looking.look(folder, last_day, RARE)
    exports = looking.export(folder, last_day, tell)
    days = [one for one in searches if one.about.startswith("last day")]
    claims: list[Claim] = [
        ("octets on the disk a query", "", 65, octets, True),
        ("search in the last day, slowest", "ms", 100, max(one.milliseconds for one in days), True),
        ("first page of any search, slowest", "ms", 300, max(one.milliseconds for one in searches), True),
        ("export, slowest format", "rows/s", 200_000, min(one.a_second for one in exports), False),
    ]
    tables: dict[str, report.Table] = {
        "First pages of 100": [
            ["search", "first time ms", "median ms", "slowest ms", "rows", "searched to the end"],
            *(
                [
                    one.about,
                    f"{one.first:.1f}",
                    f"{one.milliseconds:.1f}",
                    f"{one.worst:.1f}",
                    f"{one.rows}",
                    "yes" if one.complete else "no",
                ]
                for one in searches
            ),
        ],
        "Exports of a day": [
            ["format", "rows a second of CPU time", "octets a row"],
            *([one.form, f"{one.a_second:,.0f}", f"{one.octets:.0f}"] for one in exports),
        ],
    }
    remarks: list[str] = []
    places = machine.placement()
    if not options.no_dns:
        with workspace() as directory:
            figures, remarks = disk.measure(options.rounds, options.seconds, places, directory)
        by_state = {one.state: one for one in figures}
        off, on = by_state.get("off"), by_state.get("on")
        tables[f"DNS at {disk.RATE:,} queries a second, by what the log does"] = [
            ["log", "worker: µs CPU a query", "supervisor: µs CPU a query", "p50, p99 ms", "unanswered", "rows written",
             "rows dropped", "supervisor RSS MiB"],
            *(
                [one.state, f"{_median(one.cpu):.1f}", f"{_median(one.control):.1f}",
                 f"{one.percentile(50):.2f}, {one.percentile(99):.2f}", f"{one.lost / max(1, one.asked):.2%}",
                 f"{one.written:,.0f}", f"{one.dropped:,.0f}", f"{one.rss:.0f}"]
                for one in figures
            ),
        ]  # fmt: skip
        if on is not None:
            claims.append(
                (f"rows dropped of {on.written + on.dropped:,.0f} at {disk.RATE:,} q/s", "", 0, on.dropped, True)
            )
        if off is not None:
            claims += [
                (
                    f"worker CPU a query, log {one.state} to log off",
                    "times",
                    1.1,
                    _median(one.cpu) / _median(off.cpu),
                    True,
                )
                for one in figures
                if one is not off
            ]
    kept = [claim[3] <= claim[2] if claim[4] else claim[3] >= claim[2] for claim in claims]
    tables = {
        "Promises": [
            ["what", "promised", "measured", "kept"],
            *(
                [what, f"{'≤' if less else '≥'} {promised:,g} {unit}".strip(), f"{measured:,.4g} {unit}".strip(),
                 "yes" if ok else "**no**"]
                for (what, unit, promised, measured, less), ok in zip(claims, kept, strict=True)
            ),
        ],
        **tables,
    }  # fmt: skip
    facts = {
        **machine.describe(),
        "date": datetime.now(UTC).date().isoformat(),
        "log": f"{options.rows:,} generated queries over {DAYS} days: 60,000 names (Zipf), 60 clients, a third blocked",
        "load": f"{disk.RATE:,} questions a second, {options.rounds} rounds of {options.seconds} s, the states in turns; {places.text}",
    }
    text = "\n".join([
        "# Results of `python -m bench.querylog`", "", *(f"- {key}: {value}" for key, value in facts.items()), "",
        *(f"## {title}\n\n{report.markdown(table)}\n" for title, table in tables.items()),
        *(f"- {one}" for one in remarks),
    ]).rstrip() + "\n"  # fmt: skip
    RESULTS.write_text(text)
    print(text)
    return 0 if all(kept) else 3


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else float("nan")


if __name__ == "__main__":
    sys.exit(main())
