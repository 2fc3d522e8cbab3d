"""Keeps a worker's answers in a file while the worker does not run.

Written every quarter of an hour and at the end, read after the start, always in slices between queries; what waits for the
disk waits in a thread. A file that can't be used costs the answers in it and a line in the log, never a start.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import time
from dataclasses import fields
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from mirage_hole.cache.snapshot import MAX_BYTES, ORIGIN_SIZE, BadSnapshot, Encoder, check, decode
from mirage_hole.resolver.subnets import is_for_few
from mirage_hole.runtime.threads import to_the_end

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from mirage_hole.cache.answers import AnswerCache
    from mirage_hole.runtime.worker_settings import WorkerSettings

log = logging.getLogger("mirage_hole.cache")

SAVE_EVERY: Final = 900.0
"""Seconds."""
SAVE_WITHIN: Final = 2.0
"""Seconds that writing may take when the worker ends; what is not written by then is left out."""
FILE: Final = "answers"
SHAPING: Final = frozenset({
    "upstreams", "groups", "routes", "ecs", "dnssec", "trust_anchors", "unsigned",
    "rebinding", "rebinding_allow", "drop_ech", "block_types",
})  # fmt: skip
"""Settings of a worker on which its answers depend: with others, what was kept is of no use."""
JUMP: Final = 2.0
"""Seconds by which the clock may move against the monotonic one from one look to the next."""

_WRITTEN_AT_ONCE: Final = 256
"""Entries; about half a millisecond."""
_READ_AT_ONCE: Final = 32
"""Entries; about half a millisecond, as each is scanned."""
_BREATH: Final = 0.002
"""Seconds between two slices, for the queries that have come meanwhile."""
_TO_DISK: Final = 256 * 1024


class CacheKeeper:
    """The file of one worker's answers. :meth:`run` is its task."""

    def __init__(self, cache: AnswerCache, folder: Path, origin: bytes) -> None:
        """``folder`` is made when it is needed; ``origin``: see :func:`origin_of`."""
        self._cache = cache
        self._file = folder / FILE
        self._origin = origin
        self._told = ""
        self.restored = False
        """Whether what was kept has been read to its end, so that writing it anew loses nothing."""
        self._one_at_a_time = asyncio.Lock()

    async def run(self, every: float = SAVE_EVERY) -> None:
        """Read what was kept, then write every so often, until cancelled."""
        await self.restore()
        self.restored = True
        while True:
            await asyncio.sleep(every)
            await self.save()

    async def restore(self) -> int:
        """Take back what was kept; how many answers that were. Never raises."""
        async with self._one_at_a_time:
            wall, now = time.time(), time.monotonic()
            try:
                snapshot = await asyncio.to_thread(_read, self._file, self._origin, wall)
            except FileNotFoundError:
                return 0
            except (OSError, BadSnapshot) as problem:
                why = problem.strerror if isinstance(problem, OSError) else problem
                log.warning("%s can't be used, so the cache begins empty: %s", self._file, why or problem)
                return 0
            cache, taken = self._cache, 0
            entries = decode(snapshot, wall, cache.lifetimes.stale)
            while True:
                try:
                    some = list(islice(entries, _READ_AT_ONCE))
                except BadSnapshot as problem:
                    log.warning("%s: %s; what is behind it is lost", self._file, problem)
                    break
                if not some:
                    break
                for one in some:
                    if one is not None:
                        times = now - one.age, now + one.left
                        taken += cache.restore(one.key, one.reply, one.upstream, *times, now)
                await asyncio.sleep(_BREATH)
            log.debug("%d answers are known from before", taken)
            return taken

    async def save(self, within: float | None = None) -> int:
        """Write what is there; how many answers that were. Never raises.

        Args:
            within: seconds; what is not written by then is left out, and no turn is left to queries. None: all the time
                it takes.
        """
        async with self._one_at_a_time:
            try:
                return await self._save(within)
            except OSError as problem:
                why = f"{problem.filename or self._file}: {problem.strerror or problem}"
                if why != self._told:
                    log.warning("the cache can't be kept for the next start: %s", why)
                self._told = why
                return 0

    async def remove(self) -> None:
        """Keep nothing: what was flushed must not come back. Never raises."""
        async with self._one_at_a_time:
            try:
                await asyncio.to_thread(self._file.unlink, missing_ok=True)
            except OSError as problem:
                log.warning("%s can't be removed: %s", self._file, problem.strerror or problem)

    async def _save(self, within: float | None) -> int:
        cache = self._cache
        now = time.monotonic()
        encoder = Encoder(now, time.time(), self._origin)
        part = self._file.with_suffix(f".{os.getpid()}.part")
        # To the end: a thread that is left alone would write into the file of the next to save.
        handle = await to_the_end(partial(_discard, part), _begin, part)
        try:
            pending, size = [encoder.head()], 0
            keys = reversed(list(cache.answers))  # should not all of them fit, then the youngest
            while some := list(islice(keys, _WRITTEN_AT_ONCE)):
                # Numbers of subnets are this process's own.
                kept = ((key, cache.answers.get(key)) for key in some if not is_for_few(key))
                octets = encoder.entries((key, answer) for key, answer in kept if answer is not None)
                pending.append(octets)
                size += len(octets)
                if size >= _TO_DISK:
                    await to_the_end(None, handle.writelines, pending)
                    pending, size = [], 0
                if encoder.full or (within is not None and time.monotonic() - now > within):
                    break
                if within is None:
                    await asyncio.sleep(_BREATH)
            pending.append(encoder.end())
            await to_the_end(None, _finish, handle, pending, part, self._file)
        except BaseException:
            handle.close()
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        self._told = ""
        return encoder.count


