"""What a worker does for its cache besides answering from it: keep it, look after it, show and flush it, count."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mirage_hole.cache import failures
from mirage_hole.runtime.cache_commands import CacheCommands
from mirage_hole.runtime.cache_keeper import SAVE_WITHIN, CacheKeeper, ClockWatch, origin_of

if TYPE_CHECKING:
    from mirage_hole.cache.packets import PacketCache
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.runtime.worker_settings import WorkerSettings

log = logging.getLogger("mirage_hole.cache")

SWEPT_A_SECOND: Final = 4096
"""Answers that are looked at once a second, about half a millisecond."""
_LEAST: Final = 0.2
"""Seconds to save what is known, however long it took until all was answered."""


class CacheDuties:
    """For one worker."""

    def __init__(self, engine: Engine, packets: PacketCache, settings: WorkerSettings) -> None:
        self._engine = engine
        self._packets = packets
        self._keeps = settings.cache_keep
        self._clock = ClockWatch(time.time(), time.monotonic())
        self._keeper: CacheKeeper | None = None
        if settings.cache_directory:
            folder = Path(settings.cache_directory, f"worker-{settings.number}")
            self._keeper = CacheKeeper(engine.cache, folder, origin_of(settings))
        self._commands = CacheCommands(engine, packets.clear)

    async def keep(self) -> None:
        """A task: read what was kept, and write what is known every so often; or remove what was kept."""
        try:
            if self._keeper is not None and self._keeps:
                await self._keeper.run()
            elif self._keeper is not None:
                await self._keeper.remove()
        except Exception:  # whatever is wrong with what was kept, queries are answered
            log.exception("the cache is not kept for the next start")

    async def save(self, spent: float) -> None:
        """Write what is known, as the last thing. ``spent``: seconds of the supervisor's patience that are gone."""
        if self._keeper is not None and self._keeps and self._keeper.restored:
            await self._keeper.save(max(SAVE_WITHIN - spent / 3, _LEAST))

    def look(self, now: float) -> None:
        """Once a second: forget what is over for good, and notice that the machine has slept."""
        cache = self._engine.cache
        if jump := self._clock.jumped(time.time(), now):
            log.info("the clock was put forward by %.0f s, or the machine slept: answers are that much older", jump)
            cache.older(now, jump)
            self._packets.clear()
        cache.sweep(now, SWEPT_A_SECOND)

    async def answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Show entries or forget them, and say what goes back; None when the message makes no sense."""
        try:
            name, subtree = str(message["name"]), message["subtree"] is True
            if message["what"] == "show":
                said = await self._commands.show(name, int(message["limit"]), subtree=subtree)
            else:
                if self._keeper is not None:
                    await (
                        self._keeper.remove()
                    )  # waits for what is being read just now: that is to be forgotten as well
                said = await self._commands.flush(name, subtree=subtree)
                if self._keeper is not None:
                    await self._keeper.remove()  # what was written meanwhile must not come back
            return {"is": "cache", "ask": message["ask"], **said}
        except (KeyError, TypeError, ValueError) as problem:
            log.warning("ignored a message from the supervisor: %s", problem)
            return None

    def counters(self) -> dict[str, object]:
        """Numbers for the control plane."""
        cache, packets = self._engine.cache, self._packets
        return {
            "packet_cache_entries": len(packets),
            "cache_entries": len(cache),
            "cache_bytes": cache.cost + packets.cost + len(cache.failures) * failures.ENTRY_COST,
            "cache_failures": len(cache.failures),
            "cache_hits": cache.hits,
            "cache_stale_hits": cache.stale_hits,
            "cache_failure_hits": cache.known_failures,
            "cache_prefetched": cache.prefetched,
        }


def most_failures(settings: WorkerSettings) -> int:
    """How many are remembered: a sixteenth of the memory for answers is for questions that failed."""
    return min(failures.MOST, settings.cache_bytes // 16 // failures.ENTRY_COST)


def packet_bytes(settings: WorkerSettings) -> int:
    """How much of it is for packets."""
    return settings.cache_bytes // 2 - settings.cache_bytes // 16
