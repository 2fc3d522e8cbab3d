"""Looks after what needs attention, tells the targets of the settings, and remembers devices. DNS never waits for any of it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mirage_hole import __version__
from mirage_hole.config.notify_tables import masked_table
from mirage_hole.observe.attention import ListSeen, Seen, Watch, new_device, new_rules
from mirage_hole.observe.devices import Device, Devices
from mirage_hole.observe.notices import Board
from mirage_hole.observe.outbox import Outbox
from mirage_hole.runtime.built_in_rules import fingerprint
from mirage_hole.runtime.names_of_clients import ClientNames
from mirage_hole.runtime.threads import to_the_end
from mirage_hole.store.database import StoreProblem
from mirage_hole.store.notices import NOTHING, Kept, NoticeFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mirage_hole.config.settled import NotifySettings, Settled
    from mirage_hole.observe.notices import Condition, News, Notice
    from mirage_hole.observe.workers import UpstreamView
    from mirage_hole.runtime.delivery import Courier
    from mirage_hole.sources.status import ListStatus

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 5.0
"""Seconds between two looks."""
KEEP_EVERY: Final = 60.0
"""Seconds between two times of keeping what is new: memory cards wear out."""
SEEN_EVERY: Final = 1800.0
"""Seconds between two times of keeping when devices were seen last."""
SETTLE: Final = 15.0
"""Seconds after the start in which nothing counts as over: a part that has not begun yet has no trouble."""
MOST_SEEN: Final = 20_000
"""Addresses that are held between two looks."""
MOST_STOPPED: Final = 8


@dataclass(slots=True, kw_only=True)
class Sources:
    """Where the service looks. What a server does not have says that nothing is wrong."""

    lists: Callable[[], Sequence[ListStatus]] = tuple
    upstreams: Callable[[], Sequence[UpstreamView]] = tuple
    count: Callable[[str], int] = lambda _name: 0
    """A counter or gauge of the workers, summed: :meth:`mirage_hole.observe.workers.Workers.total`."""
    storage: Callable[[], str] = str
    compile_error: Callable[[], str] = str
    names: Callable[[], Mapping[bytes, str]] = dict
    """Names of addresses, of leases and hosts files."""
    certificate_ends: Callable[[], float | None] = lambda: None
    """Seconds since the epoch."""
    certificate_trouble: Callable[[], str] = str
    """What is wrong with its files; empty for nothing."""
    rows_dropped: Callable[[], int] = lambda: 0
    """Rows that the query log has lost."""
    remembers_clients: Callable[[], bool] = lambda: True
    """False: clients are not to be kept."""


class Target:
    """One of the settings, with what waits for it."""

    def __init__(self, settings: NotifySettings, outbox: Outbox) -> None:
        self.settings = settings
        self.outbox = outbox
        self.news = asyncio.Event()
        self.error = ""
        """Why the last delivery failed; empty when it did not."""
        self.delivered_at: float | None = None
        """Seconds since the epoch."""


class NotificationService:
    """:meth:`run` is its task; every other method returns at once, but :meth:`test`."""

    def __init__(
        self,
        settled: Settled,
        sources: Sources | None = None,
        *,
        courier: Callable[[Settled, str], Courier] | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            sources: where to look; may be changed until :meth:`run`.
            courier: makes what delivers; tests have their own.
            clock: seconds since the epoch.
            steady: seconds that only go forward.
        """
        self.sources = sources or Sources()
        self._settled = settled
        self._make_courier = courier or _courier
        self._clock = clock
        self._steady = steady
        self._file = NoticeFile(settled.state_directory)
        self._watch = Watch()
        self._board = Board()
        self._devices = Devices(clock())
        self._names = ClientNames(settled.clients)
        self._targets: dict[str, Target] = {}
        self._changed = asyncio.Event()
        self._waiting: set[bytes] = set()
        self._stopped: dict[int, list[str]] = {}
        self._worker_ends = 0
        self._kept_changes = 0
        self._kept_at = steady()
        self._facts: dict[str, str] = {}
        self._save_trouble = ""
        self._loaded = False
        self._began = steady()
        self._retarget()

    # -- what is told to it --

    def on_clients(self, clients: Iterable[bytes]) -> None:
        """These have asked; called often, so it only notes them."""
        if len(self._waiting) < MOST_SEEN:
            self._waiting.update(clients)

    def on_counters(self, number: int, message: Mapping[str, object]) -> None:
        """A worker has reported; it says which clients it stops."""
        stopped = message.get("stopped")
        self._stopped[number] = [str(one)[:64] for one in stopped[:MOST_STOPPED]] if isinstance(stopped, list) else []

    def on_worker_ended(self) -> None:
        """One is gone that should not be."""
        self._worker_ends += 1

    def change(self, settled: Settled) -> None:
        """Take new settings."""
        self._settled = settled
        self._names = ClientNames(settled.clients)
        self._retarget()
        self._changed.set()

    # -- the task --

    async def run(self) -> None:
        """Work until cancelled."""
        if not self._loaded:
            await self._load()
            self._loaded = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_on())
                group.create_task(self._keep_on())
                group.create_task(self._tell_on())
        finally:
            await self.keep(at_once=True)

    def look(self) -> None:
        """See what is the case now; what is new is told."""
        now, steady = self._clock(), self._steady()
        sources = self.sources
        stopped = list(dict.fromkeys(one for names in self._stopped.values() for one in names))
        ends = sources.certificate_ends()
        seen = Seen(
            [
                ListSeen(
                    one.key, one.title or one.source, one.state, one.error, one.held, one.last_try, one.last_change
                )
                for one in sources.lists()
            ],
            sources.upstreams(),
            stopped[:MOST_STOPPED],
            sources.count("clients_stopped"),
            sources.count("flood_dropped"),
            sources.storage(),
            sources.compile_error(),
            self._worker_ends,
            None if ends is None else ends - now,
            sources.certificate_trouble(),
            sources.count("records_dropped") + sources.rows_dropped(),
        )
        conditions = self._watch.look(seen, steady)
        if steady - self._began < SETTLE:
            conditions = [*(one.condition for one in self._board.open() if not one.passing), *conditions]
        news = self._board.look(conditions, now)
        news += [
            one for event in (*self._watch.updated, *self._new_devices(now)) for one in self._board.tell(event, now)
        ]
        self._put(news)

    def _new_devices(self, now: float) -> list[Condition]:
        waiting, self._waiting = self._waiting, set()
        if not self.sources.remembers_clients():
            self._devices.clear()
            return []
        fresh = self._devices.see(waiting, now, self.name_of)
        return [new_device(one.address, self._called(one)) for one in fresh]

    async def _look_on(self) -> None:
        self._began = self._steady()
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def _keep_on(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY)
            await self.keep()

    async def _tell_on(self) -> None:
        """One task a target; new settings bring new ones."""
        while True:
            self._changed.clear()
            if not self._targets:
                await self._changed.wait()
                continue
            # Loading the HTTP client takes a while, in which records should be read.
            courier = await asyncio.to_thread(self._make_courier, self._settled, self._called_server())
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._serve(one, courier)) for one in self._targets.values()]
                    await self._changed.wait()
                    for task in tasks:
                        task.cancel()
            finally:
                await courier.close()

    async def _serve(self, target: Target, courier: Courier) -> None:
        outbox = target.outbox
        while True:
            target.news.clear()
            news = outbox.due(self._steady())
            if news:
                await self._deliver(target, courier, news)
                continue
            at = outbox.next_at(self._steady())
            with suppress(TimeoutError):
                async with asyncio.timeout(None if at is None else max(0.05, at - self._steady())):
                    await target.news.wait()

    async def _deliver(self, target: Target, courier: Courier, news: list[News]) -> None:
        from mirage_hole.observe.notice_texts import message
        from mirage_hole.sources.failures import Failure

        name = target.settings.name
        try:
            await courier.deliver(target.settings, message(news, self._called_server(), self._link(target.settings)))
        except asyncio.CancelledError:
            target.outbox.failed(self._steady())
            raise
        except Failure as failure:
            self._note_failure(target, str(failure))
        except Exception as problem:  # what is wrong with one target must not keep the others from being told
            log.exception("telling %s broke", name)
            self._note_failure(target, f"it broke: {type(problem).__name__}")
        else:
            target.outbox.sent(self._steady())
            target.delivered_at = self._clock()
            if target.error:
                log.info("%s is told again", name)
            target.error = ""

    def _note_failure(self, target: Target, sentence: str) -> None:
        pause = target.outbox.failed(self._steady())
        if sentence != target.error:
            log.warning("%s can't be told: %s; again in %g s", target.settings.name, sentence, pause)
        target.error = sentence

    def _put(self, news: Sequence[News]) -> None:
        for one in news:
            log.debug(
                "notice %d: %s%s", one.notice.number, "over: " if one.recovered else "", one.notice.condition.title
            )
        now = self._steady()
        for target in self._targets.values():
            wanted = [one for one in news if one.notice.condition.kind in target.settings.events]
            for one in wanted:
                if not one.notice.dismissed or not one.recovered:
                    target.outbox.put(one, now)
            if wanted:
                target.news.set()

    def _retarget(self) -> None:
        """Targets of the settings; what waits for one of a name stays."""
        before, self._targets = self._targets, {}
        for one in self._settled.notify:
            known = before.get(one.name)
            outbox = known.outbox if known is not None else self._outbox(one.every)
            outbox.every = one.every
            self._targets[one.name] = Target(one, outbox)

    def _outbox(self, every: float) -> Outbox:
        outbox = Outbox(every)
        for notice in (*reversed(self._board.closed()), *self._board.open()):
            outbox.remember(notice, self._steady() - max(0.0, self._clock() - notice.since))
        return outbox

    # -- what is kept --

    async def _load(self) -> None:
        kept, rules = await asyncio.to_thread(self._read)
        now = began = self._clock()
        with suppress(ValueError):
            began = float(kept.facts.get("began", now))
        self._facts = {"began": str(min(began, now)), "rules": rules}
        self._devices = Devices(min(began, now), kept.devices)
        self._board = Board(kept.open, kept.closed)
        self._kept_changes = -1
        if rules and kept.facts.get("rules", rules) != rules:
            news = self._board.tell(new_rules(__version__), now)
        else:
            news = []
        for target in self._targets.values():
            target.outbox = self._outbox(target.settings.every)
        self._put(news)

    def _read(self) -> tuple[Kept, str]:
        rules = fingerprint()
        try:
            kept = self._file.load()
        except (StoreProblem, sqlite3.Error, OSError) as problem:
            log.error("the devices and notices of before can't be read: %s", problem)
            return NOTHING, rules
        if kept.lost:
            log.error("%s", kept.lost)
        return kept, rules

    async def keep(self, *, at_once: bool = False) -> None:
        """Write what has changed. When devices were seen again that are known may wait."""
        changes = self._board.changes
        notices = [*self._board.open(), *self._board.closed()] if changes != self._kept_changes else None
        late = self._steady() - self._kept_at >= SEEN_EVERY
        if not self._loaded or not (at_once or late or notices is not None or self._devices.has_news):
            return
        self._kept_at = self._steady()
        written, gone = self._devices.take_changes()
        if not (written or gone or notices is not None):
            return
        try:
            await to_the_end(None, self._file.save, written, gone, notices, dict(self._facts))
        except (StoreProblem, sqlite3.Error, OSError) as problem:
            self._devices.give_back(written, gone)
            if not self._save_trouble:
                log.error("devices and notices can't be kept: %s", problem)
            self._save_trouble = str(problem)
        else:
            self._kept_changes, self._save_trouble = changes, ""

    # -- what others ask --

    def notices(self) -> tuple[list[Notice], list[Notice]]:
        """The open ones and the closed ones, newest first."""
        return self._board.open(), self._board.closed()

    def dismiss(self, number: int, who: str) -> Notice | None:
        """See :meth:`mirage_hole.observe.notices.Board.dismiss`."""
        return self._board.dismiss(number, who, self._clock())

    def targets(self) -> list[tuple[dict[str, object], Target]]:
        """Every target: its settings with secrets masked, and how it does."""
        return [(masked_table(one.settings), one) for one in self._targets.values()]

    async def test(self, name: str) -> tuple[bool, str] | None:
        """Send a test; whether it arrived, and what the server said. None: there is no such target."""
        from mirage_hole.observe.notice_texts import trial
        from mirage_hole.sources.failures import Failure

        target = self._targets.get(name)
        if target is None:
            return None
        courier = await asyncio.to_thread(self._make_courier, self._settled, self._called_server())
        try:
            message = trial(self._called_server(), self._link(target.settings))
            return True, await courier.deliver(target.settings, message)
        except Failure as failure:
            return False, str(failure)
        finally:
            await courier.close()

    def devices(self) -> list[tuple[Device, str]]:
        """Everybody who was ever seen, with the name; who was seen last is the first."""
        known = sorted(self._devices, key=lambda one: one.last_seen, reverse=True)
        return [(one, self._called(one)) for one in known]

    def name_of(self, address: bytes) -> str:
        """What an address (4 or 16 octets) is called; empty when nobody says."""
        return self._names.of(address, self.sources.names())

    def _called(self, device: Device) -> str:
        from ipaddress import ip_address

        return self.name_of(ip_address(device.address).packed)

    def _called_server(self) -> str:
        return self._settled.local.name or "mirage-hole"

    def _link(self, target: NotifySettings) -> str:
        from ipaddress import ip_address

        if target.link or self._settled.web is None:
            return target.link
        address = ip_address(self._settled.web.address.partition("%")[0])
        return "" if address.is_loopback or address.is_unspecified else f"http://{self._settled.web}"


def _courier(settled: Settled, server: str) -> Courier:
    from mirage_hole.runtime.delivery import Courier

    return Courier(settled, server)
