"""``mirage-hole notify``: who is told when something needs attention, and a test of that."""

from __future__ import annotations

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.group import Group
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, print_json

FAILURE = 1

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_state = some_setting_options("server.state_directory")


@click.group("notify", cls=Group)
def command() -> None:
    """Who is told when something needs attention: the [[notify]] tables of the configuration."""


@command.command("list", short_help="Show who is told.")
@_json
@_state
@click.pass_context
def list_them(ctx: click.Context, as_json: bool) -> int:
    """Show every target of the running server, and how its last delivery went. No secret is shown."""
    state = ctx.ensure_object(Flags).settled().state_directory
    try:
        answer = call(state, "GET", "/api/v1/notifications/targets")
    except (NoServer, Refused) as problem:
        click.echo(f"mirage-hole: {problem}", err=True)
        return FAILURE
    if as_json:
        print_json(answer)
        return 0
    for one in answer["targets"]:
        where = one["url"] or f"{one['server']}, to {', '.join(one['to'])}"
        click.echo(f"{clean(one['name'])}: {one['kind']}, {clean(where)}")
        how = f"can't be told: {clean(one['error'])}" if one["error"] else f"{one['delivered']} delivered"
        click.echo(f"     {how}, {one['waiting']} wait, {one['dropped']} given up")
    if not answer["targets"]:
        click.echo("nobody is told; write a [[notify]] table")
    return 0


@command.command("test", short_help="Send a test message.")
@click.argument("target")
@_json
@_state
@click.pass_context
def test(ctx: click.Context, target: str, as_json: bool) -> int:
    """Let the running server send TARGET a message, and show what the target's server says."""
    state = ctx.ensure_object(Flags).settled().state_directory
    try:
        answer = call(state, "POST", "/api/v1/notifications/test", {"target": target})
    except (NoServer, Refused) as problem:
        click.echo(f"mirage-hole: {problem}", err=True)
        return FAILURE
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{'delivered' if answer['delivered'] else 'not delivered'}: {clean(answer['said'])}")
    return 0 if answer["delivered"] else FAILURE
