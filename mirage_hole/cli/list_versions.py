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
from mirage_hole.sources.local import file_chunks
from mirage_hole.sources.source import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mirage_hole.cli.list_changes import Version
    from mirage_hole.config.settled import Settled
    from mirage_hole.lists.rule import Action, RichRule, Rule
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
    """The previous and the newest version of a configured list.

    Raises:
        NoVersion: there are no two.
        click.UsageError: there is no such list.
    """

    known = pick("LIST", text, known_lists(settled))
    title, key = known.title, known.source.key
    if known.source.location is Location.EMBEDDED:
        message = f"{title} is a part of the program and changes only with it; to compare it, name a second SOURCE"
        raise NoVersion(message)
    try:
        new, old = known.shelf.find(key), known.shelf.find_before(key)
    except PermissionError as error:
        raise StartupError(no_permission(error, settled.state_directory), NO_PERMISSION) from None
    except OSError as problem:
        message = f"{problem.filename}: {problem.strerror or problem}"
        raise NoVersion(message) from None
    if new is None:
        message = f"{title} is not downloaded yet; start the server, or run mirage-hole lists update"
        raise NoVersion(message)
    if old is None:
        since = f" on {moment(new.note.changed_at)}" if new.note.changed_at else ""
        message = (
            f"{title} has not changed since it was first downloaded{since}; there is no version to compare it with"
        )
        raise NoVersion(message)
    versions = [
        Side(
            title,
            copy.note.changed_at or None,
            _rules(title, partial(file_chunks, str(copy.path)), known.source.kind, known.format),
        )
        for copy in (old, new)
    ]
    return versions[0], versions[1]


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
