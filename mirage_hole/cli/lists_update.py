"""``mirage-hole lists update`` and ``confirm``: fresh texts, now; and those that were put aside since a list had shrunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mirage_hole.cli.chosen_lists import ChosenLists
from mirage_hole.cli.control import NoServer, Refused
from mirage_hole.cli.list_events import follow
from mirage_hole.cli.lists_change import FAILURE, STATE, complete_any, read_rows
from mirage_hole.cli.options import Flags
from mirage_hole.cli.terminal import clean, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.cli.list_events import Outcome

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("update", short_help="Download lists now.")
@click.argument("which", metavar="[LIST]...", nargs=-1, shell_complete=complete_any)
@click.option("--force", is_flag=True, help="Use what comes, however many rules a list has lost.")
@_json
@STATE
@click.pass_context
def update(ctx: click.Context, which: tuple[str, ...], force: bool, as_json: bool) -> int:
    """Have the running server download each LIST, or all, and wait until it answers by them.

    Exits with 1 when one could not be had or used.
    """

    def run(lists: ChosenLists) -> Outcome:
        rows = read_rows(lists, which) if which else []
        count = len(rows) or sum(one.enabled for one in lists.rows()[0])
        return follow(lists.update([one.key for one in rows], force=force), count, quiet=as_json)

    return _run(ctx, run, as_json)


@click.command("confirm", short_help="Use the new text of a list that has shrunk.")
@click.argument("which", metavar="LIST", nargs=-1, required=True, shell_complete=complete_any)
@_json
@STATE
@click.pass_context
def confirm(ctx: click.Context, which: tuple[str, ...], as_json: bool) -> int:
    """Use the newer text of each LIST, which was put aside since it has lost so many rules."""

    def run(lists: ChosenLists) -> Outcome:
        rows = read_rows(lists, which)
        for one in rows:
            lists.confirm(one)
        outcome = follow(lists.update([one.key for one in rows], download=False), 0, quiet=True)
        return outcome._replace(ends={one["key"]: "held" if one["held"] else "updated" for one in outcome.lists})

    return _run(ctx, run, as_json)


def _run(ctx: click.Context, action: Callable[[ChosenLists], Outcome], as_json: bool) -> int:
    try:
        outcome = action(ChosenLists(ctx.ensure_object(Flags).settled()))
    except (NoServer, Refused) as problem:
        for line in str(problem).splitlines():
            click.echo(f"mirage-hole: {line}", err=True)
        return FAILURE
    if as_json:
        print_json({"lists": outcome.lists, "ends": outcome.ends, "error": outcome.error})
        return 0 if outcome.ok else FAILURE
    for one in outcome.lists:
        why = one["held"] if outcome.ends.get(one["key"]) == "held" else ""
        if why:
            click.echo(f"mirage-hole: {clean(one['title'])}: {clean(why, 1000)}", err=True)
    if outcome.error:
        click.echo(f"mirage-hole: {clean(outcome.error, 1000)}", err=True)
    ends = list(outcome.ends.values())
    counts = [f"{ends.count(end)} {end}" for end in ("updated", "unchanged", "held", "failed") if end in ends]
    click.echo(", ".join(counts) if counts else "nothing to do")
    return 0 if outcome.ok else FAILURE
