"""Upstreams that are written as names: their addresses are looked up in the background, and the last known are kept on disk.

Nothing waits for it: a server starts with the addresses of last time, else with those written beside the names, else without
those upstreams until the first look-up has succeeded.
"""

from __future__ import annotations

import logging
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import orjson

from mirage_hole.config.settled import HostName
from mirage_hole.runtime.forwarding import with_addresses
from mirage_hole.runtime.state_files import read_at_most, replace_files

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from mirage_hole.config.settled import Settled

log = logging.getLogger(__name__)

FILE: Final = "upstream-names.json"
MAX_FILE: Final = 64 * 1024
EVERY: Final = 3600.0
"""Seconds between two look-ups."""
AGAIN: Final = (2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds before another try after a failure; the last holds for all further ones."""
A_FAMILY: Final = 2
"""Addresses of IPv4, and of IPv6, that are asked of one name."""


class UpstreamNames:
    """What is known of the names in the settings. :meth:`run` is the task that looks them up."""

    def __init__(
        self,
        settled: Settled,
        on_change: Callable[[], None] = lambda: None,
        look_up: Callable[[Settled, str], Any] | None = None,
    ) -> None:
        """
        Args:
            settled: the settings as they are written.
            on_change: called when an address has changed, in the event loop.
            look_up: awaited for the addresses of a name, raises OSError; None: asks ``settled.bootstrap``.
        """
        self.on_change = on_change
        self._written = settled
        self._file = settled.state_directory / FILE
        self._look_up = look_up or _look_up
        self._known = read_known(settled.state_directory) if names_in(settled) else {}
        self._news: asyncio.Event | None = None
        self._failures = 0
        self._told: dict[str, str] = {}

    @property
    def written(self) -> Settled:
        """The settings as they are written."""
        return self._written

    def addressed(self) -> Settled:
        """The settings with addresses in place of names, as far as they are known."""
        return with_addresses(self._written, self._known)

    def change(self, settled: Settled) -> None:
        """There are new settings. Their new names are looked up at once."""
        asked = names_in(settled), settled.bootstrap
        if asked != (names_in(self._written), self._written.bootstrap):
            self._failures = 0
            if self._news is not None:
                self._news.set()
        self._written = settled

    async def run(self) -> None:
        """Look up until cancelled."""
        import asyncio  # not before the workers run, which this module is imported for

        self._news = asyncio.Event()
        while True:
            self._news.clear()
            failed = await self._look_all_up() if names_in(self._written) else False
            self._failures = self._failures + 1 if failed else 0
            delay = AGAIN[min(self._failures, len(AGAIN)) - 1] if failed else EVERY
            try:
                async with asyncio.timeout(delay):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _look_all_up(self) -> bool:
        """One round; whether any name failed."""
        settled = self._written
        known, failed = dict(self._known), False
        for name in names_in(settled):
            try:
                found = usable(await self._look_up(settled, name))
                problem = "" if found else "it has no address that can be asked"
            except OSError as refusal:
                found, problem = (), str(refusal.strerror or refusal)
            failed = failed or bool(problem)
            self._tell(name, problem)
            # A pool's answers come in another order each time: as long as those that are asked are in it, they stay.
            if found and not (known.get(name) and set(known[name]) <= set(found)):
                known[name] = first_of(found)
        known = {name: known[name] for name in names_in(self._written) if name in known}
        if known != self._known:
            self._known = known
            await self._keep()
            self.on_change()
        return failed

    def _tell(self, name: str, problem: str) -> None:
        if problem and self._told.get(name) != problem:
            then = "its last known addresses are asked" if name in self._known else "it is tried again"
            log.warning("the upstream %s can't be looked up: %s; %s", name, problem, then)
        elif not problem and self._told.get(name):
            log.info("the upstream %s can be looked up again", name)
        self._told[name] = problem

    async def _keep(self) -> None:
        import asyncio

        data = orjson.dumps(self._known)
        try:
            await asyncio.to_thread(replace_files, {self._file: data}, derived=self._file)
        except OSError as problem:
            log.warning("the addresses of upstreams can't be kept for the next start: %s", problem.strerror or problem)


def names_in(settled: Settled) -> tuple[str, ...]:
    """The names of upstreams, each once."""
    several = [
        settled.upstreams,
        *(group.servers for group in settled.groups),
        *(route.servers for route in settled.routes),
    ]
    return tuple(dict.fromkeys(one.name for servers in several for one in servers if isinstance(one, HostName)))


def read_known(state_directory: Path) -> dict[str, tuple[str, ...]]:
    """The addresses of last time; none when the file is not there, or damaged."""
    try:
        read = orjson.loads(read_at_most(state_directory / FILE, MAX_FILE))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        log.warning("the last known addresses of upstreams can't be read: %s", problem)
        return {}
    if not isinstance(read, dict):
        return {}
    known = {name: first_of(usable(value)) for name, value in read.items() if isinstance(value, list)}
    return {name: addresses for name, addresses in known.items() if addresses}


def usable(addresses: Iterable[object]) -> tuple[str, ...]:
    """Those that are addresses of a single machine, in canonical form."""
    found: dict[str, None] = {}
    for text in addresses:
        try:
            address = ip_address(text) if isinstance(text, str) else None
        except ValueError:
            continue
        if address is not None and not (address.is_unspecified or address.is_multicast or address.is_link_local):
            found[str(address)] = None
    return tuple(found)


def first_of(addresses: Sequence[str]) -> tuple[str, ...]:
    """A few of each family, in an order that does not change with that of the answer."""
    by_number = sorted(addresses, key=lambda text: (":" in text, int(ip_address(text))))
    four = [text for text in by_number if ":" not in text]
    return (*four[:A_FAMILY], *by_number[len(four) :][:A_FAMILY])


async def _look_up(settled: Settled, name: str) -> list[str]:
    from mirage_hole.sources.resolve import UpstreamResolver

    resolver = UpstreamResolver([(end.address, end.port) for end in settled.bootstrap])
    found: list[Mapping[str, Any]] = list(await resolver.resolve(name, family=socket.AF_UNSPEC))
    return [str(one["host"]) for one in found]
