"""One worker process: sockets in, answers out. ``worker_process`` starts it, with settings as JSON on stdin.

It imports no web framework and no database, holds no secret, and never waits for the supervisor.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import resource
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from mirage_hole.cache.answers import AnswerCache
from mirage_hole.cache.lifetimes import Lifetimes
from mirage_hole.cache.packets import PacketCache
from mirage_hole.dnssec.anchors import ROOT_TRUST, Trust
from mirage_hole.dnssec.keys import DS
from mirage_hole.lists.spelling import printable
from mirage_hole.local.store import LocalData
from mirage_hole.local.stored import BadStored
from mirage_hole.net.dataplane import DataPlane, make_dice
from mirage_hole.net.records import FLUSH_EVERY, RecordSender
from mirage_hole.net.tcp import TcpListener
from mirage_hole.policy.access import Access
from mirage_hole.policy.clients import Clients
from mirage_hole.policy.policy import Policy, empty_policy
from mirage_hole.policy.rich import RichRules
from mirage_hole.resolver import chaos
from mirage_hole.resolver.cookies import Cookies
from mirage_hole.resolver.engine import Engine
from mirage_hole.resolver.events import BlockingPaused, LocalChanged, LoopFound, PolicyChanged, ProbesDue
from mirage_hole.resolver.extras import Extras
from mirage_hole.resolver.loops import PROBE_EVERY
from mirage_hole.resolver.sinkhole import Sinkhole
from mirage_hole.resolver.subnets import subnets_of
from mirage_hole.resolver.validating import NO_VALIDATIONS
from mirage_hole.runtime import channel, logs
from mirage_hole.runtime.cache_duties import CacheDuties, most_failures, packet_bytes
from mirage_hole.runtime.generation import BadGeneration, KeptRules, open_generation, read_own_rules
from mirage_hole.runtime.inside_worker import InsideWorker
from mirage_hole.runtime.limiting import limiting, stopped, use_limits
from mirage_hole.runtime.local_data import read_local
from mirage_hole.runtime.memory import give_back
from mirage_hole.runtime.pausing import Pause
from mirage_hole.runtime.scheduling import ask_for_short_turns
from mirage_hole.runtime.upstream_rows import upstream_rows
from mirage_hole.runtime.worker_settings import WorkerSettings
from mirage_hole.upstream.groups import Group
from mirage_hole.upstream.health import Upstream
from mirage_hole.upstream.routes import Routes
from mirage_hole.wire.names import from_text

log = logging.getLogger("mirage_hole.worker")

DRAIN_FOR: Final = 5.0
"""Seconds that questions in flight and slow readers get before the process ends."""
ORPHAN_DRAIN_FOR: Final = 0.5
"""The same when the supervisor is gone: its successor binds the same port, and the kernel would share queries out to us."""
DESCRIPTORS: Final = 65_536
"""Connections, doors to upstreams, and room to spare; as far as the hard limit permits."""
MANY_RECORDS: Final = 1000
"""Of local data."""
CHANGEABLE: Final = frozenset(
    {"timeout", "cache_bytes", "cache_lifetimes", "block_mode", "block_ipv4", "block_ipv6", "block_ttl", "allow_from"}
)
"""Settings that a worker takes while it runs."""


class Worker:
    """The composition root of the data plane."""

    def __init__(self, settings: WorkerSettings, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._channel = socket.socket(fileno=settings.channel_fd)
        self._channel.setblocking(False)
        self._stopping = asyncio.Event()
        self._tasks = tasks
        self._one_policy_at_a_time = asyncio.Lock()
        self._orphaned = False
        self._pause_of_blocking = Pause()
        dice = make_dice()
        self._own_version = settings.own_rules_version
        self._own = _first_own(settings.own_rules_path)
        self._clients = Clients(settings.clients)
        self._inside = InsideWorker(settings.number, self._channel)
        self._kept = KeptRules()
        policy = self._for_us(_first_index(settings.policy_path, self._kept))
        for rules in (policy.rich, policy.own):
            tell_refused(rules, policy)
        upstreams = [Upstream(number, host, port) for number, (host, port) in enumerate(settings.upstreams)]
        self.engine = Engine(
            policy=policy,
            access=Access(settings.allow_from),
            sinkhole=_sinkhole(settings),
            cache=AnswerCache(settings.cache_bytes // 2, settings.cache_lifetimes, most_failures(settings)),
            upstreams=upstreams,
            groups=_groups(settings, upstreams),
            routes=_routes(settings),
            dice=dice,
            timeout=settings.timeout,
            max_in_flight=settings.max_in_flight,
        )
        self.engine.ready = not settings.wait_for_lists or policy.generation > 0
        self.engine.groups[0].dnssec = settings.dnssec
        self.engine.validate(_trust(settings))
        self.records = RecordSender(lambda frame: channel.send(self._channel, frame))
        self.records.generation = policy.generation
        packets = PacketCache(packet_bytes(settings))
        self.plane = DataPlane(self.engine, packets, self.records, dice, self._loop, tasks)
        self.tcp = TcpListener(
            self.plane,
            idle=settings.tcp_idle,
            most=min(settings.tcp_connections, _allow_descriptors() // 2),  # the others are for upstreams
            most_per_client=settings.tcp_connections_per_client,
        )
        self._cache = CacheDuties(self.engine, packets, settings)
        self.engine.loop_tokens = {token.encode(): number for number, token in enumerate(settings.loop_tokens)}
        self.engine.random_case = settings.random_case
        cookies = None
        if settings.cookies and settings.cookie_secrets:
            cookies = Cookies([bytes.fromhex(text) for text in settings.cookie_secrets], time.time() - time.monotonic())
        self.engine.extras = Extras(
            cookies=cookies, nsid=settings.nsid.encode(), block=settings.padding, idle=settings.tcp_idle
        )
        self._next_probes = 0.0
        use_limits(settings, self.plane, self.tcp)
        self.engine.special_names, self.engine.canaries = settings.special_names, settings.canaries
        self.engine.private_relay, self.engine.private_reverse = settings.private_relay, settings.private_reverse
        self.engine.forward_unqualified = settings.forward_unqualified
        self._local_version = settings.local_version
        self.plane.take([LocalChanged(_first_local(settings.local_path))], time.monotonic())
        self.engine.rebinding = (
            frozenset(from_text(domain) for domain in settings.rebinding_allow) if settings.rebinding else None
        )
        self.engine.block_types(settings.block_types, drop_ech=settings.drop_ech, any_answer=settings.any_answer)
        self.engine.chaos = chaos.texts(settings.version_text, settings.identity)
        self.engine.tell_subnets(subnets_of(settings.ecs))
        self.plane.on_loop = self._on_loop
        self._pause(settings.paused_until)

    async def run(self) -> None:
        """Serve until told to drain or left alone by the supervisor."""
        for fd in self._settings.udp_fds:
            self.plane.listen(_adopt(fd))
        for fd in self._settings.tcp_fds:
            self.tcp.listen(_adopt(fd))
        self._loop.add_reader(self._channel.fileno(), self._on_message)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stopping.set)
        for number in (signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)  # the supervisor's to obey; sent to the group, they must not end us
        # What is alive now lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        # The young are looked at often: streams leave cycles, 3 KB each, and a hundred thousand objects of them are 30 MB.
        gc.set_threshold(10_000, 200, 50)
        channel.send_json(
            self._channel, {"is": "ready", "pid": os.getpid(), "generation": self.engine.policy.generation}
        )
        channel.send_json(self._channel, {"is": "own", "version": self._own_version, "ok": True})
        keeping = self._tasks.create_task(self._cache.keep())
        await self._beat()
        keeping.cancel()
        await self._drain()

    async def _beat(self) -> None:
        """Flush records often, send counters every second, close idle streams."""
        next_counters = time.monotonic()
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(FLUSH_EVERY):
                    await self._stopping.wait()
            except TimeoutError:
                pass
            self.records.flush()
            now = time.monotonic()
            if now >= next_counters:
                next_counters = now + 1.0
                self.tcp.sweep(now)
                self.plane.turn(now)
                self.tcp.turn(now)
                self._cache.look(now)
                self._shorten_pause(now)
                if self.engine.extras.cookies is not None:
                    self.engine.extras.cookies.epoch = time.time() - now  # the clock may have been put right
                if now >= self._next_probes:
                    self._next_probes = now + PROBE_EVERY
                    self.plane.take([ProbesDue()], now)
                    self.plane.after_batch()
                channel.send_json(self._channel, {"is": "counters", **self.counters()})

    async def _drain(self) -> None:
        """Take nothing new, wait for what is in flight, say goodbye."""
        alone = self._orphaned
        if not alone:  # else nobody else reads these sockets, so this process does to the last
            self.plane.stop_reading()
        self.tcp.drain()
        began = time.monotonic()
        while self.engine.in_flight or self.tcp.connections:
            await asyncio.sleep(0.02)
            if time.monotonic() - began > (ORPHAN_DRAIN_FOR if self._orphaned else DRAIN_FOR):
                break
        drained = time.monotonic()
        if alone:
            self.plane.stop_reading()
        self.plane.close()
        self.tcp.close_all()
        self.records.flush()
        channel.send_json(self._channel, {"is": "counters", **self.counters()})
        await self._cache.save(drained - began)
        self._loop.remove_reader(self._channel.fileno())
        self._channel.close()

    def counters(self) -> dict[str, object]:
        """Numbers for the control plane; all but the gauges only ever grow."""
        engine, plane, tcp = self.engine, self.plane, self.tcp
        now = time.monotonic()
        return {
            "worker": self._settings.number,
            "pid": os.getpid(),
            "generation": engine.policy.generation,
            "datagrams": sum(listener.datagrams for listener in plane.listeners),
            "packet_cache_hits": sum(listener.replayed for listener in plane.listeners),
            "replies_lost": sum(listener.lost for listener in plane.listeners),
            "not_queries": engine.not_queries,
            "upstream_mismatched": engine.mismatched + sum(upstream.mismatched for upstream in plane.upstreams),
            "records_sent": self.records.sent,
            "records_dropped": self.records.dropped,
            **self._cache.counters(),
            **(engine.validations or NO_VALIDATIONS).counters(),
            **limiting(plane, tcp),
            "stopped": stopped(plane),
            **engine.extras.counters(),
            "in_flight": engine.in_flight,
            "tasks": len(asyncio.all_tasks(self._loop)),
            "tcp_connections": len(tcp.connections),
            "tcp_refused": tcp.refused,
            "tcp_closed_idle": tcp.closed_idle,
            "tcp_closed_broken": tcp.closed_broken,
            "paused": engine.paused_until > now,
            "upstreams": upstream_rows(engine, now),
        }

    # -- what the supervisor says --

    def _on_message(self) -> None:
        for _ in range(64):
            message = channel.receive(self._channel)
            if message is None:
                return
            if not message:
                self._orphaned = True
                self._stopping.set()
                self._loop.remove_reader(self._channel.fileno())  # it stays readable, and there is nothing to read
                return
            try:
                self._obey(orjson.loads(message))
            except (AttributeError, KeyError, TypeError, ValueError) as problem:
                log.warning("ignored a message from the supervisor: %s", problem)

    def _obey(self, message: dict[str, Any]) -> None:
        match message["do"]:
            case "policy":
                self._tasks.create_task(self._change_policy(Path(message["path"])))
            case "own":
                self._own_version = int(message["version"])
                self._tasks.create_task(self._change_own(Path(message["path"]), self._own_version))
            case "local":
                self._local_version = int(message["version"])
                self._tasks.create_task(self._change_local(Path(message["path"]), self._local_version))
            case "pause":
                self._pause(message["until"])
            case "log":
                logs.set_level(message.get("module", ""), message["level"])
            case "settings":
                self._change_settings(message["settings"])
            case "loop":
                self.plane.take([LoopFound(int(message["upstream"]))], time.monotonic())
            case "cache":
                self._tasks.create_task(self._answer_about_cache(message))
            case "diagnose":
                self._tasks.create_task(self._inside.tell(message))
            case "cookies":
                self._use_cookies(message["secrets"])
            case "drain":
                self._stopping.set()
            case other:
                log.warning("the supervisor asks for %r, which this version does not know", other)

    def _use_cookies(self, secrets: list[str]) -> None:
        if self.engine.extras.cookies is not None:
            self.engine.extras.cookies.use([bytes.fromhex(text) for text in secrets])

    async def _change_policy(self, path: Path) -> None:
        """Check and map a generation in a thread, as that takes a millisecond a megabyte; then swap one reference."""
        async with self._one_policy_at_a_time:
            try:
                policy = await asyncio.to_thread(open_generation, path, kept=self._kept)
            except (BadGeneration, ValueError) as problem:  # ValueError: a path that no file can have
                log.error("the compiled lists can't be used, the old ones stay: %s", problem)
                channel.send_json(self._channel, {"is": "policy", "ok": False, "error": str(problem)})
                return
            self.records.flush()  # what is gathered speaks of the old generation's lists
            policy = self._for_us(policy)
            self.plane.take([PolicyChanged(policy)], time.monotonic())
            self.records.generation = policy.generation
            self.plane.after_batch()  # those who wait for an answer may have got one
            tell_refused(policy.rich, policy)
            channel.send_json(self._channel, {"is": "policy", "generation": policy.generation, "ok": True})
            await asyncio.to_thread(give_back)  # what the old one took

    def _for_us(self, policy: Policy) -> Policy:
        """The lists of a generation behind the user's own rules, for the clients that are configured."""
        return Policy(policy.index, policy.rich, self._own, self._clients)

    async def _change_own(self, path: Path, version: int) -> None:
        """Take the user's own rules in front of the lists that serve. Read in a thread: expressions take time to compile."""
        try:
            own = await asyncio.to_thread(read_own_rules, path)
        except (BadGeneration, ValueError) as problem:
            log.error("your own rules can't be used, the old ones stay: %s", problem)
            channel.send_json(self._channel, {"is": "own", "version": version, "ok": False, "error": str(problem)})
            return
        if version == self._own_version:  # else newer ones are on their way, and this file holds them already
            self._own = own
            tell_refused(own, self.engine.policy)
            self.plane.take([PolicyChanged(self.engine.policy.with_own(own))], time.monotonic())
            self.plane.after_batch()  # those who wait for an answer may have got one
        channel.send_json(self._channel, {"is": "own", "version": version, "ok": True})

    async def _change_local(self, path: Path, version: int) -> None:
        """Take other local data. Read in a thread, as leases of a large network take some tenths of a second."""
        try:
            local = await asyncio.to_thread(read_local, path)
        except BadStored as problem:
            channel.send_json(self._channel, {"is": "local", "version": version, "ok": False, "error": str(problem)})
            return
        if version == self._local_version:  # else newer data is on its way
            self.plane.take([LocalChanged(local)], time.monotonic())
            self.plane.after_batch()  # those who wait for an answer may have got one
        channel.send_json(self._channel, {"is": "local", "version": version, "ok": True})
        if local.size > MANY_RECORDS:
            await asyncio.to_thread(give_back)  # what reading them took

    def _on_loop(self, number: int) -> None:
        """The supervisor logs it, once for all workers, and tells the others."""
        channel.send_json(self._channel, {"is": "loop", "upstream": number, "name": self.engine.named(number)})

    async def _answer_about_cache(self, message: dict[str, Any]) -> None:
        said = await self._cache.answer(message)
        if said is not None:
            channel.send_json(self._channel, said)

    def _change_settings(self, changes: dict[str, Any]) -> None:
        """Take those settings that may change while running; the others need a new worker."""
        if fixed := sorted(changes.keys() - CHANGEABLE):
            log.warning("these settings need a new worker: %s", ", ".join(fixed))
        changes = {name: value for name, value in changes.items() if name in CHANGEABLE}
        if "cache_lifetimes" in changes:
            changes["cache_lifetimes"] = Lifetimes(**changes["cache_lifetimes"])
        settings = replace(self._settings, **changes)
        # Everything is made before anything is changed, so a bad value changes nothing.
        access, sinkhole = Access(settings.allow_from), _sinkhole(settings)
        if not 0 < settings.timeout < math.inf or settings.cache_bytes < 0:
            message = f"timeout {settings.timeout!r} or cache_bytes {settings.cache_bytes!r} is out of range"
            raise ValueError(message)
        self._settings = settings
        self.engine.access, self.engine.sinkhole, self.engine.timeout = access, sinkhole, settings.timeout
        self.engine.cache.resize(settings.cache_bytes // 2, time.monotonic())
        self.engine.cache.change(settings.cache_lifetimes)
        self.plane.packets.resize(packet_bytes(settings))
        self.plane.packets.clear()

    def _pause(self, until: float | None) -> None:
        """``until`` in seconds since the epoch, as a deadline must survive a restart."""
        ends_at = self._pause_of_blocking.begin(until, time.time(), time.monotonic())
        self.plane.take([BlockingPaused(ends_at)], time.monotonic())

    def _shorten_pause(self, now: float) -> None:
        ends_at = self._pause_of_blocking.shortened(time.time(), now)
        if ends_at is not None:
            self.plane.take([BlockingPaused(ends_at)], now)


def _trust(settings: WorkerSettings) -> Trust:
    """What DNSSEC validation trusts."""
    anchors: dict[bytes, tuple[DS, ...]] = {}
    for zone, tag, algorithm, digest_type, digest in settings.trust_anchors:
        name = from_text(zone)
        anchors[name] = (*anchors.get(name, ()), DS(tag, algorithm, digest_type, bytes.fromhex(digest)))
    return Trust(anchors or ROOT_TRUST.anchors, frozenset(map(from_text, settings.unsigned)))


def _groups(settings: WorkerSettings, upstreams: list[Upstream]) -> list[Group]:
    return [
        Group(
            number,
            name,
            [upstreams[one] for one in members],
            strategy=strategy,
            dnssec=dnssec,
            fallback=fallback if fallback >= 0 else None,
        )
        for number, (name, members, strategy, dnssec, fallback) in enumerate(settings.groups)
    ]


def _routes(settings: WorkerSettings) -> Routes:
    by_domain = {from_text(domain): number for domain, number in settings.routes}
    return Routes(by_domain, settings.unqualified if settings.unqualified >= 0 else None)


def _sinkhole(settings: WorkerSettings) -> Sinkhole:
    return Sinkhole(settings.block_mode, settings.block_ttl, settings.block_ipv4, settings.block_ipv6)


def _first_index(path: str, kept: KeptRules) -> Policy:
    """What to start with. Damaged lists block nothing, and a house without names is worse than one with advertisements."""
    if path:
        try:
            return open_generation(Path(path), kept=kept)
        except BadGeneration as problem:
            log.error("the compiled lists can't be used, so nothing is blocked: %s", problem)
    return empty_policy()


def _first_own(path: str) -> RichRules:
    if path:
        try:
            return read_own_rules(Path(path))
        except BadGeneration as problem:
            log.error("your own rules can't be used: %s", problem)
    return RichRules()


def _first_local(path: str) -> LocalData:
    if path:
        try:
            return read_local(Path(path))
        except BadStored as problem:
            log.error("local data can't be used: %s", problem)
    return LocalData()


def tell_refused(rules: RichRules, policy: Policy) -> None:
    """List parsers refuse what RE2 does not take; what gets here all the same must not be lost in silence."""
    refused = rules.refused_rules()
    if refused:
        list_id, rule = refused[0]
        log.warning(
            "%d expressions never apply, since RE2 does not take them; the first is %s in %s",
            len(refused),
            printable(rule.text),
            policy.list_of(list_id).title,
        )


def _allow_descriptors() -> int:
    """Raise the limit as far as is permitted and useful; what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _adopt(fd: int) -> socket.socket:
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    return sock


async def serve(settings: WorkerSettings) -> None:
    """Run a worker until it has drained."""
    async with asyncio.TaskGroup() as tasks:
        await Worker(settings, tasks).run()


def main() -> int:
    """Entry point."""
    settings = WorkerSettings.from_json(sys.stdin.buffer.read())
    logs.configure(settings.log_level, settings.log_format, worker=settings.number)
    if refused := ask_for_short_turns():
        log.debug("the kernel was not asked for short turns: %s", refused)
    asyncio.run(serve(settings))
    return 0
