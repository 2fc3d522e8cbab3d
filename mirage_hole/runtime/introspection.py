"""Looks into the process it runs in: what takes memory, which tasks there are, which files are open. For hunting leaks on a live system.

Works in the supervisor and in a worker alike, and loads nothing until somebody asks. Tracing costs speed and memory, so it ends by itself.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    import tracemalloc
    from collections.abc import Callable

MAX_FRAMES: Final = 25
MAX_SECONDS: Final = 7200.0
MAX_SNAPSHOTS: Final = 5
MAX_ROWS: Final = 200
MAX_TASKS: Final = 500
MAX_STACK: Final = 8
MAX_FILES: Final = 1000
_TEXT: Final = 200


class BadQuestion(ValueError):  # noqa: N818 - reads as what it is at the raise
    """What was asked can't be answered; the message says why."""


class Introspection:
    """What one process can tell of itself."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._snapshots: dict[int, tuple[float, tracemalloc.Snapshot]] = {}
        self._next = 1
        self.until = 0.0
        """When tracing ends, in seconds since the epoch; 0: nothing is traced."""

    def answer(self, asked: dict[str, Any], tasks: set[asyncio.Task[Any]] | None = None) -> dict[str, Any]:
        """The answer to one question, as plain values.

        Args:
            asked: ``what`` and its arguments, as :mod:`mirage_hole.runtime.diagnosis` sends them.
            tasks: of the event loop, which only its own thread can collect.

        Raises:
            BadQuestion: it can't be answered.
        """
        match asked["what"]:
            case "trace":
                return self.trace(int(asked["frames"]), float(asked["seconds"]))
            case "snapshot":
                return self.snapshot()
            case "difference":
                return {"rows": self.difference(int(asked["first"]), int(asked["second"]), int(asked["limit"]))}
            case "objects":
                return {"rows": objects(int(asked["limit"]))}
            case "tasks":
                return {"rows": described(tasks or set())}
            case "files":
                return {"rows": open_files()}
            case "memory":
                return self.memory()
        message = f"there is nothing to tell of {asked['what']!r}"
        raise BadQuestion(message)

    def trace(self, frames: int, seconds: float) -> dict[str, Any]:
        """Trace allocations for so many seconds, each with so many frames; 0 seconds: stop, and forget the snapshots."""
        import tracemalloc

        if tracemalloc.is_tracing():
            tracemalloc.stop()
        self._snapshots.clear()
        self.until = 0.0
        if seconds > 0:
            tracemalloc.start(max(1, min(frames, MAX_FRAMES)))
            self.until = self._clock() + min(seconds, MAX_SECONDS)
        return self.memory()

    def expire(self) -> None:
        """Stop tracing when its time is over; the snapshots stay."""
        if self.until and self._clock() >= self.until:
            import tracemalloc

            tracemalloc.stop()
            self.until = 0.0

    def snapshot(self) -> dict[str, Any]:
        """Keep what is allocated now; the oldest of more than five goes.

        Raises:
            BadQuestion: nothing is traced.
        """
        import tracemalloc

        if not tracemalloc.is_tracing():
            message = "nothing is traced; begin with tracing"
            raise BadQuestion(message)
        taken = tracemalloc.take_snapshot().filter_traces(
            (
                tracemalloc.Filter(False, tracemalloc.__file__),
                tracemalloc.Filter(False, "<frozen importlib._bootstrap>"),
                tracemalloc.Filter(False, "<frozen importlib._bootstrap_external>"),
            )
        )
        self._snapshots[self._next] = (self._clock(), taken)
        self._next += 1
        while len(self._snapshots) > MAX_SNAPSHOTS:
            del self._snapshots[next(iter(self._snapshots))]
        return self.memory()

    def difference(self, first: int, second: int, limit: int) -> list[dict[str, Any]]:
        """What the second snapshot has more or less than the first, by line of code, the largest difference first. With 0 for the
        first: all that the second has.

        Raises:
            BadQuestion: there is no such snapshot.
        """
        for number in (first, second) if first else (second,):
            if number not in self._snapshots:
                known = ", ".join(map(str, self._snapshots)) or "none"
                message = f"there is no snapshot {number}; there are: {known}"
                raise BadQuestion(message)
        later = self._snapshots[second][1]
        if first == 0:
            return [
                {"place": _place(one.traceback), "octets": one.size, "count": one.count, "more_octets": one.size,
                 "more_count": one.count}
                for one in later.statistics("lineno")[:limit]
            ]  # fmt: skip
        return [
            {"place": _place(one.traceback), "octets": one.size, "count": one.count, "more_octets": one.size_diff,
             "more_count": one.count_diff}
            for one in later.compare_to(self._snapshots[first][1], "lineno")[:limit]
        ]  # fmt: skip

    def memory(self) -> dict[str, Any]:
        """What is traced and kept, and what the process takes."""
        import tracemalloc

        traced, peak = tracemalloc.get_traced_memory()
        return {
            "pid": os.getpid(),
            "resident": _resident(),
            "tracing": tracemalloc.is_tracing(),
            "frames": tracemalloc.get_traceback_limit() if tracemalloc.is_tracing() else 0,
            "until": self.until,
            "traced": traced,
            "peak": peak,
            "snapshots": [{"number": number, "at": at} for number, (at, _) in self._snapshots.items()],
        }


def objects(limit: int) -> list[dict[str, Any]]:
    """How many objects there are of each type that the garbage collector knows, the most first."""
    import gc
    from collections import Counter

    counts: Counter[str] = Counter()
    for one in gc.get_objects():
        kind = type(one)
        counts[f"{kind.__module__}.{kind.__qualname__}"] += 1
    return [{"type": name[:_TEXT], "count": count} for name, count in counts.most_common(limit)]


def described(tasks: set[asyncio.Task[Any]]) -> list[dict[str, Any]]:
    """Each task: its name, what it runs, and where it waits."""
    rows = []
    for task in sorted(tasks, key=lambda task: task.get_name())[:MAX_TASKS]:
        frames = task.get_stack(limit=MAX_STACK)
        stack = [f"{_short(frame.f_code.co_filename)}:{frame.f_lineno} {frame.f_code.co_name}" for frame in frames]
        coroutine = task.get_coro()
        rows.append(
            {
                "name": task.get_name()[:_TEXT],
                "runs": str(getattr(coroutine, "__qualname__", coroutine))[:_TEXT],
                "stack": [line[:_TEXT] for line in stack],
            }
        )
    return rows


def open_files() -> list[dict[str, Any]]:
    """Each file descriptor and what it is; empty where the system does not tell."""
    rows = []
    try:
        numbers = sorted(int(path.name) for path in Path("/proc/self/fd").iterdir())[:MAX_FILES]
    except OSError:
        return []
    for number in numbers:
        try:
            rows.append({"number": number, "what": str(Path(f"/proc/self/fd/{number}").readlink())[:_TEXT]})
        except OSError:  # closed meanwhile
            continue
    return rows


def _place(traceback: tracemalloc.Traceback) -> str:
    frame = traceback[0]
    return f"{_short(frame.filename)}:{frame.lineno}"


def _short(path: str) -> str:
    """From the package on, so that nobody learns of folders."""
    _, found, rest = path.rpartition("/mirage_hole/")
    if found and "/site-packages/" not in rest:
        return f"mirage_hole/{rest}"
    for start in ("/site-packages/", "/lib/python3"):
        _, found, rest = path.rpartition(start)
        if found:
            return rest
    return path.rpartition("/")[2]


def _resident() -> int:
    """Octets; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
