"""How many downloads go on at a time. One whose server says nothing steps aside, so that the next can begin.

Nine servers that accept a connection and then keep silent would otherwise hold every place until their time is over, and all the
good lists would wait behind them.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Slot:
    """The place of one download."""

    def __init__(self, free: Callable[[], object], patience: float) -> None:
        self._free = free
        self._patience = patience
        self._holds = True
        self._timer = asyncio.get_running_loop().call_later(patience, self.leave)

    def heard(self) -> None:
        """Its server said something."""
        if self._holds:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(self._patience, self.leave)

    def leave(self) -> None:
        """Let another begin. The download itself goes on, if it still does."""
        self._timer.cancel()
        if self._holds:
            self._holds = False
            self._free()


class Slots:
    """The places of all downloads."""

    def __init__(self, parallel: int, most: int, patience: float) -> None:
        """
        Args:
            parallel: downloads that receive something.
            most: those that stepped aside included.
            patience: seconds of silence after which one steps aside.
        """
        self._lively = asyncio.Semaphore(parallel)
        self._all = asyncio.Semaphore(most)
        self._patience = patience

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Slot]:
        """Wait for a place, and hold it."""
        async with self._all:
            await self._lively.acquire()
            slot = Slot(self._lively.release, self._patience)
            try:
                yield slot
            finally:
                slot.leave()
