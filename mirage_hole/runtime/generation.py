"""Generations on disk: opening the newest, removing the old. The layout is in docs/architecture.md, "Generation".

Each file is compared with its checksum before it is used: the trie's code trusts its octets, and a flipped bit ends the
process that looks a name up. A worker imports this module, so it stays light: no web framework, no database, no list parser.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson

from mirage_hole.policy.index import BadIndex, Index
from mirage_hole.policy.policy import Policy
from mirage_hole.policy.rich import RichRules, read_stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from io import BufferedReader
    from pathlib import Path

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.policy.index import ListInfo

MANIFEST = "manifest.json"
NAMES, SETS, LINES, MORE = "names.marisa", "sets.bin", "lines.bin", "more.bin"
RICH = "rich.json"
"""Only there when a list has rules that are more than a name."""
OWN_RULES = "own-rules.compiled.json"
"""The user's own rules, in the state directory itself; ``runtime/own_rules.py`` writes them."""
REPORT = "report.json"
"""What the compiler found out about the lists (``runtime/report.py``); no worker reads it."""
DECIDING = frozenset({MANIFEST, NAMES, SETS, RICH})
"""What a worker reads: the index. The rest is for those who explain and report."""
CHECKSUMS = "checksums.json"
"""The CRC-32 of each of the other files: it finds what decays, and it costs a millisecond a megabyte."""

MAX_JSON = 64 * 1024 * 1024
"""Octets of one JSON file; a manifest of 1,000 lists that all overlap stays far below."""
_CHUNK = 1 << 18


class BadGeneration(Exception):  # noqa: N818 - reads as what it is at the raise
    """The directory holds no usable generation; the message names it and says why."""


def generations_directory(state: Path) -> Path:
    """Where the generations of a state directory live."""
    return state / "generations"


def directory_name(generation: int) -> str:
    """``42`` -> ``00000042``: names that sort like numbers."""
    return f"{generation:08d}"


class KeptRules:
    """The rich rules of the generation that was opened last: those of the next are mostly the same, and are not built twice."""

    __slots__ = ("_digest", "_rules")

    def __init__(self) -> None:
        self._digest = b""
        self._rules = RichRules()

    def rules(self, data: bytes, count: int, lists: Sequence[ListInfo]) -> RichRules:
        """The rules of a ``rich.json``.

        Raises:
            BadIndex: it does not hold ``count`` rules.
            JSONDecodeError: it is no JSON.
        """
        kinds = "".join(f"{one.kind} " for one in lists).encode()  # what the rules of a list do depends on its kind
        digest = hashlib.sha256(b"%d %b" % (len(data), kinds) + data).digest()
        if digest != self._digest:
            stored = orjson.loads(data)
            if not isinstance(stored, list) or len(stored) != count:
                message = f"{RICH} does not hold the {count} rules of the manifest"
                raise BadIndex(message)
            rules = read_stored(stored)
            del stored  # building takes memory, too
            self._rules = RichRules(rules, lists)
            self._digest = digest
        return self._rules


def open_generation(directory: Path, *, lines: bool = False, kept: KeptRules | None = None) -> Policy:
    """Map a generation read-only.

    The files may be unlinked afterwards; the policy keeps its pages.

    Args:
        directory: of the generation.
        lines: also map the line numbers, for whoever explains; without, or when they are damaged, matches have line 0.
        kept: what the generation before may have in common with this one.

    Raises:
        BadGeneration: a file is missing, unreadable or damaged, of another version, or does not fit the others.
    """
    with _explained(directory):
        sums = _read_checksums(directory)
        manifest, index = _open_index(directory, sums, lines)
        if not manifest.get("rich"):
            return Policy(index)
        data = read_bounded(directory / RICH, sums)
        return Policy(index, (kept or KeptRules()).rules(data, manifest["rich"], index.lists))


def open_index(directory: Path) -> Index:
    """The simple rules of a generation alone, with line numbers.

    Raises:
        BadGeneration: as :func:`open_generation`.
    """
    with _explained(directory):
        return _open_index(directory, _read_checksums(directory), True)[1]


def read_own_rules(path: Path) -> RichRules:
    """The user's own rules, as ``runtime/own_rules.py`` compiled them; none when the file is not there.

    Raises:
        BadGeneration: it can't be read, or holds something else.
    """
    return RichRules(read_stored_rules(path))


def read_stored_rules(path: Path) -> list[tuple[int, RichRule]]:
    """The same as they are written: (list id, rule) of each.

    Raises:
        BadGeneration: as :func:`read_own_rules`.
    """
    if not path.exists():
        return []
    with _explained(path):
        stored = orjson.loads(read_bounded(path))
        if not isinstance(stored, list):
            message = "no JSON array"
            raise BadIndex(message)
        return read_stored(stored)


