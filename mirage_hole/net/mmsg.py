"""Many datagrams a system call: Linux's recvmmsg(2) and sendmmsg(2) through ctypes.

Buffers are anonymous mmaps, since slicing one gives ``bytes`` in a single step, and the C structures are laid out once.
What changes a datagram is written through a memoryview cast to the field's width: a tenth of the cost of a ctypes field.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
from typing import Final

SLOTS: Final = 64
"""Datagrams a call."""

_SUPPORTED: Final = sys.platform == "linux" and struct.calcsize("P") == 8

# struct mmsghdr on 64-bit Linux, in 8-octet words: msg_name, msg_namelen + padding, msg_iov, msg_iovlen, msg_control,
# msg_controllen, msg_flags + padding, msg_len + padding (see recvmsg(2), recvmmsg(2)).
WORDS: Final = 8
NAME, NAMELEN, IOV, IOVLEN, CONTROL, CONTROLLEN = range(6)
LEN_HALF: Final = 14
"""msg_len, counted in 4-octet units."""

# struct cmsghdr is 16 octets; then in_pktinfo {ifindex, spec_dst, addr} or in6_pktinfo {addr, ifindex} (ip(7), ipv6(7)).
_CONTROL = {socket.AF_INET: (32, 16), socket.AF_INET6: (40, 32)}
_NAME_SIZE = {socket.AF_INET: 16, socket.AF_INET6: 28}


def supported() -> bool:
    """Whether this system has the calls, laid out as assumed here."""
    return _SUPPORTED and hasattr(_libc(), "recvmmsg") and hasattr(_libc(), "sendmmsg")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if _SUPPORTED:
    _LIBC = _libc()
    recvmmsg = _LIBC.recvmmsg
    recvmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]
    recvmmsg.restype = ctypes.c_int
    sendmmsg = _LIBC.sendmmsg
    sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    sendmmsg.restype = ctypes.c_int


def _address_of(buffer: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


class Batch:
    """Buffers and headers for ``SLOTS`` datagrams to and from any peer."""

    def __init__(self, family: int, slot: int, *, pktinfo: bool) -> None:
        """``slot``: octets a datagram; ``pktinfo``: carry the local address along (sockets bound to a wildcard)."""
        self.slot = slot
        self.stride = _NAME_SIZE[socket.AddressFamily(family)]
        self.control_stride, ifindex = _CONTROL[socket.AddressFamily(family)] if pktinfo else (0, 0)
        self.ifindex_at = ifindex // 4
        self.control_words = self.control_stride // 4
        self.data = mmap.mmap(-1, SLOTS * slot)
        self.names = mmap.mmap(-1, SLOTS * self.stride)
        self.controls = mmap.mmap(-1, max(SLOTS * self.control_stride, 1))
        self.control_ints = memoryview(self.controls)[: SLOTS * self.control_stride].cast("I")
        self._iovs = mmap.mmap(-1, SLOTS * 16)
        self._headers = mmap.mmap(-1, SLOTS * WORDS * 8)
        self.iovs = memoryview(self._iovs).cast("Q")
        """Two words a slot: base, length."""
        self.words = memoryview(self._headers).cast("Q")
        self.halves = memoryview(self._headers).cast("I")
        self.address = _address_of(self._headers)
        data, names = _address_of(self.data), _address_of(self.names)
        iovs, controls = _address_of(self._iovs), _address_of(self.controls)
        for number in range(SLOTS):
            self.iovs[2 * number] = data + number * slot
            self.iovs[2 * number + 1] = slot
            word = number * WORDS
            self.words[word + NAME] = names + number * self.stride
            self.words[word + NAMELEN] = self.stride
            self.words[word + IOV] = iovs + number * 16
            self.words[word + IOVLEN] = 1
            self.words[word + CONTROL] = controls + number * self.control_stride if pktinfo else 0
            self.words[word + CONTROLLEN] = self.control_stride
        self._pristine = bytes(self._headers)

    def share(self, other: Batch) -> None:
        """Use another batch's buffers with headers of our own, so that an answer can be written where its query stood."""
        for number in range(SLOTS):
            word = number * WORDS
            self.words[word + NAME] = other.words[word + NAME]
            self.words[word + CONTROL] = other.words[word + CONTROL]
            self.iovs[2 * number] = other.iovs[2 * number]
        self._pristine = bytes(self._headers)

    def restore(self, count: int) -> None:
        """Undo what the kernel wrote into the first ``count`` headers."""
        size = count * WORDS * 8
        self._headers[:size] = self._pristine[:size]


