"""Queries to upstreams over UDP: random source ports, connected sockets, IDs checked against the socket they left by.

Each upstream has a set of *doors*, sockets bound to ports the kernel picks at random and connected, so that the kernel
drops what comes from anyone else. Which door a batch of queries leaves by is drawn at random, and a door is replaced
by a fresh one after a number of queries or seconds: an attacker off the path must guess port and ID (RFC 5452).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from array import array
from collections import deque
from typing import TYPE_CHECKING, Final

from mirage_hole.net import mmsg
from mirage_hole.resolver.events import UpstreamReplied, UpstreamUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.net.dataplane import DataPlane

_new = tuple.__new__  # a named tuple without its constructor's cost, where every reply passes

DOORS: Final = 16
QUERIES_A_DOOR: Final = 1024
SECONDS_A_DOOR: Final = 30.0
LINGER: Final = 10.0
"""Seconds a replaced door is kept for late answers."""
MOST_LINGERING: Final = 256
"""Replaced doors that are kept at once; under a flood of questions the oldest close early."""
OURS: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
)
"""Errors that say that something is short on this machine, and nothing about the upstream."""
_REPLY_SIZE: Final = 4096
_QUERY_SLOT: Final = 512  # header, question and a bare OPT: at most 286 octets
_READS_A_WAKE: Final = 128


class Door:
    """One socket to one upstream."""

    __slots__ = ("born_at", "closing", "fd", "left", "serial", "socket")

    def __init__(self, sock: socket.socket, serial: int, now: float) -> None:
        self.socket = sock
        self.serial = serial
        """1..65535, going round; no two doors of an upstream have the same for as long as a reply could matter."""
        self.closing: asyncio.TimerHandle | None = None
        self.fd = sock.fileno()
        self.left = QUERIES_A_DOOR
        self.born_at = now


class UdpUpstream:
    """The doors to one upstream."""

    def __init__(self, number: int, address: str, port: int, plane: DataPlane, dice: Callable[[], int]) -> None:
        self.number = number
        self.mismatched = 0
        """Replies that came by another door than their query left."""
        self._plane = plane
        self._dice = dice
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._target = socket.getaddrinfo(
            address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )[0][4]
        self._doors: list[Door | None] = [None] * DOORS
        self._current: Door | None = None
        self._lingering: deque[Door] = deque()
        self._opened = 0
        # By which door the query with an ID left last: a serial number each, 128 KiB and never more.
        self._left_by = array("H", bytes(2 << 16))
        self._inbox = mmsg.ConnectedInbox(_REPLY_SIZE) if mmsg.supported() else None
        self._at_once = 1 if self._inbox is None else mmsg.SLOTS
        self._outbox = mmsg.ConnectedOutbox(_QUERY_SLOT) if mmsg.supported() else None
        self._loop = asyncio.get_running_loop()

    def ask(self, ident: int, wire: bytes) -> UpstreamUnreachable | None:
        """Send a query, by the end of the batch at the latest; an event when the network refuses at once."""
        door = self._current
        if door is None:
            try:
                door = self._current = self._draw()
            except OSError as problem:
                return UpstreamUnreachable(self.number, ident, _reason(problem), ours=problem.errno in OURS)
        door.left -= 1
        self._left_by[ident] = door.serial
        if self._outbox is not None:
            return self.turn() if self._outbox.put(wire) else None
        try:
            door.socket.send(wire)
        except BlockingIOError:
            return None  # lost in a full buffer, like any datagram: the engine asks again
        except OSError as problem:  # which may be about an earlier query, and is told only once
            return UpstreamUnreachable(self.number, None, _reason(problem), ours=problem.errno in OURS)
        return None

    def turn(self) -> UpstreamUnreachable | None:
        """The batch is over: send it; the next leaves by another door. An event when the network refuses."""
        door, self._current = self._current, None
        if door is None or self._outbox is None:
            return None
        problem = self._outbox.flush(door.fd)
        return UpstreamUnreachable(self.number, None, os.strerror(problem).lower()) if problem else None

    def close(self) -> None:
        """Close every door."""
        for door in (*self._doors, *self._lingering):
            if door is not None:
                self._shut(door)
        self._doors = [None] * DOORS
        self._lingering.clear()
        self._current = None

    def _draw(self) -> Door:
        place = self._dice() % DOORS
        door = self._doors[place]
        now = time.monotonic()
        if door is not None and door.left > 0 and now - door.born_at < SECONDS_A_DOOR:
            return door
        try:
            fresh = self._open(now)
        except OSError:
            # Out of descriptors, it may be. A port that was used for long is a lesser evil than no answer.
            door = door or next((other for other in self._doors if other is not None), None)
            if door is None:
                raise
            return door
        self._doors[place] = fresh
        if door is not None:
            self._let_linger(door)
        return fresh

    def _open(self, now: float) -> Door:
        sock = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.connect(self._target)
        except OSError:
            sock.close()
            raise
        self._opened += 1
        door = Door(sock, self._opened % 0xFFFF + 1, now)
        self._loop.add_reader(door.fd, self._on_readable, door)
        return door

    def _let_linger(self, door: Door) -> None:
        door.closing = self._loop.call_later(LINGER, self._end_linger)
        self._lingering.append(door)
        if len(self._lingering) > MOST_LINGERING:
            self._end_linger()

    def _end_linger(self) -> None:
        """Close the door that lingers longest: theirs end in the order in which they began."""
        self._shut(self._lingering.popleft())

    def _shut(self, door: Door) -> None:
        if door.closing is not None:
            door.closing.cancel()
        self._loop.remove_reader(door.fd)
        door.socket.close()

    def _on_readable(self, door: Door) -> None:
        now = time.monotonic()
        events: list[UpstreamReplied | UpstreamUnreachable] = []
        number, left_by, serial = self.number, self._left_by, door.serial
        for _ in range(0, _READS_A_WAKE, self._at_once):
            try:
                wires = self._receive(door)
            except OSError as problem:  # ICMP told the kernel that nobody listens there
                events.append(UpstreamUnreachable(number, None, _reason(problem)))
                break
            for wire in wires:
                if len(wire) > 1 and left_by[wire[0] << 8 | wire[1]] == serial:
                    events.append(_new(UpstreamReplied, (wire, number, False)))
                else:
                    self.mismatched += 1
            if len(wires) < self._at_once:
                break
        if events:
            self._plane.take(events, now)
        self._plane.after_batch()

    def _receive(self, door: Door) -> list[bytes]:
        """Up to ``_at_once`` replies; fewer when there are no more."""
        if self._inbox is not None:
            return self._inbox.receive(door.fd)
        try:
            return [door.socket.recv(_REPLY_SIZE)]
        except BlockingIOError:
            return []


def _reason(problem: OSError) -> str:
    return (problem.strerror or "network error").lower()