class ClockWatch:
    """Notices when the clock of the machine is put forward, or the machine has slept: answers are older than they seem.

    The monotonic clock of Linux stands still while the machine sleeps, and a machine without a battery starts with the
    time at which it was switched off.
    """

    def __init__(self, wall: float, now: float) -> None:
        self._offset = wall - now

    def jumped(self, wall: float, now: float) -> float:
        """Seconds that have passed unnoticed since the last look; 0 when none have, or the clock was put back."""
        offset = wall - now
        jump, self._offset = offset - self._offset, offset
        return jump if jump > JUMP else 0.0


def origin_of(settings: WorkerSettings) -> bytes:
    """A fingerprint of those settings that shape what upstreams answer."""
    shaping = sorted((one.name, getattr(settings, one.name)) for one in fields(settings) if one.name in SHAPING)
    return hashlib.blake2b(repr(shaping).encode(), digest_size=ORIGIN_SIZE).digest()


def remove_others(directory: Path, workers: int) -> None:
    """Remove what workers kept that are not there any more: it tells what was looked up, and nobody reads it. Never raises.

    ``directory`` holds a folder a worker; ``workers``: how many there are.
    """
    with contextlib.suppress(OSError):
        for folder in directory.glob("worker-*"):
            number = folder.name.removeprefix("worker-")
            if number.isdigit() and int(number) >= workers:
                (folder / FILE).unlink(missing_ok=True)
                folder.rmdir()


def _read(file: Path, origin: bytes, wall: float) -> bytes:
    with file.open("rb") as handle:
        snapshot = handle.read(MAX_BYTES + 1)
    if len(snapshot) > MAX_BYTES:
        message = f"it is larger than {MAX_BYTES} octets"
        raise BadSnapshot(message)
    check(snapshot, origin, wall)
    return snapshot


def _begin(part: Path) -> BinaryIO:
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in part.parent.glob("*.part"):  # of a process that was killed while it wrote
        if old != part:
            old.unlink(missing_ok=True)
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")


def _discard(part: Path, handle: BinaryIO) -> None:
    handle.close()
    part.unlink(missing_ok=True)


def _finish(handle: BinaryIO, pending: list[bytes], part: Path, file: Path) -> None:
    with handle:
        handle.writelines(pending)
        handle.flush()
        os.fsync(handle.fileno())  # else a name may survive a power cut that its content does not
    part.replace(file)
