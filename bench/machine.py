"""What the figures were measured on, and which processor does what."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import NamedTuple


class Placement(NamedTuple):
    """Processors, as for sched_setaffinity(2). With one processor both are the same."""

    everything: set[int]
    server: set[int]
    load: set[int]

    @property
    def text(self) -> str:
        """For the report."""
        if self.server == self.load:
            return "server, dnsperf and upstream share the only processor"
        return f"server on processor {min(self.server)}, dnsperf and upstream on processor {min(self.load)}"


def placement() -> Placement:
    """The server's tree on the first processor, whatever loads it on the second."""
    cpus = sorted(os.sched_getaffinity(0))
    return Placement(set(cpus), {cpus[0]}, {cpus[min(1, len(cpus) - 1)]})


def describe() -> dict[str, str]:
    """Processor, memory, kernel, system."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    meminfo = Path("/proc/meminfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", cpuinfo) or re.search(r"Hardware\s*:\s*(.+)", cpuinfo)
    total = re.search(r"MemTotal:\s+(\d+)", meminfo)
    release = platform.freedesktop_os_release()
    return {
        "processor": f"{model[1].strip() if model else platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{int(total[1]) / 1048576:.0f} GiB" if total else "unknown",
        "kernel": platform.release(),
        "system": release.get("PRETTY_NAME", "unknown"),
    }
