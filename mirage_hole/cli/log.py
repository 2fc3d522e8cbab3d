"""``mirage-hole log``: search the query log, follow it, and take it away as a file."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from mirage_hole.cli.control import NoServer, Refused, call, download
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, json_text
from mirage_hole.config.problem import BadValue
from mirage_hole.config.values import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAILURE = 1
PAGE = 1000
FOLLOW_EVERY = 1.0
"""Seconds between two looks."""
_FILTERS = ("name", "client", "type", "outcome", "rcode", "list", "rule", "upstream")
_COLOURS = {"blocked": "red", "failed": "yellow", "bogus": "yellow", "refused": "yellow", "limited": "yellow"}


def _filters(function: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each filter of the API."""
    helps = {
        "name": "A part of the name; =NAME is that name alone, .NAME it and all below it.",
        "client": "Addresses or networks.",
        "type": "Record types, such as AAAA.",
        "outcome": "What became of it: blocked, cached, forwarded, failed and so on.",
        "rcode": "Response codes, such as NXDOMAIN.",
        "list": "Titles of lists that decided.",
        "rule": "A part of the rule that decided.",
        "upstream": "Addresses of upstreams.",
    }
    for name in reversed(_FILTERS):
        function = click.option(f"--{name}", name, metavar="TEXT", default="", help=helps[name])(function)
    return function


@click.command("log", short_help="Search, follow and export the query log.")
@_filters
@click.option("--since", metavar="TIME", default="", help="Not older than this, such as 2h or 7d.")
@click.option("-n", "number", metavar="N", type=click.IntRange(1, 100_000), default=50, help="Rows. Default: 50.")
@click.option("-f", "--follow", is_flag=True, help="Go on with new queries until Ctrl-C.")
@click.option(
    "--export",
    "form",
    type=click.Choice(["csv", "jsonl", "dnstap"]),
    help="Write all that is found to the terminal or a pipe.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a line.")
@some_setting_options("server.state_directory")
@click.pass_context
def command(
    ctx: click.Context, /, since: str, number: int, follow: bool, form: str | None, as_json: bool, **filters: str
) -> int:
    """Show the last queries that were logged, the newest last. Each option narrows the search; of several values, separated by
    commas, one is enough.
    """
    state = ctx.find_root().ensure_object(Flags).settled().state_directory
    wanted = {name: text for name, text in filters.items() if text}
    if since:
        wanted["since"] = f"{time.time() - _length(ctx, since):.3f}"
    try:
        if form is not None:
            return _export(state, {**wanted, "format": form})
        last = _print_last(state, wanted, number, as_json=as_json)
        while follow:
            time.sleep(FOLLOW_EVERY)
            last = _print_newer(state, wanted, last, as_json=as_json)
    except (NoServer, Refused) as problem:
        lines = [clean(line, 300) for line in str(problem).splitlines()]
        click.echo("mirage-hole: " + "\n  ".join(lines), err=True)
        return FAILURE
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            sys.stdout.close()
    return 0


def _length(ctx: click.Context, text: str) -> float:
    try:
        return parse_duration(text)
    except BadValue as bad:
        ctx.fail(f"--since = {text!r}: {bad.problem}; write {bad.instead}")


def _export(state: Path, wanted: dict[str, str]) -> int:
    with download(state, f"/api/v1/queries/export?{urlencode(wanted)}") as stream:
        shutil.copyfileobj(stream, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    return 0


def _print_last(state: Path, wanted: dict[str, str], number: int, *, as_json: bool) -> int:
    """The last rows; the number of the newest."""
    rows: list[dict[str, Any]] = []
    before = None
    while len(rows) < number:
        page = _page(state, wanted, min(PAGE, number - len(rows)), before)
        rows += page["queries"]
        before = page["before"]
        if before is None:
            break
    for row in reversed(rows):
        _print(row, as_json=as_json)
    return int(rows[0]["number"]) if rows else 0


def _print_newer(state: Path, wanted: dict[str, str], last: int, *, as_json: bool) -> int:
    """Rows newer than number ``last``, at most ten pages of them; the number of the newest."""
    rows: list[dict[str, Any]] = []
    before = None
    for _ in range(10):
        page = _page(state, wanted, PAGE, before)
        fresh = [row for row in page["queries"] if row["number"] > last]
        rows += fresh
        before = page["before"]
        if before is None or before <= last or len(fresh) < len(page["queries"]):
            break
    for row in reversed(rows):
        _print(row, as_json=as_json)
    return int(rows[0]["number"]) if rows else last


def _page(state: Path, wanted: dict[str, str], limit: int, before: int | None) -> dict[str, Any]:
    query = {**wanted, "limit": str(limit)} | ({} if before is None else {"before": str(before)})
    return call(state, "GET", f"/api/v1/queries?{urlencode(query)}")


def _print(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json_text(row, indent=False))
        return
    at = time.strftime("%m-%d %H:%M:%S", time.localtime(row["at"]))
    why = f"  {row['rule']} in {row['list']}" if row["list"] else f"  {row['upstream']}" if row["upstream"] else ""
    took = f"  {row['duration_ms']:.1f} ms" if row["duration_ms"] else ""
    outcome = f"{row['outcome']:<9}"
    click.echo(
        f"{at}  {row['client']:<15}  {click.style(outcome, fg=_COLOURS.get(row['outcome']))}  "
        f"{clean(row['name'], 120)} {row['type']} {row['rcode']}{clean(why, 120)}{took}"
    )
