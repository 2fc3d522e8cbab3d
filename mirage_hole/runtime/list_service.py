"""The lists' part of the control plane: joins the schedule, the downloads and the compiler, and follows new settings."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mirage_hole.runtime.forwarding import endpoints
from mirage_hole.runtime.generation import next_number
from mirage_hole.runtime.list_comparison import Comparisons
from mirage_hole.sources.progress import Board

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from mirage_hole.config.settled import Settled
    from mirage_hole.runtime.compile_job import CompileResult
    from mirage_hole.runtime.effective_lists import Choices, Said
    from mirage_hole.runtime.list_choices import ListChoices
    from mirage_hole.runtime.serving import ServingPolicy
    from mirage_hole.sources.catalogue import Entry
    from mirage_hole.sources.progress import Progress
    from mirage_hole.sources.refresh import Refresher
    from mirage_hole.sources.status import ListStatus, ReadyList
    from mirage_hole.store.state import StateStore

log = logging.getLogger(__name__)

T = TypeVar("T")

REBUILD_EVERY: Final = 600.0
"""Seconds. A disk that breaks every generation must not keep the compiler busy."""


class ListService:
    """Keeps the lists fresh and compiled. :meth:`run` is its task; every other method returns at once."""

    def __init__(
        self,
        settled: Settled,
        policy: ServingPolicy,
        on_generation: Callable[[Path], object],
        clock: Callable[[], float] = time.monotonic,
        store: StateStore | None = None,
    ) -> None:
        """``store``: the state, if somebody has it open already."""
        self._store = store
        self._settled = settled
        self._policy = policy
        self._on_generation = on_generation
        self._clock = clock
        self._changed = asyncio.Event()
        self._refresher: Refresher | None = None
        self._making = True
        """The refresher that there may be is not the one to come."""
        self._choices: ListChoices | None = None
        self._chosen: Choices | None = None
        self._choosing = threading.Lock()
        """Threads read and change the choices: that of the schedule, and those of commands."""
        self._scheduled: set[str] | None = None
        """Keys of the lists that the schedule has; None: it has not begun."""
        self._download_all = False
        self._trust_all = False
        self.progress = Board()
        """How far downloads and compiler are."""
        self._comparisons = Comparisons()
        self._distrusted = False
        self._rebuilt_at = float("-inf")
        self._rebuild_later: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Work until cancelled; new settings bring a new schedule."""
        while True:
            self._making = True
            self._changed.clear()
            # Loading the downloader takes a third of a second, in which records should be read.
            refresher = await asyncio.to_thread(self._make)
            if self._chosen is not None:
                self._schedule(refresher, self._chosen)
            if self._download_all:
                refresher.request_now(trust=self._trust_all)
                self._download_all = self._trust_all = False
            self._refresher = refresher
            self._making = False
            async with asyncio.TaskGroup() as group:
                from mirage_hole.sources.network import NetworkWatch

                running = group.create_task(refresher.run())
                watching = group.create_task(NetworkWatch(refresher.network_changed).run())
                comparing = group.create_task(self._comparisons.run())
                await self._changed.wait()
                running.cancel()
                watching.cancel()
                comparing.cancel()

    def change(self, settled: Settled) -> None:
        """Use these settings from now on."""
        self._settled = settled
        self._changed.set()

    def refresh(self, keys: Collection[str] | None = None, *, trust: bool = False) -> None:
        """Download the lists with these keys now, or all. With ``trust``, one that has lost most of its rules is used all the same."""
        if self._refresher is not None and self.ready:
            self._refresher.request_now(keys, trust=trust)
            return
        # The new schedule does not know yet what it has to do; it does a little more than it was asked, but trusts nothing more.
        self._download_all = True
        self._trust_all = self._trust_all or (trust and keys is None)

    @property
    def ready(self) -> bool:
        """Whether the schedule is that of the newest settings."""
        return self._refresher is not None and not self._making and not self._changed.is_set()

    @property
    def resting(self) -> bool:
        """Whether everything is done that was asked for, as well as it could be."""
        return self.ready and self._refresher is not None and self._refresher.resting

    def done_with(self, keys: Collection[str] | None) -> bool:
        """Whether everything is done for the lists with these keys, or for all; see :meth:`Refresher.done_with`."""
        return self.ready and self._refresher is not None and self._refresher.done_with(keys)

    @property
    def compile_error(self) -> str:
        """Why the last compilation failed; empty when it did not."""
        return self._refresher.compile_error if self._refresher is not None else ""

    async def choose(
        self, action: Callable[[ListChoices, Settled, dict[str, Entry]], tuple[T, bool]]
    ) -> tuple[T, bool]:
        """Change which lists are used. ``action`` runs in a thread and says what it gives, and whether anything is new.

        Raises:
            RefusedList, OSError: what ``action`` raises; nothing has changed then.
        """
        from mirage_hole.runtime.effective_lists import choose
        from mirage_hole.sources.catalogue import load_catalogue

        def act() -> tuple[T, bool]:
            with self._choosing:
                choices, catalogue = self._loaded_choices(), load_catalogue()
                result = action(choices, self._settled, catalogue)
                self._choose(choose(self._settled, choices.said, catalogue))
                return result

        result, changed = await asyncio.to_thread(act)
        if changed and self._refresher is not None and self._chosen is not None and self.resting:
            # The schedule stays, and with it what it knows: a list that can't be reached is not tried again for this.
            self._schedule(self._refresher, self._chosen)
            self._refresher.replace_sources(self._chosen.used)
        elif changed:
            self._changed.set()
        return result, changed

    @property
    def chosen(self) -> Choices | None:
        """Every list, configured or added, also those that are switched off; None until the lists are first looked at."""
        return self._chosen

    @property
    def generation(self) -> Path | None:
        """Where the compiled lists are that serve; None when there are none yet."""
        return self._policy.directory

    async def changes(self, source: str, kind: str) -> dict[str, Any] | None:
        """What the last update of a list has added and removed; None: that is not known yet, ask again.

        Raises:
            CantCompare: its versions can't be compared.
        """
        return await self._comparisons.of(self._settled.state_directory, source, kind)

    def confirm(self, key: str) -> bool:
        """Use the newer text of a list that was held back; False when there is none."""
        return self._refresher is not None and self._refresher.confirm(key)

    def rebuild(self) -> None:
        """What is on disk can't be used: compile again, whether or not a list has changed; later when that was just done."""
        if self._rebuild_later is not None:
            return
        wait = self._rebuilt_at + REBUILD_EVERY - self._clock()
        if wait > 0:
            self._rebuild_later = asyncio.get_running_loop().call_later(wait, self._rebuild)
        else:
            self._rebuild()

    def _rebuild(self) -> None:
        self._rebuild_later = None
        self._rebuilt_at = self._clock()
        log.warning("the lists are compiled again")
        self._distrusted = True
        self._changed.set()

    def statuses(self) -> Sequence[ListStatus]:
        """Every configured list, in the order of the settings."""
        if self._refresher is None:
            return ()
        statuses = self._refresher.statuses()
        if not self.progress.busy:
            return statuses
        return [_with_progress(status, self.progress.of(status.key)) for status in statuses]

    def _make(self) -> Refresher:
        from mirage_hole.runtime.effective_lists import choose
        from mirage_hole.sources.catalogue import load_catalogue
        from mirage_hole.sources.download import Downloader
        from mirage_hole.sources.refresh import Refresher
        from mirage_hole.sources.resolve import UpstreamResolver
        from mirage_hole.sources.shelf import Shelf

        settled = self._settled
        with self._choosing:
            found = choose(settled, self._said(), load_catalogue())
            self._choose(found)
        shelf = Shelf(settled.state_directory / "lists")
        upstreams = [(end.address, end.port) for end in endpoints(settled.upstreams)]
        standing = None if self._distrusted else self._policy.manifest
        self._distrusted = False
        return Refresher(
            found.used,
            shelf,
            Downloader(
                shelf,
                shrink_guard=settled.shrink_guard,
                on_progress=self.progress.take,
                resolver=UpstreamResolver(upstreams),
            ),
            compile_lists=self._compile,
            on_generation=self._on_generation,
            standing=standing,
            every=settled.refresh_every,
            on_progress=self.progress.take,
        )

    def _schedule(self, refresher: Refresher, found: Choices) -> None:
        """Somebody waits for the lists that are new."""
        before, self._scheduled = self._scheduled, {source.key for source in found.used}
        if before is not None:
            refresher.await_lists(self._scheduled - before)

    def _choose(self, found: Choices) -> None:
        """Use these lists, and tell what was not told before."""
        before, self._chosen = self._chosen, found
        for problem in found.problems:
            if before is None or problem not in before.problems:
                log.error("this list is left out: %s", problem)
        for note in found.notes:
            if before is None or note not in before.notes:
                log.info("%s", note)

    def _said(self) -> Said:
        """What the user has said; as far as it is known when the disk does not tell."""
        from mirage_hole.runtime.effective_lists import Said

        try:
            return self._loaded_choices().said
        except OSError as problem:
            what = f"{problem.filename or self._settled.state_directory}: {problem.strerror or problem}"
            log.error("which lists were added or switched off can't be read: %s", what)
            return self._choices.said if self._choices is not None else Said({}, {})

    def _loaded_choices(self) -> ListChoices:
        if self._choices is None:
            from mirage_hole.runtime.list_choices import ListChoices

            self._choices = ListChoices(self._settled.state_directory, store=self._store)
        else:
            self._choices.catch_up()
        return self._choices

    async def _compile(self, ready: Sequence[ReadyList]) -> CompileResult:
        from mirage_hole.runtime.compilation import compile_generation
        from mirage_hole.runtime.compile_job import CompileJob, CompileResult, ListJob

        state = self._settled.state_directory
        lists = tuple(ListJob(one.path, one.title, one.shown, one.kind, one.format) for one in ready)
        try:
            job = CompileJob(state, next_number(state), lists)
        except OSError as problem:
            return CompileResult(ok=False, error=f"{problem.filename or state}: {problem.strerror}")
        log.debug("compiling %d lists", len(lists))
        result = await compile_generation(job)
        if result.ok:
            log.debug("compiled in %.1f s with %d KiB of memory", result.seconds, result.peak_kib)
        return result


def _with_progress(status: ListStatus, event: Progress | None) -> ListStatus:
    if event is None:
        return status
    return status._replace(doing=event.stage.value, received=event.received, total=event.total)
