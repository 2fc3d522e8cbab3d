"""How much memory there is for a process: what the machine has left, and what its control group may still take. Linux.

Elsewhere nothing is known, and nothing is refused.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_MAX_DEPTH = 32


def available(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Octets that this process could take without anyone else being ended or swapped out; None when that is not known."""
    found = [_machine(proc), *_groups(proc, cgroups)]
    return min((one for one in found if one is not None), default=None)


def peak_kib(proc: Path = _PROC) -> int:
    """Largest resident memory of this process so far, KiB.

    From /proc, since getrusage counts the parent's memory at the time of the fork too.
    """
    with suppress(OSError, ValueError, IndexError):
        for line in (proc / "self" / "status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def give_back() -> None:
    """Return memory that is no longer used to the system. glibc keeps it otherwise, for as long as something lies behind it."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _machine(proc: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in (proc / "meminfo").read_text("ascii", "replace").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _groups(proc: Path, cgroups: Path) -> list[int | None]:
    """What each control group around this process leaves (cgroups(7), version 2); its file cache can go."""
    with suppress(OSError, ValueError):
        for line in (proc / "self" / "cgroup").read_text("utf-8", "replace").splitlines():
            if line.startswith("0::/"):
                parts = [part for part in line[4:].split("/") if part and part != ".."][:_MAX_DEPTH]
                places = [cgroups.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
                return [_left(place) for place in places]
    return []


def _left(group: Path) -> int | None:
    with suppress(OSError, ValueError):
        limit = (group / "memory.max").read_text("ascii").strip()
        if limit == "max":
            return None
        used = int((group / "memory.current").read_text("ascii"))
        for line in (group / "memory.stat").read_text("ascii").splitlines():
            name, _, octets = line.partition(" ")
            if name in {"inactive_file", "active_file"}:
                used -= int(octets)
        return max(0, int(limit) - max(0, used))
    return None
