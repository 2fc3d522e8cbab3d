"""All workers: keeps one alive in every place, replaces it when it dies, hangs, or when settings ask for a new one.

Everything happens in callbacks of the event loop; no task waits for a worker. Before the loop runs, :meth:`Workers.start`
already starts the processes, which then serve on their own.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from dataclasses import dataclass, field, replace
from hashlib import blake2s
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from mirage_hole.observe.record import FRAME_KIND
from mirage_hole.runtime.child import Child
from mirage_hole.runtime.gathering import Gathered, Gathering
from mirage_hole.runtime.lifeline import EARLY_ENDS, READY_WITHIN, Lifeline

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mirage_hole.runtime.listeners import Listeners
    from mirage_hole.runtime.worker_settings import WorkerSettings

log = logging.getLogger(__name__)

DRAIN_FOR: Final = 6.0
"""Seconds a draining worker gets: five of its own, and one to end."""
REAP_EVERY: Final = 0.005
REAP_FOR: Final = 1.0
"""Seconds from hanging up to the end of the process; then it is killed."""
LATE: Final = 3.0
"""Seconds between two ticks after which this process itself must have been stopped."""
CHANGEABLE: Final = ("timeout", "cache_bytes", "block_mode", "block_ipv4", "block_ipv6", "block_ttl", "allow_from")
"""Settings that a worker takes while it runs; the others need a new worker."""


class Observer(Protocol):
    """What is done with what the workers say."""

    def on_frame(self, frame: bytes) -> None:
        """Query records."""

    def on_counters(self, number: int, message: Mapping[str, Any]) -> None:
        """Once a second."""

    def on_started(self, number: int) -> None:
        """A process took this place."""

    def on_gone(self, number: int) -> None:
        """The process in this place ended."""

    def on_ready(self, number: int) -> None:
        """It reads its sockets."""

    def on_bad_policy(self, error: str) -> None:
        """It could not use a generation."""

    def on_own_rules(self, error: str) -> None:
        """It serves the user's own rules as it was told, or could not: then ``error`` says why."""


@dataclass(slots=True, eq=False)
class _Place:
    number: int
    lifeline: Lifeline = field(default_factory=Lifeline)
    child: Child | None = None
    successor: Child | None = None
    """Started for new settings; takes over once it is ready."""
    leaving: set[Child] = field(default_factory=set)
    restart: asyncio.TimerHandle | None = None

    def children(self) -> list[Child]:
        return [child for child in (self.child, self.successor, *self.leaving) if child is not None]


