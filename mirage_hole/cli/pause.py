"""``mirage-hole pause``: let everything through for a time."""

from __future__ import annotations

import time
from typing import Any

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, duration, moment, print_json
from mirage_hole.config.problem import BadValue
from mirage_hole.config.values import parse_duration

FAILURE = 1
PATH = "/api/v1/pause"


@click.command("pause", short_help="Let everything through for a time, and block again.")
@click.argument("what", metavar="TIME|status|resume", default="status")
@click.option("--reason", metavar="TEXT", default="", help="Why, for whoever looks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory")
@click.pass_context
def command(ctx: click.Context, what: str, reason: str, as_json: bool) -> int:
    """Block nothing for TIME, such as 5m or 1h30m, up to a year; "resume" blocks again at once, "status" says how it is.

    A restart of the server does not end a pause.
    """
    method, body = "GET", None
    if what == "resume":
        method = "DELETE"
    elif what != "status":
        try:
            seconds = parse_duration(what)
        except BadValue as problem:
            ctx.fail(f"{clean(what)!r}: {problem}; or write status or resume")
        method, body = "PUT", {"seconds": seconds, "reason": reason}
    state = ctx.ensure_object(Flags).settled().state_directory
    try:
        answer = call(state, method, PATH, body)
    except (NoServer, Refused) as problem:
        click.echo(f"mirage-hole: {problem}", err=True)
        return FAILURE
    if as_json:
        print_json(answer)
    else:
        click.echo(_told(answer))
    return 0


def _told(pause: dict[str, Any]) -> str:
    if not pause["paused"]:
        return "blocking"
    left = duration(max(0.0, pause["until"] - time.time()))
    by = f", by {clean(pause['who'])}" if pause["who"] else ""
    why = f": {clean(pause['reason'])}" if pause["reason"] else ""
    lost = "" if pause["kept"] else "\nthe disk could not be written, so a restart would end it"
    return f"nothing is blocked for {left}, until {moment(pause['until'])}{by}{why}{lost}"
