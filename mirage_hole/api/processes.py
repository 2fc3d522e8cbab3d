"""Memory, processor time and descriptors of our own processes, from proc(5)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mirage_hole.observe.metrics import ProcessFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


def processes(pids: Mapping[str, int], proc: Path = Path("/proc")) -> list[ProcessFacts]:
    """What is known of each process by its name; one that has ended, or may not be looked at, is left out."""
    found = []
    for name, pid in pids.items():
        place = proc / str(pid)
        try:
            resident = int((place / "statm").read_bytes().split()[1]) * _PAGE
            # The second field is the name in parentheses, which may hold anything.
            fields = (place / "stat").read_bytes().rpartition(b")")[2].split()
            cpu = (int(fields[11]) + int(fields[12])) / _TICKS
            descriptors = sum(1 for _ in (place / "fd").iterdir())
        except (OSError, ValueError, IndexError):
            continue
        found.append(ProcessFacts(name, resident, cpu, descriptors))
    return found
