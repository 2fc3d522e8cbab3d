"""``mirage-hole user``: who may log in, and what they may do. Works with a running server and without one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mirage_hole.cli.group import Group
from mirage_hole.cli.options import Flags, some_setting_options

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURE = 1
MAX_PASSWORD = 1000
"""Characters that are read; more are too many anyway."""
ROLES = ("viewer", "operator", "admin")

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_state = some_setting_options("server.state_directory")
_file = click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help="A file whose first line is the password; - is standard input. Default: it is asked for.",
)


@click.group("user", cls=Group)
def command() -> None:
    """Users of the web page and the API: a viewer looks, an operator changes what is blocked, an admin changes the server."""


@command.command("add", short_help="Add a user.")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="Default: admin for the first user, else viewer.")
@_file
@_json
@_state
@click.pass_context
def add(ctx: click.Context, name: str, role: str | None, password_file: Path | None, as_json: bool) -> int:
    """Add the user NAME. The password is asked for, or read from a file, and is never an argument, which others could see."""

    def made(asked: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        kind = role or ("viewer" if asked("GET", "/api/v1/users")["users"] else "admin")
        password = _password(password_file, twice=True)
        return asked("POST", "/api/v1/users", {"name": name, "password": password, "role": kind})

    return run(ctx, as_json, made, lambda row: f"{row['name']} is {row['role']} now")


@command.command("list", short_help="Show the users.")
@_json
@_state
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> int:
    """Show every user with role, second factor and passkeys."""
    from mirage_hole.cli.terminal import Column, moment, print_table

    def told(answer: dict[str, Any]) -> str:
        if not answer["users"]:
            return "no users; mirage-hole user add NAME makes the first"
        rows = [
            [
                one["name"],
                one["role"],
                "yes" if one["totp"] else "",
                str(one["passkeys"] or ""),
                moment(one["created"]),
            ]
            for one in answer["users"]
        ]
        titles = ("name", "role", "second factor", "passkeys", "since")
        print_table([Column(title, number=title == "passkeys") for title in titles], rows)
        return ""

    return run(ctx, as_json, lambda asked: asked("GET", "/api/v1/users"), told)


@command.command("remove", short_help="Remove a user.")
@click.argument("name")
@_json
@_state
@click.pass_context
def remove(ctx: click.Context, name: str, as_json: bool) -> int:
    """Remove the user NAME with sessions, tokens and passkeys. The last admin stays."""
    return run(ctx, as_json, lambda asked: asked("DELETE", _path(name)), lambda _: f"{name} is gone")


@command.command("password", short_help="Set a user's password.")
@click.argument("name")
@click.option("--no-second-factor", is_flag=True, help="Switch the second factor off, too.")
@_file
@_json
@_state
@click.pass_context
def password(ctx: click.Context, name: str, no_second_factor: bool, password_file: Path | None, as_json: bool) -> int:
    """Give the user NAME another password, such as when it was forgotten. Open sessions end."""

    def change(asked: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        asked("GET", _path(name))
        body: dict[str, Any] = {"password": _password(password_file, twice=True)}
        if no_second_factor:
            body["totp"] = False
        return asked("PATCH", _path(name), body)

    return run(ctx, as_json, change, lambda row: f"{row['name']} has another password; open sessions have ended")


@command.command("role", short_help="Change a user's role.")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@_json
@_state
@click.pass_context
def role(ctx: click.Context, name: str, role: str, as_json: bool) -> int:
    """Make NAME a viewer, an operator or an admin. It counts at once. The last admin stays one."""
    body = {"role": role}
    return run(
        ctx, as_json, lambda asked: asked("PATCH", _path(name), body), lambda row: f"{row['name']} is {row['role']} now"
    )


def run(
    ctx: click.Context,
    as_json: bool,
    action: Callable[[Callable[..., dict[str, Any]]], dict[str, Any]],
    told: Callable[[dict[str, Any]], str],
) -> int:
    """Ask, and tell what came of it; the exit code. ``action`` gets the function that asks: method, path, body."""
    from mirage_hole.cli.accounts import ask
    from mirage_hole.cli.control import Refused
    from mirage_hole.cli.terminal import clean, print_json

    directory = Path(ctx.ensure_object(Flags).settled().state_directory)
    try:
        answer = action(lambda *words: ask(directory, *words)[0])
    except Refused as problem:
        for line in str(problem).splitlines():
            click.echo(f"mirage-hole: {line}", err=True)
        return FAILURE
    if as_json:
        print_json(answer)
    elif text := told(answer):
        click.echo(clean(text, 500))
    return 0


def _path(name: str) -> str:
    from mirage_hole.cli.accounts import segment

    return f"/api/v1/users/{segment(name)}"


def _password(file: Path | None, *, twice: bool) -> str:
    """From the file, else from the terminal, else from standard input."""
    from mirage_hole.cli.control import Refused

    if file is None and sys.stdin.isatty():
        text: str = click.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True)
        return text
    try:
        if file is None or str(file) == "-":
            text = sys.stdin.readline(MAX_PASSWORD + 2)
        else:
            with file.open(encoding="utf-8") as lines:
                text = lines.readline(MAX_PASSWORD + 2)
    except (OSError, UnicodeDecodeError) as problem:
        message = f"--password-file = {file}: {getattr(problem, 'strerror', None) or 'it is no text'}"
        raise Refused(message) from None
    return text.rstrip("\r\n")
