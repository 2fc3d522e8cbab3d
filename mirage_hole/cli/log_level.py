"""``mirage-hole log-level``: how much the running server says, module by module."""

from __future__ import annotations

import click

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean, print_json
from mirage_hole.config.problem import BadValue
from mirage_hole.config.values import parse_duration

FAILURE = 1
LONGEST = 86_400.0
LEVELS = ("debug", "info", "warning", "error", "default")


@click.command("log-level", short_help="Show or change how much modules of the server say.")
@click.argument("module", required=False)
@click.argument("level", required=False, type=click.Choice(LEVELS, case_sensitive=False))
@click.option("--for", "lasting", metavar="TIME", help="How long, such as 10m. Default: until the server ends.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory")
@click.pass_context
def command(ctx: click.Context, module: str | None, level: str | None, lasting: str | None, as_json: bool) -> int:
    """Show the levels, or give MODULE, such as net or runtime.control, another one; default takes it back.

    It counts at once, in the supervisor and in every worker. SIGUSR1 and SIGUSR2 change the level of the whole program.
    """
    state = ctx.find_root().ensure_object(Flags).settled().state_directory
    try:
        if module is None:
            answer = call(state, "GET", "/api/v1/logs/levels")
        else:
            if level is None:
                ctx.fail(f"LEVEL is missing; write one of {', '.join(LEVELS)}")
            body = {"levels": {module: level.upper()}, "seconds": _seconds(ctx, lasting)}
            answer = call(state, "PUT", "/api/v1/logs/levels", body)
    except (NoServer, Refused) as problem:
        lines = [clean(line, 300) for line in str(problem).splitlines()]
        click.echo("mirage-hole: " + "\n  ".join(lines), err=True)
        return FAILURE
    if as_json:
        print_json(answer)
        return 0
    for name, value in answer["levels"].items():
        click.echo(f"{clean(name) or 'the whole program'}: {clean(value)}")
    return 0


def _seconds(ctx: click.Context, lasting: str | None) -> int:
    if lasting is None:
        return 0
    try:
        seconds = parse_duration(lasting)
    except BadValue as bad:
        ctx.fail(f"--for = {lasting!r}: {bad.problem}; write {bad.instead}")
    if not 1 <= seconds <= LONGEST:
        ctx.fail(f"--for = {lasting!r}: not from 1s to 24h")
    return int(seconds)
