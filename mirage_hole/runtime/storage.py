"""Whether the disk under the state directory can take anything. Nothing of DNS waits for it; people should know all the same."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 10.0
"""Seconds. A look asks the file system for its numbers and writes nothing: memory cards wear out."""
LEAST_FREE: Final = 1 << 20
"""Octets below which a disk counts as full: no list would fit."""


class Storage:
    """Looks now and then; says once what is wrong and once that it is over."""

    def __init__(self, directory: Path, look: Callable[[Path], str] | None = None) -> None:
        self._directory = directory
        self._look = look or trouble
        self.trouble = ""
        """What is wrong, for people; empty when nothing is."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.note(await asyncio.to_thread(self._look, self._directory))
            await asyncio.sleep(LOOK_EVERY)

    def note(self, found: str) -> None:
        """What a look has found; empty: nothing."""
        # The numbers in it change with every look; what is wrong is told once.
        if found and not self.trouble:
            log.error("%s; DNS is answered as before, and nothing new is kept", found)
        elif self.trouble and not found:
            log.info("%s can be written again", self._directory)
        self.trouble = found


def trouble(directory: Path) -> str:
    """Why nothing can be kept in a directory; empty when something can."""
    try:
        numbers = os.statvfs(directory)
    except OSError as problem:
        return f"{directory}: {problem.strerror or os.strerror(problem.errno or errno.EIO)}"
    if numbers.f_flag & os.ST_RDONLY:
        return f"{directory}: the file system is mounted read-only"
    free = numbers.f_bavail * numbers.f_frsize
    if free < LEAST_FREE:
        return f"{directory}: the disk is full, {free // 1024} KiB are free"
    if numbers.f_files and not numbers.f_favail:
        return f"{directory}: the disk has no room for another file"
    if not os.access(directory, os.W_OK | os.X_OK):
        return f"{directory}: this account may not write there"
    return ""
