"""``mirage-hole notices``: what needs attention on the running server."""

from __future__ import annotations

import time
from typing import Any

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, duration, print_json

FAILURE = 1
_MARKS = {"critical": "!!", "warning": " !", "info": "  "}


@click.command("notices", short_help="Show what needs attention.")
@click.option("--closed", is_flag=True, help="Those that are over, too.")
@click.option("--dismiss", metavar="NUMBER", type=click.IntRange(1), help="Mark one as needing no attention.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory")
@click.pass_context
def command(ctx: click.Context, closed: bool, dismiss: int | None, as_json: bool) -> int:
    """Show what needs attention: lists that fail, upstreams that are down, a full disk, new devices and the like.

    Each has a number, which --dismiss takes. The exit code is 0, whether there are any or not.
    """
    state = ctx.ensure_object(Flags).settled().state_directory
    try:
        if dismiss is not None:
            call(state, "POST", f"/api/v1/notices/{dismiss}/dismiss")
        answer = call(state, "GET", "/api/v1/notices")
    except (NoServer, Refused) as problem:
        click.echo(f"mirage-hole: {problem}", err=True)
        return FAILURE
    if as_json:
        print_json(answer)
        return 0
    for one in answer["open"]:
        _print(one)
    if not answer["open"]:
        click.echo("nothing needs attention")
    if closed:
        for one in answer["closed"]:
            _print(one)
    return 0


def _print(one: dict[str, Any]) -> None:
    end = one["closed"] or time.time()
    lasts = duration(max(0.0, end - one["since"]))
    state = f"over after {lasts}" if one["closed"] else f"for {lasts}"
    state += f", dismissed by {clean(one['dismissed'])}" if one["dismissed"] else ""
    click.echo(f"{_MARKS.get(one['severity'], '  ')} {one['number']}  {clean(one['title'])} ({state})")
    click.echo(f"     {clean(one['text'])}")
    if one["advice"] and not one["closed"]:
        click.echo(f"     {clean(one['advice'])}")
