"""What the command line asks of the running server about its lists: which there are, other ones, and fresh ones."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from mirage_hole.sources.progress import Stage
from mirage_hole.sources.status import Entry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection

    from mirage_hole.api.problems import Refusal
    from mirage_hole.runtime.effective_lists import Choice
    from mirage_hole.runtime.list_service import ListService
    from mirage_hole.runtime.report import Report
    from mirage_hole.sources.progress import Progress

LOOK_EVERY: Final = 0.1
"""Seconds between two looks at what has happened."""
ALIVE_EVERY: Final = 5.0
"""Seconds of silence after which somebody who waits is told that the work goes on."""
LONGEST: Final = 3600.0
"""Seconds that an update is watched."""
LOOKED_AT_WITHIN: Final = 15.0
"""Seconds that a command right after the start waits for the first look at the lists."""
SERVED_WITHIN: Final = 30.0
"""Seconds the workers get to take compiled lists before whoever asked is told that they are on their way."""
LOCAL: Final = "local"
"""Who makes a change unless it is said."""
_MAX_EVENTS: Final = 10_000
_NO_LISTS: Final = "the lists are not looked at yet; try again in a second"


class ListCommands:
    """Joins the schedule, the choices and the statistics. Refusals are problem documents."""

    def __init__(
        self,
        lists: ListService,
        described: Callable[[], list[dict[str, Any]]],
        served: Callable[[], bool] = lambda: True,
    ) -> None:
        """
        Args:
            lists: the schedule.
            described: an object for each list in use, as the web API has it.
            served: whether every worker answers by the newest compiled lists.
        """
        self._lists = lists
        self._described = described
        self._served = served

    def rows(self, keys: Collection[str] | None = None) -> list[dict[str, Any]]:
        """An object for each list, or each of these: as the web API has it, and whether it is on and was added."""
        chosen = self._lists.chosen
        if chosen is None:
            return []
        described = {one["key"]: one for one in self._described()}
        return [
            {**(described.get(one.source.key) or _not_used(one)), "enabled": one.enabled, "added": one.added}
            for one in chosen.lists
            if keys is None or one.source.key in keys
        ]

    async def looked_at(self) -> None:
        """Wait until it is known which lists there are.

        Raises:
            Refusal: that takes too long.
        """
        deadline = time.monotonic() + LOOKED_AT_WITHIN
        while self._lists.chosen is None:
            if time.monotonic() >= deadline:
                raise _refused(503, _NO_LISTS)
            await asyncio.sleep(LOOK_EVERY)

    async def add(self, source: str, kind: str, form: str, title: str, *, who: str = LOCAL) -> dict[str, Any]:
        """Use one more list."""
        from mirage_hole.runtime.effective_lists import AddedList

        wanted = AddedList(source.strip(), kind, title.strip(), form)
        found, changed = await self._change(
            lambda choices, settled, catalogue: choices.add(settled, catalogue, wanted, who=who)
        )
        return {"key": found.key, "source": found.shown, "title": found.title, "changed": changed}

    async def remove(self, source: str, *, who: str = LOCAL) -> dict[str, Any]:
        """Use a list no longer that was added."""
        found, _ = await self._change(
            lambda choices, settled, catalogue: (choices.remove(settled, catalogue, source, who=who), True)
        )
        return _told(found, changed=True)

    async def switch(self, source: str, *, enabled: bool, who: str = LOCAL) -> dict[str, Any]:
        """Switch a list off, or on again."""
        found, changed = await self._change(
            lambda choices, settled, catalogue: choices.switch(settled, catalogue, source, enabled=enabled, who=who)
        )
        return _told(found, changed=changed)

    async def edit(self, source: str, title: str | None, form: str | None, *, who: str = LOCAL) -> dict[str, Any]:
        """Give an added list another title or format; None: as it is, empty: its own."""
        found, changed = await self._change(
            lambda choices, settled, catalogue: choices.edit(settled, catalogue, source, title, form, who=who)
        )
        return _told(found, changed=changed)

    async def confirm(self, source: str) -> dict[str, Any]:
        """Use the text that was put aside since the list had shrunk."""
        await self.looked_at()
        found = self._find(source)
        if not self._lists.confirm(found.source.key):
            raise _refused(409, f"{found.source.shown}: no newer text of it is held back; there is nothing to confirm")
        return _told(found, changed=True)

    async def start(self, sources: Collection[str], *, force: bool) -> list[dict[str, Any]]:
        """Begin downloading these lists, or all in use; how they are. What happens is told by the live stream.

        Args:
            sources: which lists, by key or source; none: all in use.
            force: use what comes, however many rules a list has lost.
        """
        await self.looked_at()
        keys = self._keys(sources, download=True) if sources else None
        self._lists.refresh(keys, trust=force)
        return self.rows(keys)

    async def one(self, key: str) -> dict[str, Any]:
        """A list, by key or source."""
        await self.looked_at()
        chosen = self._lists.chosen
        found = chosen.find(key) if chosen is not None else None
        rows = self.rows({found.source.key}) if found is not None else []
        if not rows:
            raise _refused(404, f"{key[:200]!r} is no list here.")
        return rows[0]

    async def report(self) -> Report:
        """What the lists that serve hold, as they were compiled."""
        from mirage_hole.runtime.report import BadReport, read_report

        directory = self._lists.generation
        try:
            if directory is None:
                raise FileNotFoundError
            return await asyncio.to_thread(read_report, directory)
        except FileNotFoundError:
            raise _refused(503, "There are no compiled lists yet.") from None
        except (BadReport, OSError) as problem:
            why = f"The report of the lists can't be read: {problem}; the next compilation writes it anew."
            raise _refused(503, why) from None

    async def changes(self, key: str) -> dict[str, Any] | None:
        """What the last update of a list has added and removed; None: that is not known yet, ask again."""
        from mirage_hole.runtime.list_comparison import CantCompare

        row = await self.one(key)
        try:
            return await self._lists.changes(row["source"], row["kind"])
        except CantCompare as problem:
            raise _refused(503, f"Its two newest versions can't be compared: {problem}.") from None

    async def update(
        self, sources: Collection[str], *, download: bool, force: bool
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Tell what happens until all is done; the last object has ``event`` ``done`` and how the lists are then.

        Args:
            sources: which lists, by key or source; none: all in use. When nothing is downloaded, lists that are off or gone may
                be among them: they are done when they serve no longer.
            download: begin with downloading them; else only watch what goes on.
            force: use what comes, however many rules a list has lost.
        """
        await self.looked_at()
        keys = self._keys(sources, download) if sources else None
        happened: deque[Progress] = deque(maxlen=_MAX_EVENTS)
        receiving: dict[str, Progress] = {}

        def take(event: Progress) -> None:
            if event.stage is Stage.RECEIVING:
                receiving[event.key] = event
            else:
                receiving.pop(event.key, None)
                happened.append(event)

        stop = self._lists.progress.listen(take)
        try:
            told = began = time.monotonic()
            asked = not download
            rested: float | None = None
            while True:
                if not asked and self._lists.ready:
                    asked = True
                    self._lists.refresh(keys, trust=force)
                rests = asked and self._lists.done_with(keys)
                events = [*happened, *receiving.values()]
                happened.clear()
                receiving.clear()
                now = time.monotonic()
                for event in events:
                    if keys is None or event.key in keys or not event.key:
                        told = now
                        yield _event(event)
                rested = None if not rests else rested or now
                served = rests and self._served()
                if served or now - began > LONGEST or (rested is not None and now - rested > SERVED_WITHIN):
                    break
                if now - told > ALIVE_EVERY:
                    told = now
                    yield {"event": "working"}
                await asyncio.sleep(LOOK_EVERY)
        finally:
            stop()
        error = self._lists.compile_error
        yield {"event": "done", "in_time": rests, "served": served, "error": error, "lists": self.rows(keys)}

    def _keys(self, sources: Collection[str], download: bool) -> set[str]:
        if download:
            return {self._find(one).source.key for one in sources}
        assert self._lists.chosen is not None
        found = [self._lists.chosen.find(one) for one in sources]
        return {one.source.key for one in found if one is not None and one.enabled}

    def _find(self, source: str) -> Choice:
        chosen = self._lists.chosen
        assert chosen is not None
        found = chosen.find(source)
        if found is None:
            raise _refused(404, f"{source!r} is no list here; mirage-hole lists list shows those that are")
        if not found.enabled:
            raise _refused(
                409, f"{found.source.shown} is switched off; write mirage-hole lists enable {found.source.shown}"
            )
        return found

    async def _change(self, action: Any) -> tuple[Any, bool]:
        from mirage_hole.runtime.list_choices import RefusedList

        try:
            return await self._lists.choose(action)
        except RefusedList as problem:
            raise _refused(400, str(problem)) from None
        except OSError as problem:
            why = f"the choice can't be written: {problem.strerror or problem}; nothing was changed"
            raise _refused(503, why) from None


def _not_used(one: Choice) -> dict[str, Any]:
    """Of a list that the schedule does not know: it is switched off, or not looked at yet."""
    status = Entry(one.source, next_try=None, error=one.problem).status()
    state = "off" if not one.enabled else "missing" if one.problem else "loading"
    return {**status._replace(state=state)._asdict(), "decided": 0}


def _told(one: Choice, *, changed: bool) -> dict[str, Any]:
    return {
        "key": one.source.key,
        "source": one.source.shown,
        "title": one.source.title,
        "changed": changed,
        "enabled": one.enabled,
    }


def _event(event: Progress) -> dict[str, Any]:
    said = event._asdict()
    return {"event": said.pop("stage").value, **said}


def _refused(status: int, detail: str) -> Refusal:
    from mirage_hole.api.problems import Refusal

    return Refusal(status, detail)
