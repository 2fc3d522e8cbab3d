"""``mirage-hole lists list``: every list, where it comes from and how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mirage_hole.cli.chosen_lists import ChosenLists
from mirage_hole.cli.control import Refused
from mirage_hole.cli.lists_change import FAILURE, STATE
from mirage_hole.cli.options import Flags
from mirage_hole.cli.terminal import Column, clean, moment, print_json, print_table

if TYPE_CHECKING:
    from mirage_hole.cli.chosen_lists import Row

_COLUMNS = (
    Column("list", number=False),
    Column("kind", number=False),
    Column("state", number=False),
    Column("rules"),
    Column("hits"),
    Column("looked at", number=False),
    Column("next", number=False),
    Column("from", number=False),
    Column("source", number=False),
)


@click.command("list", short_help="Show every list and how it is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@STATE
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> int:
    """Show every list: configured or added, on or off, when it was and will be looked at, and what is wrong with it.

    Hits are queries since the server's start that the list's rules decided.
    """
    try:
        rows, server = ChosenLists(ctx.ensure_object(Flags).settled()).rows()
    except Refused as problem:
        click.echo(f"mirage-hole: {problem}", err=True)
        return FAILURE
    if as_json:
        print_json({"server": server, "lists": [one.data for one in rows]})
        return 0
    if not rows:
        click.echo("no lists; mirage-hole lists add SOURCE adds one")
        return 0
    print_table(_COLUMNS, [_cells(one, server) for one in rows])
    for one in rows:
        if wrong := one.data["error"] or one.data["held"]:
            click.echo(f"{clean(one.title)}: {clean(wrong, 1000)}")
    if not server:
        click.echo("no server runs with this state directory; this is what its next start finds", err=True)
    return 0


def _cells(row: Row, server: bool) -> list[str]:
    data: dict[str, Any] = row.data
    return [
        row.title,
        data["kind"],
        data["state"],
        f"{data['rules']:,}" if data["rules"] else "",
        f"{data['decided']:,}" if server and row.enabled else "",
        moment(data["last_success"]) if data["last_success"] else "",
        moment(data["next_try"]) if data["next_try"] else "",
        "added" if data["added"] else "configuration",
        row.source if row.source != row.title else "",
    ]