class Workers:
    """The workers on a set of listening sockets."""

    def __init__(
        self,
        listeners: Listeners,
        settings: WorkerSettings,
        command: Sequence[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``settings``: what every worker is told; number and descriptors are filled in. ``command``: see :class:`Child`."""
        self._listeners = listeners
        self._secret = secrets.token_bytes(32)
        self._settings = replace(settings, loop_tokens=self._loop_tokens(settings))
        self._command = command
        self._clock = clock
        self._gathering = Gathering()
        self._places = [_Place(number) for number in range(len(listeners.udp))]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._observer: Observer | None = None
        self._drained: asyncio.Event | None = None
        self._ticked_at: float | None = None

    @property
    def settings(self) -> WorkerSettings:
        """What a worker started now would be told."""
        return self._settings

    def pids(self) -> list[int]:
        """The processes that serve."""
        return [place.child.pid for place in self._places if place.child is not None]

    def serving(self) -> int:
        """How many workers read their sockets."""
        return sum(place.child is not None and place.child.ready for place in self._places)

    # -- life --

    def start(self) -> None:
        """Start every worker."""
        for place in self._places:
            self._start(place)

    def attach(self, loop: asyncio.AbstractEventLoop, observer: Observer) -> None:
        """Listen to the workers from now on; what they said before has waited."""
        self._loop, self._observer = loop, observer
        for place in self._places:
            if place.child is not None:
                observer.on_started(place.number)
                self._listen(place, place.child)
            else:  # it could not be started before
                self._schedule(place, place.lifeline.not_started(self._clock()))

    def tick(self) -> None:
        """Once a second: send what was not taken, kill what hangs."""
        now = self._clock()
        late = self._ticked_at is not None and now - self._ticked_at > LATE
        self._ticked_at = now
        for place in self._places:
            if late:
                place.lifeline.excuse(now)
            for child in place.children():
                child.retell()
            if place.child is not None and (reason := place.lifeline.overdue(now)):
                self._give_up(place, place.child, reason)
            if place.successor is not None and now - place.successor.started_at > READY_WITHIN and not late:
                self._give_up(place, place.successor, f"not ready within {READY_WITHIN:g} s")

    async def drain(self) -> bool:
        """End every worker: each finishes what it has in work, and is killed when it takes too long. True: none was."""
        import asyncio

        self._drained = asyncio.Event()
        for place in self._places:
            if place.restart is not None:
                place.restart.cancel()
            for child in place.children():
                child.drain()
        self._check_drained()
        try:
            async with asyncio.timeout(DRAIN_FOR):
                await self._drained.wait()
        except TimeoutError:
            left = [child.pid for place in self._places for child in place.children()]
            log.warning("%d workers did not end in time and are killed", len(left))
            self.kill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REAP_FOR):
                    await self._drained.wait()
            return False
        return True

    def kill(self) -> None:
        """End every process now."""
        for place in self._places:
            for child in place.children():
                child.kill()

    # -- what the workers are told --

    def use_policy(self, path: Path | None) -> None:
        """Serve from this generation."""
        self._settings = replace(self._settings, policy_path=str(path or ""))
        if path is not None:
            self._tell({"do": "policy", "path": str(path)})

    def use_own_rules(self, path: Path) -> int:
        """Take the user's own rules from this file; the number of this state, for :meth:`own_rules_served`."""
        version = self._settings.own_rules_version + 1
        self._settings = replace(self._settings, own_rules_path=str(path), own_rules_version=version)
        self._tell({"do": "own", "path": str(path), "version": version})
        return version

    def use_local(self, path: Path) -> None:
        """Take local data from this file."""
        version = self._settings.local_version + 1
        self._settings = replace(self._settings, local_path=str(path), local_version=version)
        self._tell({"do": "local", "path": str(path), "version": version})

    def use_cookie_secrets(self, secrets: Sequence[bytes]) -> None:
        """Make cookies with the first of these, and believe those of all."""
        texts = tuple(secret.hex() for secret in secrets)
        self._settings = replace(self._settings, cookie_secrets=texts)
        self._tell({"do": "cookies", "secrets": texts})

    def own_rules_served(self, version: int) -> bool:
        """Whether every worker that answers has this state of the own rules, or a later one."""
        children = [place.child for place in self._places if place.child is not None]
        return all(child.own_rules_version >= version for child in children)

    def generation_served(self, number: int) -> bool:
        """Whether every worker that answers serves this generation, or a later one."""
        children = [place.child for place in self._places if place.child is not None]
        return all(child.generation >= number for child in children)

    def pause(self, until: float | None) -> None:
        """Let everything through until then (seconds since the epoch); None: block again."""
        self._settings = replace(self._settings, paused_until=until)
        self._tell({"do": "pause", "until": until})

    def log_at(self, level: str) -> None:
        """Change the log level."""
        self._settings = replace(self._settings, log_level=level)
        self._tell({"do": "log", "level": level})

    def log_module_at(self, module: str, level: str) -> None:
        """Give a module a log level of its own; empty: that of the whole program."""
        self._tell({"do": "log", "module": module, "level": level})

    def change(self, settings: WorkerSettings) -> None:
        """Take new settings: at once where a worker can do that, else through a new worker beside the old one.

        Which lists serve and the pause stay as they are.
        """
        old = self._settings
        self._settings = new = replace(settings, policy_path=old.policy_path, paused_until=old.paused_until)
        new = replace(new, loop_tokens=self._loop_tokens(new), cookie_secrets=old.cookie_secrets)
        new = replace(new, local_path=old.local_path, local_version=old.local_version)
        self._settings = new = replace(new, own_rules_path=old.own_rules_path, own_rules_version=old.own_rules_version)
        live = {name: getattr(new, name) for name in CHANGEABLE}
        if new.log_level != old.log_level:
            self.log_at(new.log_level)
        if replace(old, log_level=new.log_level, **live) != new:
            for place in self._places:
                self._succeed(place)
        elif any(getattr(old, name) != value for name, value in live.items()):
            self._tell({"do": "settings", "settings": live})

    async def gather(self, message: dict[str, Any]) -> Gathered:
        """Ask every worker that answers queries, and wait for what they say, for a few seconds at most."""
        asked = [place.number for place in self._places if place.child is not None and place.child.ready]
        return await self._gathering.ask(asked, self._tell, message)

    def _loop_tokens(self, settings: WorkerSettings) -> tuple[str, ...]:
        """One for each upstream, the same as long as this process lives. No upstream can tell another's from its own."""
        whom = (f"{address} {port}".encode() for address, port in settings.upstreams)
        return tuple(blake2s(one, key=self._secret, digest_size=8).hexdigest() for one in whom)

    def _tell(self, message: dict[str, Any]) -> None:
        for place in self._places:
            for child in (place.child, place.successor):
                if child is not None:
                    child.tell(message)

    # -- one place --

    def _give_up(self, place: _Place, child: Child, reason: str) -> None:
        if not child.leaving:
            log.error("worker %d (process %d) is %s; it is killed", place.number, child.pid, reason)
            child.kill()

    def _start(self, place: _Place) -> None:
        place.restart = None
        settings = self._settings
        if place.lifeline.early_ends >= EARLY_ENDS and settings.policy_path:
            # A damaged file can kill whoever maps it, and a house without names is worse than one with advertisements.
            log.error("worker %d starts without the compiled lists, as it keeps ending with them", place.number)
            settings = replace(settings, policy_path="")
        place.lifeline.started(self._clock())
        place.child = self._spawn(place, settings)
        if place.child is None:
            self._schedule(place, place.lifeline.not_started(self._clock()))
        elif self._observer is not None:
            self._observer.on_started(place.number)
            self._listen(place, place.child)

    def _spawn(self, place: _Place, settings: WorkerSettings) -> Child | None:
        try:
            udp, tcp = self._listeners.udp[place.number], self._listeners.tcp
            return Child(replace(settings, number=place.number), udp, tcp, self._command, now=self._clock())
        except OSError as problem:
            log.error("can't start worker %d: %s", place.number, problem.strerror or problem)
            return None

    def _succeed(self, place: _Place) -> None:
        """Start a worker with the new settings beside the old one, on the same sockets: no query is lost."""
        if place.child is None:  # the next start takes the new settings anyway
            return
        if place.successor is not None:
            self._leave(place, place.successor)
        place.successor = self._spawn(place, self._settings)
        if place.successor is not None:
            self._listen(place, place.successor)

    def _leave(self, place: _Place, child: Child) -> None:
        assert self._loop is not None
        place.leaving.add(child)
        child.drain()
        self._loop.call_later(DRAIN_FOR, child.kill)

    def _schedule(self, place: _Place, delay: float) -> None:
        if self._loop is not None and self._drained is None:
            place.restart = self._loop.call_later(delay, self._start, place)

    def _listen(self, place: _Place, child: Child) -> None:
        assert self._loop is not None
        self._loop.add_reader(child.channel, self._on_readable, place, child)

    # -- what the workers say --

    def _on_readable(self, place: _Place, child: Child) -> None:
        assert self._loop is not None
        for message in child.hear():
            if not message:
                self._loop.remove_reader(child.channel)
                self._reap(place, child, self._clock() + REAP_FOR)
            elif message[0] == FRAME_KIND:
                if self._observer is not None:
                    self._observer.on_frame(message)
            else:
                self._on_message(place, child, message)
        if child is place.child:
            place.lifeline.heard(self._clock())

    def _on_message(self, place: _Place, child: Child, message: bytes) -> None:
        try:
            said = orjson.loads(message)
            kind = said["is"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            log.warning("worker %d said something that makes no sense: %r", place.number, message[:80])
            return
        assert self._observer is not None
        if kind == "ready":
            child.generation = int(said.get("generation") or 0)
            self._on_ready(place, child)
            if said.get("generation") == 0 and self._settings.policy_path:
                self._observer.on_bad_policy(f"{self._settings.policy_path} can't be used")
        elif kind == "counters" and child is place.child:
            self._observer.on_counters(place.number, said)
        elif kind == "own":
            # One that could not take them goes on with the old ones: nobody must wait for it.
            child.own_rules_version = max(child.own_rules_version, int(said.get("version", 0)))
            self._observer.on_own_rules("" if said.get("ok") is True else str(said.get("error", ""))[:500])
        elif kind == "local":
            if said.get("ok") is not True:
                log.error("worker %d can't use local data: %s", place.number, str(said.get("error", ""))[:500])
        elif "ask" in said and child is place.child:
            self._gathering.heard(place.number, said)
        elif kind == "loop":
            self._on_loop(child, said)
        elif kind == "policy" and said.get("ok") is True:
            child.generation = int(said.get("generation") or 0)
        elif kind == "policy":
            self._observer.on_bad_policy(str(said.get("error", ""))[:500])

    def _on_loop(self, child: Child, said: dict[str, Any]) -> None:
        log.error(
            "upstream %s leads back here: what it is asked, it asks this server. It is not asked for five minutes; "
            "give it another resolver, or leave it out",
            said.get("name"),
        )
        for place in self._places:
            for other in place.children():
                if other is not child:
                    other.tell({"do": "loop", "upstream": said.get("upstream")})

    def _on_ready(self, place: _Place, child: Child) -> None:
        assert self._observer is not None
        child.ready = True
        log.debug(
            "worker %d (process %d) is ready after %.3f s", place.number, child.pid, self._clock() - child.started_at
        )
        if child is place.successor:
            old, place.child, place.successor = place.child, child, None
            place.lifeline.started(self._clock())
            self._observer.on_started(place.number)
            if old is not None:
                self._leave(place, old)
        if child is place.child:
            place.lifeline.ready(self._clock())
            self._observer.on_ready(place.number)

    def _reap(self, place: _Place, child: Child, until: float) -> None:
        """It has hung up; find out how it ended. The process is gone within microseconds, or else it is made to."""
        assert self._loop is not None
        ending = child.ending()
        if ending is not None:
            self._on_ended(place, child, ending)
            return
        if self._clock() >= until:
            child.kill()
        self._loop.call_later(REAP_EVERY, self._reap, place, child, until)

    def _on_ended(self, place: _Place, child: Child, ending: str) -> None:
        assert self._observer is not None
        child.channel.close()
        place.leaving.discard(child)
        if child is place.successor:
            place.successor = None
            log.error(
                "the worker with the new settings ended (%s); worker %d goes on with the old ones", ending, place.number
            )
        elif child is place.child:
            place.child = None
            self._gathering.gone(place.number)
            self._observer.on_gone(place.number)
            if self._drained is None:
                delay = place.lifeline.ended(self._clock())
                when = "at once" if not delay else f"in {delay:g} s"
                log.error("worker %d (process %d) ended: %s; it is replaced %s", place.number, child.pid, ending, when)
                if delay:
                    self._schedule(place, delay)
                else:
                    self._start(place)
        elif child.failed():
            log.warning("worker %d (process %d) did not end well: %s", place.number, child.pid, ending)
        self._check_drained()

    def _check_drained(self) -> None:
        if self._drained is not None and not any(place.children() for place in self._places):
            self._drained.set()
