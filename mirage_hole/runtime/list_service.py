"""The lists' part of the control plane: joins the schedule, the downloads and the compiler, and follows new settings."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from mirage_hole.runtime.generation import next_number
from mirage_hole.sources.progress import Board

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from mirage_hole.config.settled import ListSettings, Settled
    from mirage_hole.runtime.compile_job import CompileResult
    from mirage_hole.runtime.serving import ServingPolicy
    from mirage_hole.sources.progress import Progress
    from mirage_hole.sources.refresh import Refresher
    from mirage_hole.sources.source import Wish
    from mirage_hole.sources.status import ListStatus, ReadyList

log = logging.getLogger(__name__)

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
    ) -> None:
        self._settled = settled
        self._policy = policy
        self._on_generation = on_generation
        self._clock = clock
        self._changed = asyncio.Event()
        self._refresher: Refresher | None = None
        self._download_all = False
        self._trust_all = False
        self.progress = Board()
        """How far downloads and compiler are."""
        self._distrusted = False
        self._rebuilt_at = float("-inf")
        self._rebuild_later: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Work until cancelled; new settings bring a new schedule."""
        while True:
            self._changed.clear()
            # Loading the downloader takes a third of a second, in which records should be read.
            refresher = await asyncio.to_thread(self._make)
            if self._download_all:
                refresher.request_now(trust=self._trust_all)
                self._download_all = self._trust_all = False
            self._refresher = refresher
            async with asyncio.TaskGroup() as group:
                from mirage_hole.sources.network import NetworkWatch

                running = group.create_task(refresher.run())
                watching = group.create_task(NetworkWatch(refresher.network_changed).run())
                await self._changed.wait()
                running.cancel()
                watching.cancel()

    def change(self, settled: Settled) -> None:
        """Use these settings from now on."""
        self._settled = settled
        self._changed.set()

    def refresh(self, keys: Collection[str] | None = None, *, trust: bool = False) -> None:
        """Download the lists with these keys now, or all. With ``trust``, one that has lost most of its rules is used all the same."""
        if self._refresher is not None and not self._changed.is_set():
            self._refresher.request_now(keys, trust=trust)
            return
        # The new schedule does not know yet what it has to do; it does a little more than it was asked, but trusts nothing more.
        self._download_all = True
        self._trust_all = self._trust_all or (trust and keys is None)

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
        from mirage_hole.sources.catalogue import load_catalogue
        from mirage_hole.sources.download import Downloader
        from mirage_hole.sources.refresh import Refresher
        from mirage_hole.sources.resolve import UpstreamResolver
        from mirage_hole.sources.shelf import Shelf
        from mirage_hole.sources.source import resolve_sources

        settled = self._settled
        found = resolve_sources(
            settled.blocklists, settled.allowlists, load_catalogue(), wishes=wishes_of(settled.lists)
        )
        for problem in found.problems:
            log.error("this list is left out: %s", problem)
        for note in found.notes:
            log.info("%s", note)
        shelf = Shelf(settled.state_directory / "lists")
        upstreams = [(end.address, end.port) for end in settled.upstreams]
        standing = None if self._distrusted else self._policy.manifest
        self._distrusted = False
        return Refresher(
            found.sources,
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


def wishes_of(lists: Sequence[ListSettings]) -> list[Wish]:
    """The ``[[list]]`` tables, as the sources take them."""
    from mirage_hole.lists.rule import Action
    from mirage_hole.sources.source import Wish

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
