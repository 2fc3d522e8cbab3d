"""The command ``mirage-hole``: alone it serves; its subcommands are modules of this folder, imported when called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from mirage_hole import __version__
from mirage_hole.cli import INTERRUPTED
from mirage_hole.cli.options import Flags, setting_options, write_options
from mirage_hole.runtime.errors import StartupError

SUBCOMMANDS = (
    "serve",
    "query",
    "explain",
    "lists",
    "rules",
    "pause",
    "stats",
    "log",
    "cache",
    "upstreams",
    "notices",
    "notify",
    "user",
    "token",
    "audit",
    "export",
    "apply",
    "log-level",
    "diagnose",
    "config",
    "healthcheck",
    "completion",
)
FAILURE = 1


class Program(click.Group):
    """The group; ``mirage_hole.cli.NAME.command`` is the subcommand NAME."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in SUBCOMMANDS:
            return None
        found: click.Command = import_module(f"mirage_hole.cli.{cmd_name.replace('-', '_')}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], SUBCOMMANDS, 1, 0.5)
            advice = f"write {near[0]}" if near else f"write one of {', '.join(SUBCOMMANDS)}"
            ctx.fail(f"no such command: {args[0]!r}; {advice}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Not left to click, which answers Ctrl-C with an empty line.
            ctx.exit(INTERRUPTED)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)


@click.group(
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "obj": None},
)
@setting_options
@click.version_option(__version__, message=f"mirage-hole %(version)s, Python {sys.version.split()[0]}")
@click.pass_context
def program(ctx: click.Context) -> int | None:
    """A DNS sinkhole resolver: blocks trackers, ads and malware for a whole network, and says why.

    Without a command it serves. Each setting may also be written in a configuration file or in an environment variable;
    a flag beats a variable, a variable beats the file. Lists in a flag replace those of the file.
    """
    ctx.ensure_object(Flags)
    if ctx.invoked_subcommand is not None:
        return None
    from mirage_hole.cli.serve import run_server

    return run_server(ctx.obj)


def run(arguments: list[str] | None = None) -> int:
    """Run the program; the exit code.

    0; 1 failure; 2 wrong usage; 69 a port is not available; 77 no permission; 78 wrong configuration (sysexits.h).
    """
    try:
        result: Any = program.main(arguments, prog_name="mirage-hole", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as abort:
        raise KeyboardInterrupt from abort
    except StartupError as error:
        click.echo(f"mirage-hole: {error.message}", err=True)
        return error.exit_code
    return result if isinstance(result, int) else 0
