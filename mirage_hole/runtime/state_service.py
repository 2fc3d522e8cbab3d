"""Keeps the state in the control plane: opens it, and copies it soon after each change and at the end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from mirage_hole.runtime.threads import to_the_end
from mirage_hole.store.database import StoreProblem

if TYPE_CHECKING:
    from mirage_hole.runtime.state_changes import StateChanges
    from mirage_hole.store.state import StateStore

log = logging.getLogger(__name__)

RETRY_EVERY: Final = 10.0
"""Seconds between two tries to open a state that could not be."""
COPY_EVERY: Final = 2.0
"""Seconds between two looks whether something has changed: many changes at once are one copy."""


class StateService:
    """One task runs :meth:`run`."""

    def __init__(self, store: StateStore, copy_every: float = COPY_EVERY) -> None:
        self.store = store
        self.changes: StateChanges | None = None
        """Makes changes for the API, if there is one."""
        self._copy_every = copy_every
        self._told = ""

    async def run(self) -> None:
        """Copy what has changed, until cancelled, and then once more.

        Raises:
            OSError: the state can't be opened.
        """
        await to_the_end(None, self.store.open)
        tried = asyncio.get_running_loop().time()
        try:
            while True:
                await asyncio.sleep(self._copy_every)
                if self.store.trouble and (again := asyncio.get_running_loop().time()) - tried >= RETRY_EVERY:
                    tried = again
                    await to_the_end(None, self._retry)
                if self.changes is not None:
                    await self.changes.pay()
                if self.store.copy_due:
                    await to_the_end(None, self._copy)
        finally:
            await to_the_end(None, self._end)

    def _retry(self) -> None:
        try:
            self.store.retry()
        except (OSError, StoreProblem) as problem:
            log.error("the state can't be opened: %s; it is tried again", problem)

    def _copy(self) -> None:
        try:
            self.store.copy()
        except OSError as problem:
            why = problem.strerror or str(problem)
            if why != self._told:
                log.error("the state can't be copied: %s; it is tried again", why)
            self._told = why
        else:
            self._told = ""

    def _end(self) -> None:
        if self.store.copy_due:
            self._copy()
        self.store.close()
