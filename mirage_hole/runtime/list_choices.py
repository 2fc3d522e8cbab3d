"""Lists that were added or switched off while the server runs: the tables ``lists`` and ``list_switches`` of ``state.db``.

The configuration is never written. What both come to: :mod:`mirage_hole.runtime.effective_lists`.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.rule import Action
from mirage_hole.runtime.effective_lists import AddedList, Said, choose, folders_of, kind_of, names_of
from mirage_hole.sources.source import Location, SourceProblem, parse_source
from mirage_hole.store.state import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.config.settled import Settled
    from mirage_hole.runtime.effective_lists import Choice, Choices
    from mirage_hole.sources.catalogue import Entry
    from mirage_hole.sources.source import Source
    from mirage_hole.store.changes import Change

ADDED: Final = "lists"
SWITCHED: Final = "list_switches"
"""The tables."""
LOCAL: Final = "local"
"""Who makes a change unless it is said: whoever may open the file."""
MAX_ADDED: Final = 1000
MAX_TITLE: Final = 100
"""Characters."""

T = TypeVar("T")


class RefusedList(ValueError):  # noqa: N818 - reads as what it is at the raise
    """A change that is not made; the message says why and what to do."""


class ListChoices:
    """The choices on disk. Every method that writes waits for the disk."""

    def __init__(
        self, directory: Path, clock: Callable[[], float] = time.time, store: StateStore | None = None
    ) -> None:
        """Read what is there.

        Args:
            directory: the state directory.
            clock: seconds since the epoch.
            store: the state, if somebody has it open already.

        Raises:
            OSError: the state can't be read.
        """
        self._store = store or StateStore(directory, clock)
        self._clock = clock
        self._change: Change | None = None
        self.added: dict[str, AddedList] = {}
        """By name; see :class:`Choice`."""
        self.switched: dict[str, bool] = {}
        """Name of a list to whether it is on; lists that are as the configuration has them are absent."""
        self._seen = self._store.stamp()
        self._load()

    @property
    def said(self) -> Said:
        """As of now."""
        return Said(self.added, self.switched)

    def add(
        self, settled: Settled, catalogue: dict[str, Entry], wanted: AddedList, *, who: str = LOCAL
    ) -> tuple[Source, bool]:
        """Use one more list; one that is there is switched on and gets the title and format. False: it was in use already.

        Raises:
            RefusedList: it is none, or can't be one here.
            OSError: the disk does not take it.
        """
        source = checked(wanted, settled, catalogue)

        def act() -> tuple[Source, bool]:
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

        return self._changing(who, "add list", act)

    def _renew(self, there: Choice, wanted: AddedList) -> bool:
        """Switch an added list on, with the title and format that are wished for now. False: it was so already."""
        old = self.added[there.name]
        new = replace(old, title=wanted.title or old.title, format=wanted.format or old.format)
        switched = {name: on for name, on in self.switched.items() if name != there.name}
        changed = new != old or switched != self.switched
        if changed:
            self._save({**self.added, there.name: new}, switched)
        return changed

    def remove(self, settled: Settled, catalogue: dict[str, Entry], text: str, *, who: str = LOCAL) -> Choice:
        """Use a list no longer that was added.

        Raises:
            RefusedList: there is none, or the configuration names it.
            OSError: the disk does not take it.
        """

        def act() -> Choice:
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

        return self._changing(who, "remove list", act)

    def edit(
        self,
        settled: Settled,
        catalogue: dict[str, Entry],
        text: str,
        title: str | None,
        form: str | None,
        *,
        who: str = LOCAL,
    ) -> tuple[Choice, bool]:
        """Give an added list another title or format; empty: its own. None leaves one as it is. False: it was so already.

        Raises:
            RefusedList: there is none, the configuration names it, or that is no title or format.
            OSError: the disk does not take it.
        """

        def act() -> tuple[Choice, bool]:
            known = choose(settled, self.said, catalogue)
            found = _found(known, text)
            if not found.added:
                from mirage_hole.runtime.list_places import place_of

                place = place_of(settled, found.source.key, catalogue)
                message = (
                    f"{found.source.shown} is named by the configuration; say its title and format there ({place})"
                )
                raise RefusedList(message)
            old = self.added[found.name]
            new = replace(
                old, title=old.title if title is None else title.strip(), format=old.format if form is None else form
            )
            checked(new, settled, catalogue)
            if new != old:
                self._save({**self.added, found.name: new}, self.switched)
            return choose(settled, self.said, catalogue).find(found.source.key) or found, new != old

        return self._changing(who, "change list", act)

    def switch(
        self, settled: Settled, catalogue: dict[str, Entry], text: str, *, enabled: bool, who: str = LOCAL
    ) -> tuple[Choice, bool]:
        """Switch a list off, or on again. False: it was so already.

        Raises:
            RefusedList: there is none.
            OSError: the disk does not take it.
        """

        def act() -> tuple[Choice, bool]:
            known = choose(settled, self.said, catalogue)
            found = _found(known, text)
            self._say(settled, catalogue, known, found.name, enabled=enabled)
            return found._replace(enabled=enabled), found.enabled is not enabled

        return self._changing(who, "switch list on" if enabled else "switch list off", act)

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
        if self._store.stamp() != self._seen:
            self._load()

    def _load(self) -> None:
        self._seen = self._store.stamp()
        self._take(self._store.rows(ADDED), self._store.rows(SWITCHED))

    def _take(self, added: list[dict[str, Any]], switched: list[dict[str, Any]]) -> None:
        self.added = {
            row["name"]: AddedList(row["source"], row["kind"], row["title"], row["format"], row["created"])
            for row in added
        }
        self.switched = {row["name"]: row["enabled"] for row in switched}

    def _changing(self, who: str, what: str, act: Callable[[], T]) -> T:
        """``act`` calls :meth:`_save`, if anything is to be different then."""
        before = self.added, self.switched

        def work(change: Change) -> T:
            if self._store.stamp() != self._seen:
                self._take(change.rows(ADDED), change.rows(SWITCHED))
            self._change = change
            return act()

        try:
            done = self._store.change(who, what, "", work)
        except BaseException:
            self.added, self.switched = before
            raise
        finally:
            self._change = None
        self._seen = self._store.stamp()
        return done.result

    def _save(self, added: dict[str, AddedList], switched: dict[str, bool]) -> None:
        change = self._change
        assert change is not None
        names = []
        for name in {**self.added, **added}:
            if name not in added:
                change.remove(ADDED, name)
            elif added[name] != self.added.get(name):
                change.put(ADDED, {"name": name, **asdict(added[name])})
            else:
                continue
            names.append(name)
        for name in {**self.switched, **switched}:
            if name not in switched:
                change.remove(SWITCHED, name)
            elif switched[name] is not self.switched.get(name):
                change.put(SWITCHED, {"name": name, "enabled": switched[name]})
            else:
                continue
            names.append(name)
        change.target = f"list {names[0]}" if len(set(names)) == 1 else f"{len(set(names))} lists"
        self.added, self.switched = added, switched


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


def checked(wanted: AddedList, settled: Settled, catalogue: dict[str, Entry]) -> Source:
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
