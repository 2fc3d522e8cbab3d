"""``mirage-hole lists diff``: what a list's newest version added and removed, or what two lists differ in."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.query import read_timeout, read_together
from mirage_hole.cli.sources import read_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mirage_hole.cli.list_versions import Side
    from mirage_hole.runtime.list_changes import Changed, Changes

MAX_SHOWN = 100_000
_FAILURE = 1


def _complete(ctx: click.Context, param: click.Parameter, typed: str) -> list[Any]:
    from mirage_hole.cli.completion import complete_source
    from mirage_hole.cli.which_list import complete_list

    items = complete_source(ctx, param, typed)
    known = {item.value for item in items}
    return items + [item for item in complete_list(ctx, param, typed) if item.value not in known]


@click.command("diff", short_help="Print what changed in a list, or what two lists differ in.")
@click.argument("one", metavar="LIST", shell_complete=_complete)
@click.argument("two", metavar="[SOURCE]", required=False, shell_complete=_complete)
@click.option("--allow", is_flag=True, help="Two sources: read them as allowlists.")
@click.option(
    "--show", metavar="N", type=click.IntRange(0, MAX_SHOWN), default=20, show_default=True, help="Rules shown."
)
@click.option("--all", "everything", is_flag=True, help="Show every rule.")
@click.option("--timeout", metavar="TIME", default="60s", show_default=True, help="How long a download may take.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory", "lists.block", "lists.allow")
@click.pass_context
def command(
    ctx: click.Context,
    one: str,
    two: str | None,
    allow: bool,
    show: int,
    everything: bool,
    timeout: str,
    as_json: bool,
) -> int:
    """Print the rules that the newest version of LIST added and removed, compared with the version before it.

    With two arguments, each a URL, a file or a name from the catalogue: what the second has and the first has not, and
    the other way round. Rules are compared by what they say, so another order, format or spelling is no change.
    """
    from mirage_hole.cli.list_text import CantRead
    from mirage_hole.cli.list_versions import BadText, NoVersion, side_of, versions_of
    from mirage_hole.runtime.list_changes import compare
    from mirage_hole.sources.failures import Failure

    seconds = read_timeout(timeout)
    with ExitStack() as stack:
        try:
            if two is None:
                old, new = versions_of(ctx.ensure_object(Flags).settled(), one)
            else:
                first, second = read_together(
                    lambda: read_list("LIST", one, allow), lambda: read_list("SOURCE", two, allow)
                )
                old = stack.enter_context(side_of(first, seconds))
                new = stack.enter_context(side_of(second, seconds))
            changes = compare(old.rules, new.rules)
        except (CantRead, Failure, BadText, NoVersion) as problem:
            click.echo(f"mirage-hole: {problem}", err=True)
            return _FAILURE
        _print(old, new, changes, None if everything else show, as_json)
    return 0


def _print(old: Side, new: Side, changes: Changes, shown: int | None, as_json: bool) -> None:
    from mirage_hole.runtime.list_changes import each_of

    added = islice(each_of(new.rules, changes.added), shown)
    removed = islice(each_of(old.rules, changes.removed), shown)
    if as_json:
        from mirage_hole.cli.terminal import print_json_arrays

        header = {
            "before": {"source": old.shown, "at": old.at, "rules": changes.before},
            "after": {"source": new.shown, "at": new.at, "rules": changes.after},
            "added_count": changes.added.size,
            "removed_count": changes.removed.size,
        }
        arrays = {"added": added, "removed": removed}
        print_json_arrays(header, {name: (one._asdict() for one in each) for name, each in arrays.items()})
        return
    from mirage_hole.cli.terminal import clean

    for word, side, count in (("before", old, changes.before), ("after", new, changes.after)):
        click.echo(f"{word:<7} {clean(side.shown)}: {count:,} rules{_when(side.at)}")
    click.echo(f"added   {changes.added.size:,}\nremoved {changes.removed.size:,}")
    _print_some("+", added, changes.added.size, shown)
    _print_some("-", removed, changes.removed.size, shown)


def _print_some(sign: str, rules: Iterator[Changed], count: int, shown: int | None) -> None:
    from mirage_hole.cli.terminal import clean

    for one in rules:
        click.echo(f"{sign} {clean(one.rule)}  (line {one.line})")
    if shown is not None and count > shown:
        click.echo(f"{sign} {count - shown:,} more; --all shows them")


def _when(at: float | None) -> str:
    if at is None:
        return ""
    from mirage_hole.cli.terminal import moment

    return f", {moment(at)}"
