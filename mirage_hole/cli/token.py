"""``mirage-hole token``: API tokens for programs. Works with a running server and without one."""

from __future__ import annotations

from typing import Any

import click

from mirage_hole.cli.group import Group
from mirage_hole.cli.options import some_setting_options
from mirage_hole.cli.user import ROLES, run

_DAY = 86_400.0
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_state = some_setting_options("server.state_directory")


@click.group("token", cls=Group)
def command() -> None:
    """API tokens: each has a name, a role, and perhaps areas and an end."""


@command.command("add", short_help="Make a token.")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What it may do.")
@click.option("--area", "areas", multiple=True, metavar="AREA", help="What it is for, such as rules. Default: all.")
@click.option("--expires", metavar="TIME", help="When it ends, such as 90d. Default: never.")
@_json
@_state
@click.pass_context
def add(ctx: click.Context, name: str, role: str, areas: tuple[str, ...], expires: str | None, as_json: bool) -> int:
    """Make a token called NAME and print it. It is shown this once: only its digest is kept."""
    body: dict[str, Any] = {"name": name, "role": role, "areas": list(areas)}
    if expires is not None:
        body["days"] = _days(expires)

    def told(answer: dict[str, Any]) -> str:
        click.echo("it is not shown again; programs send it as Authorization: Bearer TOKEN", err=True)
        return str(answer["token"])

    return run(ctx, as_json, lambda asked: asked("POST", "/api/v1/tokens", body), told)


@command.command("list", short_help="Show the tokens.")
@_json
@_state
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> int:
    """Show every token with its role, its end and when it was used last. The tokens themselves are not kept."""
    from mirage_hole.cli.terminal import Column, moment, print_table

    def told(answer: dict[str, Any]) -> str:
        if not answer["tokens"]:
            return "no tokens; mirage-hole token add NAME makes one"
        rows = [
            [
                str(one["number"]),
                one["name"],
                one["role"],
                " ".join(one["areas"]) or "all",
                one["user"] or "command line",
                ("ended " if one["expired"] else "") + moment(one["expires"]) if one["expires"] else "never",
                moment(one["last_used"]) if one["last_used"] else "never",
            ]
            for one in answer["tokens"]
        ]
        titles = ("number", "name", "role", "areas", "of", "ends", "last used")
        print_table([Column(title, number=title == "number") for title in titles], rows)
        return ""

    return run(ctx, as_json, lambda asked: asked("GET", "/api/v1/tokens"), told)


@command.command("revoke", short_help="Revoke a token.")
@click.argument("number")
@_json
@_state
@click.pass_context
def revoke(ctx: click.Context, number: str, as_json: bool) -> int:
    """Revoke the token with this NUMBER or name. It counts no longer from this moment on."""

    def done(asked: Any) -> dict[str, Any]:
        from mirage_hole.cli.control import Refused

        known = asked("GET", "/api/v1/tokens")["tokens"]
        found = [one for one in known if number == str(one["number"]) or number.lower() == one["name"].lower()]
        if not found:
            message = f"there is no API token {number}; mirage-hole token list shows them"
            raise Refused(message)
        answer: dict[str, Any] = asked("DELETE", f"/api/v1/tokens/{found[0]['number']}")
        return answer

    return run(ctx, as_json, done, lambda _: f"{number} is revoked")


def _days(text: str) -> float:
    from mirage_hole.config.problem import BadValue
    from mirage_hole.config.values import parse_duration

    try:
        days = parse_duration(text) / _DAY
    except BadValue as problem:
        message = f"--expires = {text}: {problem}"
        raise click.UsageError(message) from None
    if not 0 < days <= 3650:
        message = f"--expires = {text}: write a time such as 90d, of at most ten years; leave it out for good"
        raise click.UsageError(message)
    return days
