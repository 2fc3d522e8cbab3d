"""``mirage-hole rules``: the user's own rules, in front of every list. They count at once and need no new compilation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from mirage_hole.cli.group import Group
from mirage_hole.cli.options import Flags, some_setting_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.cli.own_rules import Change, Rules

FAILURE = 1
MAX_FILE = 16 * 1024 * 1024
"""Octets of a file with rules."""
_LONGEST = 366 * 86400.0  # seconds of --for

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_comment = click.option("--comment", metavar="TEXT", default="", help="Why; kept with the rule.")
_for = click.option(
    "--for", "lasting", metavar="TIME", help="How long it counts, such as 10m or 1h. Default: for good."
)
_subtree = click.option("--subtree", is_flag=True, help="All names below it, too.")
_state = some_setting_options("server.state_directory")


@click.group("rules", cls=Group)
def command() -> None:
    """Your own rules: allow and block names, in front of every list.

    A rule is a name (that name alone), *.name or ||name^ (all below it, too), /regex/ with Pi-hole's options behind it, or
    anything else that Adblock syntax can say; @@ in front of it allows. The order in which rules win is in docs/rules.md.
    """


@command.command("add", short_help="Add rules.")
@click.argument("rule", nargs=-1, required=True)
@_comment
@_for
@_json
@_state
@click.pass_context
def add(ctx: click.Context, rule: tuple[str, ...], comment: str, lasting: str | None, as_json: bool) -> int:
    """Add each RULE. Returns when the server answers by them."""
    seconds = _seconds(lasting)
    return _run(ctx, as_json, lambda rules: rules.add(list(rule), comment, seconds))


@command.command("block", short_help="Block names.")
@click.argument("name", nargs=-1, required=True)
@_subtree
@_comment
@_for
@_json
@_state
@click.pass_context
def block(
    ctx: click.Context, name: tuple[str, ...], subtree: bool, comment: str, lasting: str | None, as_json: bool
) -> int:
    """Block each NAME; with --subtree all names below it, too."""
    seconds = _seconds(lasting)
    texts = [f"||{one}^" if subtree else one for one in _names(name)]
    return _run(ctx, as_json, lambda rules: rules.add(texts, comment, seconds))


@command.command("allow", short_help="Let names through, whatever the lists say.")
@click.argument("name", nargs=-1, required=True)
@_subtree
@_comment
@_for
@_json
@_state
@click.pass_context
def allow(
    ctx: click.Context, name: tuple[str, ...], subtree: bool, comment: str, lasting: str | None, as_json: bool
) -> int:
    """Let each NAME through; with --subtree all names below it, too."""
    seconds = _seconds(lasting)
    texts = [f"@@||{one}^" if subtree else f"@@|{one}^" for one in _names(name)]
    return _run(ctx, as_json, lambda rules: rules.add(texts, comment, seconds))


@command.command("remove", short_help="Remove rules.")
@click.argument("rule", nargs=-1, required=True)
@_json
@_state
@click.pass_context
def remove(ctx: click.Context, rule: tuple[str, ...], as_json: bool) -> int:
    """Remove each RULE, by its number or its text."""
    return _run(ctx, as_json, lambda rules: rules.remove(_chosen(rule)), asked=len(rule), verb="removed")


@command.command("enable", short_help="Switch rules on again.")
@click.argument("rule", nargs=-1, required=True)
@_json
@_state
@click.pass_context
def enable(ctx: click.Context, rule: tuple[str, ...], as_json: bool) -> int:
    """Switch each RULE on again, by its number or its text."""
    return _run(ctx, as_json, lambda rules: rules.switch(_chosen(rule), enabled=True), asked=len(rule), verb="on")


@command.command("disable", short_help="Switch rules off and keep them.")
@click.argument("rule", nargs=-1, required=True)
@_json
@_state
@click.pass_context
def disable(ctx: click.Context, rule: tuple[str, ...], as_json: bool) -> int:
    """Switch each RULE off, by its number or its text. It is kept."""
    return _run(ctx, as_json, lambda rules: rules.switch(_chosen(rule), enabled=False), asked=len(rule), verb="off")


@command.command("list", short_help="Show the rules.")
@_json
@_state
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> int:
    """Show every rule with its number, its comment and its end."""
    from mirage_hole.cli.terminal import Column, moment, print_json, print_table

    found = _guarded(lambda: _rules(ctx).all())
    if found is None:
        return FAILURE
    if as_json:
        print_json(found)
    elif not found:
        click.echo("no rules of your own; mirage-hole rules block NAME adds one")
    else:
        rows = [
            [
                str(one["id"]),
                one["text"],
                "" if one["enabled"] else "off",
                moment(one["until"]) if one["until"] is not None else "",
                one["comment"],
            ]
            for one in found
        ]
        columns = [Column("number"), *(Column(title, number=False) for title in ("rule", "state", "until", "comment"))]
        print_table(columns, rows)
    return 0


@command.command("import", short_help="Read rules from a file.")
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"))
@click.option("--replace", is_flag=True, help="Have these rules and no others.")
@_comment
@_json
@_state
@click.pass_context
def take(ctx: click.Context, file: TextIO, replace: bool, comment: str, as_json: bool) -> int:
    """Read rules from FILE, one a line; - is standard input. Lines that begin with ! or # are comments. All or none."""
    text = file.read(MAX_FILE + 1)
    if len(text) > MAX_FILE:
        message = f"FILE is longer than {MAX_FILE} characters; use it as a list: mirage-hole lists add FILE"
        raise click.UsageError(message)
    texts = [line.strip() for line in text.splitlines() if line.strip() and line.lstrip()[0] not in "!#"]
    if replace:
        return _run(ctx, as_json, lambda rules: rules.replace(texts), quiet=True)
    if not texts:
        message = "FILE holds no rule; write one a line"
        raise click.UsageError(message)
    return _run(ctx, as_json, lambda rules: rules.add(texts, comment, None), quiet=True)


