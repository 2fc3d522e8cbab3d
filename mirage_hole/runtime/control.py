"""The control plane: listens to the workers, obeys signals, and runs the parts that DNS does not depend on."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mirage_hole import __version__
from mirage_hole.api.state import ApiState
from mirage_hole.api.v1.parts import Parts
from mirage_hole.observe.statistics import Statistics
from mirage_hole.policy.clients import Clients
from mirage_hole.runtime import announcement, logs
from mirage_hole.runtime.access_keeper import AccessKeeper
from mirage_hole.runtime.cache_keeper import remove_others
from mirage_hole.runtime.cache_service import CacheService
from mirage_hole.runtime.certificate_names import certificate_names
from mirage_hole.runtime.commands import Commands, CommandService
from mirage_hole.runtime.diagnosis import Diagnosis
from mirage_hole.runtime.early_web import NOTHING, Early
from mirage_hole.runtime.errors import StartupError
from mirage_hole.runtime.generation import remove_old_generations, usable_generation
from mirage_hole.runtime.influx import InfluxPush, measured, upstream_resolver
from mirage_hole.runtime.late import LateDocuments, LateLookups, LateProbing
from mirage_hole.runtime.list_commands import ListCommands
from mirage_hole.runtime.list_service import ListService
from mirage_hole.runtime.local_service import LocalService
from mirage_hole.runtime.log_levels import LogLevels
from mirage_hole.runtime.notifications import NotificationService, Sources
from mirage_hole.runtime.outage import Outage
from mirage_hole.runtime.own_addresses import lan_addresses
from mirage_hole.runtime.own_service import OwnRuleService
from mirage_hole.runtime.parts import keep_running, wait_at_most
from mirage_hole.runtime.plan import Part, changed, worker_settings
from mirage_hole.runtime.query_log import QueryLogService
from mirage_hole.runtime.queues import query_log_queue
from mirage_hole.runtime.rule_commands import RuleCommands
from mirage_hole.runtime.state_changes import StateChanges
from mirage_hole.runtime.state_service import StateService
from mirage_hole.runtime.statistics_service import StatisticsService
from mirage_hole.runtime.storage import Storage
from mirage_hole.runtime.upstream_names import UpstreamNames
from mirage_hole.runtime.web_service import WebService
from mirage_hole.store.state import StateStore

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from mirage_hole.config.read import Reading
    from mirage_hole.config.settled import Endpoint, Settled
    from mirage_hole.config.stored import Stored
    from mirage_hole.observe.workers import UpstreamView
    from mirage_hole.runtime.cookie_secrets import CookieSecrets
    from mirage_hole.runtime.listeners import Listeners
    from mirage_hole.runtime.notify import ServiceManager
    from mirage_hole.runtime.pause_service import PauseService
    from mirage_hole.runtime.serving import ServingPolicy
    from mirage_hole.runtime.workers import Workers

log = logging.getLogger(__name__)

TICK: Final = 1.0
"""Seconds between two looks at the workers."""
DNS_FIRST: Final = 3.0
"""Seconds the other parts wait for DNS."""
ANNOUNCE_WITHIN: Final = 5.0
"""Seconds the first message waits for the web part, and then for the first lists."""


class ControlPlane:
    """Everything beside DNS. :meth:`run` is the whole life of the supervisor after its start."""

    def __init__(
        self,
        settled: Settled,
        listeners: Listeners,
        workers: Workers,
        policy: ServingPolicy,
        *,
        handler: logs.LogHandler,
        manager: ServiceManager,
        web: tuple[Endpoint, socket.socket | None] | None = None,
        early: Early = NOTHING,
        commands: socket.socket | None = None,
        names: UpstreamNames | None = None,
        cookies: CookieSecrets | None = None,
        pause: PauseService | None = None,
        reload: Callable[[], Settled] | None = None,
        read: Callable[[Stored | None], Reading] | None = None,
    ) -> None:
        self._settled = settled
        self._names = names or UpstreamNames(settled)
        self._names.on_change = lambda: self._take(self._names.addressed())
        self._cookies = cookies
        self._listeners = listeners
        self._workers = workers
        self._policy = policy
        self._handler = handler
        self._manager = manager
        self._reload = reload
        self._stop = asyncio.Event()
        self._dns_up = asyncio.Event()
        self._compiled = asyncio.Event()
        self._announced = False
        self._level = settled.log_level
        self._on_terminal = os.isatty(0)
        self.statistics = Statistics()
        self.statistics.generations.find_line = policy.line_of
        self.state = StateService(StateStore(settled.state_directory))
        self.query_log = QueryLogService(
            settled.state_directory,
            settled.query_log,
            self.statistics.generations,
            lambda number: _upstream_at(self.statistics.workers.upstreams(), number),
        )
        self.kept = StatisticsService(settled.state_directory, self.statistics, settled.statistics)
        self.kept.hide(settled.query_log.privacy, settled.query_log.exclude)
        self.own_rules = OwnRuleService(settled.state_directory, workers, store=self.state.store)
        self.local = LocalService(settled, workers)
        self.lists = ListService(settled, policy, self._on_generation, store=self.state.store)
        self.storage = Storage(settled.state_directory)
        self._outage = Outage()
        self.notifications = NotificationService(settled, self._watched())
        self.statistics.on_clients = self.notifications.on_clients
        cache = CacheService(workers)
        state = ApiState(
            statistics=self.statistics,
            version=__version__,
            started_at=time.time(),
            listen=[str(end) for end in listeners.endpoints],
            lists=self.lists.statuses,
            generation=policy.generation,
            explain=policy.explain,
            attempt=policy.attempt,
            addresses=lambda: lan_addresses(self._settled),
            datagrams_lost=listeners.lost,
            degraded=self._degraded,
            cache=lambda name, limit, subtree: cache.show(name, limit, subtree=subtree),
            flush=lambda name, subtree: cache.flush(name, subtree=subtree),
            queues=lambda: [query_log_queue(self.query_log)],
            certificate_ends=lambda: self.web.certificate_ends,
        )
        self.log_levels = LogLevels(workers.log_module_at)
        self.parts = parts = Parts(state=state, notifications=self.notifications, logging=self.log_levels)
        if pause is not None:
            pause.store = self.state.store
            state.pause, parts.pause = pause.view, pause
        self.parts.statistics = self.kept
        self.parts.query_log = self.query_log
        self.influx = InfluxPush(
            settled.influx, lambda: measured(parts), lambda: upstream_resolver(self._names.addressed())
        )
        parts.diagnosis = Diagnosis(workers)
        parts.probe = LateProbing(self._names.addressed)
        parts.lookup = LateLookups(self._names.addressed, lambda: listeners.endpoints)
        # A socket of the service manager's need not be where the settings say, and reading those again does not move it.
        self.access = AccessKeeper(self.state.store, parts, settled)
        self.web = WebService(
            web[0] if web else None,
            parts,
            web[1] if web else None,
            access=self.access.door,
            requests_per_second=settled.requests_per_second,
            door=settled.door,
            directory=settled.state_directory,
            names=lambda: certificate_names(self._settled),
            early=early,
        )
        list_commands = ListCommands(self.lists, lambda: _described(state), self._lists_served)
        parts.lists, parts.rules = list_commands, RuleCommands(self.own_rules)
        if read is not None:
            self.state.changes = parts.changes = StateChanges(
                self.state.store,
                read,
                settings=self.apply,
                lists=lambda: self.lists.change(self._settled),
                rules=self.own_rules.catch_up,
            )
            parts.document = LateDocuments(self.state.changes, lambda: self._settled)
        carried_out = Commands(self.own_rules, list_commands, cache, self.statistics.workers.upstreams)
        self.commands = CommandService(settled.state_directory, carried_out, commands, self.parts)
        self._register_generation()

    async def run(self) -> int:
        """Run until a signal ends it; the exit code."""
        loop = asyncio.get_running_loop()
        self._workers.attach(loop, self)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_end_signal, number)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        loop.add_signal_handler(signal.SIGUSR1, self._on_level_signal, "DEBUG")
        loop.add_signal_handler(signal.SIGUSR2, self._on_level_signal, "WARNING")
        parts = {
            "supervision": self._supervise,
            "own rules": self._later(self.own_rules.run),
            "local data": self._run_local,
            "upstream names": self._later(self._names.run),
            "list": self._later(self.lists.run),
            "storage": self._later(self.storage.run),
            "notification": self._later(self.notifications.run),
            "statistics": self._later(self.kept.run),
            "influx": self._later(self.influx.run),
            "state": self._later(self.state.run),
            "web": self._later(self.web.run),
            "control": self._run_commands,
            "start": self._announce,
        }
        if self._cookies is not None:
            parts["cookies"] = self._cookies.run
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(keep_running(name, run)) for name, run in parts.items()]
            await self._stop.wait()
            self._manager.stopping("finishing the queries in work")
            for task in tasks:
                task.cancel()
            await self._workers.drain()
            await asyncio.to_thread(self.query_log.close)  # the last records come while the workers drain
            await self.kept.close()
        log.info("stopped")
        return 0

    # -- parts --

    async def _supervise(self) -> None:
        every = min(TICK, self._manager.watchdog_every or TICK)
        while True:
            self._workers.tick()
            self._handler.tell_held_back()
            self._manager.alive()
            await asyncio.sleep(every)

    async def _run_local(self) -> None:
        if not self.local.is_busy:
            await self._after_dns()
        await self.local.run()

    async def _run_commands(self) -> None:
        await self._after_dns()
        self.access.service()  # its routes are behind the control socket as well
        await self.commands.run()

    def _later(self, run: Callable[[], Awaitable[None]]) -> Callable[[], Coroutine[None, None, None]]:
        """``run``, but not before DNS is up."""

        async def later() -> None:
            await self._after_dns()
            await run()

        return later

    async def _after_dns(self) -> None:
        """Loading the web framework must not take the processor from a worker that is about to answer."""
        await wait_at_most(self._dns_up, DNS_FIRST)

    async def _announce(self) -> None:
        """Tell people where everything is, once it is there."""
        await self._dns_up.wait()
        await asyncio.to_thread(remove_others, self._settled.state_directory / "cache", self._settled.workers)
        await wait_at_most(self.web.tried, ANNOUNCE_WITHIN)
        if (self._settled.blocklists or self._settled.lists) and self._policy.generation() is None:
            await wait_at_most(self._compiled, ANNOUNCE_WITHIN)
        self._announced = True
        summary = announcement.summarise(
            self._listeners.endpoints,
            self.web.url,
            self._policy.generation(),
            self._policy.titles(),
            setup=await self.access.setup_token(),
            addresses=lan_addresses(self._settled),
        )
        announcement.tell(summary, self._settled.log_format)
        # What is loaded now stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()

    def _watched(self) -> Sources:
        """Where the notifications look."""
        return Sources(
            lists=self.lists.statuses,
            upstreams=self.statistics.workers.upstreams,
            count=self.statistics.workers.total,
            storage=lambda: self.storage.trouble,
            compile_error=lambda: self.lists.compile_error,
            names=lambda: self.local.names,
            certificate_ends=lambda: self.web.certificate_ends,
            certificate_trouble=lambda: self.web.certificate_trouble,
            rows_dropped=self._rows_dropped,
            remembers_clients=lambda: self.statistics.minutes_kept.clients,
        )

    def _rows_dropped(self) -> int:
        counts = self.query_log.counts()
        return counts.dropped_queue + counts.dropped_disk

    def _degraded(self) -> dict[str, str]:
        """What does not work as it should, as far as it is seen from here."""
        found: dict[str, str] = {}
        if self._policy.generation() is None:
            until = "nothing is forwarded" if self._settled.wait_for_lists else "nothing is blocked"
            found["lists"] = f"there are no compiled lists yet, so {until}"
        if self.lists.compile_error:
            found["compiler"] = f"the lists could not be compiled: {self.lists.compile_error}"
        if self.query_log.trouble:
            found["query_log"] = self.query_log.trouble
        if trouble := self.storage.trouble or self.state.store.trouble:
            found["storage"] = trouble
        if self.kept.trouble:
            found["statistics"] = self.kept.trouble
        return found

    def _status(self) -> str:
        return announcement.status(self._listeners.endpoints, self._policy.generation(), len(self._policy.titles()))

    # -- what the workers say --

    def on_frame(self, frame: bytes) -> None:
        """Count the queries."""
        frame = self.query_log.privacy.redact(frame)
        self.query_log.offer(frame, self.statistics.fold_frame(frame, time.time()))

    def on_counters(self, number: int, message: Mapping[str, Any]) -> None:
        """Keep the worker's own numbers."""
        self.statistics.workers.report(number, message, time.time())
        self._outage.note(self.statistics.workers.upstreams())
        self.notifications.on_counters(number, message)

    def on_started(self, number: int) -> None:
        """Note the new process."""
        self.statistics.workers.started(number)

    def on_gone(self, number: int) -> None:
        """Note the end of a process."""
        self.statistics.workers.gone(number)
        self.notifications.on_worker_ended()

    def on_ready(self, number: int) -> None:  # noqa: ARG002 - the protocol's signature
        """Tell the service manager once every socket is read: clients are spread over all of them."""
        self.log_levels.tell_again()
        if not self._dns_up.is_set() and self._workers.serving() == len(self._listeners.udp):
            self._dns_up.set()
            self._manager.ready(self._status())

    def on_own_rules(self, error: str) -> None:
        """Tell whoever waits for a rule to count."""
        self.own_rules.on_served(error)

    def on_bad_policy(self, error: str) -> None:
        """A worker could not use the newest generation: the one before it serves until there is another."""
        log.error("a worker can't use the compiled lists: %s", error)
        with contextlib.suppress(OSError):
            usable, _ = usable_generation(self._settled.state_directory)
            if usable is not None and usable != self._policy.directory:
                self._on_generation(usable)
        self.lists.rebuild()

    # -- a new generation --

    def _on_generation(self, directory: Path) -> None:
        if not self._policy.take(directory):
            return
        self._register_generation()
        self._workers.use_policy(directory)
        for gone in remove_old_generations(self._settled.state_directory):
            log.debug("removed %s", gone)
        self._compiled.set()
        if self._announced:
            log.info("%s", announcement.lists_line(self._policy.generation(), len(self._policy.titles())))
        if self._dns_up.is_set():
            self._manager.status(self._status())

    def _lists_served(self) -> bool:
        """Whether every worker answers by the newest compiled lists."""
        generation = self._policy.generation()
        return generation is None or self._workers.generation_served(generation.number)

    def _register_generation(self) -> None:
        generation = self._policy.generation()
        if generation is not None:
            self.statistics.register_generation(generation.number, self._policy.titles())

    # -- signals --

    def _on_end_signal(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            log.warning("stopped at once by a second signal")
            self._workers.kill()
            os._exit(128 + number)
        log.info("%s: finishing the queries in work; once more stops at once", number.name)
        self._stop.set()

    def _on_hangup(self) -> None:
        if self._on_terminal and _terminal_is_gone():
            self._on_end_signal(signal.SIGHUP)
            return
        if self._stop.is_set():
            return
        self._manager.reloading()
        self.reload()
        self._manager.ready(self._status())

    def _on_level_signal(self, level: str) -> None:
        """To this level, or back to the configured one."""
        usual = self._settled.log_level if self._settled.log_level != level else "INFO"
        self._set_level(level if self._level != level else usual)

    def _set_level(self, level: str) -> None:
        self._level = level
        log.log(max(logging.getLogger().level, logging.INFO), "log level %s", level)
        logging.getLogger().setLevel(level)
        self._workers.log_at(level)

    def reload(self) -> None:
        """Read the configuration and download the lists again. A configuration that is wrong changes nothing."""
        log.info("reading the configuration and the lists again")
        if self._reload is not None:
            try:
                new = self._reload()
            except StartupError as problem:
                log.error(
                    "the configuration is wrong, the old one stays:\n%s", problem.message, extra={logs.BLOCK: True}
                )
            except Exception:  # a signal must not end a server that runs
                log.exception("the configuration can't be read, the old one stays")
            else:
                self.apply(new)
        self.web.look()
        self.local.refresh()
        self.lists.change(self._settled)  # also what an editor has written beside the configuration
        self.lists.refresh()

    def apply(self, new: Settled) -> None:
        """Take new settings, as far as that is possible without a restart; the others are named in the log."""
        if fixed := changed(self._settled, new).get(Part.RESTART):
            log.warning("these settings need a restart: %s", ", ".join(fixed))
            new = replace(new, **{name: getattr(self._settled, name) for name in fixed})
        self._names.change(new)
        self._take(self._names.addressed())

    def _take(self, new: Settled) -> None:
        parts = changed(self._settled, new)
        self._settled = new
        if Part.LOG in parts:
            self._handler = logs.configure(new.log_level, new.log_format)
            self._level = new.log_level
        if Part.WORKERS in parts:
            self._workers.change(replace(worker_settings(new), log_level=self._level))
            self._policy.use_clients(Clients(new.clients))
        if Part.LISTS in parts:
            self.lists.change(new)
        if Part.NOTIFY in parts:
            self.notifications.change(new)
        if Part.LOCAL in parts:
            self.local.change(new)
        if Part.INFLUX in parts:
            self.influx.change(new.influx)
        if Part.QUERY_LOG in parts:
            self.query_log.change(new.query_log)
        if Part.STATISTICS in parts:
            self.kept.change(new.statistics)
            self.kept.hide(new.query_log.privacy, new.query_log.exclude)
        if Part.WEB in parts:
            self.access.change(new)
            self.web.limit(new.requests_per_second)
            self.web.move(new.web, new.door)
        taken = sorted({name for names in parts.values() for name in names} - {"config_file"})
        if taken:
            log.info("changed: %s", ", ".join(taken))


def _described(state: ApiState) -> list[dict[str, Any]]:
    """The lists in use as the web API has them; loaded late, as it brings the web part."""
    from mirage_hole.api.views import lists

    return lists(state)


def _upstream_at(upstreams: Sequence[UpstreamView], number: int) -> str:
    """The address of the upstream with this index; empty when there is none any more."""
    return upstreams[number].address if number < len(upstreams) else ""


def _terminal_is_gone() -> bool:
    """A closed terminal sends SIGHUP as well; then there is nobody left who could stop this process."""
    try:
        os.tcgetpgrp(sys.__stdin__.fileno() if sys.__stdin__ is not None else 0)
    except OSError:
        return True
    return False
