"""Changes which lists are used: through the running server, which follows at once, else in the state directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mirage_hole.cli.control import TIMEOUT, NoServer, Refused, call, stream
from mirage_hole.cli.sources import catalogue
from mirage_hole.cli.which_list import no_permission
from mirage_hole.sources.source import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mirage_hole.config.settled import Settled
    from mirage_hole.runtime.effective_lists import Choice
    from mirage_hole.runtime.list_choices import ListChoices
    from mirage_hole.sources.source import Source

T = TypeVar("T")


class Row(NamedTuple):
    """One list, used or not."""

    key: str
    title: str
    source: str
    enabled: bool
    data: dict[str, Any]
    """Everything that is known of it; the fields of the control socket's ``/lists``."""

    @property
    def words(self) -> tuple[str, ...]:
        """What it may be called."""
        return self.title, self.source, self.key


class Done(NamedTuple):
    """What came of a change."""

    title: str
    source: str
    key: str
    changed: bool
    """False: it was so already."""
    server: bool
    """One runs, and follows."""


class ChosenLists:
    """The lists of one installation. Every method raises :class:`Refused` for what is not done."""

    def __init__(self, settled: Settled) -> None:
        self._settled = settled
        self._directory = settled.state_directory

    def rows(self, timeout: float = TIMEOUT) -> tuple[list[Row], bool]:
        """Every list; and whether a server runs. ``timeout``: seconds for its answer."""
        try:
            found = call(self._directory, "GET", "/lists", timeout=timeout)["lists"]
        except NoServer:
            return [self._row(one) for one in self._on_disk(lambda choices: self._choose(choices))], False
        return [Row(one["key"], one["title"], one["source"], one["enabled"], one) for one in found], True

    def add(self, source: Source, form: str, title: str) -> Done:
        """Use one more list."""
        # The server has a folder of its own to be in, so a path has to be absolute.
        text = source.address if source.location is Location.FILE else source.text
        kind = source.kind.name.lower()
        body = {"source": text, "kind": kind, "format": form, "title": title}
        try:
            said = call(self._directory, "POST", "/lists", body)
        except NoServer:
            from mirage_hole.runtime.effective_lists import AddedList

            wanted = AddedList(text, kind, title, form)
            taken, changed = self._on_disk(lambda choices: choices.add(self._settled, catalogue(), wanted))
            return Done(taken.title, taken.shown, taken.key, changed, server=False)
        return Done(said["title"], said["source"], said["key"], said["changed"], server=True)

    def remove(self, row: Row) -> Done:
        """Use a list no longer that was added."""
        return self._change(
            row, "DELETE", {}, lambda choices: (choices.remove(self._settled, catalogue(), row.key), True)
        )

    def switch(self, row: Row, *, enabled: bool) -> Done:
        """Switch a list off, or on again."""
        return self._change(
            row,
            "PATCH",
            {"enabled": enabled},
            lambda choices: choices.switch(self._settled, catalogue(), row.key, enabled=enabled),
        )

    def confirm(self, row: Row) -> None:
        """Use the text that was put aside since the list had shrunk. Raises :class:`NoServer` when none runs."""
        call(self._directory, "POST", "/lists/confirm", {"source": row.key})

    def update(
        self, keys: Sequence[str] = (), *, download: bool = True, force: bool = False
    ) -> Iterator[dict[str, Any]]:
        """What the server tells until all is done. Raises :class:`NoServer` when none runs."""
        body = {"sources": list(keys), "download": download, "force": force}
        return stream(self._directory, "POST", "/lists/update", body)

    def _change(
        self,
        row: Row,
        method: str,
        body: dict[str, Any],
        action: Callable[[ListChoices], tuple[Choice, bool]],
    ) -> Done:
        try:
            changed = call(self._directory, method, "/lists", {"source": row.key, **body})["changed"]
        except NoServer:
            _, changed = self._on_disk(action)
            return Done(row.title, row.source, row.key, changed, server=False)
        return Done(row.title, row.source, row.key, changed, server=True)

    def _choose(self, choices: ListChoices) -> Sequence[Choice]:
        from mirage_hole.runtime.effective_lists import choose

        return choose(self._settled, choices.said, catalogue()).lists

    def _on_disk(self, action: Callable[[ListChoices], T]) -> T:
        from mirage_hole.runtime.list_choices import ListChoices, RefusedList

        try:
            return action(ListChoices(self._directory))
        except RefusedList as problem:
            raise Refused(str(problem)) from None
        except PermissionError as problem:
            raise Refused(no_permission(problem, self._directory)) from None
        except (FileNotFoundError, NotADirectoryError):
            message = f"{self._directory} is not there; start the server once, or name its own with --state DIRECTORY"
            raise Refused(message) from None
        except OSError as problem:
            message = f"{self._directory}: {problem.strerror or problem}; nothing was changed"
            raise Refused(message) from None

    def _row(self, one: Choice) -> Row:
        """What can be said of a list without a server."""
        from mirage_hole.sources.shelf import Shelf
        from mirage_hole.sources.status import Entry

        entry = Entry(one.source, next_try=None, error=one.problem)
        try:
            if one.source.location is Location.WEB and not one.problem:
                entry.copy = Shelf(self._directory / "lists").find(one.source.key)
        except OSError as problem:
            entry.error = f"its copy can't be read: {problem.strerror or problem}"
        if entry.copy is not None:
            entry.last_success = entry.copy.note.fetched_at
        status = entry.status()._asdict()
        here = entry.copy is not None or one.source.location is not Location.WEB
        status["state"] = "off" if not one.enabled else "missing" if one.problem else "stored" if here else "new"
        data = {**status, "enabled": one.enabled, "added": one.added}
        return Row(one.source.key, one.source.title, one.source.shown, one.enabled, data)
