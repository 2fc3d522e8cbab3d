"""``mirage-hole lists search``: in which of the configured lists a name, or a piece of text, stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.which_list import complete_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.cli.list_hits import Hit, Hits, Wanted
    from mirage_hole.cli.which_list import Known

MAX_LIMIT = 10_000
MAX_TEXT = 1024
_NOTHING = 1


class Found(NamedTuple):
    """What was found in one list."""

    list: Known
    hits: Hits


@click.command("search", short_help="Find a name, or a part of one, in the lists.")
@click.argument("text")
@click.option(
    "--list", "chosen", metavar="LIST", multiple=True, shell_complete=complete_list, help="Only in this list."
)
@click.option("--regex", is_flag=True, help="TEXT is a regular expression (RE2), searched in each line.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(1, MAX_LIMIT), default=20, show_default=True, help="Lines shown."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory", "lists.block", "lists.allow")
@click.pass_context
def command(ctx: click.Context, text: str, chosen: tuple[str, ...], regex: bool, limit: int, as_json: bool) -> int:
    """Print where TEXT stands in the configured lists: list, line and rule.

    For a name, the rules about it and about the names above it come first, then the lines in which it is a part of
    something else. Searches the lists as they were downloaded last. Exits with 1 when TEXT is nowhere.
    """
    from mirage_hole.cli.list_hits import BadSearch, wanted, wanted_expression
    from mirage_hole.cli.terminal import print_json
    from mirage_hole.cli.which_list import known_lists, pick

    if not text.strip() or len(text) > MAX_TEXT:
        message = f"TEXT has {len(text)} characters; write a name or a part of one, of at most {MAX_TEXT}"
        raise click.UsageError(message)
    try:
        what = wanted_expression(text) if regex else wanted(text.strip())
    except BadSearch as bad:
        message = f"TEXT = {text!r} is no regular expression: {bad}; write one in RE2's syntax, or leave --regex out"
        raise click.UsageError(message) from None
    lists = known_lists(ctx.ensure_object(Flags).settled())
    if chosen:
        lists = [pick("--list", one, lists) for one in dict.fromkeys(chosen)]
    found, notes = search_lists(lists, what, limit)
    if as_json:
        print_json(as_object(found, notes, limit))
    else:
        for line in as_lines(text, found, limit):
            click.echo(line)
        for note in notes:
            click.echo(f"note: {note}")
    return 0 if any(one.hits.named_count + one.hits.other_count for one in found) else _NOTHING


def search_lists(lists: Sequence[Known], what: Wanted, limit: int) -> tuple[list[Found], list[str]]:
    """What each list has, and which could not be searched."""
    from mirage_hole.cli.list_hits import search
    from mirage_hole.cli.list_text import Inspected
    from mirage_hole.sources.failures import Failure
    from mirage_hole.sources.local import file_chunks

    found, notes = [], []
    for one in lists:
        try:
            path = one.path()
        except OSError as problem:
            notes.append(f"{one.title} was not searched: {problem.strerror or problem}")
            continue
        if path is None:
            notes.append(f"{one.title} was not searched: it is not downloaded yet")
            continue
        text = Inspected(file_chunks(str(path)))
        try:
            found.append(Found(one, search(text, what, one.source.kind, one.format, limit)))
        except Failure as failure:
            notes.append(f"{one.title} was not searched: {failure}")
        if text.refusal:
            notes.append(f"{one.title} was not searched to its end: it {text.refusal}")
    return found, notes


def as_lines(text: str, found: Sequence[Found], limit: int) -> list[str]:
    """The lines for people."""
    from mirage_hole.cli.terminal import clean

    lines = []
    named, others = shown(found, limit)
    for about in dict.fromkeys(hit.name for _, hit in named):
        lines.append(f"{clean(about)}:")
        lines += [f"  {_line(one, hit)}" for one, hit in named if hit.name == about]
    if others:
        lines.append(f"lines with {clean(text)!r}:" if not named else f"other lines with {clean(text)!r}:")
        lines += [f"  {_line(one, hit)}" for one, hit in others]
    total = sum(one.hits.named_count + one.hits.other_count for one in found)
    if not total:
        return [f"{clean(text)} is in none of {len(found)} list{'s' * (len(found) != 1)}"]
    some = [(one.list.title, one.hits.named_count + one.hits.other_count) for one in found]
    lines.append(
        f"{total:,} line{'s' * (total != 1)}: "
        + ", ".join(f"{count:,} in {clean(title)}" for title, count in some if count)
    )
    if total > len(named) + len(others):
        lines.append(f"shown: {len(named) + len(others):,}; --limit N shows more")
    return lines


def shown(found: Sequence[Found], limit: int) -> tuple[list[tuple[Known, Hit]], list[tuple[Known, Hit]]]:
    """Which hits to show: those about the name first, the deepest name first, and of the rest some of every list."""
    named = [(one.list, hit) for one in found for hit in one.hits.named]
    named.sort(key=lambda pair: -len(pair[1].name))
    named = named[:limit]
    room = limit - len(named)
    taken = [0] * len(found)
    while room > 0:
        before = room
        for number, one in enumerate(found):
            if room and taken[number] < len(one.hits.others):
                taken[number] += 1
                room -= 1
        if room == before:
            break
    return named, [(one.list, hit) for one, count in zip(found, taken, strict=True) for hit in one.hits.others[:count]]


def as_object(found: Sequence[Found], notes: Sequence[str], limit: int) -> dict[str, Any]:
    """For JSON."""
    named, others = shown(found, limit)
    return {
        "lists": [
            {
                "title": one.list.title,
                "source": one.list.source.shown,
                "kind": one.list.source.kind.name.lower(),
                "named": one.hits.named_count,
                "others": one.hits.other_count,
            }
            for one in found
        ],
        "hits": [
            {
                "list": one.title,
                "line": hit.line,
                "text": hit.text,
                "name": hit.name or None,
                "problem": hit.problem or None,
            }
            for one, hit in (*named, *others)
        ],
        "notes": list(notes),
    }


def _line(one: Known, hit: Hit) -> str:
    from mirage_hole.cli.terminal import clean

    problem = f"  (no rule: {clean(hit.problem)})" if hit.problem else ""
    return f"{clean(one.title)} line {hit.line}: {clean(hit.text)}{problem}"
