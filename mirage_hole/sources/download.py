"""Fetches lists: several at once, each within bounds of time and size, straight to the disk.

A fetch never raises: its outcome says what happened, and a list that failed keeps its last good copy.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

import aiohttp

from mirage_hole import __version__
from mirage_hole.sources import failures, local, web
from mirage_hole.sources.content import MAX_BYTES, BadContent, Inspector, mebibytes
from mirage_hole.sources.failures import Failure
from mirage_hole.sources.guard import SHRINK_GUARD, suspicious
from mirage_hole.sources.masking import masked
from mirage_hole.sources.progress import Progress, Stage
from mirage_hole.sources.shelf import Note
from mirage_hole.sources.slots import Slots
from mirage_hole.sources.source import Location

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from aiohttp.abc import AbstractResolver

    from mirage_hole.sources.shelf import Copy, Draft, Shelf
    from mirage_hole.sources.slots import Slot
    from mirage_hole.sources.source import Source

log = logging.getLogger(__name__)

USER_AGENT: Final = f"mirage-hole/{__version__}"

_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch. Times in seconds."""

    parallel: int = 8
    """Downloads that receive something."""
    most: int = 64
    """Those included whose servers are silent."""
    per_host: int = 4
    """Connections to the same server."""
    silence: float = 3.0
    """Without a single octet, after which a download makes room for another; it goes on beside it."""
    connect: float = 10.0
    """To connect, TLS included."""
    stall: float = 30.0
    """Without a single octet, after which it is given up."""
    total: float = 600.0
    """For everything, further tries included."""
    max_bytes: int = MAX_BYTES
    """Octets of text, unpacked."""
    max_redirects: int = 5
    attempts: int = 3
    first_wait: float = 1.0
    """Before the second try; doubled before each further one."""


