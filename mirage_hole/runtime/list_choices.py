"""Lists that were added or switched off while the server runs: ``lists.json`` in the state directory.

The configuration is never written. What both come to: :mod:`mirage_hole.runtime.effective_lists`.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

import orjson

from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.rule import Action
from mirage_hole.runtime.effective_lists import AddedList, Said, choose, folders_of, kind_of, names_of
from mirage_hole.runtime.state_files import keep_aside, one_at_a_time, read_at_most, replace_files, stamp
from mirage_hole.sources.source import Location, SourceProblem, parse_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.config.settled import Settled
    from mirage_hole.runtime.effective_lists import Choice, Choices
    from mirage_hole.sources.catalogue import Entry
    from mirage_hole.sources.source import Source

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


class ListChoices:
    """The choices on disk. Every method that writes waits for the disk."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        """Read what is there. A damaged file is kept aside, and the choices that were written last count.

        Raises:
            OSError: the file can't be read.
        """
        self._directory = directory
        self._path = directory / FILE
        self._clock = clock
        self.added: dict[str, AddedList] = {}
        """By name; see :class:`Choice`."""
        self.switched: dict[str, bool] = {}
        """Name of a list to whether it is on; lists that are as the configuration has them are absent."""
        self._load()

    @property
    def said(self) -> Said:
        """As of now."""
        return Said(self.added, self.switched)

    def add(self, settled: Settled, catalogue: dict[str, Entry], wanted: AddedList) -> tuple[Source, bool]:
        """Use one more list; one that is there is switched on and gets the title and format. False: it was in use already.

        Raises:
            RefusedList: it is none, or can't be one here.
            OSError: the disk does not take it.
        """
        source = _checked(wanted, settled, catalogue)
        with one_at_a_time(self._directory):
            self.catch_up()
            known = choose(settled, self.said, catalogue)
            there = known.find(source.address) or known.find(source.text)
            if there is not None:
                _refuse_other(there, source, wanted, settled, catalogue)
                changed = not there.enabled
                if there.added:
                    changed = self._renew(there, wanted)
                elif changed:
                    self._say(settled, catalogue, known, there.name, enabled=True)
                name = there.name
            elif len(self.added) >= MAX_ADDED:
                message = f"{MAX_ADDED} lists were added, and that is the limit; remove one first"
                raise RefusedList(message)
            else:
                name, changed = names_of(catalogue)(source), True
                switched = {one: on for one, on in self.switched.items() if one != name}
                self._save({**self.added, name: replace(wanted, created=self._clock())}, switched)
            taken = choose(settled, self.said, catalogue).find(name)
            return taken.source if taken is not None else source, changed

    def _renew(self, there: Choice, wanted: AddedList) -> bool:
        """Switch an added list on, with the title and format that are wished for now. False: it was so already."""
        old = self.added[there.name]
        new = replace(old, title=wanted.title or old.title, format=wanted.format or old.format)
        switched = {name: on for name, on in self.switched.items() if name != there.name}
        changed = new != old or switched != self.switched
        if changed:
            self._save({**self.added, there.name: new}, switched)
        return changed

    def remove(self, settled: Settled, catalogue: dict[str, Entry], text: str) -> Choice:
        """Use a list no longer that was added.

        Raises:
            RefusedList: there is none, or the configuration names it.
            OSError: the disk does not take it.
        """
        with one_at_a_time(self._directory):
            self.catch_up()
            found = _found(choose(settled, self.said, catalogue), text)
            if not found.added:
                from mirage_hole.runtime.list_places import place_of

                place = place_of(settled, found.source.key, catalogue)
                message = (
                    f"{found.source.shown} is named by the configuration; remove it from {place}, or write: "
                    f"mirage-hole lists disable {found.source.shown}"
                )
                raise RefusedList(message)
            added = {name: one for name, one in self.added.items() if name != found.name}
            self._save(added, {name: on for name, on in self.switched.items() if name != found.name})
            return found

    def switch(self, settled: Settled, catalogue: dict[str, Entry], text: str, *, enabled: bool) -> tuple[Choice, bool]:
        """Switch a list off, or on again. False: it was so already.

        Raises:
            RefusedList: there is none.
            OSError: the disk does not take it.
        """
        with one_at_a_time(self._directory):
            self.catch_up()
            known = choose(settled, self.said, catalogue)
            found = _found(known, text)
            self._say(settled, catalogue, known, found.name, enabled=enabled)
            return found._replace(enabled=enabled), found.enabled is not enabled

    def _say(self, settled: Settled, catalogue: dict[str, Entry], known: Choices, name: str, *, enabled: bool) -> None:
        found = known.find(name)
        if found is None or found.enabled is enabled:
            return
        here = {one.name for one in known.lists}  # the others are long gone
        switched = {one: on for one, on in self.switched.items() if one != name and one in here}
        usual = choose(settled, Said(self.added, switched), catalogue).find(name)
        if usual is None or usual.enabled is not enabled:
            switched[name] = enabled
        self._save(self.added, switched)

    def catch_up(self) -> None:
        """Take over what another process has written."""
        if stamp(self._path) != self._seen:
            self._load()

    def _load(self) -> None:
        self._seen = stamp(self._path)
        try:
            self.added, self.switched = _read(self._path)
        except FileNotFoundError:
            self.added, self.switched = {}, {}
        except (*_DAMAGE, IsADirectoryError) as problem:
            aside = keep_aside(self._path)
            log.error("%s is damaged (%s); %s; the lists that were chosen before count on", self._path, problem, aside)
            with contextlib.suppress(FileNotFoundError, IsADirectoryError, *_DAMAGE):
                if not self.added and not self.switched:
                    self.added, self.switched = _read(self._last)
            with contextlib.suppress(OSError):  # it is tried again with the next change
                self._save(self.added, self.switched)

    @property
    def _last(self) -> Path:
        return self._path.with_name(f"{FILE}.last")

    def _save(self, added: dict[str, AddedList], switched: dict[str, bool]) -> None:
        document = {
            "version": VERSION,
            "added": [{"key": key, **asdict(one)} for key, one in added.items()],
            "switched": switched,
        }
        data = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        # The second is read when somebody has spoilt the first with an editor.
        replace_files({self._path: data, self._last: data}, derived=self._last)
        self.added, self.switched, self._seen = added, switched, stamp(self._path)


def _refuse_other(
    there: Choice, source: Source, wanted: AddedList, settled: Settled, catalogue: dict[str, Entry]
) -> None:
    """Raises :class:`RefusedList` when a list that is there can't become what is asked for."""
    from mirage_hole.runtime.list_places import place_of

    shown, title = there.source.shown, there.source.title
    if there.source.kind is not source.kind:
        kind = "an allowlist" if there.source.kind is Action.ALLOW else "a blocklist"
        remove = (
            f"remove it first: mirage-hole lists remove {shown}"
            if there.added
            else f"remove it from {place_of(settled, there.source.key, catalogue)} first"
        )
        message = f"{title!r} ({shown}) is {kind} here already; {remove}"
        raise RefusedList(message)
    others = [
        setting
        for setting, wish, value in (("title", wanted.title, title), ("format", wanted.format, there.source.format))
        if wish and wish != value
    ]
    if others and not there.added:
        place = place_of(settled, there.source.key, catalogue)
        message = (
            f"the configuration names it already, as {title!r}; say its {' and '.join(others)} there, "
            f"in a [[list]] table ({place})"
        )
        raise RefusedList(message)


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
    source = parse_source(wanted.source, kind_of(wanted), catalogue, setting="SOURCE")
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


_DAMAGE: Final = (ValueError, TypeError, KeyError, AttributeError)
"""What a document that is none of ours raises."""


def _read(path: Path) -> tuple[dict[str, AddedList], dict[str, bool]]:
    document = orjson.loads(read_at_most(path, _MAX_OCTETS))
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