@command.command("export", short_help="Print the rules as a list.")
@_state
@click.pass_context
def export(ctx: click.Context) -> int:
    """Print the rules that are on, one a line, as rules import and other programs read them."""
    from mirage_hole.cli.terminal import clean

    found = _guarded(lambda: _rules(ctx).all())
    if found is None:
        return FAILURE
    for one in found:
        if one["comment"]:
            click.echo(f"! {clean(one['comment'], 500)}")
        click.echo(one["text"] if one["enabled"] else f"! off: {one['text']}")
    return 0


def _run(
    ctx: click.Context,
    as_json: bool,
    change: Callable[[Rules], Change],
    *,
    asked: int = 0,
    verb: str = "",
    quiet: bool = False,
) -> int:
    """Make a change and tell what came of it. ``asked``: how many rules should have been found."""
    from mirage_hole.cli.terminal import clean, print_json

    done = _guarded(lambda: change(_rules(ctx)))
    if done is None:
        return FAILURE
    if as_json:
        print_json(done._asdict())
    else:
        for one in () if quiet else done.rules:
            click.echo(f"{one['id']}  {clean(one['text'], 1024)}{f'  {verb}' if verb else ''}")
        if quiet:
            click.echo(f"{len(done.rules)} rules")
        for note in done.notes:
            click.echo(f"note: {clean(note, 2500)}", err=True)
        if done.rules or not asked:
            click.echo(_when(done), err=True)
    if len(done.rules) < asked:
        click.echo(f"mirage-hole: {asked - len(done.rules)} of {asked} rules are not there; see: rules list", err=True)
        return FAILURE
    return 0


def _when(done: Change) -> str:
    if not done.server:
        return "no server runs; they count from its next start" if done.rules else "no server runs"
    return f"live in {done.milliseconds:.0f} ms" if done.live else "stored; the workers take longer than usual"


def _guarded(action: Callable[[], Any]) -> Any:
    from mirage_hole.cli.control import Refused

    try:
        return action()
    except Refused as problem:
        for line in str(problem).splitlines():
            click.echo(f"mirage-hole: {line}", err=True)
        return None


def _rules(ctx: click.Context) -> Rules:
    from mirage_hole.cli.own_rules import Rules

    return Rules(Path(ctx.ensure_object(Flags).settled().state_directory))


def _names(names: tuple[str, ...]) -> list[str]:
    for name in names:
        if not name.strip() or set(name) & set("|^*/$@ "):
            click.echo(f"mirage-hole: {name!r} is no name; rules add takes rules of every kind", err=True)
            sys.exit(2)
    return [name.strip().removesuffix(".") for name in names]


def _chosen(written: tuple[str, ...]) -> list[int | str]:
    return [int(one) if one.isascii() and one.isdigit() else one for one in written]


def _seconds(lasting: str | None) -> float | None:
    from mirage_hole.config.problem import BadValue
    from mirage_hole.config.values import parse_duration

    if lasting is None:
        return None
    try:
        seconds = parse_duration(lasting)
    except BadValue as problem:
        message = f"--for = {lasting}: {problem}"
        raise click.UsageError(message) from None
    if not 0 < seconds <= _LONGEST:
        message = f"--for = {lasting}: write a time such as 10m or 1h, of at most a year; leave it out for good"
        raise click.UsageError(message)
    return seconds
