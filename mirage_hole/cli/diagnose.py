"""``mirage-hole diagnose``: a look inside the running processes, for hunting leaks and what hangs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.group import Group
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, print_json

FAILURE = 1
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_state = some_setting_options("server.state_directory")
_process = click.option(
    "--process",
    metavar="NAME",
    default="supervisor",
    help="supervisor, or the number of a worker. Default: supervisor.",
)


@click.group("diagnose", cls=Group)
def command() -> None:
    """A look inside the running processes: their tasks, open files, objects and memory."""


@command.command("tasks", short_help="Show the asyncio tasks and where they wait.")
@_process
@_json
@_state
@click.pass_context
def tasks(ctx: click.Context, process: str, as_json: bool) -> int:
    """Show each task and where it waits."""
    answer = _asked(ctx, "GET", "tasks", {"process": process})
    if answer is None or as_json:
        return _printed(answer)
    for one in answer["rows"]:
        click.echo(f"{clean(one['name'])}: {clean(one['runs'])}")
        for line in one["stack"]:
            click.echo(f"    {clean(line, 200)}")
    return 0


@command.command("files", short_help="Show the open file descriptors.")
@_process
@_json
@_state
@click.pass_context
def files(ctx: click.Context, process: str, as_json: bool) -> int:
    """Show each open file descriptor and what it is."""
    answer = _asked(ctx, "GET", "files", {"process": process})
    if answer is None or as_json:
        return _printed(answer)
    for one in answer["rows"]:
        click.echo(f"{one['number']:>5}  {clean(one['what'], 200)}")
    return 0


@command.command("objects", short_help="Count objects by type.")
@_process
@_json
@_state
@click.pass_context
def objects(ctx: click.Context, process: str, as_json: bool) -> int:
    """Count what the garbage collector knows, by type."""
    answer = _asked(ctx, "GET", "objects", {"process": process, "limit": 30})
    if answer is None or as_json:
        return _printed(answer)
    for one in answer["rows"]:
        click.echo(f"{one['count']:>9,}  {clean(one['type'], 200)}")
    return 0


@command.command("trace", short_help="Trace allocations, or stop.")
@click.option("--off", is_flag=True, help="Stop, and forget the snapshots.")
@click.option("--frames", type=click.IntRange(1, 25), default=1, help="Of each allocation. Default: 1.")
@click.option("--minutes", type=click.IntRange(1, 120), default=10, help="Until it ends by itself. Default: 10.")
@_process
@_json
@_state
@click.pass_context
def trace(ctx: click.Context, off: bool, frames: int, minutes: int, process: str, as_json: bool) -> int:
    """Trace what is allocated from now on. The process is slower meanwhile. Take snapshots with memory --snapshot."""
    body = {"process": process, "frames": frames, "seconds": 0 if off else minutes * 60}
    return _memory(_asked(ctx, "PUT", "memory/tracing", body=body), as_json=as_json)


@command.command("memory", short_help="Show memory, keep a snapshot, or compare two.")
@click.option("--snapshot", is_flag=True, help="Keep what is allocated now; five are kept.")
@click.option(
    "--compare", nargs=2, type=click.IntRange(0), metavar="A B", help="What snapshot B has more than A; 0: all of B."
)
@_process
@_json
@_state
@click.pass_context
def memory(ctx: click.Context, snapshot: bool, compare: tuple[int, int] | None, process: str, as_json: bool) -> int:
    """Show what a process takes and what is traced in it."""
    if snapshot:
        return _memory(_asked(ctx, "POST", "memory/snapshots", body={"process": process}), as_json=as_json)
    if compare is None:
        return _memory(_asked(ctx, "GET", "memory", {"process": process}), as_json=as_json)
    query = {"process": process, "first": compare[0], "second": compare[1], "limit": 30}
    answer = _asked(ctx, "GET", "memory/difference", query)
    if answer is None or as_json:
        return _printed(answer)
    for one in answer["rows"]:
        more = f"{one['more_octets'] / 1024:+.1f} KiB ({one['more_count']:+,})"
        click.echo(f"{more:>24}  {clean(one['place'], 200)}")
    return 0


def _memory(answer: dict[str, Any] | None, *, as_json: bool) -> int:
    if answer is None or as_json:
        return _printed(answer)
    click.echo(f"process {answer['pid']}: {answer['resident'] / 1048576:.1f} MiB resident")
    if answer["tracing"]:
        click.echo(f"traced: {answer['traced'] / 1048576:.2f} MiB now, {answer['peak'] / 1048576:.2f} MiB at most")
    else:
        click.echo("nothing is traced")
    for one in answer["snapshots"]:
        click.echo(f"snapshot {one['number']}")
    return 0


def _printed(answer: dict[str, Any] | None) -> int:
    if answer is None:
        return FAILURE
    print_json(answer)
    return 0


def _asked(
    ctx: click.Context,
    method: str,
    path: str,
    query: dict[str, Any] | None = None,
    *,
    body: dict[str, Any] | None = None,
) -> dict[str, Any] | None:
    state = ctx.find_root().ensure_object(Flags).settled().state_directory
    path = f"/api/v1/diagnosis/{path}" + (f"?{urlencode(query)}" if query else "")
    try:
        return call(state, method, path, body)
    except (NoServer, Refused) as problem:
        lines = [clean(line, 300) for line in str(problem).splitlines()]
        click.echo("mirage-hole: " + "\n  ".join(lines), err=True)
        return None
