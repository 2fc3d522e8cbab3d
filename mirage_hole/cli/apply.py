"""``mirage-hole apply``: make the running server equal to a document, after showing the difference."""

from __future__ import annotations

import sys
from typing import Any

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.export import shown
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, print_json

FAILURE = 1
DIFFERENT = 2
"""The exit code of ``--dry-run`` when there is something to do."""
MAX_LINE = 500
MAX_FILE = 16 * 1024 * 1024


@click.command("apply", short_help="Make the running server equal to a document.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Only show the difference; exit code 2 when there is one.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory")
@click.pass_context
def command(ctx: click.Context, file: str, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Make the running server equal to FILE, which mirage-hole export has written, or - for standard input.

    The difference is shown first. Parts that FILE does not mention stay as they are; rule = [] means no rules. All of it counts, or,
    when anything in it is wrong, nothing. The same FILE again changes nothing.
    """
    state = ctx.find_root().ensure_object(Flags).settled().state_directory
    try:
        text = _text(file)
        plan = call(state, "PUT", "/api/v1/document", {"text": text, "dry_run": True}, timeout=90.0)
        if not plan["steps"] or dry_run:
            return _told(plan, as_json=as_json, done=False, code=DIFFERENT if plan["steps"] else 0)
        if not as_json:
            _print(plan)
        if not yes and not _confirmed(as_json=as_json):
            click.echo("nothing was changed", err=True)
            return FAILURE
        plan = call(state, "PUT", "/api/v1/document", {"text": text}, timeout=90.0)
    except (NoServer, Refused, OSError, ValueError) as problem:
        lines = [clean(line, MAX_LINE) for line in str(problem).splitlines()]
        click.echo("mirage-hole: " + "\n  ".join(lines), err=True)
        return FAILURE
    return _told(plan, as_json=as_json, done=True, code=0)


def _text(file: str) -> str:
    with click.open_file(file, "rb") as stream:
        data: bytes = stream.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        message = f"{file} has more than {MAX_FILE} octets"
        raise ValueError(message)
    try:
        return data.decode()
    except UnicodeDecodeError:
        message = f"{file} is no UTF-8"
        raise ValueError(message) from None


def _confirmed(*, as_json: bool) -> bool:
    if as_json or not sys.stdin.isatty():
        click.echo("mirage-hole: nobody can be asked here; write --yes", err=True)
        return False
    return click.confirm("Do it?")


def _told(plan: dict[str, Any], *, as_json: bool, done: bool, code: int) -> int:
    if as_json:
        print_json(plan)
        return code
    if not plan["steps"]:
        click.echo("the server is as the document says")
    elif done:
        audit = plan["audit"]
        back = f"; mirage-hole audit undo {audit} takes it back" if audit is not None else ""
        click.echo(f"done: {len(plan['steps'])} changes{back}")
        if plan["restart"]:
            click.echo(f"these count from the next start on: {', '.join(plan['restart'])}")
    else:
        _print(plan)
    return code


def _print(plan: dict[str, Any]) -> None:
    """The difference: + for what comes, - for what goes, ~ for what changes."""
    for step in plan["steps"]:
        before, after, title = step["before"], step["after"], clean(step["title"])
        if before is None:
            said = {name: value for name, value in after.items() if value not in ("", None, [], title)}
            click.secho(f"+ {step['part']} {title}" + _fields(said), fg="green")
        elif after is None:
            click.secho(f"- {step['part']} {title}", fg="red")
        else:
            click.secho(f"~ {step['part']} {title}", fg="yellow")
            for name in step["changed"]:
                click.echo(f"    {name}: {shown(before.get(name))} -> {shown(after.get(name))}")
    if plan["left_alone"]:
        click.echo(f"not mentioned, left as it is: {', '.join(plan['left_alone'])}")


def _fields(said: dict[str, Any]) -> str:
    text = ", ".join(f"{name} {shown(value)}" for name, value in said.items() if name not in {"name", "text", "path"})
    return f" ({text})" if text else ""
