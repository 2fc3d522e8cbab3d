"""Lists that were added or switched off while the server runs, and what they make of the configured ones.

``lists.json`` in the state directory holds them; the configuration is never written.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from mirage_hole.config.list_tables import FILES
from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.rule import Action
from mirage_hole.runtime.state_files import keep_aside, one_at_a_time, read_at_most, replace_files, stamp
from mirage_hole.sources.source import (
    Location,
    Source,
    SourceProblem,
    Wish,
    parse_source,
    resolve_sources,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mirage_hole.config.settled import ListSettings, Settled
    from mirage_hole.sources.catalogue import Entry

log = logging.getLogger(__name__)

FILE: Final = "lists.json"
VERSION: Final = 1
MAX_ADDED: Final = 1000
MAX_TITLE: Final = 100
"""Characters."""
_MAX_OCTETS: Final = 4 * 1024 * 1024
_MAX_SWITCHED: Final = 10_000


class RefusedList(ValueError):  # noqa: N818 - reads as what it is at the raise
    """A change that is not made; the message says why and what to do."""


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


class Choices(NamedTuple):
    """What the settings and the user's choices come to."""

    lists: tuple[Choice, ...]
    """Configured and added ones, block lists first."""
    problems: tuple[SourceProblem, ...]
    notes: tuple[str, ...]

    @property
    def used(self) -> tuple[Source, ...]:
        """Those that are switched on."""
        return tuple(one.source for one in self.lists if one.enabled)

    def find(self, text: str) -> Choice | None:
        """The list with this key, or of this source."""
        wanted = text.strip()
        for one in self.lists:
            if wanted in {one.source.key, one.source.text, one.source.address, one.source.shown}:
                return one
        return None


class Said(NamedTuple):
    """What the user has said, beside the configuration."""

    added: dict[str, AddedList]
    """By the key of the source."""
    switched: dict[str, bool]
    """Key of a list to whether it is on; lists that are as the configuration has them are absent."""


