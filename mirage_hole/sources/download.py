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
from mirage_hole.sources.masking import masked
from mirage_hole.sources.shelf import Note
from mirage_hole.sources.source import Location

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from aiohttp.abc import AbstractResolver

    from mirage_hole.sources.shelf import Copy, Draft, Shelf
    from mirage_hole.sources.source import Source

log = logging.getLogger(__name__)

USER_AGENT: Final = f"mirage-hole/{__version__}"

_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch. Times in seconds."""

    parallel: int = 8
    connect: float = 10.0
    """To connect, TLS included."""
    stall: float = 30.0
    """Without a single octet."""
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
    KEPT_OLD = "kept_old"
    """It failed, and an older copy is there."""
    FAILED = "failed"
    """It failed, and there is nothing to use."""


class FetchOutcome(NamedTuple):
    """What became of one source."""

    source: Source
    result: Result
    copy: Copy | None
    """The text to use; None when there is none."""
    error: str = ""
    """One sentence: what went wrong and what to do; empty when nothing did."""
    seconds: float = 0.0


class Downloader:
    """Fetches sources onto a shelf."""

    def __init__(
        self,
        shelf: Shelf,
        *,
        limits: Limits | None = None,
        resolver: AbstractResolver | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        dice: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            shelf: where the copies are.
            limits: bounds; the defaults if None.
            resolver: finds the servers' addresses; the system's if None. The product gives one that asks its own upstreams:
                a list server that a list blocks would never be reached again otherwise.
            sleep: waits between two tries.
            dice: a number from 0 to 1, for the jitter of these waits.
            clock: seconds since the epoch.
        """
        self._shelf = shelf
        self._limits = limits or Limits()
        self._resolver = resolver
        self._sleep = sleep
        self._dice = dice
        self._clock = clock

    async def fetch_all(
        self, sources: Sequence[Source], on_outcome: Callable[[FetchOutcome], object] | None = None
    ) -> list[FetchOutcome]:
        """Fetch every source, at most ``limits.parallel`` at a time. Never raises for what a source does.

        Args:
            sources: no two with the same key.
            on_outcome: told each outcome when it is there; the returned list has them all, in the order of the sources.
        """
        limits = self._limits
        gate = asyncio.Semaphore(limits.parallel)
        timeout = aiohttp.ClientTimeout(total=limits.total, sock_connect=limits.connect, sock_read=limits.stall)
        connector = aiohttp.TCPConnector(limit=limits.parallel, resolver=self._resolver)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,  # unpacking has bounds here, which aiohttp knows nothing of
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT, "Accept": "text/plain, */*;q=0.5", "Accept-Encoding": "gzip, deflate"},
        ) as session:

            async def one(source: Source) -> FetchOutcome:
                async with gate:
                    outcome = await self._fetch(source, session)
                if on_outcome is not None:
                    on_outcome(outcome)
                return outcome

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(source)) for source in sources]
        return [task.result() for task in tasks]

    async def _fetch(self, source: Source, session: aiohttp.ClientSession) -> FetchOutcome:
        began = time.monotonic()
        old: Copy | None = None
        error = ""
        try:
            if source.location is Location.EMBEDDED:
                embedded = await asyncio.to_thread(local.embedded_copy, source)
                return FetchOutcome(source, Result.UNCHANGED, embedded, seconds=time.monotonic() - began)
            old = await asyncio.to_thread(self._old_copy, source)
            async with asyncio.timeout(self._limits.total):
                result, copy = await self._with_retries(source, old, session)
            return FetchOutcome(source, result, copy, seconds=time.monotonic() - began)
        except Failure as failure:
            error = str(failure)
        except TimeoutError:
            error = f"not done after {self._limits.total:g} s; it is tried again"
        except Exception as bug:  # whatever one list does, the others must arrive
            log.warning("%s: unexpected %s", source.shown, type(bug).__name__, exc_info=True)
            error = f"unexpected {type(bug).__name__}: {bug}; please report this"
        result = Result.KEPT_OLD if old is not None else Result.FAILED
        return FetchOutcome(source, result, old, f"{source.shown}: {error}", time.monotonic() - began)

    async def _with_retries(
        self, source: Source, old: Copy | None, session: aiohttp.ClientSession
    ) -> tuple[Result, Copy]:
        attempt = 0
        while True:
            try:
                if source.location is Location.FILE:
                    return await asyncio.to_thread(self._read_file, source, old)
                return await self._download(source, old, session)
            except Failure as failure:
                attempt += 1
                if not failure.passing or attempt >= self._limits.attempts:
                    raise
                wait = self._limits.first_wait * 2 ** (attempt - 1) * (0.5 + self._dice())
                await self._sleep(max(wait, failure.wait))

    async def _download(self, source: Source, old: Copy | None, session: aiohttp.ClientSession) -> tuple[Result, Copy]:
        headers = web.conditions(old.note) if old is not None else {}
        try:
            async with await web.get(session, source.address, headers, self._limits.max_redirects) as response:
                validators = web.validators(response)
                if response.status == 304 and old is not None and headers:
                    return Result.UNCHANGED, await asyncio.to_thread(self._confirm, old, *validators)
                if response.status != 200:
                    raise failures.from_status(response.status, response.headers.get("Retry-After", ""))
                return await self._receive(source, old, response, validators)
        except (aiohttp.ClientError, ConnectionError, aiohttp.ServerTimeoutError) as problem:
            limits = self._limits
            raise web.from_network(problem, connect=limits.connect, stall=limits.stall) from problem
        except BadContent as problem:
            sentence = f"the answer {problem}"
            raise Failure(sentence, passing=problem.passing) from problem

    async def _receive(
        self, source: Source, old: Copy | None, response: aiohttp.ClientResponse, validators: tuple[str, str]
    ) -> tuple[Result, Copy]:
        limit = self._limits.max_bytes
        if (response.content_length or 0) > limit:
            message = f"is larger than {mebibytes(limit)}, which is no list in public use; use a smaller list"
            raise BadContent(message)
        coding, kind = response.headers.get("Content-Encoding", ""), response.headers.get("Content-Type", "")
        inspector = Inspector(coding, kind, limit)
        # Not in a thread: a draft begun there could outlive a cancelled download.
        with self._draft(source) as draft:
            async for chunk in response.content.iter_chunked(_CHUNK):
                self._write(draft, inspector.feed(chunk))
            self._write(draft, inspector.finish())
            note = Note(masked(source.address), source.title, *validators, fetched_at=self._clock())
            return await asyncio.to_thread(self._finish, source, old, draft, note)

    def _read_file(self, source: Source, old: Copy | None) -> tuple[Result, Copy]:
        """The operator's own file, through the same checks; copied, so that the compiler reads what was checked."""
        inspector = Inspector(max_bytes=self._limits.max_bytes)
        try:
            with self._draft(source) as draft:
                for chunk in local.file_chunks(source.address):
                    self._write(draft, inspector.feed(chunk))
                self._write(draft, inspector.finish())
                note = Note(source.address, source.title, fetched_at=self._clock())
                return self._finish(source, old, draft, note)
        except BadContent as problem:
            sentence = f"the file {problem}"
            raise Failure(sentence) from problem

    def _finish(self, source: Source, old: Copy | None, draft: Draft, note: Note) -> tuple[Result, Copy]:
        """The whole text is there: the last judgement, and onto the shelf."""
        if old is not None and old.note.sha256 == draft.sha256:
            return Result.UNCHANGED, self._confirm(old, note.etag, note.last_modified)
        with self._disk():
            draft.flush()
        expires = local.check_rules(draft.path, source)
        with self._disk():
            return Result.UPDATED, draft.keep(note._replace(expires=expires))

    def _confirm(self, old: Copy, etag: str, last_modified: str) -> Copy:
        try:
            return self._shelf.confirm(old, etag, last_modified)
        except OSError as problem:
            # The text is what counts, and it is there; only the note of having looked is lost.
            log.warning("%s", failures.from_disk(problem, self._shelf.directory))
            return old

    def _old_copy(self, source: Source) -> Copy | None:
        try:
            return self._shelf.find(source.key)
        except OSError as problem:
            log.warning("the copy of %s can't be read: %s", source.shown, problem)
            return None

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
