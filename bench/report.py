"""Tables of the figures: on the terminal, in RESULTS.md, and as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from statistics import median
from typing import Final

from bench.lanes import LaneFigures
from bench.load import Latencies
from bench.measure import PHASES, Figures

Table = list[list[str]]
NONE: Final = "-"
_SATURATED: Final = 0.9
_FOREIGN: Final = 0.1
_STRAY: Final = 0.02


def speed(results: list[Figures]) -> Table:
    """CPU and answers a second, a row a server."""
    head = ["server", *(f"{phase}: CPU µs, q/s" for phase in PHASES), "control plane: CPU µs"]
    rows = [head]
    for figures in results:
        control = [turn.control_micros for turns in figures.turns.values() for turn in turns]
        rows.append([figures.name, *(_phase(figures, phase) for phase in PHASES), _number(_median(control), 2)])
    return rows


def weight(results: list[Figures]) -> Table:
    """Memory and times, a row a server."""
    rows = [
        [
            "server",
            "data plane: RSS, PSS MiB",
            "whole product: PSS MiB",
            "whole product after all rounds: PSS MiB",
            "lists on disk MiB",
            "start to first blocked answer s",
            "list text to live s",
        ]
    ]
    for figures in results:
        if not figures.blocks or figures.loaded is None or figures.loaded_data_plane is None:
            continue
        rows.append(
            [
                figures.name,
                f"{figures.loaded_data_plane.rss:.1f}, {figures.loaded_data_plane.pss:.1f}",
                f"{figures.loaded.pss:.1f}",
                f"{figures.used.pss:.1f}" if figures.used else NONE,
                _number(figures.index_mib, 1),
                _spread(figures.starts, 2),
                _number(figures.list_to_live, 2),
            ]
        )
    return rows


def ratios(results: list[Figures]) -> Table:
    """CPU per answer of Mirage Hole over that of others; below 1 is cheaper."""
    ours = next((figures for figures in results if figures.name == "mirage-hole"), None)
    rows = [["mirage-hole relative to", *PHASES]]
    if ours is None:
        return rows
    rows += [
        [figures.name, *(_number(ratio(ours, figures, phase), 2) for phase in PHASES)]
        for figures in results
        if figures is not ours and figures.blocks
    ]
    return rows


def patience(results: list[Figures], rate: int) -> Table:
    """Latencies in peace and while lists are reloaded."""
    rows = [
        [
            f"server, {rate} q/s",
            "CPU µs a query",
            "quiet: p50, p99, max ms",
            "reloading: p50, p99, max ms",
            "unanswered",
            "p99 ratio",
            "reload took s",
            "peak RSS MiB",
            "data plane RSS before, at most, after MiB",
        ]
    ]
    for figures in results:
        if figures.quiet is None:
            continue
        quiet, reloading = figures.quiet, figures.reloading
        unanswered = f"{quiet.unanswered}, {reloading.unanswered if reloading else NONE}"
        worse = reloading.percentile(99) / quiet.percentile(99) if reloading else None
        rows.append(
            [
                figures.name,
                _number(figures.paced_micros, 1),
                _latencies(quiet),
                _latencies(reloading) if reloading else "can't reload",
                unanswered,
                _number(worse, 2),
                _number(figures.reload_seconds, 2),
                _number(figures.reload_peak, 0),
                ", ".join(f"{one:.1f}" for one in figures.reload_resident) if figures.reload_resident else NONE,
            ]
        )
    return rows


def lanes(results: list[LaneFigures], rate: int) -> Table:
    """The lanes, a row a lane and server."""
    rows = [
        [
            "lane",
            "server",
            "flood: CPU µs, q/s",
            "flood: NOERROR",
            f"CPU µs a query at {rate} q/s",
            "p50, p99, p99.9, max ms",
            "unanswered",
            "forwarded a query",
        ]
    ]
    for figures in results:
        flood = f"{_spread(figures.micros, 1)}, {_median(figures.per_second):,.0f}" if figures.micros else NONE
        times = figures.together
        rows.append(
            [
                figures.lane,
                figures.name,
                flood,
                f"{_median(figures.useful):.1%}" if figures.useful else NONE,
                _spread(figures.paced_micros, 0),
                _latencies(times, (50, 99, 99.9, 100)),
                f"{times.unanswered} of {len(times.values):,}",
                _number(_median(figures.forwarded), 2),
            ]
        )
    return rows


def promises(results: list[Figures], lane_results: list[LaneFigures]) -> Table:
    """What Mirage Hole promises, and whether this run keeps it. Only what was measured is listed."""
    by_name = {figures.name: figures for figures in results}
    ours = by_name.get("mirage-hole")
    rows = [["promise", "limit", "measured", "kept"]]
    claims = _lane_claims(lane_results)
    if ours is not None and ours.loaded is not None and ours.loaded_data_plane is not None:
        claims = [*_claims(by_name, ours), *claims]
    for claim, limit, value in claims:
        if value is not None and not math.isnan(value):
            rows.append([claim, f"≤ {limit:g}", f"{value:.2f}", "yes" if value <= limit else "NO"])
    return rows


Claim = tuple[str, float, float | None]


def _claims(by_name: dict[str, Figures], ours: Figures) -> list[Claim]:
    assert ours.loaded is not None
    assert ours.loaded_data_plane is not None
    claims: list[Claim] = []
    for peer, phase, limit in (
        ("unbound", "blocked", 1.1),
        ("unbound", "cached", 1.1),
        ("dnsmasq", "blocked", 0.8),
        ("dnsmasq", "cached", 0.8),
        ("unbound", "never seen", 0.75),
    ):
        if peer in by_name:
            claims.append((f"{phase}: CPU a query, over {peer}'s", limit, ratio(ours, by_name[peer], phase)))
    worse = ours.reloading.percentile(99) / ours.quiet.percentile(99) if ours.reloading and ours.quiet else None
    claims += [
        ("worker's RSS, MiB", 50, ours.loaded_data_plane.rss),
        ("whole product's PSS, MiB", 120, ours.loaded.pss),
        ("compiled lists, MiB", 12, ours.index_mib),
        ("start to first blocked answer, s", 0.5, _median(ours.starts)),
        ("list text to live, s", 15, ours.list_to_live),
        ("p99 of blocked answers while lists compile, over quiet", 2, worse),
    ]
    return claims


def _lane_claims(results: list[LaneFigures]) -> list[Claim]:
    by_lane = {(figures.lane, figures.name): figures for figures in results}
    claims: list[Claim] = []
    for lane, limit in (("cold-miss", 0.85), ("cache-full", 1.0)):
        ours, theirs = by_lane.get((lane, "mirage-hole")), by_lane.get((lane, "unbound"))
        if ours and theirs:
            pairs = zip(ours.micros, theirs.micros, strict=False)
            claims.append((f"{lane}: CPU a query, over unbound's", limit, median(a / b for a, b in pairs)))
    for (lane, name), figures in by_lane.items():
        if name == "mirage-hole":
            claims.append((f"{lane}: questions without an answer", 0, figures.together.unanswered))
            if figures.useful:
                claims.append(
                    (f"{lane}: share of the flood that was not answered NOERROR", 0.001, 1 - min(figures.useful))
                )
    return claims


def remarks(results: list[Figures]) -> list[str]:
    """What a reader must know to trust a figure: lost questions, servers that were not busy, surprising forwards."""
    found = []
    for figures in results:
        lost, idle, disturbed, forwards = [], [], [], []
        for phase, turns in figures.turns.items():
            if not turns:
                continue
            if count := sum(turn.lost for turn in turns):
                lost.append(f"{phase} {count}")
            if (busy := _median([turn.busy for turn in turns])) < _SATURATED:
                idle.append(f"{phase} {busy:.0%}")
            if (foreign := _median([turn.foreign for turn in turns])) > _FOREIGN:
                disturbed.append(f"{phase} {foreign:.2f}")
            forwarded = _median([turn.forwarded for turn in turns])
            if abs(forwarded - (phase == "never seen")) > _STRAY:
                forwards.append(f"{phase} {forwarded:.2f}")
        for what, phases in (
            ("questions without a proper answer", lost),
            ("not the server but dnsperf or another program set the pace (the server's share of its processor)", idle),
            ("processors that other programs kept busy meanwhile", disturbed),
            ("questions that reached the upstream, per answer, are not what the phase wants", forwards),
        ):
            if phases:
                found.append(f"{figures.name}: {what}: {', '.join(phases)}")
    return found


def ratio(ours: Figures, theirs: Figures, phase: str) -> float | None:
    """Median CPU of ours over theirs, round by round, so that what slowed both in a round cancels out."""
    pairs = list(zip(ours.turns[phase], theirs.turns[phase], strict=False))
    return median(a.micros / b.micros for a, b in pairs) if pairs else None


def text(table: Table) -> str:
    """For a terminal."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def markdown(table: Table) -> str:
    """For RESULTS.md."""
    rows = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([rows[0], "|" + " --- |" * len(table[0]), *rows[1:]])


