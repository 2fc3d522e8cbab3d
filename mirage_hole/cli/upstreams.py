"""``mirage-hole upstreams``: the resolvers that the running server asks, and how they are; and a test of any resolver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.group import Group
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import Column, clean, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

FAILURE = 1
_COLUMNS = (
    Column("upstream", number=False),
    Column("group", number=False),
    Column("state", number=False),
    Column("time"),
    Column("asked"),
    Column("answered"),
    Column("timeouts"),
    Column("failures"),
    Column("responses", number=False),
)


class Upstreams(Group):
    """``list`` here, ``test`` in a module of its own."""

    modules: ClassVar[dict[str, str]] = {"test": "upstream_test"}


@click.group(
    "upstreams", cls=Upstreams, invoke_without_command=True, short_help="Show and test the resolvers that are asked."
)
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """The resolvers that are asked: how they are, and a test of them. Without a command, the list."""
    if ctx.invoked_subcommand is not None:
        return None
    code: int = ctx.invoke(list_them, as_json=False)
    return code


@command.command("list", short_help="Show every upstream and how it is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory")
@click.pass_context
def list_them(ctx: click.Context, as_json: bool) -> int:
    """Show every upstream of the running server: its groups, its state, how fast it is and what it answered.

    The time is the smoothed round-trip time with the mean deviation from it. Counts are since the server's start.
    """
    state = ctx.ensure_object(Flags).settled().state_directory
    try:
        answer = call(state, "GET", "/upstreams")
    except (NoServer, Refused) as problem:
        click.echo(f"mirage-hole: {problem}", err=True)
        if isinstance(problem, NoServer):
            click.echo("mirage-hole: mirage-hole upstreams test needs no server", err=True)
        return FAILURE
    rows: list[dict[str, Any]] = answer["upstreams"]
    if as_json:
        print_json(answer)
    elif not rows:
        click.echo("no upstream: what is neither blocked nor known is answered SERVFAIL")
    else:
        print_table(_COLUMNS, [_cells(row) for row in rows])
    return 0


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        clean(row["address"]),
        clean(", ".join(row["groups"])),
        "leads back here" if row["loops"] else "answers" if row["healthy"] else "rests after failures",
        _time(row),
        *(f"{row[name]:,}" for name in ("sent", "answered", "timeouts", "failures")),
        ", ".join(f"{clean(rcode)} {count:,}" for rcode, count in row["responses"].items()),
    ]


def _time(row: Mapping[str, Any]) -> str:
    if row["rtt_ms"] is None:
        return ""
    deviation = "" if row["deviation_ms"] is None else f" ± {row['deviation_ms']:.1f}"
    return f"{row['rtt_ms']:.1f}{deviation} ms"
