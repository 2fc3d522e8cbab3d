"""The compiler: a short-lived process that turns list texts into one generation on disk.

``python -m mirage_hole.runtime.compiler`` reads a :class:`CompileJob` from standard input and prints a
:class:`CompileResult`. Memory: about 30 octets a rule plus what marisa needs to build the trie; measured at the peak,
135 MB for 960,000 rules about 700,000 names, 380 MB for two million long names. It all goes back to the system when the
process ends.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import sys
import time
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from mirage_hole.policy.build import Builder, Built, TooMuch
from mirage_hole.runtime import generation as generations
from mirage_hole.runtime.compile_job import BadJob, CompiledList, CompileJob, CompileResult
from mirage_hole.runtime.memory import available, peak_kib
from mirage_hole.runtime.parsed import ListKey, ParsedLists
from mirage_hole.runtime.reading import CompileError, TakenList, explained, take_list
from mirage_hole.runtime.report import FIRST_COMPLAINTS, ListReport, Report, report_lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_JOB = 16 * 1024 * 1024
"""Octets on standard input."""
_BASE = 48 << 20
_OCTETS_A_RULE = 76
_OCTETS_A_KEY_OCTET = 2.5
_TEMPORARY = ".tmp-"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def compile_job(job: CompileJob) -> CompileResult:
    """Compile in this process. Either the whole generation is there in the end, or nothing of it.

    Raises:
        CompileError: a list can't be read, the disk is full, the number is taken, another compiler is at work.
    """
    began = time.monotonic()
    directory = generations.generations_directory(job.state)
    target = directory / generations.directory_name(job.generation)
    with explained(f"can't write to {directory}"):
        directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory):
        if target.exists():
            message = f"{target} exists already; a generation is never changed"
            raise CompileError(message)
        _remove_leftovers(directory)
        parsed = ParsedLists(job.state)
        lists = [take_list(one, parsed) for one in job.lists]
        builder = Builder()
        with explained(f"can't read from {parsed.directory}"):
            for one in lists:
                builder.add_packed(one.packed)
            _refuse_too_much(builder)
            built = builder.build()
        entries = _entries(lists, built.left_out)
        temporary = directory / f"{_TEMPORARY}{target.name}"
        try:
            with explained(f"can't write {target}"):
                told, overlap = report_lists(entries, [one.packed for one in lists], built)
                manifest = built.manifest(job.generation, int(time.time()), entries)
                took = round(time.monotonic() - began, 3)
                _write(temporary, built, manifest, Report(told, overlap, len(built.names), took, peak_kib()))
                names = len(built.names)
                del built  # what opens it now needs memory, too
                generations.open_generation(temporary)  # what can't be opened is not published
                sizes = {path.name: path.stat().st_size for path in temporary.iterdir()}
                temporary.rename(target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        with suppress(OSError):  # the generation is there
            _sync_directory(directory)
        with suppress(OSError):  # what is not remembered is parsed again
            used = [(ListKey(one.job.source, one.job.kind), one.name) for one in lists]
            parsed.note(used, time.time())
    return CompileResult(
        ok=True,
        generation=job.generation,
        path=target,
        names=names,
        octets=sum(size for name, size in sizes.items() if name in generations.DECIDING),
        disk_octets=sum(sizes.values()),
        lists=tuple(map(_compiled, entries, told, lists)),
        seconds=round(time.monotonic() - began, 3),
        peak_kib=peak_kib(),
    )


def main() -> int:
    """Run one job; the exit code."""
    signal.signal(signal.SIGTERM, _stop)
    _end_with_parent()
    _step_back()
    try:
        data = sys.stdin.buffer.read(MAX_JOB + 1)
        if len(data) > MAX_JOB:
            message = f"the job is longer than {MAX_JOB} octets"
            raise BadJob(message)
        result = compile_job(CompileJob.from_json(data))
    except (CompileError, BadJob, TooMuch, generations.BadGeneration) as problem:
        result = CompileResult(ok=False, error=str(problem))
    except MemoryError:
        result = CompileResult(ok=False, error="not enough memory to compile the lists; remove some, or add memory")
    sys.stdout.buffer.write(result.to_json() + b"\n")
    sys.stdout.buffer.flush()
    return 0 if result.ok else 1


def _entries(lists: Sequence[TakenList], left_out: Sequence[int]) -> list[dict[str, Any]]:
    """What the manifest says of each list; ``left_out``: how many of its rules are too many."""
    entries: list[dict[str, Any]] = []
    taken: set[str] = set()
    for one, too_many in zip(lists, left_out, strict=True):
        facts = one.packed.facts
        title = plain = one.job.title or facts.title or _short(one.job.source)
        # Statistics and metrics know a list by its title.
        numbers = count(2)
        while title in taken:
            title = f"{plain} ({next(numbers)})"
        taken.add(title)
        entries.append(
            {
                "title": title,
                "source": one.job.source,
                "kind": one.job.kind,
                "format": facts.format,
                "asked": one.job.asked,
                "rules": len(one.packed) + one.packed.rich_count - too_many,
                "complaints": facts.complaints + too_many,
                "sha256": facts.sha256,
            }
        )
    return entries


def _compiled(entry: dict[str, Any], told: ListReport, one: TakenList) -> CompiledList:
    return CompiledList(
        title=entry["title"],
        source=entry["source"],
        kind=entry["kind"],
        format=entry["format"],
        rules=entry["rules"],
        complaints=entry["complaints"],
        reasons=told.reasons,
        first_complaints=told.first_complaints[:FIRST_COMPLAINTS],
        reused=one.reused,
        seconds=round(one.seconds, 3),
    )


def _refuse_too_much(builder: Builder) -> None:
    """Refuse what the memory at hand is too small for: better no new generation than a machine without memory."""
    needed, there = estimate(builder.rules, builder.key_octets), available()
    if there is not None and needed > there:
        message = (
            f"{builder.rules:,} rules take about {needed >> 20:,} MiB of memory to compile, and {there >> 20:,} MiB are "
            "free; remove lists or add memory; the previous generation stays in use"
        )
        raise CompileError(message)


def estimate(rules: int, key_octets: int) -> int:
    """The most memory that compiling takes, octets: what was measured of a million to five million names, and a tenth."""
    return int(_BASE + rules * _OCTETS_A_RULE + key_octets * _OCTETS_A_KEY_OCTET)


def _short(source: str) -> str:
    """What to call a list that has no title. Not the path: every client that is blocked reads it."""
    return source.rpartition("/")[2] if source.startswith("/") else source.partition("://")[2] or source


def _write(directory: Path, built: Built, manifest: dict[str, Any], report: Report) -> None:
    """Write every file, down to the disk."""
    directory.mkdir()
    built.names.save(str(directory / generations.NAMES))
    with (directory / generations.NAMES).open("rb") as file:
        os.fsync(file.fileno())
    files = [
        (generations.SETS, built.sets),
        (generations.LINES, built.lines),
        (generations.MORE, built.more),
        (generations.MANIFEST, orjson.dumps(manifest)),
        (generations.REPORT, report.to_json()),
    ]
    if built.rich:
        files.append((generations.RICH, orjson.dumps(built.rich)))
    for name, data in files:
        _write_file(directory / name, data)
    _write_file(directory / generations.CHECKSUMS, generations.checksums(directory))
    _sync_directory(directory)


def _write_file(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Hold the directory's lock: two compilers would remove each other's leftovers."""
    with explained(f"can't write to {directory}"):
        file = (directory / ".lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another compiler is at work in {directory}"
            raise CompileError(message) from None
        yield


def _remove_leftovers(directory: Path) -> None:
    for path in directory.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(path, ignore_errors=True)


def _step_back() -> None:
    """Run only when nobody else wants the processor: a query never waits for a list. Nor does it die for one: when memory
    runs out, this process is the first that the kernel ends."""
    os.nice(19)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError):
        # A session of its own is a scheduling group of its own, within which niceness ends (sched(7), autogroup).
        Path("/proc/self/autogroup").write_text("19")
    if hasattr(os, "SCHED_IDLE"):
        for policy in (os.SCHED_IDLE, os.SCHED_BATCH):
            with suppress(OSError):
                os.sched_setscheduler(0, policy, os.sched_param(0))
                return


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the supervisor is gone: nobody waits for the result, and the next one needs the lock."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, *map(ctypes.c_ulong, (signal.SIGTERM, 0, 0, 0)))


def _stop(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
