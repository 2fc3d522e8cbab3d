"""Generations on disk: opening the newest, removing the old. The layout is in docs/architecture.md, "Generation".

A worker imports this module, so it stays light: no web framework, no database, no list parser.
"""

from __future__ import annotations

import mmap
import shutil
from typing import TYPE_CHECKING

import orjson

from mirage_hole.policy.index import BadIndex, Index

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
NAMES, SETS, LINES, MORE = "names.marisa", "sets.bin", "lines.bin", "more.bin"
PATTERNS = "patterns.json"
"""Only there when a list has rules with wildcards."""

MAX_JSON = 64 * 1024 * 1024
"""Octets of one JSON file; a manifest of 1,000 lists that all overlap stays far below."""


class BadGeneration(Exception):  # noqa: N818 - reads as what it is at the raise
    """The directory holds no usable generation; the message names it and says why."""


def generations_directory(state: Path) -> Path:
    """Where the generations of a state directory live."""
    return state / "generations"


def directory_name(generation: int) -> str:
    """``42`` -> ``00000042``: names that sort like numbers."""
    return f"{generation:08d}"


def open_generation(directory: Path) -> Index:
    """Map a generation read-only.

    The files may be unlinked afterwards; the index keeps its pages.

    Raises:
        BadGeneration: a file is missing, unreadable or damaged, of another version, or does not fit the others.
    """
    try:
        manifest = orjson.loads(_read_bounded(directory / MANIFEST))
        if not isinstance(manifest, dict):
            message = "the manifest is no JSON object"
            raise BadIndex(message)
        names, sets, lines, more = (_map(directory / file) for file in (NAMES, SETS, LINES, MORE))
        patterns = orjson.loads(_read_bounded(directory / PATTERNS)) if manifest.get("patterns") else []
        if not isinstance(patterns, list):
            message = "the patterns are no JSON array"
            raise BadIndex(message)
        return Index.from_buffers(manifest, names, sets, lines, more, patterns)
    except OSError as problem:
        message = f"{directory}: {problem.strerror or problem} ({problem.filename or 'no file'})"
        raise BadGeneration(message) from problem
    except orjson.JSONDecodeError as problem:
        message = f"{directory}: a file is no JSON: {problem}"
        raise BadGeneration(message) from problem
    except BadIndex as problem:
        message = f"{directory}: {problem}"
        raise BadGeneration(message) from problem


def newest_generation(state: Path) -> Path | None:
    """The directory of the highest generation under ``state``; None when there is none.

    Only complete generations count: a compiler renames a directory to its number when every file is on disk.
    """
    complete = [path for path in _numbered(state) if (path / MANIFEST).is_file()]
    return complete[-1] if complete else None


def next_number(state: Path) -> int:
    """The number after the highest that is taken, complete or not; the first is 1."""
    taken = _numbered(state)
    return int(taken[-1].name) + 1 if taken else 1


def remove_old_generations(state: Path, keep: int = 2) -> list[Path]:
    """Remove all but the ``keep`` newest generations; return what is gone. What can't be removed stays for the next time.

    A worker that still maps a removed generation is not disturbed.
    """
    gone = []
    for path in _numbered(state)[: -max(keep, 1)]:
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            gone.append(path)
    return gone


def _numbered(state: Path) -> list[Path]:
    try:
        found = [path for path in generations_directory(state).iterdir() if path.name.isascii() and path.name.isdigit()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found, key=lambda path: int(path.name))


def _read_bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_JSON + 1)
    if len(raw) > MAX_JSON:
        message = f"{path.name} is larger than {MAX_JSON} octets"
        raise BadIndex(message)
    return raw


def _map(path: Path) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:  # an empty file can't be mapped
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
