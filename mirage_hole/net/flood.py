"""Floods are stopped in the kernel: a filter on the socket drops nearly all datagrams of a few addresses unread.

A program of the classic packet filter (socket(7) SO_ATTACH_FILTER), which needs no privilege. It compares the source address
and lets one datagram in ``ONE_IN`` through, so that it is seen whether the flood goes on. What it drops is in the kernel's
count of the socket's lost datagrams (socket(7) SO_MEMINFO), from which it is read here.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import socket
import struct
import sys
from typing import Final

log = logging.getLogger(__name__)

ONE_IN: Final = 512
MOST_V4: Final = 200
MOST_V6: Final = 16
"""Addresses that fit: a jump reaches 255 instructions."""

_LINUX: Final = sys.platform.startswith("linux")
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_SO_MEMINFO: Final = 55
_DROPS: Final = slice(32, 36)
_LD_W_ABS: Final = 0x20
_JEQ: Final = 0x15
_JSET: Final = 0x45
_RET: Final = 0x06
_SKF_NET_OFF: Final = 0xFFF00000
_SKF_AD_RANDOM: Final = 0xFFFFF000 + 56
_V4_SOURCE: Final = 12
_V6_SOURCE: Final = 8
_INSTRUCTION: Final = struct.Struct("HBBI")
_WHOLE: Final = 0xFFFFFFFF


def program(addresses: tuple[bytes, ...]) -> list[tuple[int, int, int, int]]:
    """Instructions (code, jump if true, jump if false, operand) that drop most of what comes from these addresses.

    ``addresses`` are all of one length, 4 or 16 octets.
    """
    checks: list[tuple[int, int, int, int]] = []
    per = 1 if len(addresses[0]) == 4 else 8
    total = len(addresses) * per + (per == 1)
    if per == 1:
        checks.append((_LD_W_ABS, 0, 0, _SKF_NET_OFF + _V4_SOURCE))
        for address in addresses:
            # Behind the checks stand: accept, then the lottery.
            checks.append((_JEQ, total - len(checks), 0, int.from_bytes(address, "big")))
    else:
        for address in addresses:
            for word in range(4):
                checks.append((_LD_W_ABS, 0, 0, _SKF_NET_OFF + _V6_SOURCE + 4 * word))
                last = word == 3
                at = len(checks)
                hit = total - at if last else 0
                miss = 0 if last else 2 * (3 - word)
                checks.append((_JEQ, hit, miss, int.from_bytes(address[4 * word : 4 * word + 4], "big")))
    return [
        *checks,
        (_RET, 0, 0, _WHOLE),
        (_LD_W_ABS, 0, 0, _SKF_AD_RANDOM),
        (_JSET, 0, 1, ONE_IN - 1),
        (_RET, 0, 0, 0),
        (_RET, 0, 0, _WHOLE),
    ]


class Dam:
    """The filter on one socket. Where there is none, floods are dropped by who reads it."""

    __slots__ = ("_before", "_dropped", "_sock", "_told", "_width", "stopped")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._width = 16 if sock.family == socket.AF_INET6 else 4
        self._dropped = 0
        self._before = 0
        self._told = False
        self.stopped: tuple[bytes, ...] = ()
        """Addresses whose datagrams are dropped."""
        if _LINUX:
            # The socket outlives its reader, and so does a filter of a worker that died.
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)

    @property
    def dropped(self) -> int:
        """Datagrams that were dropped while the filter stood, those of others that found no room included."""
        return self._dropped + (self._lost() - self._before if self.stopped else 0)

    def stop(self, addresses: tuple[bytes, ...]) -> None:
        """Drop what comes from these, 4 or 16 octets each, and from no others.

        Those of the other family are left out, and of very many all but the first.
        """
        mine = [one for one in addresses if len(one) == self._width]
        wanted = tuple(sorted(mine[: MOST_V6 if self._width == 16 else MOST_V4]))
        if wanted == self.stopped or not _LINUX:
            return
        dropped = self.dropped
        try:
            if wanted:
                _attach(self._sock, program(wanted))
            else:
                self._sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        except OSError as problem:
            if not self._told:
                log.warning("a flood can't be stopped in the kernel: %s", problem.strerror)
            self._told = True
            return
        self._dropped, self._before, self.stopped = dropped, self._lost(), wanted

    def _lost(self) -> int:
        try:
            told = self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
        except OSError:
            return self._before
        return int.from_bytes(told[_DROPS], sys.byteorder)


def _attach(sock: socket.socket, instructions: list[tuple[int, int, int, int]]) -> None:
    code = b"".join(_INSTRUCTION.pack(*one) for one in instructions)
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a count, padding, a pointer to the code.
    head = struct.pack("HL", len(instructions), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)
