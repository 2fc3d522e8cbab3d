"""``python -m bench.dashboard``: the dashboard in Chromium, against a server with ten million logged queries. Writes DASHBOARD.md."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench import machine, report
from bench.dashboard import watching
from bench.dashboard.site import RATE, Watched, watched
from bench.measure import workspace
from bench.querylog.__main__ import DAYS, generated
from tests.web.browser import browser, find_browser

RESULTS: Final = Path(__file__).parent.with_name("DASHBOARD.md")
ROOT: Final = Path(__file__).parents[2]
MILLION: Final = 1_000_000
SIXTY: Final = 59.0
"""Frames a second that count as 60: a screen of 60 Hz is never quite that."""


def tell(text: str) -> None:
    """To whoever waits."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


async def measure(server: Watched, options: argparse.Namespace) -> dict[str, Any]:
    """Everything, one after the other."""
    found: dict[str, Any] = {}
    async with browser() as chromium:
        found["version"] = chromium.version
        cookies = await watching.logged_in(chromium, server.url)
        visits = []
        for number in range(options.visits):
            tell(f"first visit {number + 1} of {options.visits}")
            async with watching.visiting(chromium, cookies) as page:
                visits.append(await watching.first_visit(page, server.url))
        found["visits"] = visits
        async with watching.visiting(chromium, cookies) as page:
            found["octets"] = await watching.octets(page, server.url)
        async with watching.visiting(chromium, cookies) as page:
            await page.goto("about:blank")
            found["nothing"] = await watching.frames(page, options.seconds)
            tell("scrolling")
            found["scrolling"], found["rows"] = await watching.scrolled(page, server.url, options.seconds)
            tell(f"to row {options.far:,}")
            found["far"] = await watching.leapt(page, options.far, within=900)
            found["back"] = await watching.scrolled_back(page, options.seconds)
        async with watching.visiting(chromium, cookies) as page:
            await page.goto(server.url)
            await page.locator("main .u-over").first.wait_for()
            with server.asked():
                tell(f"{RATE} queries a second")
                found["overview"] = await watching.frames(page, options.seconds)
                await page.goto(f"{server.url}/queries")
                await page.locator("[data-index]").first.wait_for()
                found["live"] = await watching.frames(page, options.seconds)
                found["heard"] = await watching.heard(page, 5)
                tell(f"memory: {(options.samples - 1) * options.every} s")
                found["heap"] = await watching.heap(page, options.samples, options.every)
    return found


