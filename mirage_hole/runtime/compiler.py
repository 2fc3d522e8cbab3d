"""The compiler: a short-lived process that turns list texts into one generation on disk.

``python -m mirage_hole.runtime.compiler`` reads a :class:`CompileJob` from standard input and prints a
:class:`CompileResult`. Memory: about 30 octets a rule plus what marisa needs to build the trie; measured at the peak,
135 MB for 960,000 rules about 700,000 names, 380 MB for two million long names. It all goes back to the system when the
process ends.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
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

from mirage_hole.lists.line import split_lines
from mirage_hole.lists.parse import ParsedList, parse
from mirage_hole.lists.rule import Action
from mirage_hole.policy.build import Builder, Built
from mirage_hole.runtime import generation as generations
from mirage_hole.runtime.compile_job import BadJob, CompiledList, CompileJob, CompileResult, ListJob
from mirage_hole.runtime.report import Report, Tally, report_lists, tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_JOB = 16 * 1024 * 1024
"""Octets on standard input."""
FIRST_COMPLAINTS = 100
"""Complaints a list that the result carries."""

_CHUNK = 1 << 16
_TEMPORARY = ".tmp-"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class CompileError(Exception):
    """No generation came of it; the message is one sentence for an operator."""


def compile_job(job: CompileJob) -> CompileResult:
    """Compile in this process. Either the whole generation is there in the end, or nothing of it.

    Raises:
        CompileError: a list can't be read, the disk is full, the number is taken, another compiler is at work.
    """
    began = time.monotonic()
    directory = generations.generations_directory(job.state)
    target = directory / generations.directory_name(job.generation)
    with _explained(f"can't write to {directory}"):
        directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory):
        if target.exists():
            message = f"{target} exists already; a generation is never changed"
            raise CompileError(message)
        _remove_leftovers(directory)
        builder = Builder()
        entries: list[dict[str, Any]] = []
        compiled: list[CompiledList] = []
        tallies: list[Tally] = []
        for one in job.lists:
            entry, report, told = _read_list(one, builder, [entry["title"] for entry in entries])
            entries.append(entry)
            compiled.append(report)
            tallies.append(told)
        built = builder.build()
        lists, overlap = report_lists(entries, tallies, built)
        temporary = directory / f"{_TEMPORARY}{target.name}"
        try:
            with _explained(f"can't write {target}"):
                manifest = built.manifest(job.generation, int(time.time()), entries)
                took = round(time.monotonic() - began, 3)
                octets = _write(temporary, built, manifest, Report(lists, overlap, len(built.names), took, _peak_kib()))
                generations.open_generation(temporary)  # what can't be opened is not published
                temporary.rename(target)
                _sync_directory(directory)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    return CompileResult(
        ok=True,
        generation=job.generation,
        path=target,
        names=len(built.names),
        octets=octets,
        lists=tuple(compiled),
        seconds=round(time.monotonic() - began, 3),
        peak_kib=_peak_kib(),
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
    except (CompileError, BadJob, generations.BadGeneration) as problem:
        result = CompileResult(ok=False, error=str(problem))
    except MemoryError:
        result = CompileResult(ok=False, error="not enough memory to compile the lists; remove some, or add memory")
    sys.stdout.buffer.write(result.to_json() + b"\n")
    sys.stdout.buffer.flush()
    return 0 if result.ok else 1


def _read_list(one: ListJob, builder: Builder, taken: Sequence[str]) -> tuple[dict[str, Any], CompiledList, Tally]:
    """Add a list's rules; return its manifest entry and its reports. ``taken``: the titles of the lists before it."""
    digest = hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        with one.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                yield chunk

    with _explained(f"can't read the list {one.source}"):
        parsed: ParsedList = parse(split_lines(chunks()), Action[one.kind.upper()], one.format)
        builder.add_list(parsed)
        builder.add_rich(parsed.rich)
    title = plain = one.title or parsed.title or _short(one.source)
    # Statistics and metrics know a list by its title.
    numbers = count(2)
    while title in taken:
        title = f"{plain} ({next(numbers)})"
    entry = {
        "title": title,
        "source": one.source,
        "kind": one.kind,
        "format": parsed.format,
        "asked": one.asked,
        "rules": parsed.rules,
        "complaints": parsed.complaint_count,
        "sha256": digest.hexdigest(),
    }
    first = tuple(parsed.complaints[:FIRST_COMPLAINTS])
    counts = (parsed.rules, parsed.complaint_count, dict(parsed.reasons))
    report = CompiledList(title, one.source, one.kind, parsed.format, *counts, first)
    return entry, report, tally(parsed, builder.codes())


def _short(source: str) -> str:
    """What to call a list that has no title. Not the path: every client that is blocked reads it."""
    return source.rpartition("/")[2] if source.startswith("/") else source.partition("://")[2] or source


def _write(directory: Path, built: Built, manifest: dict[str, Any], report: Report) -> int:
    """Write every file, down to the disk; return the octets."""
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
    return sum(path.stat().st_size for path in directory.iterdir())


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
    with _explained(f"can't write to {directory}"):
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


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what the system says into a sentence."""
    try:
        yield
    except OSError as problem:
        why = problem.strerror or str(problem)
        if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
            why = "the disk is full; free some space, the previous generation stays in use"
        message = f"{what}: {why}"
        raise CompileError(message) from problem
    except RuntimeError as problem:  # marisa's way of saying that writing failed
        message = f"{what}: {problem}; is the disk full? The previous generation stays in use"
        raise CompileError(message) from problem


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


def _peak_kib() -> int:
    """Largest resident memory so far. From /proc, since getrusage counts the parent's memory at the time of the fork too."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def _stop(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
