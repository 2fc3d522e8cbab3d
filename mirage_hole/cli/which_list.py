"""The lists of this installation, by whatever a person calls them: title, source, or a part that only one of them has."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import click

from mirage_hole.cli.options import Flags
from mirage_hole.runtime.errors import NO_PERMISSION, StartupError
from mirage_hole.runtime.generation import MANIFEST, newest_generation, read_bounded
from mirage_hole.sources.source import Location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

    from mirage_hole.config.settled import Settled
    from mirage_hole.sources.shelf import Shelf
    from mirage_hole.sources.source import Source

_MAX_NAMED = 10


class Named(Protocol):
    """A list that a person may mean."""

    @property
    def title(self) -> str: ...
    @property
    def words(self) -> tuple[str, ...]:
        """What it may be called."""


T = TypeVar("T", bound=Named)


class Known(NamedTuple):
    """One configured list."""

    source: Source
    title: str
    """As the newest compiled lists call it, else the source's."""
    format: str | None
    """As the newest compiled lists have it; None when it is not known."""
    shelf: Shelf

    def path(self) -> Path | None:
        """Its text: the copy, else the file itself; None when there is none on this machine.

        Raises:
            OSError: the copy is damaged, or can't be read.
        """
        copy = self.shelf.find(self.source.key)
        if copy is not None:
            return copy.path
        return None if self.source.location is Location.WEB else Path(self.source.address)

    @property
    def words(self) -> tuple[str, ...]:
        """What it may be called."""
        return self.title, self.source.shown, self.source.title, self.source.key


def known_lists(settled: Settled) -> list[Known]:
    """Every configured list, in the order of the settings.

    Raises:
        StartupError: the state directory can't be read, or the installation is damaged.
    """
    from mirage_hole.sources.shelf import Shelf

    state = settled.state_directory
    shelf = Shelf(state / "lists")
    try:
        compiled = {(one.get("source"), one.get("kind")): one for one in _manifest_lists(state)}
        found: list[Known] = []
        taken: set[str] = set()
        for source in configured_sources(settled):
            entry = compiled.get((source.shown, source.kind.name.lower()), {})
            title, form = entry.get("title") or source.title, entry.get("format") or source.format or None
            # The compiler numbers titles that occur again; one that is not compiled yet may be the same as another.
            title = title if title not in taken else f"{title} ({source.shown})"
            taken.add(title)
            found.append(Known(source, title, form, shelf))
    except PermissionError as error:
        raise StartupError(no_permission(error, state), NO_PERMISSION) from None
    return found


def configured_sources(settled: Settled) -> Sequence[Source]:
    """The lists in use, as far as they mean something: what the settings name, and what was added, without what was switched off."""
    from mirage_hole.cli.sources import catalogue
    from mirage_hole.runtime.effective_lists import choose
    from mirage_hole.runtime.list_choices import ListChoices

    return choose(settled, ListChoices(settled.state_directory).said, catalogue()).used


def no_permission(error: PermissionError, state: Path) -> str:
    """What to do about it."""
    return f"{error.filename or state} is not readable for this user; run it as the server's user, or with sudo"


def pick(argument: str, text: str, lists: Sequence[T]) -> T:
    """The list that a person means.

    Raises:
        click.UsageError: none, or more than one.
    """
    folded = text.strip().casefold()
    same = [one for one in lists if folded in (word.casefold() for word in one.words)]
    found = same or [one for one in lists if folded and any(folded in word.casefold() for word in one.words)]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{argument} = {text!r} may be {_named(found)}; write one of these"
    elif lists:
        names = [one.title for one in lists]
        near = difflib.get_close_matches(text, names, 1, 0.5)
        message = (
            f"{argument} = {text!r} is no list of this configuration; write {repr(near[0]) if near else _named(lists)}"
        )
    else:
        message = f"{argument} = {text!r}: no list is configured; write --blocklist SOURCE, or lists.block in the configuration"
    raise click.UsageError(message)


def complete_list(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Titles and sources of the configured lists."""
    from click.shell_completion import CompletionItem

    folded = typed.casefold()
    try:
        lists = known_lists(ctx.ensure_object(Flags).settled(warn=lambda _: None))
    except (StartupError, OSError):  # a shell has no use for our errors here
        return []
    items = []
    for one in lists:
        word = next((word for word in (one.source.shown, one.title) if word.casefold().startswith(folded)), None)
        if word is not None:
            items.append(CompletionItem(word, help=one.title))
    return items


def _manifest_lists(state: Path) -> list[dict[str, Any]]:
    """What the newest generation says of its lists; nothing when there is none, or when it is damaged."""
    import orjson

    from mirage_hole.policy.index import BadIndex

    newest = newest_generation(state)
    if newest is None:
        return []
    try:
        manifest = orjson.loads(read_bounded(newest / MANIFEST))
        return [one for one in manifest["lists"] if isinstance(one, dict)]
    except (FileNotFoundError, BadIndex, ValueError, KeyError, TypeError):
        return []


def _named(lists: Sequence[Named]) -> str:
    titles = [one.title for one in lists]
    # What two lists are called says nothing: then it is where they are from.
    shown = [one.title if titles.count(one.title) == 1 else one.words[1] for one in lists[:_MAX_NAMED]]
    named = [repr(text) for text in shown]
    return ", ".join(named) + (f", or one of {len(lists) - _MAX_NAMED} more" if len(lists) > _MAX_NAMED else "")
