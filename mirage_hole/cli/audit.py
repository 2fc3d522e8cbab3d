"""``mirage-hole audit``: who changed what, and taking it back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.group import Group
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, print_json

if TYPE_CHECKING:
    from pathlib import Path

FAILURE = 1
MOST = 500
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_state = some_setting_options("server.state_directory")


@click.group("audit", cls=Group)
def command() -> None:
    """Every change of the state: who made it, what was before, and taking it back."""


@command.command("list", short_help="Show the newest changes.")
@click.option("-n", "number", metavar="N", type=click.IntRange(1, MOST), default=20, help="How many. Default: 20.")
@click.option("--who", metavar="NAME", default="", help="Only changes of this user; local is the command line.")
@click.option("--target", metavar="TEXT", default="", help="Only changes of what has this in its name.")
@_json
@_state
@click.pass_context
def show(ctx: click.Context, number: int, who: str, target: str, as_json: bool) -> int:
    """Show the newest changes, the newest first, each with the number that undo takes."""
    query = urlencode({"limit": number, "who": who, "target": target})
    answer = _asked(ctx, "GET", f"/api/v1/audit?{query}")
    if answer is None:
        return FAILURE
    if as_json:
        print_json(answer)
        return 0
    for one in answer["changes"]:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one["at"]))
        undone = f", takes back {one['undoes']}" if one["undoes"] is not None else ""
        final = "" if one["revertible"] else " (can't be undone)"
        about = clean(f"{one['what']}: {one['target']}" if one["target"] else one["what"])
        click.echo(f"{one['number']:>6}  {at}  {clean(one['who'])}  {about}{undone}{final}")
    if not answer["changes"]:
        click.echo("nothing was changed yet")
    return 0


@command.command("undo", short_help="Take a change back.")
@click.argument("number", type=click.IntRange(1))
@_json
@_state
@click.pass_context
def undo(ctx: click.Context, number: int, as_json: bool) -> int:
    """Take the change with this NUMBER back, if what it changed is still as it left it. That is a change itself."""
    answer = _asked(ctx, "POST", f"/api/v1/audit/{number}/undo")
    if answer is None:
        return FAILURE
    if as_json:
        print_json(answer)
    else:
        click.echo(f"change {number} is taken back; that is change {answer['number']}")
    return 0


def _asked(ctx: click.Context, method: str, path: str) -> dict[str, Any] | None:
    state: Path = ctx.find_root().ensure_object(Flags).settled().state_directory
    try:
        return call(state, method, path)
    except (NoServer, Refused) as problem:
        click.echo(f"mirage-hole: {clean(str(problem))}", err=True)
        return None
