"""``mirage-hole lists add``, ``remove``, ``enable`` and ``disable``: which lists are used, besides what the configuration says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mirage_hole.cli.chosen_lists import ChosenLists, Done, Row
from mirage_hole.cli.completion import complete_source
from mirage_hole.cli.control import Refused
from mirage_hole.cli.lists import FORMAT_NAMES
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, print_json
from mirage_hole.cli.which_list import pick

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

FAILURE = 1
_NEXT = {"is in use": "added"}  # what is not so yet without a server
_COMPLETED_WITHIN = 2.0  # seconds
STATE = some_setting_options("server.state_directory", "lists.block", "lists.allow")


def complete_any(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Titles and sources of all lists, also of those that are off."""
    from click.shell_completion import CompletionItem

    from mirage_hole.runtime.errors import StartupError

    try:
        rows, _ = ChosenLists(ctx.ensure_object(Flags).settled(warn=lambda _: None)).rows(_COMPLETED_WITHIN)
    except (StartupError, Refused, OSError):  # a shell has no use for our errors here
        return []
    folded = typed.casefold()
    found = (
        (next((word for word in (one.source, one.title) if word.casefold().startswith(folded)), None), one)
        for one in rows
    )
    return [CompletionItem(word, help=one.title) for word, one in found if word is not None]


_which = click.argument("which", metavar="LIST", nargs=-1, required=True, shell_complete=complete_any)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_wait = click.option("--no-wait", is_flag=True, help="Do not wait until the server answers by it.")


@click.command("add", short_help="Use one more list.")
@click.argument("source", shell_complete=complete_source)
@click.option("--allow", is_flag=True, help="As an allowlist: plain names allow.")
@click.option("--format", "form", type=click.Choice(FORMAT_NAMES), help="Its format. Default: found out.")
@click.option("--title", metavar="TEXT", default="", help="What to call it. Default: what it calls itself.")
@_wait
@_json
@STATE
@click.pass_context
def add(
    ctx: click.Context, source: str, allow: bool, form: str | None, title: str, no_wait: bool, as_json: bool
) -> int:
    """Use the list SOURCE (a URL, a file, or a name from the catalogue) from now on, besides the configured ones.

    Returns when it is downloaded, compiled and in use. Exits with 1 when it is not.
    """
    from mirage_hole.cli.sources import read_list

    found = read_list("SOURCE", source, allow)
    return _run(ctx, lambda lists: [lists.add(found, form or "", title)], "is in use", no_wait, as_json, fetched=True)


@click.command("remove", short_help="Use lists no longer that were added.")
@_which
@_wait
@_json
@STATE
@click.pass_context
def remove(ctx: click.Context, which: tuple[str, ...], no_wait: bool, as_json: bool) -> int:
    """Use each LIST no longer that was added with lists add. Those of the configuration can be disabled."""
    return _run(ctx, lambda lists: [lists.remove(one) for one in read_rows(lists, which)], "removed", no_wait, as_json)


@click.command("enable", short_help="Switch lists on again.")
@_which
@_wait
@_json
@STATE
@click.pass_context
def enable(ctx: click.Context, which: tuple[str, ...], no_wait: bool, as_json: bool) -> int:
    """Switch each LIST on again."""
    return _run(
        ctx,
        lambda lists: [lists.switch(one, enabled=True) for one in read_rows(lists, which)],
        "on",
        no_wait,
        as_json,
        fetched=True,
    )


@click.command("disable", short_help="Switch lists off and keep them.")
@_which
@_wait
@_json
@STATE
@click.pass_context
def disable(ctx: click.Context, which: tuple[str, ...], no_wait: bool, as_json: bool) -> int:
    """Switch each LIST off. That survives restarts, and nothing is written into the configuration."""
    return _run(
        ctx,
        lambda lists: [lists.switch(one, enabled=False) for one in read_rows(lists, which)],
        "off",
        no_wait,
        as_json,
    )


def read_rows(lists: ChosenLists, which: tuple[str, ...]) -> list[Row]:
    """The lists that a person means, each once.

    Raises:
        click.UsageError: with everything that means none.
        Refused: what there is can't be read.
    """
    from mirage_hole.cli.query import read_together

    known, _ = lists.rows()
    found = read_together(*(lambda text=text: pick("LIST", text, known) for text in which))
    return list({one.key: one for one in found}.values())


def _run(
    ctx: click.Context,
    change: Callable[[ChosenLists], list[Done]],
    verb: str,
    no_wait: bool,
    as_json: bool,
    *,
    fetched: bool = False,
) -> int:
    """Make a change, wait for it, and tell what came of it. ``fetched``: the lists themselves have to arrive."""
    lists = ChosenLists(ctx.ensure_object(Flags).settled())
    try:
        done = change(lists)
        states: dict[str, dict[str, Any]] = {}
        error = ""
        if any(one.changed and one.server for one in done) and not no_wait:
            from mirage_hole.cli.list_events import follow

            keys = [one.key for one in done]
            outcome = follow(lists.update(keys, download=False), len(done) * fetched, quiet=True)
            states, error = {one["key"]: one for one in outcome.lists}, outcome.error
    except Refused as problem:
        for line in str(problem).splitlines():
            click.echo(f"mirage-hole: {line}", err=True)
        return FAILURE
    failed = bool(error) or (fetched and any(_why_not(states.get(one.key, {})) for one in done))
    if as_json:
        print_json({"lists": [{**one._asdict(), "status": states.get(one.key)} for one in done], "error": error})
        return FAILURE if failed else 0
    for one in done:
        _tell(one, states.get(one.key, {}), verb)
    if error:
        click.echo(f"mirage-hole: {clean(error, 1000)}", err=True)
    elif done and not done[0].server:
        click.echo("no server runs; it counts from its next start", err=True)
    return FAILURE if failed else 0


def _tell(one: Done, state: dict[str, Any], verb: str) -> None:
    why_not = _why_not(state) if verb in {"is in use", "on"} else ""
    title = clean(state.get("title") or one.title)
    if why_not:
        click.echo(f"mirage-hole: {title}: {clean(why_not, 1000)}", err=True)
        return
    already = "" if one.changed else " already"
    verb = verb if one.server or not one.changed else _NEXT.get(verb, verb)
    count = state.get("rules") if state.get("enabled") else 0
    rules = f", {count:,} rule{'s' * (count != 1)}" if count else ""
    click.echo(f"{title}: {verb}{already}{rules}")


def _why_not(state: dict[str, Any]) -> str:
    """Why a list does not serve that should."""
    if state.get("state") in {"missing", "old"}:
        return str(state["error"])
    return str(state.get("held", ""))
