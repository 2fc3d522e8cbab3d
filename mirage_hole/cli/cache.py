"""``mirage-hole cache``: look at what the running server remembers, and make it forget."""

from __future__ import annotations

from typing import Any

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.group import Group
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, duration, print_json

FAILURE = 1
LIMIT = 100
MOST = 1000
_RECORD_WIDTH = 500  # characters of a record that are shown

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_subtree = click.option("--subtree", is_flag=True, help="All names below it, too.")
_state = some_setting_options("server.state_directory")


@click.group("cache", cls=Group)
def command() -> None:
    """Answers that the running server remembers: look at them, or make it forget."""


@command.command("show", short_help="Show what is remembered.")
@click.argument("name", required=False, default="")
@_subtree
@click.option(
    "--limit", metavar="N", type=click.IntRange(1, MOST), default=LIMIT, help=f"Entries to show. Default: {LIMIT}."
)
@_json
@_state
@click.pass_context
def show(ctx: click.Context, name: str, subtree: bool, limit: int, as_json: bool) -> int:
    """Show what is remembered of NAME; without one, the newest entries of any name.

    Each entry has its type, the time left, the response code, the upstream that gave it and the memory that it takes.
    "past its time" is what serves only when no upstream answers.
    """
    body = {"name": name, "subtree": subtree, "limit": limit}
    answer = _asked(ctx, "/cache/show", body)
    if answer is None:
        return FAILURE
    if as_json:
        print_json(answer)
        return _ending(answer)
    several = answer["workers"] > 1
    for entry in answer["entries"]:
        _print_entry(entry, several=several)
    shown, found = len(answer["entries"]), answer["found"]
    if not found:
        click.echo("nothing is remembered" + (f" of {clean(name)}" if name else ""))
    elif shown < found:
        click.echo(f"{shown} of {found} entries; name one, or write --limit N, up to {MOST}")
    return _ending(answer)


@command.command("flush", short_help="Forget what is remembered.")
@click.argument("name", required=False, default="")
@_subtree
@click.option("--all", "everything", is_flag=True, help="Everything.")
@_json
@_state
@click.pass_context
def flush(ctx: click.Context, name: str, subtree: bool, everything: bool, as_json: bool) -> int:
    """Forget what is remembered of NAME, of it and all names below it, or everything. The next query asks an upstream."""
    if everything == bool(name):
        ctx.fail("write a NAME, with --subtree for all names below it too, or --all for everything")
    if everything and subtree:
        ctx.fail("--subtree needs a NAME; --all alone is everything")
    answer = _asked(ctx, "/cache/flush", {"name": name, "subtree": subtree})
    if answer is None:
        return FAILURE
    if as_json:
        print_json(answer)
    else:
        count = answer["flushed"]
        click.echo(f"{count} entr{'y' if count == 1 else 'ies'} forgotten")
    return _ending(answer)


def _asked(ctx: click.Context, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    state = ctx.ensure_object(Flags).settled().state_directory
    try:
        return call(state, "POST", path, body)
    except (NoServer, Refused) as problem:
        click.echo(f"mirage-hole: {problem}", err=True)
        return None


def _ending(answer: dict[str, Any]) -> int:
    """Failure when a worker said nothing: what it remembers is not known."""
    for number in answer["silent"]:
        click.echo(f"mirage-hole: worker {number} did not answer in time; try again", err=True)
    return FAILURE if answer["silent"] else 0


def _print_entry(entry: dict[str, Any], *, several: bool) -> None:
    ttl = entry["ttl"]
    if entry["kind"] == "failure":
        time = f"asked again in {duration(ttl)}"
    elif entry["stale"]:
        time = f"{duration(-ttl)} past its time"
    else:
        time = f"{duration(ttl)} left"
    facts = [time, entry["rcode"]]
    facts += [f"{entry['size']} octets"] if "size" in entry else []
    facts += [f"from {entry['upstream']}"] if entry["upstream"] else []
    facts += ["for DNSSEC"] if entry["dnssec"] else []
    facts += ["unchecked"] if entry["unchecked"] else []
    facts += [f"for {entry['subnet']}"] if entry["subnet"] else []
    facts += [f"group {entry['group']}"] if entry["group"] else []
    facts += [f"worker {entry['worker']}"] if several else []
    click.echo(f"{clean(entry['name'])} {entry['type']}: {', '.join(facts)}")
    for error in entry["errors"]:
        click.echo(f"    error {error['code']}: {clean(error['text'])}")
    for record in entry.get("records", []):
        click.echo(f"    {clean(record, _RECORD_WIDTH)}")
    if not entry.get("complete", True):
        click.echo("    too long to be shown")
