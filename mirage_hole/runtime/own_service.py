"""The user's own rules in the control plane: changes them, has the workers take them, and ends them at their time."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

from mirage_hole.runtime.generation import OWN_RULES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.runtime.own_rules import OwnRules
    from mirage_hole.store.state import StateStore

log = logging.getLogger(__name__)

SERVED_WITHIN: Final = 2.0
"""Seconds the workers get to take a changed rule before whoever asked is told that it is on its way."""
LOOK_EVERY: Final = 30.0
"""Seconds between two looks at the clock while a rule has a deadline: it may be put forward, and then the rule ends."""
AGAIN_AFTER: Final = 60.0
"""Seconds until the end of a rule is tried again that could not be written."""

T = TypeVar("T")


class Taken(NamedTuple):
    """How long a change took to count."""

    served: bool
    """Every worker answers by it."""
    seconds: float


class Told(Protocol):
    """Who is told of the rules: :class:`mirage_hole.runtime.workers.Workers`."""

    def use_own_rules(self, path: Path) -> int:
        """Take them from this file."""

    def own_rules_served(self, version: int) -> bool:
        """Whether they have."""


class OwnRuleService:
    """One task runs :meth:`run`; :meth:`change` may be called at any time."""

    def __init__(
        self, directory: Path, workers: Told, clock: Callable[[], float] = time.time, store: StateStore | None = None
    ) -> None:
        """``store``: the state, if somebody has it open already."""
        self._directory = directory
        self._store = store
        self._workers = workers
        self._clock = clock
        self._own: OwnRules | None = None
        self._told = ""
        """Why the end of a rule can't be written, as far as it was told."""
        self._one_at_a_time = asyncio.Lock()
        self._changed = asyncio.Event()
        self._served = asyncio.Event()

    async def run(self) -> None:
        """End rules at their time, until cancelled."""
        async with self._one_at_a_time:
            own = await self._rules()
            # What is compiled may be of an older version, or hold rules whose time is over.
            if (own.all() or own.path.exists()) and not own.problem:
                await asyncio.to_thread(own.compile)
                self._workers.use_own_rules(own.path)
        while True:
            self._changed.clear()
            end = own.next_end()
            wait = None if end is None else min(max(end - self._clock(), 0.0), LOOK_EVERY)
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                if end is not None and self._clock() >= end:
                    await self._expire()

    async def change(self, action: Callable[[OwnRules], T]) -> tuple[T, Taken]:
        """Change the rules and wait until the workers answer by them.

        Raises:
            RefusedRule, OSError: what ``action`` raises; nothing has changed then.
        """
        async with self._one_at_a_time:
            own = await self._rules()
            before = own.all()
            began = time.monotonic()
            result = await asyncio.to_thread(action, own)
            if own.all() == before:
                return result, Taken(True, time.monotonic() - began)
            return result, Taken(await self._serve(own), time.monotonic() - began)

    async def catch_up(self) -> Taken:
        """Take over what was changed in the state by others, such as an undo, and wait until the workers answer by it.

        Raises:
            OSError: the state can't be read, or what is compiled of it can't be written.
        """
        async with self._one_at_a_time:
            own = await self._rules()
            began = time.monotonic()
            await asyncio.to_thread(own.refresh)
            return Taken(await self._serve(own), time.monotonic() - began)

    async def read(self, look: Callable[[OwnRules], T]) -> T:
        """Look at the rules."""
        async with self._one_at_a_time:
            own = await self._rules()
            if await asyncio.to_thread(own.is_behind):
                await asyncio.to_thread(own.refresh)
                self._workers.use_own_rules(own.path)
                self._changed.set()
            return look(own)

    def on_served(self, error: str) -> None:
        """A worker has taken the rules, or can't."""
        if error:
            log.error("a worker can't use your own rules: %s", error)
        self._served.set()

    async def _rules(self) -> OwnRules:
        if self._own is None:
            from mirage_hole.runtime.own_rules import OwnRules  # here: the parsers take time to load

            self._own = await asyncio.to_thread(OwnRules, self._directory, self._clock, self._store)
            assert self._own.path == self._directory / OWN_RULES
        return self._own

    async def _serve(self, own: OwnRules) -> bool:
        version = self._workers.use_own_rules(own.path)
        self._changed.set()
        return await self._until_served(version)

    async def _until_served(self, version: int) -> bool:
        try:
            async with asyncio.timeout(SERVED_WITHIN):
                while not self._workers.own_rules_served(version):
                    self._served.clear()
                    await self._served.wait()
        except TimeoutError:
            return False
        return True

    async def _expire(self) -> None:
        try:
            gone, _ = await self.change(lambda own: own.expire())
        except OSError as problem:
            why = problem.strerror or str(problem)
            if why != self._told:
                log.error("your own rules can't be written: %s; those whose time is over count on until they can", why)
            self._told = why
            await asyncio.sleep(AGAIN_AFTER)
            return
        self._told = ""
        for one in gone:
            log.info("your rule %s has ended", one.text)
