"""Versions of lists that can be compared: the two newest of a list in use, or any text."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.cli.list_text import Inspected, text_of
from mirage_hole.cli.terminal import moment
from mirage_hole.cli.which_list import known_lists, no_permission, pick
from mirage_hole.lists.line import split_lines
from mirage_hole.lists.parse import parse
from mirage_hole.runtime.errors import NO_PERMISSION, StartupError
from mirage_hole.runtime.parsed import ParsedLists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mirage_hole.config.settled import Settled
    from mirage_hole.lists.rule import Action, RichRule, Rule
    from mirage_hole.policy.packed import Packed
    from mirage_hole.runtime.list_changes import Version
    from mirage_hole.sources.source import Source


class Side(NamedTuple):
    """One of the two versions."""

    shown: str
    """What it is called."""
    at: float | None
    """When it was read, seconds since the epoch; None when it was just now."""
    rules: Version


class NoVersion(Exception):  # noqa: N818 - reads as what it is at the raise
    """There are no two versions of a list; the message says why and what to do."""


class BadText(Exception):  # noqa: N818 - reads as what it is at the raise
    """A list is no list; the message says which and why."""


@contextmanager
def side_of(source: Source, timeout: float) -> Iterator[Side]:
    """A list that is read now; ``timeout``: seconds for a download.

    Raises:
        CantRead: the download failed.
    """
    with text_of(source, timeout) as chunks:
        yield Side(source.shown, None, _rules(source.shown, chunks, source.kind, source.format or None))


def versions_of(settled: Settled, text: str) -> tuple[Side, Side]:
    """The previous and the newest version of a configured list, as the compiler has read them.

    Raises:
        NoVersion: there are no two.
        StartupError: the state directory is not readable.
        click.UsageError: there is no such list.
    """
    state = settled.state_directory
    known = pick("LIST", text, known_lists(settled))
    try:
        found = ParsedLists(state).versions(known.source.shown, known.source.kind.name.lower())
    except PermissionError as error:
        raise StartupError(no_permission(error, state), NO_PERMISSION) from None
    if not found:
        message = f"{known.title} is not compiled yet; start the server, or write the state directory it uses (--state DIRECTORY)"
        raise NoVersion(message)
    (new, at), *before = found
    if not before:
        message = f"{known.title} has not changed since {moment(at)}, so there is no version to compare it with"
        raise NoVersion(message)
    old, old_at = before[0]
    return Side(known.title, old_at, partial(_unpacked, old)), Side(known.title, at, partial(_unpacked, new))


def _unpacked(packed: Packed) -> Iterator[Rule | RichRule]:
    yield from packed.rules()
    yield from packed.rich()


def _rules(shown: str, chunks: Callable[[], Iterable[bytes]], kind: Action, form: str | None) -> Version:
    """Reads the rules of a text, each time from its beginning."""

    def rules() -> Iterator[Rule | RichRule]:
        text = Inspected(chunks())
        parsed = parse(split_lines(text), kind, form)
        yield from parsed
        yield from parsed.rich
        if text.refusal:
            message = f"{shown}: the list {text.refusal}"
            raise BadText(message)

    return rules
