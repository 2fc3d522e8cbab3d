"""The one interpreter of effects: what the engine says, this does.

It owns the sockets and the clock of one worker. Everything runs in callbacks of one event loop, in batches: a batch of
queries or replies goes in, its effects are carried out, and what is to be sent leaves in as few system calls as can be.
"""

from __future__ import annotations

import os
import time
from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

from mirage_hole.net import upstream_tcp
from mirage_hole.net.udp import make_listener
from mirage_hole.net.upstream_udp import UdpUpstream
from mirage_hole.net.validation import ValidationThread
from mirage_hole.resolver.effects import (
    AskUpstream,
    CloseStream,
    EmitRecord,
    EndStream,
    ForgetPackets,
    RememberPacket,
    SendReply,
    TellLoop,
    Validate,
)
from mirage_hole.resolver.events import DrainEnded, TimePassed, UpstreamUnreachable
from mirage_hole.resolver.pending import TICK

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable, Coroutine, Iterable, Iterator

    from mirage_hole.cache.packets import PacketCache
    from mirage_hole.net.records import RecordSender
    from mirage_hole.net.udp import PortableUdpListener, UdpListener
    from mirage_hole.policy.limits import ClientLimits
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.events import Event


def make_dice() -> Callable[[], int]:
    """Random 16-bit numbers without end, from the system's generator, drawn in bulk."""

    def draw() -> Iterator[int]:
        while True:
            yield from array("H", os.urandom(4096))

    return draw().__next__  # two calls of C a throw, and none of Python


