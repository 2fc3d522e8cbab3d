"""List sources, as far as the command line looks into them: are they in the catalogue, and what is?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.config.problem import Problem
from mirage_hole.runtime.errors import StartupError
from mirage_hole.sources.catalogue import STARTER, CatalogueError, Entry, load_catalogue
from mirage_hole.sources.source import resolve_sources

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


def check_sources(loaded: Loaded) -> None:
    """Add what is wrong with the list sources to the problems of a configuration that was settled.

    Raises:
        StartupError: the installation is damaged.
    """
    written = loaded.sources
    found = resolve_sources(written.get("lists.block", ()), written.get("lists.allow", ()), catalogue())
    for problem in found.problems:
        name, _, number = problem.setting.removesuffix("]").partition("[")
        path = _SETTINGS[name]
        raw = loaded.raw.lists.block if path == "lists.block" else loaded.raw.lists.allow
        text = written[path][int(number)]
        item = tuple(raw).index(text) if text in raw else None
        told = Problem(path, problem.value, problem.problem, f"write {problem.instead}", loaded.origin(path, item))
        # A source that settling refused already has its problem.
        if not any((one.setting, one.origin, one.value) == (path, told.origin, text) for one in loaded.problems):
            loaded.problems.append(told)