def to_json(results: list[Figures], facts: dict[str, str], lanes: list[LaneFigures]) -> str:
    """Every single figure; latencies as percentiles."""

    def plain(value: object) -> object:
        if isinstance(value, Latencies):
            return {"count": len(value.values), "unanswered": value.unanswered} | {
                f"p{share:g}": plain(value.percentile(share)) for share in (50, 90, 99, 99.9, 100)
            }
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            return value._asdict()
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    everything = {
        "facts": facts,
        "servers": [plain(figures) for figures in results],
        "lanes": [plain(figures) for figures in lanes],
    }
    return json.dumps(everything, indent=1)


def _phase(figures: Figures, phase: str) -> str:
    turns = figures.turns[phase]
    if not turns:
        return NONE
    return f"{_spread([turn.micros for turn in turns], 1)}, {_median([turn.per_second for turn in turns]):,.0f}"


def _spread(values: list[float], digits: int) -> str:
    if not values:
        return NONE
    middle = f"{median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def _latencies(values: Latencies, shares: tuple[float, ...] = (50, 99, 100)) -> str:
    figures = [values.percentile(share) for share in shares]
    return ", ".join("none" if math.isinf(figure) else f"{figure:.2f}" for figure in figures)


def _median(values: list[float]) -> float:
    return median(values) if values else math.nan


def _number(value: float | None, digits: int) -> str:
    return NONE if value is None or math.isnan(value) else f"{value:.{digits}f}"