class ListChoices:
    """The choices on disk. Every method that writes waits for the disk."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        """Read what is there; a damaged file is kept aside.

        Raises:
            OSError: the file can't be read.
        """
        self._directory = directory
        self._path = directory / FILE
        self._clock = clock
        self.added: dict[str, AddedList] = {}
        """By the key of the source."""
        self.switched: dict[str, bool] = {}
        """Key of a list to whether it is on; lists that are as the configuration has them are absent."""
        self._load()

    def add(self, settled: Settled, catalogue: dict[str, Entry], wanted: AddedList) -> tuple[Source, bool]:
        """Use one more list; one that is there is switched on and gets the title and format. False: it was in use already.

        Raises:
            RefusedList: it is none, or can't be one here.
            OSError: the disk does not take it.
        """
        source = _checked(wanted, settled, catalogue)
        with one_at_a_time(self._directory):
            self.catch_up()
            known = choose(settled, self, catalogue)
            there = known.find(source.key)
            if there is not None and there.source.kind is not source.kind:
                kind = "an allowlist" if there.source.kind is Action.ALLOW else "a blocklist"
                message = (
                    f"{source.shown} is {kind} here already; remove it first: mirage-hole lists remove {source.shown}"
                )
                raise RefusedList(message)
            if there is not None and not there.added:
                self._say(settled, catalogue, known, source.key, enabled=True)
                return source, not there.enabled
            if there is None and len(self.added) >= MAX_ADDED:
                message = f"{MAX_ADDED} lists were added, and that is the limit; remove one first"
                raise RefusedList(message)
            old = self.added.get(source.key)
            new = replace(wanted, created=self._clock())
            if old is not None:
                new = replace(new, created=old.created, title=new.title or old.title, format=new.format or old.format)
            switched = {key: on for key, on in self.switched.items() if key != source.key}
            changed = new != old or switched != self.switched
            if changed:
                self._save({**self.added, source.key: new}, switched)
            return source, changed

    def remove(self, settled: Settled, catalogue: dict[str, Entry], text: str) -> Choice:
        """Use a list no longer that was added.

        Raises:
            RefusedList: there is none, or the configuration names it.
            OSError: the disk does not take it.
        """
        with one_at_a_time(self._directory):
            self.catch_up()
            found = _found(choose(settled, self, catalogue), text)
            if not found.added:
                from mirage_hole.runtime.list_places import place_of

                place = place_of(settled, found.source.key, catalogue)
                message = (
                    f"{found.source.shown} is named by the configuration; remove it from {place}, or write: "
                    f"mirage-hole lists disable {found.source.shown}"
                )
                raise RefusedList(message)
            key = found.source.key
            added = {name: one for name, one in self.added.items() if name != key}
            self._save(added, {name: on for name, on in self.switched.items() if name != key})
            return found

    def switch(self, settled: Settled, catalogue: dict[str, Entry], text: str, *, enabled: bool) -> tuple[Choice, bool]:
        """Switch a list off, or on again. False: it was so already.

        Raises:
            RefusedList: there is none.
            OSError: the disk does not take it.
        """
        with one_at_a_time(self._directory):
            self.catch_up()
            known = choose(settled, self, catalogue)
            found = _found(known, text)
            self._say(settled, catalogue, known, found.source.key, enabled=enabled)
            return found._replace(enabled=enabled), found.enabled is not enabled

    def _say(self, settled: Settled, catalogue: dict[str, Entry], known: Choices, key: str, *, enabled: bool) -> None:
        found = known.find(key)
        if found is None or found.enabled is enabled:
            return
        here = {one.source.key for one in known.lists}  # the others are long gone
        switched = {name: on for name, on in self.switched.items() if name != key and name in here}
        usual = choose(settled, Said(self.added, switched), catalogue).find(key)
        if usual is None or usual.enabled is not enabled:
            switched[key] = enabled
        self._save(self.added, switched)

    def catch_up(self) -> None:
        """Take over what another process has written."""
        if stamp(self._path) != self._seen:
            self._load()

    def _load(self) -> None:
        self._seen = stamp(self._path)
        try:
            self.added, self.switched = _read(orjson.loads(read_at_most(self._path, _MAX_OCTETS)))
        except FileNotFoundError:
            self.added, self.switched = {}, {}
        except (ValueError, TypeError, KeyError) as problem:
            log.error(
                "%s is damaged (%s); %s; only the configured lists count", self._path, problem, keep_aside(self._path)
            )
            self.added, self.switched, self._seen = {}, {}, None

    def _save(self, added: dict[str, AddedList], switched: dict[str, bool]) -> None:
        document = {
            "version": VERSION,
            "added": [{"key": key, **asdict(one)} for key, one in added.items()],
            "switched": switched,
        }
        data = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        replace_files({self._path: data})
        self.added, self.switched, self._seen = added, switched, stamp(self._path)


def choose(settled: Settled, choices: ListChoices | Said, catalogue: dict[str, Entry]) -> Choices:
    """Every list, configured or added, and whether it is used."""
    configured, switched_off = [], []
    for wish in wishes_of(settled.lists):
        source = None if wish.enabled else parse_source(wish.text, wish.kind, catalogue)
        if isinstance(source, Source) and not choices.switched.get(source.key, False):
            switched_off.append(_as_asked(source, wish))
            configured.append(wish)
        else:
            configured.append(wish._replace(enabled=True))
    folders = tuple(map(str, folders_of(settled)))
    added = [
        Wish(one.source, _kind(one), f"added {one.source}", one.title, one.format, folders=folders, special=False)
        for one in choices.added.values()
    ]
    found = resolve_sources(settled.blocklists, settled.allowlists, catalogue, wishes=[*configured, *added])
    named = resolve_sources(settled.blocklists, settled.allowlists, catalogue, wishes=configured)
    by_configuration = {source.key for source in named.sources}
    lists = [
        Choice(source, choices.switched.get(source.key, True), source.key not in by_configuration)
        for source in found.sources
    ]
    here = {source.key for source in found.sources}
    lists += [Choice(source, False, False) for source in switched_off if source.key not in here]
    return Choices(tuple(lists), found.problems, found.notes)


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


def _kind(one: AddedList) -> Action:
    return Action.ALLOW if one.kind == "allow" else Action.BLOCK


def _found(known: Choices, text: str) -> Choice:
    found = known.find(text)
    if found is None:
        message = f"{text.strip()!r} is no list here; mirage-hole lists list shows those that are"
        raise RefusedList(message)
    return found


def _checked(wanted: AddedList, settled: Settled, catalogue: dict[str, Entry]) -> Source:
    """What a list to be added means.

    Raises:
        RefusedList: nothing, or nothing that may be added; with every problem.
    """
    problems = []
    source = parse_source(wanted.source, _kind(wanted), catalogue, setting="SOURCE")
    if isinstance(source, SourceProblem):
        problems.append(str(source))
    elif source.location is Location.FILE:
        from mirage_hole.sources.local import allowed

        refusal = allowed(source.address, folders_of(settled))
        if refusal is not None:
            problems.append(str(refusal))
    if wanted.kind not in {"block", "allow"}:
        problems.append(f"kind = {wanted.kind!r} is neither; write block or allow")
    if wanted.format and wanted.format not in FORMATS:
        problems.append(f"format = {wanted.format[:80]!r} is no format that is read; write one of {', '.join(FORMATS)}")
    if len(wanted.title) > MAX_TITLE or not wanted.title.isprintable():
        problems.append(f"the title is longer than {MAX_TITLE} characters or not printable; write a shorter one")
    if problems or isinstance(source, SourceProblem):
        raise RefusedList("\n".join(problems))
    return source._replace(title=wanted.title or source.title, named=source.named or bool(wanted.title))


def _read(document: Any) -> tuple[dict[str, AddedList], dict[str, bool]]:
    if not isinstance(document, dict) or document.get("version") != VERSION:
        message = f"no lists of version {VERSION}"
        raise ValueError(message)
    added = {}
    for raw in document["added"]:
        texts = {name: str(raw[name]) for name in ("source", "kind", "title", "format")}
        added[str(raw["key"])] = AddedList(**texts, created=float(raw["created"]))
    switched = {str(key): on is True for key, on in document["switched"].items()}
    if len(added) > MAX_ADDED or len(switched) > _MAX_SWITCHED:
        message = "too many lists"
        raise ValueError(message)
    return added, switched
