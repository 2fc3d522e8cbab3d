"""Compares the two newest versions of a list in a process of its own: what its last update added and removed.

``python -m mirage_hole.runtime.list_comparison`` reads which list from standard input and prints
what :func:`compared` tells, both as JSON. Millions of rules take some seconds and sixteen octets each, which go back to the system when the process ends; the control
plane keeps only the counts and the first rules of each side.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

from mirage_hole.runtime.child import environment
from mirage_hole.runtime.parsed import ListKey, ParsedLists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mirage_hole.lists.rule import RichRule, Rule
    from mirage_hole.policy.packed import Packed
    from mirage_hole.runtime.list_changes import Changed

    Versions: TypeAlias = tuple[str, ...]
    """Which list, and the names of its versions."""

SHOWN: Final = 100
"""Rules kept of each side."""
LONGEST_RULE: Final = 1000
"""Letters of a rule that are worth showing."""
TIMEOUT: Final = 300.0
WAIT: Final = 6.0
"""Seconds that whoever asks waits; the comparison goes on after that."""
KEPT: Final = 16
"""Comparisons that are remembered."""
_MAX_JOB: Final = 64 * 1024
_NICE: Final = 10

_NOTHING: Final[dict[str, Any]] = {
    "before": None, "after": None, "added_count": 0, "removed_count": 0, "added": [], "removed": [],
}  # fmt: skip


class CantCompare(Exception):  # noqa: N818 - reads as what it is at the raise
    """There are versions, but they could not be compared; the message says why."""


class Comparisons:
    """Of the lists of a state directory. One at a time is made, by :meth:`run`; the newest are remembered."""

    def __init__(self) -> None:
        self._made: dict[Versions, dict[str, Any]] = {}
        self._failed: dict[Versions, str] = {}
        self._wanted: dict[Versions, dict[str, str]] = {}
        self._work = asyncio.Event()
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Make what is wanted, until cancelled; what was begun then is begun anew by the next run."""
        while True:
            await self._work.wait()
            while self._wanted:
                versions, job = next(iter(self._wanted.items()))
                try:
                    self._keep(versions, await _in_a_process(job))
                except CantCompare as problem:
                    self._failed[versions] = str(problem)
                del self._wanted[versions]
                async with self._news:
                    self._news.notify_all()
            self._work.clear()

    async def of(self, state: Path, source: str, kind: str) -> dict[str, Any] | None:
        """What the newest version has added and removed; None when it takes longer than ``WAIT``: ask again.

        Raises:
            CantCompare: a version is damaged, or there is no process to compare them.
        """
        history = await asyncio.to_thread(ParsedLists(state).history)
        found = [one.name for one in history.get(ListKey(source, kind), [])]
        if not found:
            return _NOTHING
        versions = (kind, source, *found)
        if versions not in self._made:
            self._wanted.setdefault(versions, {"state": str(state), "source": source, "kind": kind})
            self._work.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(WAIT), self._news:
                    await self._news.wait_for(lambda: versions not in self._wanted)
        if versions in self._failed:
            raise CantCompare(self._failed.pop(versions))
        return self._made.get(versions)

    def _keep(self, versions: Versions, found: dict[str, Any]) -> None:
        while len(self._made) >= KEPT:
            del self._made[next(iter(self._made))]
        self._made[versions] = found


async def _in_a_process(job: dict[str, str]) -> dict[str, Any]:
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "mirage_hole.runtime.list_comparison",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=environment(), start_new_session=True,
        )  # fmt: skip
    except OSError as problem:
        message = f"can't start a process to compare them: {problem.strerror or problem}"
        raise CantCompare(message) from None
    try:
        async with asyncio.timeout(TIMEOUT):
            output, _ = await process.communicate(orjson.dumps(job))
        told: dict[str, Any] = orjson.loads(output)
    except TimeoutError:
        message = f"comparing them was not done after {TIMEOUT:g} s"
        raise CantCompare(message) from None
    except orjson.JSONDecodeError:
        message = "the process that compares them ended without a result; there may be too little memory"
        raise CantCompare(message) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if "error" in told:
        raise CantCompare(told["error"])
    return told


def compared(state: Path, source: str, kind: str) -> dict[str, Any]:
    """What there is to tell of a list, in this process.

    Raises:
        OSError, ValueError: a version can't be read.
    """
    from mirage_hole.runtime.list_changes import compare, each_of

    found = ParsedLists(state).versions(source, kind)
    if not found:
        return _NOTHING
    new, new_at = found[0]
    if len(found) == 1:
        return {**_NOTHING, "after": {"at": new_at, "rules": len(new) + new.rich_count}}
    old, old_at = found[1]
    changes = compare(partial(_unpacked, old), partial(_unpacked, new))
    return {
        "before": {"at": old_at, "rules": changes.before},
        "after": {"at": new_at, "rules": changes.after},
        "added_count": changes.added.size,
        "removed_count": changes.removed.size,
        "added": [_told(one) for one in islice(each_of(partial(_unpacked, new), changes.added), SHOWN)],
        "removed": [_told(one) for one in islice(each_of(partial(_unpacked, old), changes.removed), SHOWN)],
    }


def _told(one: Changed) -> dict[str, Any]:
    return {"line": one.line, "rule": one.rule[:LONGEST_RULE]}


def _unpacked(packed: Packed) -> Iterator[Rule | RichRule]:
    yield from packed.rules()
    yield from packed.rich()


def main() -> int:
    """Run one job; the exit code."""
    os.nice(_NICE)
    job = orjson.loads(sys.stdin.buffer.read(_MAX_JOB))
    try:
        told = compared(Path(job["state"]), job["source"], job["kind"])
    except (OSError, ValueError) as problem:
        told = {"error": f"a version of the list can't be read: {problem}"}
    except MemoryError:
        told = {"error": "there is not enough memory to compare them"}
    sys.stdout.buffer.write(orjson.dumps(told))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
