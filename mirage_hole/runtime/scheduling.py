"""How the kernel is asked to treat a worker: an answer must never wait until somebody else's turn is over.

Linux gives each process turns of a few milliseconds, and one that wakes up may have to wait for the end of another's. One
that asks for short turns is let in at once (EEVDF's "latency nice", sched_setattr(2), Linux 6.12 and later; before that
the request changes nothing). It gets no more of the processor than the others, only sooner, so no privilege is needed.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import Final

TURN: Final = 100_000
"""Nanoseconds; the least the kernel grants. A batch of answers takes less."""
SWITCH_EVERY: Final = 0.0005
"""Seconds after which one thread of the interpreter makes way for another, ten times as often as usual."""

_NUMBERS: Final = {
    "x86_64": 314,
    "aarch64": 274,
    "riscv64": 274,
    "armv7l": 380,
    "armv6l": 380,
    "i686": 351,
    "ppc64le": 355,
}
"""The system call's number (the kernel's syscall tables); glibc has a function for it from 2.41 on."""
# struct sched_attr in its first size: size, policy, flags, nice, priority, runtime, deadline, period.
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")


def ask_for_short_turns() -> str:
    """Ask for this thread, and those it starts. Returns why it could not be done, which harms nobody; empty when it was."""
    sys.setswitchinterval(SWITCH_EVERY)
    number = _NUMBERS.get(platform.machine()) if sys.platform == "linux" else None
    if number is None or not hasattr(os, "sched_getscheduler"):
        return "unknown on this system"
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        return "somebody chose another way of scheduling"
    attributes = _ATTRIBUTES.pack(
        _ATTRIBUTES.size, os.SCHED_OTHER, 0, os.getpriority(os.PRIO_PROCESS, 0), 0, TURN, 0, 0
    )
    call = ctypes.CDLL(None, use_errno=True).syscall
    if call(ctypes.c_long(number), ctypes.c_long(0), ctypes.c_char_p(attributes), ctypes.c_ulong(0)) == 0:
        return ""
    return os.strerror(ctypes.get_errno()).lower()
