"""The schedule: copies from the shelf at once, downloads when they are due, a new generation when a text has changed.

Whatever fails, the generation that serves goes on serving, and the failed list is tried again within seconds first, then
less and less often. Told its clock, its pause and its dice, so that a month passes in a test at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, Any, Final

from mirage_hole.lists.comment import LONGEST_LIFE, SHORTEST_LIFE
from mirage_hole.sources import local
from mirage_hole.sources.failures import Failure, reason
from mirage_hole.sources.generations import Generations
from mirage_hole.sources.pauses import back_off, pause
from mirage_hole.sources.source import Location
from mirage_hole.sources.status import Entry, ListStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from mirage_hole.sources.download import FetchOutcome
    from mirage_hole.sources.progress import Progress
    from mirage_hole.sources.shelf import Copy, Shelf
    from mirage_hole.sources.source import Source
    from mirage_hole.sources.status import Compiled, Fetcher, ReadyList

EVERY: Final = 86400.0
"""Seconds between two downloads of a list that does not say how long it holds (``! Expires: 4 days``)."""

GRACE: Final = 15.0
"""Seconds after which a round makes a generation of what has arrived, and goes on waiting for the slow ones."""

NETWORK_JITTER: Final = 2.0
"""Seconds within which the lists are tried again that failed before the network came up."""

_JITTER: Final = 0.1
"""Of the interval: not every household asks at the same second, nor each list in a round of its own."""
_LONGEST_PAUSE: Final = 3600.0
"""Seconds. A clock that is set back must not stretch a pause by years."""

log = logging.getLogger(__name__)


def _say(level: int, message: str) -> None:
    log.log(level, "%s", message)


class Refresher:
    """Keeps the lists fresh. One task runs :meth:`run`; every other method returns at once."""

    def __init__(
        self,
        sources: Iterable[Source],
        shelf: Shelf,
        fetcher: Fetcher,
        *,
        compile_lists: Callable[[Sequence[ReadyList]], Awaitable[Compiled]],
        on_generation: Callable[[Path], object],
        standing: Mapping[str, Any] | None = None,
        every: float = EVERY,
        grace: float = GRACE,
        clock: Callable[[], float] = time.time,
        pause: Callable[[asyncio.Event, float], Awaitable[object]] = pause,
        dice: Callable[[], float] = random.random,
        say: Callable[[int, str], object] = _say,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> None:
        """
        Args:
            sources: the configured lists, in order; no two with the same address.
            shelf: where the copies are.
            fetcher: downloads; never raises for what a source does.
            compile_lists: makes a generation of these texts, in this order; never raises, see :class:`Compiled`.
            on_generation: told the directory of each new generation.
            standing: the manifest of the generation that serves now; None when there is none.
            every: seconds between two downloads of a list that does not say how long it holds.
            grace: seconds after which a round compiles what it has.
            clock: seconds since the epoch.
            pause: waits for the event, but not longer than the seconds given.
            dice: a number from 0 to 1.
            say: told (logging level, line) of everything worth a line in the log.
            on_progress: told when compiling begins and ends.
        """
        self._shelf = shelf
        self._fetcher = fetcher
        self._every = every
        self._grace = grace
        self._clock = clock
        self._pause = pause
        self._dice = dice
        self._say = say
        self._wake = asyncio.Event()
        self.resting = False
        """Everything that was asked for is done, as well as it could be; the next is due later."""
        self._entries: list[Entry] = []
        self._settings_changed = False
        self._asked = False
        self._on_its_way: set[str] = set()
        """Keys of what is being fetched."""
        self._again: set[str] = set()
        """Keys of those among them that were asked for meanwhile."""
        self._awaited: set[str] = set()
        """Keys of those that somebody waits for: when they have come, the slow ones are not waited for."""
        self._compile_now = False
        """They have come."""
        self._trusted: set[str] = set()
        """Keys of those whose next text is used however little it holds."""
        self._confirmed: dict[str, str] = {}
        """Key of a list, and SHA-256 of the text that was put aside and is to be used."""
        self._network_changed = float("-inf")
        """When it last did."""
        self._generations = Generations(
            shelf,
            compile_lists,
            on_generation,
            standing=standing,
            longest_pause=every,
            clock=clock,
            dice=dice,
            say=say,
            on_progress=on_progress,
        )
        self.replace_sources(sources)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            if self._settings_changed:
                self._settings_changed = False
                await self._look_around()
                await self._compile()
            await self._take_confirmed()
            due = self._due(self._clock())
            if due:
                await self._round(due)
                await asyncio.to_thread(self._tidy)
            elif self._generations.again_at <= self._clock():
                await self._compile()
            seconds = self._next_wake() - self._clock()
            self.resting = not self._wake.is_set()
            await self._pause(self._wake, min(max(seconds, 0.0), _LONGEST_PAUSE))
            self.resting = False
            self._wake.clear()

    @property
    def compile_error(self) -> str:
        """Why the last compilation failed; empty when it did not."""
        return self._generations.error

    def request_now(self, keys: Collection[str] | None = None, *, trust: bool = False) -> None:
        """Download lists now, whenever they would be due (SIGHUP, or a button).

        Args:
            keys: of which lists; None: of all.
            trust: use what comes, and what was put aside, however many rules a list has lost.
        """
        chosen = [entry for entry in self._entries if keys is None or entry.source.key in keys]
        if trust:
            self._trusted |= {entry.source.key for entry in chosen}
            for entry in chosen:
                self.confirm(entry.source.key)
        self.resting = False
        if keys is None:
            self._asked = True
        else:
            self.await_lists(keys)
        for entry in chosen if keys is not None else ():
            if entry.source.key in self._on_its_way:
                self._again.add(entry.source.key)  # that may be from before the change that somebody waits for
            elif entry.next_try is not None:
                entry.next_try = self._clock()
        self._wake.set()

    def await_lists(self, keys: Collection[str]) -> None:
        """Somebody waits for these lists: make a generation as soon as they have come, however slow the others are."""
        self._awaited = set(keys)

    def done_with(self, keys: Collection[str] | None) -> bool:
        """Whether nothing is left to do for these lists and they serve as they are, whatever the others do.

        Lists that are not among the settings serve no longer, either.

        Args:
            keys: which lists; None: all.
        """
        if self.resting or keys is None or self._settings_changed or self._asked:
            return self.resting
        chosen = [entry for entry in self._entries if entry.source.key in keys]
        at_work = {*self._on_its_way, *self._again, *self._confirmed}
        now = self._clock()
        if any(one.source.key in at_work or (one.next_try is not None and one.next_try <= now) for one in chosen):
            return False
        return self._generations.serves(chosen, self._entries)

    def confirm(self, key: str) -> bool:
        """Use the text of a list that was put aside since it has lost many rules. False when there is none."""
        held = next((one.held for one in self._entries if one.source.key == key and one.held is not None), None)
        if held is None:
            return False
        self._confirmed[key] = held.note.sha256
        self.resting = False
        self._wake.set()
        return True

    def network_changed(self) -> None:
        """Try those lists again now that failed on the way to their server: the way may be there now."""
        now = self._network_changed = self._clock()
        again = now + NETWORK_JITTER * self._dice()
        for entry in self._entries:
            if entry.network and entry.failures and entry.source.key not in self._on_its_way:
                entry.failures, entry.next_try = 1, again
                self._wake.set()

    def replace_sources(self, sources: Iterable[Source]) -> None:
        """Use these lists from now on. What is known of those that stay is kept; new ones are fetched at once."""
        known = {(entry.source.key, entry.source.kind): entry for entry in self._entries}
        entries = []
        for source in sources:
            entry = known.get((source.key, source.kind)) or Entry(source)
            entry.source = source
            self._generations.report(entry)
            entries.append(entry)
        self._entries = entries
        self._settings_changed, self.resting = True, False
        self._wake.set()

    def statuses(self) -> list[ListStatus]:
        """Every configured list, in the order of the settings."""
        return [entry.status() for entry in self._entries]

    async def _look_around(self) -> None:
        """What this machine has already: embedded lists, the operator's files, copies on the shelf."""
        fresh = [entry for entry in self._entries if entry.last_try is None and entry.copy is None]
        await asyncio.to_thread(self._take_copies, fresh)
        files = [entry for entry in self._entries if entry.source.location is Location.FILE]
        if files:
            await self._fetch(files)

    def _take_copies(self, entries: Iterable[Entry]) -> None:
        now = self._clock()
        for entry in entries:
            try:
                if entry.source.location is Location.EMBEDDED:
                    entry.copy = local.embedded_copy(entry.source)
                    entry.last_success = entry.last_try = now
                    entry.next_try = None
                    continue
                entry.copy = self._shelf.find(entry.source.key)
                wanted = entry.source.sha256
                if entry.copy is not None and wanted not in {"", entry.copy.note.sha256}:
                    entry.copy = None  # another text is asked for by its checksum
                if entry.copy is not None and entry.source.location is Location.WEB:
                    entry.held = self._shelf.find_held(entry.source.key)
            except (Failure, OSError) as problem:
                entry.error = f"{entry.identity[0]}: {reason(problem)}"
                self._say(logging.WARNING, entry.error)
                continue
            seen = [copy.note.fetched_at for copy in (entry.copy, entry.held) if copy is not None]
            if entry.copy is not None and 0 < max(seen) <= now:
                entry.last_success = max(seen)
                entry.next_try = entry.last_success + self._holds(entry)

    def _due(self, now: float) -> list[Entry]:
        """Whom to fetch now, of those that are not on their way."""
        asked, self._asked = self._asked, False
        if asked:
            self._again |= self._on_its_way  # that may be from before the change that somebody waits for
        waiting = [
            (entry.next_try, entry)
            for entry in self._entries
            if entry.next_try is not None and entry.source.key not in self._on_its_way
        ]
        if asked:
            return [entry for _, entry in waiting]
        if all(when > now for when, _ in waiting):
            return []
        # Who is due soon comes along: each round costs a compilation.
        return [
            entry
            for when, entry in waiting
            if when <= now or (not entry.failures and when <= now + _JITTER * self._holds(entry))
        ]

    async def _round(self, due: Sequence[Entry]) -> None:
        """Fetch, then compile; a slow server holds up nobody's lists but its own.

        Who becomes due meanwhile is fetched as well. When all are asked for, those on their way are fetched once more.
        """
        grace = self._grace
        async with asyncio.TaskGroup() as group:
            fetching = {group.create_task(self._fetch(due))}
            woken = group.create_task(self._wake.wait())
            await asyncio.sleep(0)  # now they are on their way
            while fetching:
                # New settings wait for the end of the round, and what they bring with them.
                due_in = float("inf") if self._settings_changed else self._next_due() - self._clock()
                patience = min(grace, max(0.0, due_in))
                done, _ = await asyncio.wait({*fetching, woken}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                fetching -= done
                if woken in done:
                    self._wake.clear()
                    woken = group.create_task(self._wake.wait())
                    await self._take_confirmed()
                    if self._compile_now:
                        await self._compile()
                elif fetching:
                    grace = grace if done or patience < grace else 2 * grace
                    await self._compile()
                go_on = (fetching or self._asked) and not self._settings_changed
                if go_on and (more := self._due(self._clock())):
                    fetching.add(group.create_task(self._fetch(more)))
                    await asyncio.sleep(0)
            woken.cancel()
        if self._settings_changed:
            self._wake.set()  # the schedule has yet to look at it
        await self._take_confirmed()
        await self._compile()

    async def _take_confirmed(self) -> None:
        """Put the texts in their place that somebody confirmed; those on their way wait for what comes."""
        for entry in self._entries:
            key = entry.source.key
            wanted = self._confirmed.get(key)
            if wanted is None or key in self._on_its_way:
                continue
            await self._promote(entry, wanted)
            if self._confirmed.get(key) == wanted:
                del self._confirmed[key]

    async def _promote(self, entry: Entry, wanted: str) -> None:
        name = entry.identity[0]
        if entry.held is None:
            return
        if entry.held.note.sha256 != wanted:
            self._say(logging.WARNING, f"{name}: a newer text has come since it was confirmed, and is held back too")
            return
        try:
            entry.copy = await asyncio.to_thread(self._shelf.promote, entry.source.key)
        except OSError as problem:
            self._say(logging.ERROR, f"{name}: the confirmed text can't be used: {reason(problem)}")
            return
        entry.held = None
        self._generations.again_at = self._clock()
        self._say(logging.INFO, f"{name}: confirmed, the new text is used")

    async def _fetch(self, entries: Sequence[Entry]) -> None:
        # One for all, so that lists with the same life stay in one round.
        stretch = 1 - _JITTER / 2 + _JITTER * self._dice()
        by_key = {entry.source.key: entry for entry in entries}
        for entry in entries:
            entry.began = self._clock()
        self._on_its_way |= by_key.keys()
        try:
            await self._fetcher.fetch_all(
                [entry.source for entry in entries],
                lambda outcome: self._note(by_key[outcome.source.key], outcome, stretch),
            )
        finally:
            self._on_its_way -= by_key.keys()

    def _holds(self, entry: Entry) -> float:
        """Seconds from one download of the list to the next: as the user wishes for it, or as it says, or as for all."""
        wished = entry.copy.note.expires if entry.copy is not None else 0
        # Notes are files, and may be damaged.
        own = wished if SHORTEST_LIFE <= wished <= LONGEST_LIFE else self._every
        entry.holds = entry.source.refresh_every or own
        return entry.holds

    def _note(self, entry: Entry, outcome: FetchOutcome, stretch: float) -> None:
        self._judge(entry, outcome, stretch)
        self._on_its_way.discard(entry.source.key)
        if entry.source.key in self._again:
            self._again.discard(entry.source.key)
            entry.next_try = entry.last_try
        elif entry.source.key in self._awaited and not self._awaited & self._on_its_way:
            self._awaited.clear()
            self._compile_now = True
            self._wake.set()

    def _judge(self, entry: Entry, outcome: FetchOutcome, stretch: float) -> None:
        now = entry.last_try = self._clock()
        name = entry.identity[0]
        if not outcome.error:
            if entry.failures:
                self._say(logging.INFO, f"{name}: reached again")
            entry.copy, entry.error, entry.failures, entry.network = outcome.copy, "", 0, False
            self._note_held(entry, outcome.held)
            entry.last_success, entry.next_try = now, now + self._holds(entry) * stretch
            return
        entry.copy = outcome.copy or entry.copy
        wait = back_off(entry.failures, self._every, self._dice())
        if outcome.network and entry.began <= self._network_changed:
            wait = NETWORK_JITTER * self._dice()  # it set out before there was a way
        entry.failures += 1
        entry.network = outcome.network
        entry.next_try = now + wait
        # The same words every half hour would bury the rest of the log.
        level = logging.WARNING if outcome.error != entry.error else logging.DEBUG
        entry.error = outcome.error
        serves = "the copy on disk serves on" if entry.copy is not None else "there is no copy to use"
        self._say(level, f"{outcome.error}; {serves}, next try in {wait:.0f} s")

    def _note_held(self, entry: Entry, held: Copy | None) -> None:
        """What was put aside of a list that came; None when it is as it should be."""
        key, name = entry.source.key, entry.identity[0]
        trusted = key in self._trusted
        self._trusted.discard(key)
        before, entry.held = entry.held, held
        if held is None:
            if before is not None:
                self._say(logging.INFO, f"{name}: it is no longer held back")
        elif trusted:
            self._confirmed[key] = held.note.sha256
        elif before is None or before.note.sha256 != held.note.sha256:
            self._say(logging.WARNING, f"{name}: {entry.why_held}")

    async def _compile(self) -> None:
        self._compile_now = False
        if not await self._generations.make(self._entries, self._on_its_way):
            self._wake.set()

    def _tidy(self) -> None:
        gone = self._shelf.tidy([entry.source.key for entry in self._entries])
        if gone:
            self._say(logging.INFO, f"removed copies of lists that are no longer in use: {', '.join(gone)}")

    def _next_wake(self) -> float:
        return min(self._next_due(), self._generations.again_at)

    def _next_due(self) -> float:
        """When the first of those is due that are not on their way."""
        times = (one.next_try for one in self._entries if one.source.key not in self._on_its_way)
        return min((when for when in times if when is not None), default=float("inf"))