def read_bounded(path: Path, sums: Mapping[str, int] | None = None) -> bytes:
    """One of a generation's JSON files, compared with its checksum when there are some.

    Raises:
        OSError: it can't be read.
        BadIndex: it is larger than ``MAX_JSON``, or damaged.
    """
    with path.open("rb") as file:
        if sums is not None:
            _compare(path.name, file, sums.get(path.name))
        if os.fstat(file.fileno()).st_size > MAX_JSON:
            message = f"{path.name} is larger than {MAX_JSON} octets"
            raise BadIndex(message)
        return file.read()


def checksums(directory: Path) -> bytes:
    """The text of the checksum file for the other files of a generation.

    Raises:
        OSError: a file can't be read.
    """
    sums = {}
    for path in sorted(directory.iterdir()):
        if path.name != CHECKSUMS:
            with path.open("rb") as file:
                sums[path.name] = _checksum(file)
    return orjson.dumps(sums)


def usable_generation(state: Path) -> tuple[Path | None, list[str]]:
    """The newest generation whose index is as it was written, None when there is none; and what is wrong with each newer one.

    Raises:
        OSError: the state directory can't be read.
    """
    problems: list[str] = []
    for path in reversed(_complete(state)):
        try:
            with _explained(path):
                for name, expected in _read_checksums(path).items():
                    if name not in DECIDING:
                        continue
                    with (path / name).open("rb") as file:
                        _compare(name, file, expected)
        except BadGeneration as problem:
            problems.append(str(problem))
        else:
            return path, problems
    return None, problems


def newest_generation(state: Path) -> Path | None:
    """The directory of the highest generation under ``state``; None when there is none.

    Only complete generations count: a compiler renames a directory to its number when every file is on disk.
    """
    complete = _complete(state)
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


def _complete(state: Path) -> list[Path]:
    return [path for path in _numbered(state) if (path / MANIFEST).is_file()]


@contextmanager
def _explained(directory: Path) -> Iterator[None]:
    """Say of what goes wrong where it does."""
    try:
        yield
    except OSError as problem:
        message = f"{directory}: {problem.strerror or problem} ({problem.filename or 'no file'})"
        raise BadGeneration(message) from problem
    except orjson.JSONDecodeError as problem:
        message = f"{directory}: a file is no JSON: {problem}"
        raise BadGeneration(message) from problem
    except BadIndex as problem:
        message = f"{directory}: {problem}"
        raise BadGeneration(message) from problem


def _read_checksums(directory: Path) -> dict[str, int]:
    sums = orjson.loads(read_bounded(directory / CHECKSUMS))
    needed = {MANIFEST, NAMES, SETS, LINES, MORE}
    if not isinstance(sums, dict) or not needed <= sums.keys() <= needed | {RICH, REPORT}:
        message = f"{CHECKSUMS} does not name the files of a generation"
        raise BadIndex(message)
    return sums


def _map(path: Path, sums: Mapping[str, int]) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        # Read, not mapped: pages that are looked at only here must not count as this process's memory.
        _compare(path.name, file, sums[path.name])
        if file.seek(0, 2) == 0:  # an empty file can't be mapped
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _open_index(directory: Path, sums: Mapping[str, int], lines: bool) -> tuple[dict[str, Any], Index]:
    manifest = orjson.loads(read_bounded(directory / MANIFEST, sums))
    if not isinstance(manifest, dict):
        message = "the manifest is no JSON object"
        raise BadIndex(message)
    names, sets = (_map(directory / file, sums) for file in (NAMES, SETS))
    numbers, more = _map_lines(directory, sums) if lines else (None, b"")
    return manifest, Index.from_buffers(manifest, names, sets, numbers, more)


def _map_lines(directory: Path, sums: Mapping[str, int]) -> tuple[mmap.mmap | bytes | None, mmap.mmap | bytes]:
    """The line numbers; none when they are damaged, since no answer depends on them."""
    try:
        return _map(directory / LINES, sums), _map(directory / MORE, sums)
    except (BadIndex, OSError):
        return None, b""


def _compare(name: str, file: BufferedReader, expected: int | None) -> None:
    """Refuse a file that is not as it was written; leave the other at its start."""
    if _checksum(file) != expected:
        message = f"{name} is damaged: its checksum is another one"
        raise BadIndex(message)
    file.seek(0)


def _checksum(file: BufferedReader) -> int:
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    value = 0
    while size := file.readinto(buffer):
        value = zlib.crc32(view[:size], value)
    return value
