"""``mirage-hole lists``: look into lists, change which are used, keep them fresh; and see which well-known ones there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import click

from mirage_hole.cli.completion import complete_source
from mirage_hole.cli.group import Group
from mirage_hole.cli.query import read_timeout

if TYPE_CHECKING:
    from mirage_hole.sources.catalogue import Entry

FORMAT_NAMES = (
    "hosts", "domains", "wildcard", "adblock", "dnsmasq", "unbound", "rpz", "regex", "addresses", "subtrees",
)  # fmt: skip
MAX_SHOWN = 1000


class Lists(Group):
    """The group."""

    modules: ClassVar = {
        "add": "lists_change:add",
        "confirm": "lists_update:confirm",
        "diff": "lists_diff",
        "disable": "lists_change:disable",
        "enable": "lists_change:enable",
        "list": "lists_list",
        "remove": "lists_change:remove",
        "report": "lists_report",
        "search": "lists_search",
        "update": "lists_update:update",
    }


@click.group("lists", cls=Lists)
def command() -> None:
    """Add, remove, update, check, report, search and compare lists, and show the catalogue."""


@command.command("check", short_help="Read a list and report what is in it.")
@click.argument("source", shell_complete=complete_source)
@click.option("--allow", is_flag=True, help="Read it as an allowlist: plain names allow.")
@click.option("--format", "form", type=click.Choice(FORMAT_NAMES), help="Its format. Default: found out.")
@click.option(
    "--show", metavar="N", type=click.IntRange(0, MAX_SHOWN), default=20, show_default=True, help="How many complaints."
)
@click.option("--timeout", metavar="TIME", default="60s", show_default=True, help="How long a download may take.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(source: str, allow: bool, form: str | None, show: int, timeout: str, as_json: bool) -> int:
    """Read the list SOURCE (a URL, a file, or a name from the catalogue) and report what is in it.

    Says which format it is in, how many rules of each kind it has, how many of them twice, and which lines are no rules
    and why. Nothing is kept. Exits with 1 when there is nothing in it to use.
    """
    from mirage_hole.cli.list_report import as_object, as_text, read_source
    from mirage_hole.cli.list_text import CantRead
    from mirage_hole.cli.sources import catalogue
    from mirage_hole.lists.rule import Action
    from mirage_hole.sources.source import SourceProblem, parse_source

    found = parse_source(source, Action.ALLOW if allow else Action.BLOCK, catalogue(), setting="SOURCE")
    if isinstance(found, SourceProblem):
        raise click.UsageError(str(found))
    try:
        report = read_source(found, form, read_timeout(timeout))
    except CantRead as problem:
        click.echo(f"mirage-hole: {problem}", err=True)
        return 1
    if as_json:
        import orjson

        click.echo(orjson.dumps(as_object(report, show), option=orjson.OPT_INDENT_2))
    else:
        click.echo(as_text(report, show))
    if report.refusal:
        click.echo(f"mirage-hole: {found.shown}: the list {report.refusal}", err=True)
        return 1
    return 0


@command.command("catalogue")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_catalogue(as_json: bool) -> None:
    """Print the well-known lists that can be used by name."""
    from mirage_hole.cli.sources import STARTER_TITLE, catalogue
    from mirage_hole.sources.catalogue import STARTER

    entries = catalogue()
    if as_json:
        import orjson

        objects = [{**entry._asdict(), "kind": entry.kind.name.lower()} for entry in entries.values()]
        click.echo(orjson.dumps(objects, option=orjson.OPT_INDENT_2))
        return
    click.echo(f"{STARTER}\n    {STARTER_TITLE}.\n    Used when no other list is.\n")
    for entry in entries.values():
        click.echo("\n".join(_entry_lines(entry)) + "\n")


def _entry_lines(entry: Entry) -> list[str]:
    flag = "--allowlist" if entry.kind.name == "ALLOW" else "--blocklist"
    return [
        f"{entry.key}    ({flag})",
        f"    {entry.title}: {entry.category}, {entry.size}, {entry.format}, {entry.licence}",
        f"    Breaks: {entry.breaks}",
        f"    {entry.homepage}",
    ]
