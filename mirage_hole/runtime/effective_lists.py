"""What the configuration and the user's choices come to: every list, where it is from, and whether it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.config.list_tables import FILES
from mirage_hole.lists.rule import Action
from mirage_hole.sources.masking import masked
from mirage_hole.sources.source import Location, Source, SourceProblem, Sources, Wish, parse_source, resolve_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mirage_hole.config.settled import ListSettings, Settled
    from mirage_hole.sources.catalogue import Entry


@dataclass(frozen=True, slots=True)
class AddedList:
    """One list that no configuration names."""

    source: str
    """As it was written; a path is absolute."""
    kind: str = "block"
    """``block`` or ``allow``."""
    title: str = ""
    """Empty: what the list calls itself."""
    format: str = ""
    """Empty: found out."""
    created: float = 0.0
    """Seconds since the epoch."""


class Choice(NamedTuple):
    """One list that is configured or was added."""

    source: Source
    enabled: bool
    added: bool
    """False: the configuration or a flag names it."""
    name: str
    """What :class:`Said` calls it: of a catalogue list its name there, which stays when its address changes; else the key."""
    problem: str = ""
    """Why an added list means nothing any more, and what to do; it is not used then."""


class Choices(NamedTuple):
    """What the settings and the user's choices come to."""

    lists: tuple[Choice, ...]
    """Configured and added ones, block lists first."""
    problems: tuple[SourceProblem, ...]
    notes: tuple[str, ...]

    @property
    def used(self) -> tuple[Source, ...]:
        """Those that are switched on."""
        return tuple(one.source for one in self.lists if one.enabled and not one.problem)

    def find(self, text: str) -> Choice | None:
        """The list with this key or name, or of this source; an empty text is none."""
        wanted = text.strip()
        for one in self.lists if wanted else ():
            if wanted in {one.source.key, one.name, one.source.text, one.source.address, one.source.shown}:
                return one
        return None


class Said(NamedTuple):
    """What the user has said, beside the configuration."""

    added: dict[str, AddedList]
    """By name; see :class:`Choice`."""
    switched: dict[str, bool]
    """Name of a list to whether it is on; lists that are as the configuration has them are absent."""


def choose(settled: Settled, said: Said, catalogue: dict[str, Entry]) -> Choices:
    """Every list, configured or added, and whether it is used. What the configuration says of a list beats what was added."""
    name_of = names_of(catalogue)
    configured, switched_off = [], []
    for wish in wishes_of(settled.lists):
        source = None if wish.enabled else parse_source(wish.text, wish.kind, catalogue)
        if isinstance(source, Source) and not said.switched.get(name_of(source), False):
            switched_off.append(_as_asked(source, wish))
            configured.append(wish)
        else:
            configured.append(wish._replace(enabled=True))
    found = resolve_sources(settled.blocklists, settled.allowlists, catalogue, wishes=configured)
    lists = [
        Choice(source, said.switched.get(name, True), False, name)
        for source, name in ((source, name_of(source)) for source in found.sources)
    ]
    here = {one.source.address for one in lists}
    off = [Choice(one, False, False, name_of(one)) for one in switched_off if one.address not in here]
    here |= {one.source.address for one in off}
    problems, notes = list(found.problems), list(found.notes)
    for name, one in said.added.items():
        choice, told = _added(name, one, said, settled, catalogue)
        if choice.problem:
            problems += told.problems
        elif choice.source.address in here:
            notes.append(f"{choice.source.shown} was added, and the configuration names it too; that is what counts")
            continue
        here.add(choice.source.address)
        lists.append(choice)
        notes += told.notes
    lists.sort(key=lambda one: one.source.kind is Action.ALLOW)
    return Choices((*lists, *off), tuple(problems), tuple(notes))


def _added(
    name: str, one: AddedList, said: Said, settled: Settled, catalogue: dict[str, Entry]
) -> tuple[Choice, Sources]:
    folders = tuple(map(str, folders_of(settled)))
    setting = f"added list {masked(one.source)}"
    wish = Wish(one.source, kind_of(one), setting, one.title, one.format, folders=folders, special=False)
    found = resolve_sources((), (), catalogue, wishes=[wish])
    enabled = said.switched.get(name, True)
    if found.sources:
        return Choice(found.sources[0], enabled, True, name), found
    # The catalogue has it no longer, say: it has to be seen to be removed.
    title = one.title or masked(one.source)
    stands_for = Source(one.source, kind_of(one), Location.WEB, title, "", name, one.format, bool(one.title))
    why = f"{found.problems[0].problem}; remove it with: mirage-hole lists remove {stands_for.shown}"
    return Choice(stands_for, enabled, True, name, f"{stands_for.shown}: it {why}"), found


def names_of(catalogue: dict[str, Entry]) -> Callable[[Source], str]:
    """What to call a list in the file; see :class:`Choice`."""
    by_address = {entry.url: key for key, entry in catalogue.items()}

    def name_of(source: Source) -> str:
        named = source.text.strip().lower()
        return named if named in catalogue else by_address.get(source.address, source.key)

    return name_of


def _as_asked(source: Source, wish: Wish) -> Source:
    return source._replace(title=wish.title or source.title, named=source.named or bool(wish.title))


def folders_of(settled: Settled) -> tuple[Path, ...]:
    """Where files must lie that are added while the server runs; never nowhere, which would mean anywhere."""
    return settled.file_folders or (settled.state_directory / FILES,)


def wishes_of(lists: Sequence[ListSettings]) -> list[Wish]:
    """The ``[[list]]`` tables, as the sources take them."""
    return [
        Wish(
            one.source,
            Action.ALLOW if one.kind == "allow" else Action.BLOCK,
            f"list[{number}].url",
            one.title,
            one.format,
            one.refresh_every,
            one.sha256,
            one.enabled,
        )
        for number, one in enumerate(lists)
    ]


def kind_of(one: AddedList) -> Action:
    """Whether it blocks or allows."""
    return Action.ALLOW if one.kind == "allow" else Action.BLOCK
