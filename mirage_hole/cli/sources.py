"""List sources, as far as the command line looks into them: are they in the catalogue, and what is?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mirage_hole.config.problem import Problem
from mirage_hole.lists.rule import Action
from mirage_hole.runtime.errors import StartupError
from mirage_hole.sources.catalogue import STARTER, CatalogueError, Entry, load_catalogue
from mirage_hole.sources.source import Source, SourceProblem, Wish, parse_source, resolve_sources

if TYPE_CHECKING:
    from mirage_hole.config.load import Loaded

STARTER_TITLE = "Mirage Hole starter list: names that everyone agrees on, inside the program"
_FAILURE = 1
_SETTINGS = {"blocklists": "lists.block", "allowlists": "lists.allow"}


def catalogue() -> dict[str, Entry]:
    """The catalogue.

    Raises:
        StartupError: the installation is damaged.
    """
    try:
        return load_catalogue()
    except CatalogueError as error:
        raise StartupError(str(error), _FAILURE) from None


def catalogue_titles() -> dict[str, str]:
    """What may be written as a catalogue name, with its title."""
    return {STARTER: STARTER_TITLE, **{key: entry.title for key, entry in catalogue().items()}}


def read_list(argument: str, text: str, allow: bool) -> Source:
    """The list that an argument means; one of the catalogue is what the catalogue says, any other an allowlist if ``allow``.

    Raises:
        click.UsageError: it means none.
        StartupError: the installation is damaged.
    """
    entries = catalogue()
    entry = entries.get(text.strip().lower())
    kind = entry.kind if entry is not None else Action.ALLOW if allow else Action.BLOCK
    found = parse_source(text, kind, entries, setting=argument)
    if isinstance(found, SourceProblem):
        raise click.UsageError(str(found))
    return found


def check_sources(loaded: Loaded) -> None:
    """Add what is wrong with the list sources to the problems of a configuration that was settled.

    Raises:
        StartupError: the installation is damaged.
    """
    written = loaded.sources
    wishes = [
        Wish(source, Action.ALLOW if kind == "allow" else Action.BLOCK, path, enabled=enabled)
        for path, source, kind, enabled in loaded.wished
    ]
    blocklists, allowlists = written.get("lists.block", ()), written.get("lists.allow", ())
    found = resolve_sources(blocklists, allowlists, catalogue(), wishes=wishes)
    for problem in found.problems:
        if problem.setting.startswith("list["):
            path, instead = problem.setting, f"write {problem.instead}"
            if not any(one.setting == path for one in loaded.problems):
                told = Problem(path, problem.value, problem.problem, instead, loaded.origin(path))
                loaded.problems.append(told)
            continue
        name, _, number = problem.setting.removesuffix("]").partition("[")
        path = _SETTINGS[name]
        raw = loaded.raw.lists.block if path == "lists.block" else loaded.raw.lists.allow
        text = written[path][int(number)]
        item = tuple(raw).index(text) if text in raw else None
        told = Problem(path, problem.value, problem.problem, f"write {problem.instead}", loaded.origin(path, item))
        # A source that settling refused already has its problem.
        if not any((one.setting, one.origin, one.value) == (path, told.origin, text) for one in loaded.problems):
            loaded.problems.append(told)
