"""Lists to an index, by the compiler process alone: everything for the first time, one list changed, one list more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from bench.names import shared_folder
from bench.processes import BenchError
from mirage_hole.runtime.compile_job import CompiledList, CompileJob, CompileResult, ListJob

_WITHIN: Final = 900.0
_CHANGED: Final = "a-name-that-was-added.example-tracker.net\n"


class Compilation(NamedTuple):
    """One run of the compiler."""

    what: str
    lists: int
    rules: int
    names: int
    seconds: float
    peak_mib: float
    index_mib: float


def published() -> list[ListJob]:
    """Every list beside the repository, as a user would configure it."""
    folder = shared_folder() / "lists"
    found = sorted(path for path in folder.glob("*/*") if path.is_file())
    return [ListJob(path, "", str(path), "allow" if path.parent.name == "allow" else "block") for path in found]


def one_list(names: tuple[str, ...], directory: Path) -> list[ListJob]:
    """These names as one plain list."""
    path = directory / "names.txt"
    with path.open("w") as file:
        file.writelines(f"{name}\n" for name in names)
    return [ListJob(path, "", str(path), "block")]


def measured(what: str, lists: list[ListJob], directory: Path, python: Path) -> list[Compilation]:
    """Compile for the first time, once more after one of several lists has changed, and once more with nothing changed."""
    copies = directory / "lists"
    copies.mkdir(parents=True)
    jobs = []
    for number, one in enumerate(lists):
        path = copies / f"{number}{one.path.suffix}"
        shutil.copyfile(one.path, path)
        jobs.append(one._replace(path=path))
    state = directory / "state"
    found = [_compile(f"{what}, first time", jobs, state, 1, python)]
    if len(jobs) > 1:
        with max(jobs, key=lambda one: one.path.stat().st_size).path.open("a") as file:
            file.write(_CHANGED)
        found.append(_compile(f"{what}, the largest list changed", jobs, state, 2, python))
        with min(jobs, key=lambda one: one.path.stat().st_size).path.open("a") as file:
            file.write(_CHANGED)
        found.append(_compile(f"{what}, the smallest list changed", jobs, state, 3, python))
    return found


def report(lists: list[ListJob], directory: Path, python: Path) -> CompileResult:
    """The compiler's own report of these lists."""
    return _run(CompileJob(directory / "report", 1, tuple(lists)), python)


def rules_a_format(lists: tuple[CompiledList, ...]) -> dict[str, int]:
    """How many rules came in which format."""
    found: dict[str, int] = {}
    for one in lists:
        found[one.format] = found.get(one.format, 0) + one.rules
    return found


def _compile(what: str, jobs: list[ListJob], state: Path, generation: int, python: Path) -> Compilation:
    result = _run(CompileJob(state, generation, tuple(jobs)), python)
    rules = sum(one.rules for one in result.lists)
    sizes = (result.peak_kib / 1024, result.octets / 1048576)
    return Compilation(what, len(jobs), rules, result.names, result.seconds, *sizes)


def _run(job: CompileJob, python: Path) -> CompileResult:
    job.state.mkdir(parents=True, exist_ok=True)
    ended = subprocess.run(
        [os.fspath(python), "-P", "-m", "mirage_hole.runtime.compiler"],
        input=job.to_json(),
        capture_output=True,
        timeout=_WITHIN,
        check=False,
        start_new_session=True,  # else this session would give way to all others from then on
    )
    try:
        result = CompileResult.from_json(ended.stdout)
    except (json.JSONDecodeError, ValueError, KeyError, TypeError):
        msg = f"the compiler ended with {ended.returncode}: {ended.stderr.decode(errors='replace')[-500:]}"
        raise BenchError(msg) from None
    if not result.ok:
        raise BenchError(result.error)
    return result
