"""``mirage-hole config``: is the configuration correct, what does it come to, and what may be written?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mirage_hole.cli.options import Flags, SectionedCommand, setting_options
from mirage_hole.config.problem import Problem
from mirage_hole.config.read import report
from mirage_hole.config.settled import SELF_SIGNED
from mirage_hole.runtime.errors import BAD_CONFIG, StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mirage_hole.config.load import Loaded
    from mirage_hole.config.read import Reading


@click.group("config")
def command() -> None:
    """Check, show and describe the configuration."""


@command.command("check", cls=SectionedCommand)
@setting_options
@click.pass_context
def check(ctx: click.Context) -> int:
    """Read flags, environment and file, and report every problem. Exits with 0 if there is none, else with 78."""
    reading = ctx.ensure_object(Flags).read()
    loaded = reading.loaded
    _check_certificate(reading)
    for warning in (*loaded.warnings, *_missing_files(loaded)):
        click.echo(f"warning: {warning}", err=True)
    if loaded.problems:
        click.echo(report(loaded), err=True)
        return BAD_CONFIG
    written = sum(origin.kind != "default" for path, origin in loaded.places.items() if "." in path)
    click.echo(
        f"correct: {loaded.file or 'no configuration file'}, {written} settings written, the others at their defaults"
    )
    return 0


def _check_certificate(reading: Reading) -> None:
    """Whether the files for HTTPS can be used. A server that runs keeps the pair it has when they can't."""
    settled, loaded = reading.settled, reading.loaded
    if settled is None or not settled.door.certificate or settled.door.certificate == SELF_SIGNED:
        return
    from mirage_hole.api.certificate import problems_of

    values = {"web.certificate": settled.door.certificate, "web.key": settled.door.key}
    problems, warnings = problems_of(settled.door.certificate, settled.door.key)
    for faults, found in ((problems, loaded.problems), (warnings, loaded.warnings)):
        for fault in faults:
            origin = loaded.origin(fault.where)
            found.append(Problem(fault.where, values[fault.where], fault.what, fault.instead, origin))


def _missing_files(loaded: Loaded) -> Iterator[Problem]:
    """Lists on this machine that are not there. No problem for the server, which takes them when they appear."""
    from mirage_hole.sources.failures import Failure
    from mirage_hole.sources.local import file_chunks

    for path, sources in loaded.sources.items():
        for source in sources:
            try:
                if source.startswith("/"):
                    next(file_chunks(source), None)
            except Failure as failure:
                yield Problem(path, None, str(failure), "", loaded.origin(path))


@command.command("show", cls=SectionedCommand, short_help="Print the settings that hold, defaults included.")
@click.option("--origin", is_flag=True, help="Say behind each setting where it was written.")
@setting_options
@click.pass_context
def show(ctx: click.Context, origin: bool) -> int:
    """Print the settings that hold, defaults included, as a configuration file. Exits with 78 if there is a problem."""
    from mirage_hole.config.describe import as_toml

    reading = ctx.ensure_object(Flags).read()
    if reading.settled is None:
        raise StartupError(report(reading.loaded), BAD_CONFIG)
    click.echo(as_toml(reading.settled, reading.loaded.origin if origin else None), nl=False)
    return 0


@command.command("schema")
def schema() -> None:
    """Print the JSON schema of the configuration file, for editors."""
    import orjson

    from mirage_hole.config.describe import json_schema

    click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2))