def send_all(fd: int, address: int, count: int) -> tuple[int, int]:
    """sendmmsg until everything is gone or the socket is full.

    Returns how many datagrams were lost, and the first errno that says more than that the socket was full; or 0.
    """
    lost = problem = 0
    while count:
        sent = sendmmsg(fd, address, count, socket.MSG_DONTWAIT)
        if sent < 0:
            number = ctypes.get_errno()
            if number == errno.EINTR:
                continue
            if number in (errno.EAGAIN, errno.ENOBUFS):
                return lost + count, problem
            # This one datagram can't be sent (its peer is unreachable, a firewall forbids it): the next may.
            problem = problem or number
            lost += 1
            sent = 1
        count -= sent
        address += sent * WORDS * 8
    return lost, problem


class ConnectedInbox:
    """Datagrams from the peer of a connected socket, read a batch at a time."""

    __slots__ = ("_batch",)

    def __init__(self, slot: int) -> None:
        """``slot``: octets; a longer datagram is cut off there."""
        batch = self._batch = Batch(socket.AF_INET, slot, pktinfo=False)
        for number in range(SLOTS):
            batch.words[number * WORDS + NAME] = 0
            batch.words[number * WORDS + NAMELEN] = 0

    def receive(self, fd: int) -> list[bytes]:
        """What has come, at most ``SLOTS`` datagrams; empty when nothing has.

        Raises:
            OSError: what the network said of an earlier datagram, such as ECONNREFUSED.
        """
        batch = self._batch
        count = recvmmsg(fd, batch.address, SLOTS, socket.MSG_DONTWAIT, None)
        if count < 0:
            problem = ctypes.get_errno()
            if problem in (errno.EAGAIN, errno.EINTR):
                return []
            raise OSError(problem, os.strerror(problem))
        data, halves, slot = batch.data, batch.halves, batch.slot
        return [data[place * slot : place * slot + halves[place * 16 + LEN_HALF]] for place in range(count)]


class ConnectedOutbox:
    """Datagrams for the peer of a connected socket, sent a batch at a time: waking the peer once is most of the gain."""

    __slots__ = ("_batch", "_count")

    def __init__(self, slot: int) -> None:
        """``slot``: the most octets a datagram."""
        batch = self._batch = Batch(socket.AF_INET, slot, pktinfo=False)
        self._count = 0
        for number in range(SLOTS):
            batch.words[number * WORDS + NAME] = 0
            batch.words[number * WORDS + NAMELEN] = 0

    def put(self, wire: bytes) -> bool:
        """Add one; True when the batch is full and must be flushed before the next.

        Raises:
            ValueError: longer than a slot; it would spill into the next datagram.
        """
        batch, number = self._batch, self._count
        start = number * batch.slot
        size = len(wire)
        if size > batch.slot:
            message = f"{size} octets in a slot of {batch.slot}"
            raise ValueError(message)
        batch.data[start : start + size] = wire
        batch.iovs[2 * number + 1] = size
        self._count = number + 1
        return self._count == SLOTS

    def flush(self, fd: int) -> int:
        """Send what is there through this socket. Returns the first errno, 0 when the kernel took all or was only full.

        What was lost is not counted: the engine asks again.
        """
        count, self._count = self._count, 0
        return send_all(fd, self._batch.address, count)[1]


class Outbox:
    """Replies that are ready, sent a batch at a time."""

    __slots__ = ("_batch", "_count", "_fd", "lost")

    def __init__(self, fd: int, family: int, slot: int, *, pktinfo: bool) -> None:
        self._batch = Batch(family, slot, pktinfo=pktinfo)
        self._fd = fd
        self._count = 0
        self.lost = 0
        """Datagrams that the kernel did not take."""

    def put(self, name: bytes, control: bytes, wire: bytes) -> None:
        """Add one: raw sockaddr, raw control message (may be empty), payload of at most ``slot`` octets.

        Raises:
            ValueError: longer than a slot; it would spill into another client's answer.
        """
        batch, number = self._batch, self._count
        size = len(wire)
        if size > batch.slot:
            message = f"{size} octets in a slot of {batch.slot}"
            raise ValueError(message)
        start = number * batch.stride
        batch.names[start : start + batch.stride] = name
        if batch.control_stride:
            start = number * batch.control_stride
            end = start + len(control)
            batch.controls[start:end] = control
            # Without one, the address that an earlier datagram left from must not be used again.
            batch.words[number * WORDS + CONTROLLEN] = len(control)
        start = number * batch.slot
        batch.data[start : start + size] = wire
        batch.iovs[2 * number + 1] = size
        self._count = number + 1
        if self._count == SLOTS:
            self.flush()

    def flush(self) -> None:
        """Send what is there."""
        count = self._count
        if count:
            self._count = 0
            self.lost += send_all(self._fd, self._batch.address, count)[0]