def written(found: dict[str, Any], options: argparse.Namespace) -> str:
    """The report."""
    size, visits = found["octets"], found["visits"]
    painted, clicked = [one.painted for one in visits], [one.clicked for one in visits]
    scrolling, back, live = found["scrolling"], found["back"], found["live"]
    told, skipped = found["heard"]
    heap = found["heap"]
    minutes = (options.samples - 1) * options.every / 60
    whole = size.files + size.answers + size.stream
    limits = [
        ["what", "limit", "measured", "kept"],
        ["first page: files, gzip", "≤ 150 kB", f"{size.files / 1000:.1f} kB", _kept(size.files <= 150_000)],
        ["first page: everything until the overview stands", "≤ 150 kB", f"{whole / 1000:.1f} kB", _kept(whole <= 150_000)],
        ["first contentful paint, slowest", "< 1 s", f"{max(painted) / 1000:.2f} s", _kept(max(painted) < 1000)],
        ["interactive, slowest", "< 1.5 s", f"{max(clicked) / 1000:.2f} s", _kept(max(clicked) < 1500)],
        ["frames/s while scrolling 1,000,000 rows", "60", f"{back.a_second:.1f} at row {found['far']:,}", _kept(back.a_second >= SIXTY and found["far"] >= MILLION)],
        [f"frames/s while {RATE:,} queries/s arrive", "60", f"{live.a_second:.1f} at {told:,.0f} queries/s, {told - skipped:,.0f} of them as rows", _kept(live.a_second >= SIXTY)],
        ["memory over an hour of live tail", "flat", f"{heap[0]:.1f} → {heap[-1]:.1f} MiB in {minutes:g} minutes", _flat(heap, minutes)],
    ]  # fmt: skip
    states = {
        "an empty page": found["nothing"], f"queries, scrolling through {found['rows']:,} rows": scrolling, f"queries, scrolling back at row {found['far']:,}": back,
        f"overview, {RATE:,} queries/s": found["overview"], f"queries, live, {RATE:,} queries/s": live,
    }  # fmt: skip
    frames = [
        ["page", "frames/s", "median gap ms", "p95 ms", "p99 ms", "longest ms"],
        *(
            [about, f"{one.a_second:.1f}", *(f"{one.percentile(share):.1f}" for share in (50, 95, 99)), f"{max(one.gaps):.0f}"]
            for about, one in states.items()
        ),
    ]  # fmt: skip
    times = [
        ["", "fastest ms", "median ms", "slowest ms"],
        *(
            [about, *(f"{figure:.0f}" for figure in (min(values), median(values), max(values)))]
            for about, values in (("first contentful paint", painted), ("first click handled", clicked))
        ),
    ]
    octets = [
        ["requests", "files kB", "answers of the API kB", "live stream kB"],
        [f"{size.requests}", *(f"{one / 1000:.1f}" for one in (size.files, size.answers, size.stream))],
    ]
    memory = [
        ["after s", *(f"{number * options.every}" for number in range(options.samples))],
        ["MiB", *(f"{one:.1f}" for one in heap)],
    ]
    facts = {
        **machine.describe(),
        "date": datetime.now(UTC).date().isoformat(),
        "browser": f"Chromium {found['version']}, headless, without a graphics card; server, browser and load share the processors",
        "log": f"{options.rows:,} generated queries over {DAYS} days, and roll-ups of its last day",
    }
    return "\n".join([
        "# Results of `python -m bench.dashboard`", "", *(f"- {key}: {value}" for key, value in facts.items()), "",
        f"## Limits\n\n{report.markdown(limits)}\n",
        f"## {len(visits)} first visits\n\n{report.markdown(times)}\n",
        "Each with an empty cache, logged in, over loopback: no network is in these times. *First click handled*: a script clicks "
        "*Compare*, a control of the overview, from the moment that it is there, every 5 ms; the time is that of the frame after "
        "the page has put it into its address.\n",
        f"## Over the wire\n\n{report.markdown(octets)}\n",
        "As Chromium counts them, with headers (but of the stream), until the overview's charts stand and a second more. Everything comes with gzip.\n",
        f"## Frames\n\n{report.markdown(frames)}\n",
        f"Gaps between calls of requestAnimationFrame over {options.seconds} s each. The empty page is what this browser can do here. Scrolling: "
        f"turns of the wheel of {watching.WHEEL:,} pixels, one after the other; rows are loaded on the way. Back: the key End was pressed until "
        f"row {found['far']:,} was there, and the wheel is turned upwards from it, over rows that were let go and are loaded once more. The stream told {told:,.0f} queries a second, {skipped:,.0f} of them only as a number.\n",
        f"## JavaScript's heap after garbage collection\n\n{report.markdown(memory)}\n",
        f"On the queries page, live, at {RATE:,} queries a second. {minutes:g} minutes were measured.",
    ]).rstrip() + "\n"  # fmt: skip


def _flat(heap: list[float], minutes: float) -> str:
    """Whether the last third is no larger than the middle one: the first is still filling what is bounded."""
    third = len(heap) // 3
    if minutes < 60 or not third:
        return "not known: an hour was not waited for"
    return _kept(median(heap[-third:]) <= 1.02 * median(heap[third:-third]))


def _kept(kept: bool) -> str:
    return "yes" if kept else "**no**"


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.dashboard", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the generated log (10,000,000)")
    parser.add_argument("--visits", type=int, default=10, help="first ones (10)")
    parser.add_argument("--seconds", type=int, default=30, help="of each measurement of frames (30)")
    parser.add_argument("--far", type=int, default=MILLION, help="the row at which it is scrolled back (1,000,000)")
    parser.add_argument("--samples", type=int, default=10, help="of memory; 31 are an hour with --every 120 (10)")
    parser.add_argument("--every", type=int, default=20, help="seconds between two of them (20)")
    options = parser.parse_args()
    if find_browser() is None:
        sys.exit("no chromium here; set MIRAGE_HOLE_BROWSER to one")
    subprocess.run([sys.executable, str(ROOT / "hatch_build.py")], check=True)
    log, _ = generated(options.rows, tell)
    with workspace() as directory:
        tell("copying the log, adding up a day")
        with watched(directory, log, options.rows, DAYS) as server:
            found = asyncio.run(measure(server, options))
    text = written(found, options)
    RESULTS.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