class Result(Enum):
    """How a fetch ended."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    HELD = "held"
    """It came, and has lost too many rules to be used unseen; the older copy is to be used."""
    KEPT_OLD = "kept_old"
    """It failed, and an older copy is there."""
    FAILED = "failed"
    """It failed, and there is nothing to use."""


_STAGES: Final = {
    Result.UPDATED: Stage.UPDATED,
    Result.UNCHANGED: Stage.UNCHANGED,
    Result.HELD: Stage.HELD,
    Result.KEPT_OLD: Stage.FAILED,
    Result.FAILED: Stage.FAILED,
}


class FetchOutcome(NamedTuple):
    """What became of one source."""

    source: Source
    result: Result
    copy: Copy | None
    """The text to use; None when there is none."""
    error: str = ""
    """One sentence: what went wrong and what to do; empty when nothing did."""
    seconds: float = 0.0
    held: Copy | None = None
    """What was put aside, when the result is ``HELD``."""
    network: bool = False
    """It failed on the way to the server, so a change of the network may help."""


class _Had(NamedTuple):
    """What is on the shelf before a fetch."""

    copy: Copy | None
    held: Copy | None


class Downloader:
    """Fetches sources onto a shelf."""

    def __init__(
        self,
        shelf: Shelf,
        *,
        limits: Limits | None = None,
        shrink_guard: float = SHRINK_GUARD,
        on_progress: Callable[[Progress], object] | None = None,
        resolver: AbstractResolver | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        dice: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            shelf: where the copies are.
            limits: bounds; the defaults if None.
            shrink_guard: share of its rules that a list on the web may lose between two downloads; 0: all of them.
            on_progress: told how far each download is, many times a second.
            resolver: finds the servers' addresses; the system's if None. The product gives one that asks its own upstreams:
                a list server that a list blocks would never be reached again otherwise.
            sleep: waits between two tries.
            dice: a number from 0 to 1, for the jitter of these waits.
            clock: seconds since the epoch.
        """
        self._shelf = shelf
        self._limits = limits or Limits()
        self._shrink_guard = shrink_guard
        self._on_progress = on_progress
        self._resolver = resolver
        self._sleep = sleep
        self._dice = dice
        self._clock = clock

    async def fetch_all(
        self, sources: Sequence[Source], on_outcome: Callable[[FetchOutcome], object] | None = None
    ) -> list[FetchOutcome]:
        """Fetch every source, some of them at a time as :class:`Limits` says. Never raises for what a source does.

        Args:
            sources: no two with the same key.
            on_outcome: told each outcome when it is there; the returned list has them all, in the order of the sources.
        """
        limits = self._limits
        slots = Slots(limits.parallel, limits.most, limits.silence)
        timeout = aiohttp.ClientTimeout(total=limits.total, sock_connect=limits.connect, sock_read=limits.stall)
        connector = aiohttp.TCPConnector(limit=limits.most, limit_per_host=limits.per_host, resolver=self._resolver)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,  # unpacking has bounds here, which aiohttp knows nothing of
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT, "Accept": "text/plain, */*;q=0.5", "Accept-Encoding": "gzip, deflate"},
        ) as session:

            async def one(source: Source) -> FetchOutcome:
                outcome: FetchOutcome | None = None
                try:
                    async with slots.one() as slot:
                        self._tell(Stage.STARTED, source)
                        outcome = await self._fetch(source, session, slot)
                finally:
                    self._tell_end(source, outcome)
                if on_outcome is not None:
                    on_outcome(outcome)
                return outcome

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(source)) for source in sources]
        return [task.result() for task in tasks]

    async def _fetch(self, source: Source, session: aiohttp.ClientSession, slot: Slot) -> FetchOutcome:
        began = time.monotonic()
        had = _Had(None, None)
        error, network = "", False
        try:
            if source.location is Location.EMBEDDED:
                embedded = await asyncio.to_thread(local.embedded_copy, source)
                return FetchOutcome(source, Result.UNCHANGED, embedded, seconds=time.monotonic() - began)
            had = await asyncio.to_thread(self._had, source)
            async with asyncio.timeout(self._limits.total):
                result, copy = await self._with_retries(source, had, session, slot)
            seconds = time.monotonic() - began
            if result is Result.HELD:
                return FetchOutcome(source, result, had.copy, seconds=seconds, held=copy)
            return FetchOutcome(source, result, copy, seconds=seconds)
        except Failure as failure:
            error, network = str(failure), failure.network
        except TimeoutError:
            error, network = f"not done after {self._limits.total:g} s; it is tried again", True
        except Exception as bug:  # whatever one list does, the others must arrive
            log.warning("%s: unexpected %s", source.shown, type(bug).__name__, exc_info=True)
            error = f"unexpected {type(bug).__name__}: {bug}; please report this"
        result = Result.KEPT_OLD if had.copy is not None else Result.FAILED
        seconds = time.monotonic() - began
        return FetchOutcome(source, result, had.copy, f"{source.shown}: {error}", seconds, network=network)

    async def _with_retries(
        self, source: Source, had: _Had, session: aiohttp.ClientSession, slot: Slot
    ) -> tuple[Result, Copy]:
        attempt = 0
        while True:
            try:
                if source.location is Location.FILE:
                    return await asyncio.to_thread(self._read_file, source, had)
                return await self._download(source, had, session, slot)
            except Failure as failure:
                attempt += 1
                if not failure.passing or failure.slow or attempt >= self._limits.attempts:
                    raise
                wait = self._limits.first_wait * 2 ** (attempt - 1) * (0.5 + self._dice())
                await self._sleep(max(wait, failure.wait))

    async def _download(
        self, source: Source, had: _Had, session: aiohttp.ClientSession, slot: Slot
    ) -> tuple[Result, Copy]:
        # What was put aside is the newer of the two.
        known = had.held or had.copy
        headers = web.conditions(known.note) if known is not None else {}
        try:
            async with await web.get(session, source.address, headers, self._limits.max_redirects) as response:
                slot.heard()
                validators = web.validators(response)
                if response.status == 304 and known is not None and headers:
                    return await asyncio.to_thread(self._unchanged, known, had, *validators)
                if response.status != 200:
                    raise failures.from_status(response.status, response.headers.get("Retry-After", ""))
                return await self._receive(source, had, response, validators, slot)
        except (aiohttp.ClientError, ConnectionError, aiohttp.ServerTimeoutError) as problem:
            limits = self._limits
            raise web.from_network(problem, connect=limits.connect, stall=limits.stall) from problem
        except BadContent as problem:
            sentence = f"the answer {problem}"
            raise Failure(sentence, passing=problem.passing) from problem

    async def _receive(
        self,
        source: Source,
        had: _Had,
        response: aiohttp.ClientResponse,
        validators: tuple[str, str],
        slot: Slot,
    ) -> tuple[Result, Copy]:
        limit = self._limits.max_bytes
        if (response.content_length or 0) > limit:
            message = f"is larger than {mebibytes(limit)}, which is no list in public use; use a smaller list"
            raise BadContent(message)
        coding, kind = response.headers.get("Content-Encoding", ""), response.headers.get("Content-Type", "")
        inspector = Inspector(coding, kind, limit)
        received = 0
        # Not in a thread: a draft begun there could outlive a cancelled download.
        with self._draft(source) as draft:
            async for chunk in response.content.iter_chunked(_CHUNK):
                slot.heard()
                received += len(chunk)
                self._tell(Stage.RECEIVING, source, received, response.content_length)
                self._write(draft, inspector.feed(chunk))
            self._write(draft, inspector.finish())
            note = Note(masked(source.address), source.title, *validators, fetched_at=self._clock())
            return await asyncio.to_thread(self._finish, source, had, draft, note)

    def _read_file(self, source: Source, had: _Had) -> tuple[Result, Copy]:
        """The operator's own file, through the same checks; copied, so that the compiler reads what was checked."""
        inspector = Inspector(max_bytes=self._limits.max_bytes)
        try:
            with self._draft(source) as draft:
                for chunk in local.file_chunks(source.address, source.folders):
                    self._write(draft, inspector.feed(chunk))
                self._write(draft, inspector.finish())
                note = Note(source.address, source.title, fetched_at=self._clock())
                return self._finish(source, had, draft, note)
        except BadContent as problem:
            sentence = f"the file {problem}"
            raise Failure(sentence) from problem

    def _finish(self, source: Source, had: _Had, draft: Draft, note: Note) -> tuple[Result, Copy]:
        """The whole text is there: the last judgement, and onto the shelf."""
        if source.sha256 and draft.sha256 != source.sha256:
            sentence = (
                f"its SHA-256 is {draft.sha256}, and the settings ask for another; write this one if the text is right"
            )
            raise Failure(sentence)
        for known in had:
            if known is not None and known.note.sha256 == draft.sha256:
                return self._unchanged(known, had, note.etag, note.last_modified)
        with self._disk():
            draft.flush()
        judgement = local.judge(draft.path, source)
        note = note._replace(expires=judgement.expires, rules=judgement.rules, size=draft.size)
        # A file on this machine and a text that was asked for by its checksum are the operator's own word.
        guarded = source.location is Location.WEB and not source.sha256
        with self._disk():
            if guarded and had.copy is not None and suspicious(had.copy.note, note, self._shrink_guard):
                return Result.HELD, draft.hold(note)
            copy = draft.keep(note)
        self._shelf.drop_held(source.key)
        return Result.UPDATED, copy

    def _unchanged(self, known: Copy, had: _Had, etag: str, last_modified: str) -> tuple[Result, Copy]:
        """The source is as we know it: as the copy, or as what was put aside."""
        known = self._confirm(known, etag, last_modified)
        if had.held is None or had.copy is None:
            return Result.UNCHANGED, known
        if known.key == had.copy.key:
            self._shelf.drop_held(known.key)  # it is as it was before
            return Result.UNCHANGED, known
        if suspicious(had.copy.note, known.note, self._shrink_guard):
            return Result.HELD, known
        with self._disk():  # the settings are more lenient now
            return Result.UPDATED, self._shelf.promote(had.copy.key)

    def _confirm(self, old: Copy, etag: str, last_modified: str) -> Copy:
        try:
            return self._shelf.confirm(old, etag, last_modified)
        except OSError as problem:
            # The text is what counts, and it is there; only the note of having looked is lost.
            log.warning("%s", failures.from_disk(problem, self._shelf.directory))
            return old

    def _had(self, source: Source) -> _Had:
        try:
            copy = self._shelf.find(source.key)
        except OSError as problem:
            log.warning("%s: %s", source.shown, failures.reason(problem))
            return _Had(None, None)
        if copy is None or (source.sha256 and copy.note.sha256 != source.sha256):
            return _Had(None, None)
        return _Had(copy, self._shelf.find_held(source.key) if source.location is Location.WEB else None)

    def _tell(self, stage: Stage, source: Source, received: int = 0, total: int | None = None, error: str = "") -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(stage, source.key, source.title, received, total, error))

    def _tell_end(self, source: Source, outcome: FetchOutcome | None) -> None:
        if outcome is None:
            self._tell(Stage.FAILED, source, error="it was stopped")
        else:
            size = outcome.copy.note.size if outcome.copy is not None else 0
            self._tell(_STAGES[outcome.result], source, size, size, outcome.error)

    def _draft(self, source: Source) -> Draft:
        with self._disk():
            return self._shelf.draft(source.key)

    def _write(self, draft: Draft, pieces: Iterator[bytes]) -> None:
        with self._disk():
            for piece in pieces:
                draft.write(piece)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Tell what goes wrong on the disk from what goes wrong on the network: both are OSError."""
        try:
            yield
        except OSError as problem:
            raise failures.from_disk(problem, self._shelf.directory) from problem
