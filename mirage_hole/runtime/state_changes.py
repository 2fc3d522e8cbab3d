"""Makes changes of the state and has the parts of the server follow: what is stored is what serves."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from mirage_hole.api.v1.changes import Changed, Overruled, WrongState
from mirage_hole.config.stored import Stored, names_of
from mirage_hole.runtime.threads import to_the_end
from mirage_hole.store.stored import stored_in
from mirage_hole.store.tables import CONFIGURED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mirage_hole.config.load import Loaded
    from mirage_hole.config.read import Reading
    from mirage_hole.config.settled import Settled
    from mirage_hole.store.changes import Change
    from mirage_hole.store.state import Done, StateStore

log = logging.getLogger(__name__)

SETTINGS = frozenset({"settings", *CONFIGURED})
"""Tables whose rows are settings: they are checked as the configuration file is."""
LISTS = frozenset({"lists", "list_switches"})
RULES = frozenset({"rules"})

T = TypeVar("T")


class StateChanges:
    """See :class:`mirage_hole.api.v1.changes.Changes`."""

    def __init__(
        self,
        store: StateStore,
        read: Callable[[Stored | None], Reading],
        *,
        settings: Callable[[Settled], object],
        lists: Callable[[], object],
        rules: Callable[[], Awaitable[object]],
    ) -> None:
        """
        Args:
            store: the state.
            read: what the configuration comes to with this in the place of what is stored, or with what is stored.
            settings: takes changed settings.
            lists: looks again which lists there are.
            rules: compiles the user's own rules again and has the workers take them.
        """
        self.store = store
        self._read = read
        self._settings = settings
        self._lists = lists
        self._rules = rules
        self._one_at_a_time = asyncio.Lock()
        self._owed: list[Changed] = []
        """Changes that the server has not followed yet."""
        self._told = ""

    async def look(self) -> Reading:
        """What the settings come to, as far as what is stored means anything."""
        return await asyncio.to_thread(self._read, None)

    async def change(self, who: str, what: str, target: str, work: Callable[[Change], T]) -> Changed:
        """Change something, and have the server follow."""

        def do(check: Callable[[Change], object]) -> Done[T]:
            def all_of_it(change: Change) -> T:
                result = work(change)
                check(change)
                return result

            return self.store.change(who, what, target, all_of_it)

        return await self.run(do)

    async def undo(self, number: int, who: str) -> Changed:
        """Take a change back, and have the server follow."""
        return await self.run(lambda check: self.store.undo(number, who, check))

    async def run(self, do: Callable[[Callable[[Change], object]], Done[Any]]) -> Changed:
        """Make any change, and have the server follow.

        Args:
            do: changes the store, in a thread; calls what it is given within the transaction when all is done.

        Raises:
            WrongState: the settings would mean nothing.
            Overruled: the file has something of the same name.
            OSError: the disk does not take it.
            Exception: what ``do`` raises.
        """

        def make() -> Changed:
            readings: list[Reading] = []

            def check(change: Change) -> None:
                if change.touched & SETTINGS:
                    readings.append(self._checked(change))

            done = do(check)
            return Changed(done, readings[-1] if readings else None)

        async with self._one_at_a_time:
            changed = await to_the_end(self._owed.append, make)
            self._owed.append(changed)  # it is stored, whatever becomes of us
            await self._settle_up()
        return changed

    async def pay(self) -> None:
        """Have the server follow the changes whose makers went away, or that could not be followed yet."""
        async with self._one_at_a_time:
            await self._settle_up()

    async def _settle_up(self) -> None:
        try:
            while self._owed:
                await self._follow(self._owed[0])
                self._owed.pop(0)
        except OSError as problem:
            why = problem.strerror or str(problem)
            if why != self._told:
                log.error("what was changed is stored, but does not count yet: %s; it is tried again", why)
            self._told = why
        else:
            self._told = ""

    async def _follow(self, changed: Changed) -> None:
        touched = changed.done.touched
        if touched & SETTINGS and changed.reading is not None and changed.reading.settled is not None:
            self._settings(changed.reading.settled)
        if touched & LISTS:
            self._lists()
        if touched & RULES:
            await self._rules()

    def _checked(self, change: Change) -> Reading:
        reading = self._read(Stored(*stored_in(change.connection)))
        if reading.settled is None:
            raise WrongState(reading)
        for table in change.touched & set(CONFIGURED):
            name = CONFIGURED[table]
            for key in change.keys(table):
                row = change.row(table, key)
                if row is not None and (name, key) in reading.loaded.hidden:
                    raise Overruled(name, key, place_of(reading.loaded, name, row))
        return reading


def place_of(loaded: Loaded, name: str, row: dict[str, Any]) -> str:
    """Where the file has a table of the same name."""
    wanted = names_of(name, row)
    for number, table in enumerate(loaded.tables.get(name, ())):
        path = f"{name}[{number}]"
        if table is None or path in loaded.stored_rows:
            continue
        fields = {field: getattr(table, field) for field in table.__struct_fields__}
        if not wanted.isdisjoint(names_of(name, fields)):
            return str(loaded.origin(path))
    return str(loaded.file)
