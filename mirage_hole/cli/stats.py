"""``mirage-hole stats``: what was asked and blocked in a stretch of time, from the running server's roll-ups."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, duration, print_json
from mirage_hole.config.problem import BadValue
from mirage_hole.config.values import parse_duration

if TYPE_CHECKING:
    from pathlib import Path

FAILURE = 1
MAX_TOP = 1000
LEAST, MOST = 60.0, 20 * 366 * 86400.0
_TOPS = (("names", "most asked"), ("blocked", "most blocked"), ("clients", "clients"))


@click.command("stats", short_help="Show what was asked and blocked.")
@click.option("--since", metavar="TIME", default="24h", help="How far to look back, such as 90m or 7d. Default: 24h.")
@click.option("--top", metavar="N", type=click.IntRange(0, MAX_TOP), default=10, help="Rows of each list. Default: 10.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory")
@click.pass_context
def command(ctx: click.Context, since: str, top: int, as_json: bool) -> int:
    """Show totals, response times, and the heaviest names and clients of the last hours or years.

    The figures outlive a restart; statistics.keep_minutes, keep_hours and keep_days say how long they are kept.
    """
    seconds = _length(ctx, since)
    state = ctx.ensure_object(Flags).settled().state_directory
    try:
        found, tops = _asked(state, time.time() - seconds, top)
    except (NoServer, Refused) as problem:
        click.echo(f"mirage-hole: {problem}", err=True)
        return FAILURE
    if as_json:
        print_json({**found, "top": tops})
    else:
        _print(found, tops, seconds)
    return 0


def _length(ctx: click.Context, text: str) -> float:
    try:
        seconds = parse_duration(text)
    except BadValue as bad:
        ctx.fail(f"--since = {text!r}: {bad.problem}; write {bad.instead}")
    if not LEAST <= seconds <= MOST:
        ctx.fail(f"--since = {text!r}: not from 1m to 20 years; write a time such as 24h or 30d")
    return seconds


def _asked(state: Path, since: float, top: int) -> tuple[dict[str, Any], dict[str, Any]]:
    query = urlencode({"since": f"{since:.0f}"})
    found = call(state, "GET", f"/api/v1/statistics?{query}")
    tops = {
        of: call(state, "GET", f"/api/v1/statistics/top?{urlencode({'of': of, 'since': f'{since:.0f}', 'limit': top})}")
        for of, _ in (_TOPS if top else ())
    }
    return found, tops


def _print(found: dict[str, Any], tops: dict[str, Any], seconds: float) -> None:
    current, times = found["current"], found["current"]["times_ms"]
    blocked = f"{current['blocked']:,} blocked"
    if current["blocked_share"] is not None:
        blocked += f" ({100 * current['blocked_share']:.1f} %)"
    click.echo(f"last {duration(seconds)}: {current['queries']:,} queries, {blocked}")
    if times:
        click.echo(
            "answered within " + ", ".join(f"{times[name]:g} ms ({name[1:]} %)" for name in ("p50", "p95", "p99"))
        )
    for key in ("outcomes", "types", "rcodes", "blocked_by"):
        if current[key]:
            rows = [f"{clean(name)} {number:,}" for name, number in list(current[key].items())[:8]]
            click.echo(f"{key.replace('_', ' ')}: {', '.join(rows)}")
    for row in current["upstreams"][:8]:
        time_of = f", half of them within {row['times_ms']['p50']:g} ms" if row["times_ms"] else ""
        click.echo(f"upstream {clean(row['upstream'])}: {row['waited']:,} queries{time_of}")
    for of, title in _TOPS:
        rows = tops.get(of, {}).get("rows", [])
        if rows:
            click.echo(f"{title}:" if tops[of]["exact"] else f"{title} (about):")
            width = len(f"{rows[0]['queries']:,}")
            for row in rows:
                click.echo(f"  {row['queries']:>{width},}  {clean(row['key'])}")
    if not found["kept"]:
        click.echo("statistics are switched off (statistics.enabled): these are old", err=True)
    if found["trouble"]:
        click.echo(f"mirage-hole: {clean(found['trouble'], 500)}", err=True)
