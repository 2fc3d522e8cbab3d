"""CPU time and memory of processes, read from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Memory(NamedTuple):
    """In MiB. PSS shares what several processes map between them, so it may be added up; RSS counts it each time."""

    pss: float
    rss: float

    def __add__(self, other: object) -> Memory:
        assert isinstance(other, Memory)
        return Memory(self.pss + other.pss, self.rss + other.rss)


def tree(root: int) -> list[int]:
    """The process and all that descend from it, parents first."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(parents.get(pid, ()))
    return found


def cpu_seconds(pids: list[int], *, reaped: bool = False) -> float:
    """User and system time of all threads; with ``reaped`` also that of children which ended and were waited for."""
    return (
        sum(sum(map(int, fields[11:15] if reaped else fields[11:13])) for fields in map(_stat, pids) if fields) / _TICKS
    )


def kernel_seconds(pids: list[int]) -> float:
    """System time alone."""
    return sum(int(fields[12]) for fields in map(_stat, pids) if fields) / _TICKS


def memory(pids: list[int]) -> Memory:
    """What the processes hold; those that ended meanwhile hold nothing."""
    total = Memory(0.0, 0.0)
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        fields = {line.split(":")[0]: line.split() for line in lines}
        if "Pss" in fields:
            total += Memory(int(fields["Pss"][1]) / 1024, int(fields["Rss"][1]) / 1024)
    return total


def resident(pids: list[int]) -> float:
    """RSS in MiB; cheap enough to be asked often."""
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1048576


def command_line(pid: int) -> str:
    """The arguments, parted by spaces; empty for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def born(pid: int) -> str:
    """When the process started, in ticks since the boot; empty for a process that is gone."""
    fields = _stat(pid)
    return fields[19] if fields else ""


def pin(pids: list[int], cpus: set[int]) -> None:
    """Let all threads run on these processors only."""
    for pid in pids:
        try:
            threads = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
        except OSError:
            continue
        for thread in threads:
            try:
                os.sched_setaffinity(thread, cpus)
            except ProcessLookupError:
                continue


class Foreign:
    """Watches how much processor time goes to others than the given processes and what the caller starts and waits for."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self._began = time.monotonic()
        self._before = self._seconds()

    def processors(self) -> float:
        """How many processors they kept busy since the start, on average."""
        return max(0.0, (self._seconds() - self._before) / (time.monotonic() - self._began))

    def _seconds(self) -> float:
        with Path("/proc/stat").open() as file:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, file.readline().split()[1:9])
        everybody = (user + nice + system + irq + softirq + steal) / _TICKS
        return everybody - cpu_seconds(self._pids, reaped=True) - cpu_seconds([os.getpid()], reaped=True)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on; empty for a process that is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()
