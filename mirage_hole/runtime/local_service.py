"""Local data in the control plane: joins the configuration's records, hosts files and leases, and tells the workers.

Files are looked at every few seconds. What comes out is one file in the state directory, which workers read when they start
and when they are told to.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import orjson

from mirage_hole.local.stored import encode
from mirage_hole.runtime.local_data import LOCAL, MAX_COMPILED
from mirage_hole.runtime.local_files import LocalFile
from mirage_hole.runtime.names_of_clients import names_of
from mirage_hole.runtime.own_addresses import own_views
from mirage_hole.runtime.state_files import read_at_most, replace_files
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.config.settled import Settled
    from mirage_hole.local.record import Record

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 2.0
"""Seconds between two looks at files."""
REST: Final = 0.5
"""Seconds that a file which has changed must stay as it is before it is read."""
ADDRESSES_EVERY: Final = 30.0
"""Seconds between two looks at the machine's addresses."""


class Told(Protocol):
    """Who is told: :class:`mirage_hole.runtime.workers.Workers`."""

    def use_local(self, path: Path) -> None:
        """Take local data from this file."""


class LocalService:
    """One task runs :meth:`run`; everything else may be called at any time."""

    def __init__(
        self,
        settled: Settled,
        workers: Told,
        *,
        clock: Callable[[], float] = time.time,
        views: Callable[[Settled], dict[str, list[bytes]]] = own_views,
    ) -> None:
        """``views`` finds the addresses of this machine."""
        self._settled = settled
        self._workers = workers
        self._clock = clock
        self._views = views
        self._path = settled.state_directory / LOCAL
        self._files: dict[tuple[str, str], LocalFile] = {}
        self._changed = asyncio.Event()
        self._compiled = b""
        self.names: dict[bytes, str] = {}
        """What addresses are called, by their octets."""
        self._trouble = ""
        self._own: dict[str, list[bytes]] = {}
        self._own_at = float("-inf")
        self._anew = True

    @property
    def is_busy(self) -> bool:
        """There is more to tell than the server's own name, so it should be told at once."""
        local = self._settled.local
        return bool(self._settled.records or local.hosts or local.leases)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._changed.clear()
            if await asyncio.to_thread(self._look, self._settled):
                self._workers.use_local(self._path)
            try:
                async with asyncio.timeout(self._pause()):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def change(self, settled: Settled) -> None:
        """Take new settings."""
        self._settled = settled
        self.refresh()

    def refresh(self) -> None:
        """Read everything again, now."""
        self._anew = True
        self._changed.set()

    def _pause(self) -> float:
        """Seconds until the next look."""
        files = self._files.values()
        if any(file.is_moving for file in files):
            return REST
        ends = [file.ends_at for file in files if file.ends_at is not None]
        regular = LOOK_EVERY if files else ADDRESSES_EVERY
        return max(min(regular, *(end - self._clock() for end in ends)), REST) if ends else regular

    # -- in a thread, one at a time --

    def _look(self, settled: Settled) -> bool:
        """Look at everything; whether the workers must be told."""
        now = self._clock()
        anew, self._anew = self._anew, False
        files = self._watched(settled)
        if anew:
            for file in files.values():
                file.forget()
        changed = [file.look(now) for file in files.values()]
        moved = self._look_at_addresses(settled, anew=anew)
        if not (anew or moved or self._trouble or any(changed)):
            return False
        self._files = files
        return self._compile(settled)

    def _watched(self, settled: Settled) -> dict[tuple[str, str], LocalFile]:
        """The files of these settings, those that were read before as they are."""
        from mirage_hole.local.hosts import parse_hosts  # here: the parsers take time to load
        from mirage_hole.local.leases import parse_leases

        local = settled.local
        shape = f"{local.ttl} {local.domain}"
        domain = from_text(local.domain) if local.domain else b""
        files: dict[tuple[str, str], LocalFile] = {}
        for path in local.hosts:
            key = f"hosts {shape}", path
            files[key] = self._files.get(key) or LocalFile(Path(path), lambda text, _now: parse_hosts(text, local.ttl))
        for path in local.leases:
            key = f"leases {shape}", path
            files[key] = self._files.get(key) or LocalFile(
                Path(path), partial(parse_leases, ttl=local.ttl, domain=domain)
            )
        self._files = files
        return files

    def _look_at_addresses(self, settled: Settled, *, anew: bool) -> bool:
        if not settled.local.name or (not anew and time.monotonic() - self._own_at < ADDRESSES_EVERY):
            return False
        self._own_at = time.monotonic()
        before, self._own = self._own, self._views(settled)
        return before != self._own

    def _compile(self, settled: Settled) -> bool:
        from mirage_hole.local.assembly import assemble

        local = settled.local
        domain = from_text(local.domain) if local.domain else b""
        name = from_text(local.name) if local.name else b""
        own = self._own if name else {}
        hosts = [
            record for (kind, _), file in self._files.items() if kind.startswith("hosts") for record in file.records
        ]
        leases = [one for (kind, _), file in self._files.items() if kind.startswith("leases") for one in file.records]
        self.names = names_of(chain(records_of(settled), leases, hosts))
        addresses = dict.fromkeys(one for octets in own.values() for one in octets)
        called = ("those of the configuration", "those of hosts files", "those of leases")
        assembled = assemble([records_of(settled), hosts, leases], domain, name, addresses, called)
        for complaint in assembled.complaints[:20]:
            log.warning("local data: %s", complaint)
        stored = encode(assembled.records, domain if local.serves_domain else b"", (name,) if name else (), own)
        data = orjson.dumps(stored)
        if not self._compiled:
            self._compiled = self._on_disk()
        if data == self._compiled:
            self._trouble = ""
            return False
        try:
            replace_files({self._path: data}, derived=self._path)
        except OSError as problem:
            trouble = f"local data can't be written, so the old stays: {problem.strerror or problem}"
            if trouble != self._trouble:
                log.error("%s", trouble)
            self._trouble = trouble
            return False
        self._compiled, self._trouble = data, ""
        if self.is_busy:
            log.info("local data: %d records, reverse ones included", len(assembled.records))
        return True

    def _on_disk(self) -> bytes:
        try:
            return read_at_most(self._path, MAX_COMPILED)
        except (OSError, ValueError):
            return b""


def records_of(settled: Settled) -> list[Record]:
    """The configuration's own records."""
    from mirage_hole.local.record import Record
    from mirage_hole.local.records import read_data, read_owner, read_type

    found = []
    for name, kind, value, ttl, networks in settled.records:
        rrtype = read_type(kind)
        owner, wildcard = read_owner(name, rrtype)
        lifetime = settled.local.ttl if ttl < 0 else ttl
        found.append(Record(owner, rrtype, read_data(rrtype, value), lifetime, networks, wildcard))
    return found
