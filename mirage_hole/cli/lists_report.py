"""``mirage-hole lists report``: what the lists in use hold, or what any lists would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mirage_hole.cli.completion import complete_source
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.query import read_timeout

if TYPE_CHECKING:
    from mirage_hole.cli.report_view import Reported
    from mirage_hole.config.settled import Settled
    from mirage_hole.runtime.report import Report

MAX_COMPLAINTS = 100
_FAILURE = 1


@click.command("report", short_help="Report what the lists hold, and how they overlap.")
@click.argument("sources", metavar="[SOURCE|DIRECTORY]...", nargs=-1, shell_complete=complete_source)
@click.option("--allow", metavar="PATTERN", multiple=True, help="Sources that fit are allowlists, such as '*white*'.")
@click.option("--overlap", is_flag=True, help="Also show how much of each list the others have as well.")
@click.option(
    "--complaints",
    metavar="N",
    type=click.IntRange(0, MAX_COMPLAINTS),
    default=0,
    show_default=True,
    help="Complaints shown of each list, besides one of each reason.",
)
@click.option("--timeout", metavar="TIME", default="60s", show_default=True, help="How long downloads may take.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory", "web.listen")
@click.pass_context
def command(
    ctx: click.Context,
    sources: tuple[str, ...],
    allow: tuple[str, ...],
    overlap: bool,
    complaints: int,
    timeout: str,
    as_json: bool,
) -> int:
    """Print for each list: its format, its rules by kind, how many stand in it twice, how many names no other list
    has, and what could not be read, with the reasons over all lists.

    Without arguments about the lists in use, as they were compiled last; from a running server also how often each has
    decided, and when it changed. With arguments (URLs, files, names from the catalogue; of a directory every file below
    it) those are compiled as the server would, and nothing is kept. Files in a folder called "allow" are allowlists.
    """
    if sources:
        return _report_given(sources, allow, overlap, complaints, read_timeout(timeout), as_json)
    if allow:
        message = "--allow is for sources that are given; what is in use is a blocklist or an allowlist already"
        raise click.UsageError(message)
    return _report_used(ctx.ensure_object(Flags).settled(), overlap, complaints, as_json)


def _report_used(settled: Settled, overlap: bool, complaints: int, as_json: bool) -> int:
    from mirage_hole.cli.report_view import joined
    from mirage_hole.cli.server_lists import running_lists

    report = _newest(settled)
    running = running_lists(settled)
    lists = joined(report, running)
    notes = []
    if running is None:
        notes.append("no server of this configuration answers, so hits and times are not known")
    notes += [f"{one.list.title}: {one.said(why)}" for one in lists for why in ("error", "held") if one.said(why)]
    _print(report, lists, notes, running is not None, overlap, complaints, as_json)
    return 0


def _report_given(
    arguments: tuple[str, ...], allow: tuple[str, ...], overlap: bool, complaints: int, timeout: float, as_json: bool
) -> int:
    from mirage_hole.cli.report_lists import compile_lists, read_arguments
    from mirage_hole.cli.report_view import joined
    from mirage_hole.cli.terminal import clean

    given = read_arguments(arguments, allow)
    compiled = compile_lists(given.sources, timeout)
    for refusal in compiled.refused:
        click.echo(f"mirage-hole: {clean(refusal, 1000)}", err=True)
    if compiled.report is None:
        if compiled.error:
            click.echo(f"mirage-hole: {clean(compiled.error, 1000)}", err=True)
        return _FAILURE
    notes = [f"left out, since its name is no list's: {one}" for one in given.left_out]
    report = compiled.report
    _print(report, joined(report, None), notes, False, overlap, complaints, as_json)
    if not as_json:
        megabytes = report.peak_kib / 1024
        click.echo(f"compiled in {report.seconds:.1f} s, with {megabytes:.0f} MiB of memory at the peak")
    return _FAILURE if compiled.refused else 0


def _print(
    report: Report,
    lists: list[Reported],
    notes: list[str],
    running: bool,
    overlap: bool,
    complaints: int,
    as_json: bool,
) -> None:
    from mirage_hole.cli import report_view as view
    from mirage_hole.cli.terminal import clean, print_json

    if as_json:
        print_json({**view.as_object(report, lists, complaints, overlap=overlap), "notes": notes})
        return
    view.print_lists(lists, running=running)
    click.echo(f"\n{report.names:,} different names\n")
    view.print_formats(lists)
    click.echo()
    view.print_complaints(lists, complaints)
    if overlap:
        click.echo()
        view.print_overlap(report)
    if notes:
        click.echo()
    for note in notes:
        click.echo(f"note: {clean(note, 1000)}")


def _newest(settled: Settled) -> Report:
    """The report of the lists in use.

    Raises:
        StartupError: there are none, or it can't be read.
    """
    from mirage_hole.cli.which_list import no_permission
    from mirage_hole.runtime.errors import NO_PERMISSION, StartupError
    from mirage_hole.runtime.generation import newest_generation
    from mirage_hole.runtime.report import BadReport, read_report

    state = settled.state_directory
    try:
        newest = newest_generation(state)
        if newest is not None:
            return read_report(newest)
    except PermissionError as error:
        raise StartupError(no_permission(error, state), NO_PERMISSION) from None
    except (BadReport, OSError) as error:
        message = f"the report can't be read: {error}; the next compilation writes it anew"
        raise StartupError(message, _FAILURE) from None
    message = (
        f"no compiled lists in {state}; start the server once, write the state directory it uses (--state DIRECTORY), "
        "or name the lists to report on"
    )
    raise StartupError(message, _FAILURE)
