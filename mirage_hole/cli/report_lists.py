"""The lists that ``lists report`` is given: which they are, and compiling them as the server would, in a place of their own."""

from __future__ import annotations

import asyncio
import os
import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from mirage_hole.cli.sources import catalogue
from mirage_hole.lists.rule import Action
from mirage_hole.sources.source import Location, Source, SourceProblem, parse_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mirage_hole.runtime.report import Report
    from mirage_hole.sources.progress import Progress

MAX_FILES: Final = 1000
"""In a directory."""

_ALLOW_FOLDER: Final = "allow"
_NO_LISTS: Final = ("readme*", "license*", "licence*", "copying*", "changelog*", "*.md", "*~", "*.bak")


class Given(NamedTuple):
    """What the arguments come to."""

    sources: list[Source]
    left_out: list[str]
    """Files of directories that are no lists by their names."""


class Compiled(NamedTuple):
    """What came of them."""

    report: Report | None
    """None when there was nothing to compile, or it failed."""
    refused: list[str]
    """A sentence for each list that the server would not take."""
    error: str
    """Why there is no report; empty when there is one, or when every list was refused."""


def read_arguments(arguments: Sequence[str], allow: Sequence[str]) -> Given:
    """Every list that the arguments name, each once.

    A list is an allowlist when the catalogue says so, when a pattern of ``allow`` fits its source or its file's name, or
    when it lies in a folder called ``allow`` below a directory that was given.

    Raises:
        click.UsageError: with every problem.
        StartupError: the installation is damaged.
    """
    entries = catalogue()
    sources: dict[str, Source] = {}
    left_out: list[str] = []
    problems: list[str] = []
    for argument in arguments:
        directory = Path(argument).expanduser()
        if argument not in entries and directory.is_dir():
            try:
                named = list(_files(directory, left_out))
            except _TooMany as problem:
                problems.append(f"{argument} = {problem}")
                continue
            if not named:
                problems.append(f"{argument!r} is a directory without a list; write the path of a file")
        else:
            named = [(argument, Path(argument).name, False)]
        for text, title, in_allow_folder in named:
            entry = entries.get(text.strip().lower())
            allows = in_allow_folder or any(fnmatch(text, one) or fnmatch(Path(text).name, one) for one in allow)
            kind = entry.kind if entry is not None else Action.ALLOW if allows else Action.BLOCK
            found = parse_source(text, kind, entries, setting="SOURCE")
            if isinstance(found, SourceProblem):
                problems.append(str(found))
            else:
                if not found.named:
                    found = found._replace(title=title if found.location is Location.FILE else found.title, named=True)
                if any(one.title == found.title for one in sources.values()):
                    found = found._replace(title=found.shown)
                sources.setdefault(found.address, found)
    if problems:
        raise click.UsageError("\n       ".join(problems))
    return Given(list(sources.values()), left_out)


class _TooMany(Exception):  # noqa: N818 - reads as what it is at the raise
    """A directory that is none of lists."""


def _files(directory: Path, left_out: list[str]) -> Iterator[tuple[str, str, bool]]:
    """(path, path below the directory, whether it lies in a folder for allowlists) of every list, sorted."""
    count = 0
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith(".") or not path.is_file():
                continue
            below = path.relative_to(directory)
            if any(fnmatch(name.lower(), pattern) for pattern in _NO_LISTS):
                left_out.append(str(below))
                continue
            count += 1
            if count > MAX_FILES:
                message = f"a directory with more than {MAX_FILES:,} files below it; write one with fewer"
                raise _TooMany(message)
            folders_above = {part.lower() for part in (directory.absolute().name, *below.parts[:-1])}
            yield str(path.absolute()), str(below), _ALLOW_FOLDER in folders_above


def compile_lists(sources: Sequence[Source], timeout: float) -> Compiled:
    """Fetch and compile, in a directory that is gone afterwards. ``timeout``: seconds for the downloads."""
    from mirage_hole.cli.progress import progress_bar

    with tempfile.TemporaryDirectory(prefix="mirage-hole-") as directory, progress_bar(len(sources)) as on_progress:
        return asyncio.run(_compile(sources, Path(directory), timeout, on_progress))


async def _compile(
    sources: Sequence[Source],
    state: Path,
    timeout: float,  # noqa: ASYNC109 - handed on
    on_progress: Callable[[Progress], object],
) -> Compiled:
    from mirage_hole.runtime.compilation import compile_generation
    from mirage_hole.runtime.compile_job import CompileJob, ListJob
    from mirage_hole.runtime.report import read_report
    from mirage_hole.sources.download import Downloader, Limits
    from mirage_hole.sources.progress import Progress, Stage
    from mirage_hole.sources.shelf import Shelf

    limits = Limits(total=timeout, attempts=1)
    downloader = Downloader(Shelf(state / "lists"), limits=limits, on_progress=on_progress)
    outcomes = await downloader.fetch_all(sources)
    jobs = [
        ListJob(one.copy.path, source.title, source.shown, source.kind.name.lower(), source.format or None)
        for source, one in zip(sources, outcomes, strict=True)
        if one.copy is not None
    ]
    refused = [one.error for one in outcomes if one.copy is None]
    if not jobs:
        return Compiled(None, refused, "")
    on_progress(Progress(Stage.COMPILING, ""))
    result = await compile_generation(CompileJob(state, 1, tuple(jobs)))
    if not result.ok or result.path is None:
        return Compiled(None, refused, result.error)
    return Compiled(await asyncio.to_thread(read_report, result.path), refused, "")
