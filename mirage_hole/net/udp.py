"""DNS over UDP: drain the socket, replay what is known, hand the rest to the engine, answer in batches.

Two listeners with one behaviour: a fast one for Linux (recvmmsg) and a portable one (recvmsg, one datagram a call).
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any, Final

from mirage_hole.cache.packets import GOOD_UNTIL, LENGTH, SUBJECT, TAIL
from mirage_hole.net import mmsg
from mirage_hole.net.meter import Meter
from mirage_hole.observe.record import NO_SUBJECT, UDP
from mirage_hole.resolver.effects import EmitRecord
from mirage_hole.resolver.events import QueryReceived
from mirage_hole.wire.query import MAX_QUERY

if TYPE_CHECKING:
    from mirage_hole.net.dataplane import DataPlane

_new = tuple.__new__  # a named tuple without its constructor's cost, where every query passes

_SLOT: Final = MAX_QUERY + 8  # a query over the limit is seen to be over it
_REPLY_SLOT: Final = 1536
_IP_PKTINFO: Final = 8  # Linux; named by Python from 3.12 on
_BATCHES_A_WAKE: Final = 4
"""Then the loop gets its turn, so that upstreams and TCP are not starved by a flood."""


class UdpListener:
    """One bound socket, read and answered in batches. A ticket is (listener, raw sockaddr, raw control message)."""

    def __init__(self, sock: socket.socket, plane: DataPlane) -> None:
        self.socket = sock
        self.datagrams = 0
        self.replayed = 0
        self._plane = plane
        self._fd = sock.fileno()
        pktinfo = wants_local_address(sock)
        self._batch = mmsg.Batch(sock.family, _SLOT, pktinfo=pktinfo)
        self._send = mmsg.Batch(sock.family, _SLOT, pktinfo=pktinfo)
        self._pktinfo = pktinfo
        self._lost = 0
        self._outbox = mmsg.Outbox(self._fd, sock.family, _REPLY_SLOT, pktinfo=pktinfo)
        self._send.share(self._batch)
        self._address_range = (4, 8) if self._batch.stride == 16 else (8, 24)
        self.meter = Meter(sock, plane.alarm)

    @property
    def lost(self) -> int:
        """Replies that the kernel did not take."""
        return self._lost + self._outbox.lost

    def on_readable(self) -> None:
        """Read until the socket is empty or the loop should have its turn."""
        for _ in range(_BATCHES_A_WAKE):
            count = mmsg.recvmmsg(self._fd, self._batch.address, mmsg.SLOTS, socket.MSG_DONTWAIT, None)
            if count <= 0:
                break
            self._answer(count)
            if count < mmsg.SLOTS:
                break
        self._plane.after_batch()

    def _answer(self, count: int) -> None:
        # The hot path: locals only, and no call that replaying an answer does not need.
        self.datagrams += count
        now = time.monotonic()
        batch, send = self._batch, self._send
        data, names, halves, iovs = batch.data, batch.names, batch.halves, send.iovs
        tables = self._plane.packets.tables
        stride = batch.stride
        first, last = self._address_range
        meter = self.meter
        meter.datagrams += count
        if meter.datagrams > meter.watch_above:
            meter.batches += 1
            if not meter.batches % meter.every:
                self._count(count)
        pktinfo = self._pktinfo
        subjects: list[bytes] = []
        misses: list[int] = []
        ready = 0
        for number in range(count):
            start = number * _SLOT
            body = start + 2
            octets = data[body : start + halves[number * 16 + 14]]
            place = number * stride
            table = tables.get(names[place + first : place + last])
            entry = table.get(octets) if table is not None else None
            if entry is None or now >= entry[GOOD_UNTIL]:
                entry = self._plane.packets.revive(names[place + first : place + last], octets, now)
                if entry is None:
                    misses.append(number)
                    subjects.append(NO_SUBJECT)
                    continue
            size = entry[LENGTH]
            data[body : body + size] = entry[TAIL]
            iovs[number + number + 1] = size + 2
            subjects.append(entry[SUBJECT])
            if pktinfo:
                # The route, not the interface of arrival, decides how the answer leaves (as unbound does).
                batch.control_ints[number * batch.control_words + batch.ifindex_at] = 0
            if ready != number:
                # Answers go out side by side: this header takes over what belongs to a later slot.
                words, word, slot = send.words, ready * 8, number * 8
                words[word] = words[slot]
                words[word + 2] = words[slot + 2]
                words[word + 4] = words[slot + 4]
            ready += 1
        queries = self._queries(misses)
        if ready:
            self._lost += mmsg.send_all(self._fd, send.address, ready)[0]
            self.replayed += ready
            self._plane.records.replays(UDP, stride, names[: count * stride], subjects, ready)
            if misses:
                send.restore(count)
        if pktinfo:
            batch.restore(count)  # the kernel wrote how much control data came
        if queries:
            self._plane.take(queries, now)

    def _count(self, count: int) -> None:
        batch, meter = self._batch, self.meter
        data, names, halves, stride = batch.data, batch.names, batch.halves, batch.stride
        first, last = self._address_range
        clients = [names[place + first : place + last] for place in range(0, count * stride, stride)]
        if not meter.counts_names:
            meter.count(clients)
            return
        starts = range(0, count * _SLOT, _SLOT)
        meter.count(
            clients, [data[start + 2 : start + halves[number * 16 + 14]] for number, start in enumerate(starts)]
        )

    def _queries(self, misses: list[int]) -> list[QueryReceived]:
        meter = self.meter
        if meter.shed:
            stride, names = self._batch.stride, self._batch.names
            first, last = self._address_range
            places = [(number, number * stride) for number in misses]
            misses = [number for number, at in places if not meter.sheds(names[at + first : at + last])]
        return [self._query_at(number) for number in misses]

    def _query_at(self, number: int) -> QueryReceived:
        batch = self._batch
        start, place, control = number * _SLOT, number * batch.stride, number * batch.control_stride
        first, last = self._address_range
        name = batch.names[place : place + batch.stride]
        if self._pktinfo:
            batch.control_ints[number * batch.control_words + batch.ifindex_at] = 0
        told = batch.controls[control : control + batch.control_stride]
        octets = batch.data[start : start + batch.halves[number * 16 + 14]]
        return _new(QueryReceived, (octets, name[first:last], UDP, (self, name, told)))

    def reply(self, ticket: tuple[object, bytes, bytes], wire: bytes) -> None:
        """Put a reply into the outbox; :meth:`flush` sends it."""
        self._outbox.put(ticket[1], ticket[2], wire)

    def no_reply(self) -> None:
        """A datagram that gets no answer leaves nothing behind."""

    def flush(self) -> None:
        """Send every reply that waits."""
        self._outbox.flush()


class PortableUdpListener:
    """The same with recvmsg(2) and sendmsg(2), for systems without the batch calls. A ticket is (listener, peer, local)."""

    def __init__(self, sock: socket.socket, plane: DataPlane) -> None:
        self.socket = sock
        self.datagrams = 0
        self.replayed = 0
        self.lost = 0
        self._plane = plane
        self.meter = Meter(sock, plane.alarm)
        self._control = socket.CMSG_SPACE(20) if wants_local_address(sock) else 0

    def on_readable(self) -> None:
        """Read until the socket is empty or the loop should have its turn."""
        now = time.monotonic()
        meter = self.meter
        queries = []
        for _ in range(_BATCHES_A_WAKE * mmsg.SLOTS):
            try:
                octets, ancillary, _, peer = self.socket.recvmsg(_SLOT, self._control)
            except OSError:  # empty, as a rule; whatever else it is, the next wake-up tries again
                break
            self.datagrams += 1
            client = socket.inet_pton(self.socket.family, peer[0].partition("%")[0])
            meter.datagrams += 1
            if meter.datagrams > meter.watch_above:
                meter.batches += 1
                if not meter.batches % meter.every:
                    meter.count([client], [octets[2:]])
                if meter.shed and meter.sheds(client):
                    continue
            ticket = (self, peer, without_interface(ancillary))
            entry = self._plane.packets.revive(client, octets[2:], now)
            if entry is None:
                queries.append(QueryReceived(octets, client, UDP, ticket))
                continue
            self.replayed += 1
            self._plane.records.add(EmitRecord(client, UDP, 0.0, entry[SUBJECT]))
            self.reply(ticket, octets[:2] + entry[TAIL])
        if queries:
            self._plane.take(queries, now)
        self._plane.after_batch()

    def reply(self, ticket: tuple[object, Any, Any], wire: bytes) -> None:
        """Send a reply at once."""
        try:
            self.socket.sendmsg([wire], ticket[2], 0, ticket[1])
        except OSError:  # full or unreachable: a datagram may be lost, and this one is counted
            self.lost += 1

    def no_reply(self) -> None:
        """A datagram that gets no answer leaves nothing behind."""

    def flush(self) -> None:
        """Nothing waits here."""


def make_listener(
    sock: socket.socket, plane: DataPlane, *, portable: bool = False
) -> UdpListener | PortableUdpListener:
    """The fastest listener that this system has."""
    return UdpListener(sock, plane) if mmsg.supported() and not portable else PortableUdpListener(sock, plane)


def wants_local_address(sock: socket.socket) -> bool:
    """Whether answers must be told where to leave from: the socket is bound to every local address.

    If so, each datagram brings the address it was sent to from now on (ip(7) IP_PKTINFO, RFC 3542 6.2).
    """
    if sock.getsockname()[0] not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return False
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_PKTINFO", _IP_PKTINFO), 1)
    return True


def without_interface(ancillary: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """The packet information to send back: the same local address, any interface."""
    back = []
    for level, kind, octets in ancillary:
        if level == socket.IPPROTO_IP:
            back.append((level, kind, bytes(4) + octets[4:]))
        elif level == socket.IPPROTO_IPV6:
            back.append((level, kind, octets[:16] + bytes(4)))
    return back