class DataPlane:
    """The engine's hands."""

    def __init__(
        self,
        engine: Engine,
        packets: PacketCache,
        records: RecordSender,
        dice: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.engine = engine
        self.packets = packets
        self.records = records
        self.listeners: list[UdpListener | PortableUdpListener] = []
        self.on_loop: Callable[[int], None] = lambda _: None
        """Told the number of an upstream that leads back here."""
        self._loop = loop
        self._tasks = tasks
        self._tcp_exchanges: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._asked: set[int] = set()
        self._alarmed = False
        self.upstreams = [
            UdpUpstream(upstream.number, upstream.address, upstream.port, self, dice) for upstream in engine.upstreams
        ]
        self._actions: dict[type, Callable[[Any], None]] = {
            SendReply: self._send_reply,
            EmitRecord: records.add,
            AskUpstream: self._ask_upstream,
            RememberPacket: self._remember_packet,
            ForgetPackets: self._forget_packets,
            CloseStream: self._close_stream,
            EndStream: self._end_stream,
            Validate: self._validate,
            TellLoop: lambda effect: self.on_loop(effect.upstream),
        }
        self._validation = ValidationThread(loop, self._take_one)
        if engine.validates:
            self._validation.warm()
        self._follow_ups: list[Event] = []

    def listen(self, sock: socket.socket) -> None:
        """Read queries from a bound UDP socket."""
        listener = make_listener(sock, self)
        listener.meter.limit(self.engine.limits)
        self.listeners.append(listener)
        self._loop.add_reader(sock.fileno(), listener.on_readable)

    def limit(self, limits: ClientLimits | None) -> None:
        """What a client may ask from now on; None: as much as it likes."""
        self.engine.limits = limits
        for listener in self.listeners:
            listener.meter.limit(limits)

    def alarm(self) -> None:
        """So much comes at once that the limits are looked at before the second is over."""
        if not self._alarmed:
            self._alarmed = True
            self._loop.call_soon(self._turn_early)

    def _turn_early(self) -> None:
        if self._alarmed:
            self.turn(time.monotonic())

    def turn(self, now: float) -> None:
        """Find out who is over a limit. Called once a second, and earlier when much comes."""
        self._alarmed = False
        limits = self.engine.limits
        if limits is None:
            return
        counts: Counter[bytes] = Counter()
        names: Counter[tuple[bytes, bytes]] = Counter()
        for listener in self.listeners:
            of_clients, of_names = listener.meter.turn()
            counts.update(of_clients)
            names.update(of_names)
        known = limits.repeated.names if limits.repeated is not None else frozenset()
        for client in limits.turn(counts, now, names):
            self.packets.turn_out(client)
        if limits.repeated is not None and not limits.repeated.names <= known:
            self.packets.clear()  # the answers that must not be replayed may be in anybody's view
        for listener in self.listeners:
            listener.meter.stop(limits.flooding)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine run, owned by this data plane's tasks."""
        self._tasks.create_task(work)

    def take(self, events: Iterable[Event], now: float) -> None:
        """Tell the engine, and do what it says."""
        handle, actions = self.engine.handle, self._actions
        for event in events:
            for effect in handle(event, now):
                kind = type(effect)
                if kind is SendReply:  # which nearly every query ends with
                    ticket: Any
                    ticket, wire = effect  # type: ignore[misc]
                    ticket[0].reply(ticket, wire)
                else:
                    actions[kind](effect)
        while self._follow_ups:
            self._do(handle(self._follow_ups.pop(), now))

    def after_batch(self) -> None:
        """Send what waits, and see to the timer. Called once a wake-up."""
        while self._asked:
            refusals = [self.upstreams[number].turn() for number in self._asked]
            self._asked.clear()
            # What a refusal leads to may ask other upstreams; attempts are bounded, so this ends.
            self.take([refusal for refusal in refusals if refusal is not None], time.monotonic())
        for listener in self.listeners:
            listener.flush()
        self.records.gather()
        if self._timer is None and self.engine.needs_time:
            self._timer = self._loop.call_later(TICK, self._tick)

    def stop_reading(self) -> None:
        """Take what has come by now, and no more; what is in flight goes on."""
        for listener in self.listeners:
            self._loop.remove_reader(listener.socket.fileno())
            listener.on_readable()

    def close(self) -> None:
        """Tell whoever still waits, and close every socket."""
        self.take([DrainEnded()], time.monotonic())
        for listener in self.listeners:
            listener.flush()
            listener.socket.close()
        for upstream in self.upstreams:
            upstream.close()
        for task in self._tcp_exchanges:
            task.cancel()
        self._validation.close()
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._timer = None
        self.take([TimePassed()], time.monotonic())
        self.after_batch()

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._actions[type(effect)](effect)

    # -- one method an effect --

    def _send_reply(self, effect: SendReply) -> None:
        ticket: Any = effect.ticket
        ticket[0].reply(ticket, effect.wire)

    def _ask_upstream(self, effect: AskUpstream) -> None:
        ident, number, over_tcp, wire, _ = effect
        if over_tcp:
            self._ask_over_tcp(effect)
            return
        self._asked.add(number)
        refused = self.upstreams[number].ask(ident, wire)
        if refused is not None:
            self._follow_ups.append(refused)

    def _ask_over_tcp(self, effect: AskUpstream) -> None:
        if len(self._tcp_exchanges) >= upstream_tcp.MOST_AT_ONCE:
            reason = "too many questions over TCP at once"
            self._follow_ups.append(UpstreamUnreachable(effect.upstream, effect.ident, reason, ours=True))
            return
        task = self._tasks.create_task(self._exchange_over_tcp(effect))
        self._tcp_exchanges.add(task)
        task.add_done_callback(self._tcp_exchanges.discard)

    async def _exchange_over_tcp(self, effect: AskUpstream) -> None:
        upstream = self.engine.upstreams[effect.upstream]
        event = await upstream_tcp.exchange(upstream.address, upstream.port, effect)
        if event is not None:
            self.take([event], time.monotonic())
            self.after_batch()

    def _validate(self, effect: Validate) -> None:
        refused = self._validation.begin(effect)
        if refused is not None:
            self._follow_ups.append(refused)

    def _take_one(self, event: Event) -> None:
        self.take([event], time.monotonic())
        self.after_batch()

    def _remember_packet(self, effect: RememberPacket) -> None:
        limits = self.engine.limits
        if limits is not None and limits.busy and limits.holds_back(effect.client, effect.octets):
            return  # nothing is replayed to one that asks too much: it must pass the engine
        self.packets.put(*effect)

    def _forget_packets(self, _effect: ForgetPackets) -> None:
        self.packets.clear()

    def _close_stream(self, effect: CloseStream) -> None:
        ticket: Any = effect.ticket
        ticket[0].no_reply()

    def _end_stream(self, effect: EndStream) -> None:
        ticket: Any = effect.ticket
        ticket[0].hang_up()
