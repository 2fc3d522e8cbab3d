"""Lists that have been read already: ``parsed/`` in the state directory, so that an unchanged list is not parsed again.

A file is called by the SHA-256 of what decides its content: the text, what the list's lines do, the format that was asked for
and the parsers themselves. Of each list the newest version and the one before it stay (``lists diff`` compares the two);
``lists.json`` says which they are. Whatever is damaged or missing here only costs the time to parse a list once more.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

import mirage_hole
from mirage_hole.policy.packed import FORMAT_VERSION, BadPacked, Packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER: Final = "parsed"
KEPT: Final = 2
"""Versions of a list."""
MAX_OCTETS: Final = 4 * 1024**3
"""Of all files together: five million names take 130 MB. Beyond, the versions before the newest go first, then the largest."""

_HISTORY: Final = "lists.json"
_MAX_HISTORY: Final = 16 * 1024 * 1024
_SUFFIX: Final = ".list"
_DRAFT: Final = ".tmp-"
_READERS: Final = ("lists", "wire", "policy/keys.py", "policy/packed.py")
"""What decides how a text is read and kept, in the package's folder."""
_LIBRARIES: Final = ("idna", "google-re2", "dnslib")


class Version(NamedTuple):
    """One version of a list."""

    name: str
    """Of its file."""
    at: float
    """Seconds since the epoch: when it came into use."""


class ListKey(NamedTuple):
    """What tells one list from another."""

    source: str
    """As it is shown: without password or token."""
    kind: str


@cache
def parser_version() -> str:
    """Changes with the parsers, so that no upgrade serves what the old ones read."""
    digest = hashlib.sha256(f"{mirage_hole.__version__} {FORMAT_VERSION}".encode())
    package = Path(mirage_hole.__file__).parent
    for place in _READERS:
        path = package / place
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            with suppress(OSError):  # a package without sources: its version has to do
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    for library in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            digest.update(f"{library} {metadata.version(library)}".encode())
    return digest.hexdigest()


def name_of(sha256: str, kind: str, asked_format: str | None) -> str:
    """What the packed list of a text is called. ``asked_format``: None when it is to be found out."""
    parts = (sha256, kind, asked_format or "", parser_version())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class ParsedLists:
    """The packed lists of a state directory. Only one process at a time may change them; any may read."""

    def __init__(self, state: Path) -> None:
        self.directory = state / FOLDER

    def open(self, name: str) -> Packed | None:
        """A packed list; None when there is none, or only a damaged one."""
        path = self._path(name)
        try:
            return Packed(lambda: path.open("rb"))
        except (BadPacked, OSError):
            return None

    def draft(self) -> Path:
        """Where to write a packed list; :meth:`keep` gives it its name.

        Raises:
            OSError: the directory can't be made.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        return self.directory / f"{_DRAFT}list"

    def keep(self, draft: Path, name: str) -> Packed:
        """Give a packed list that was written its name, and open it.

        Raises:
            OSError: it can't be renamed or read.
            BadPacked: it does not read as it was written: the disk fails.
        """
        path = self._path(name)
        draft.replace(path)
        return Packed(lambda: path.open("rb"))

    def discard(self, draft: Path) -> None:
        """Forget a draft."""
        with suppress(OSError):
            draft.unlink()

    def history(self) -> dict[ListKey, list[Version]]:
        """The versions of each list, the newest first; nothing when that is not known."""
        path = self.directory / _HISTORY
        try:
            if path.stat().st_size > _MAX_HISTORY:
                return {}
            return {
                ListKey(str(one["source"]), str(one["kind"])): [
                    Version(str(name), float(at)) for name, at in one["versions"][:KEPT] if _is_name(name)
                ]
                for one in orjson.loads(path.read_bytes())
            }
        except (OSError, ValueError, TypeError, KeyError):
            return {}

    def versions(self, source: str, kind: str) -> list[tuple[Packed, float]]:
        """(packed list, since when it is in use) of what is there of a list, the newest first."""
        found = []
        for one in self.history().get(ListKey(source, kind), []):
            packed = self.open(one.name)
            if packed is not None:
                found.append((packed, one.at))
        return found

    def note(self, used: Sequence[tuple[ListKey, str]], now: float) -> None:
        """Remember what is in use now (list, name of its packed file), and remove everything else but the versions before.

        Raises:
            OSError: the disk is full or broken; what was remembered stays.
        """
        known = self.history()
        told: dict[ListKey, list[Version]] = {}
        for key, name in used:
            before = known.get(key, [])
            if before and before[0].name == name:
                told[key] = before
                continue
            if before and self._same_text(before[0].name, name):  # other parsers have read it
                told[key] = [Version(name, before[0].at), *before[1:]]
                continue
            told[key] = [Version(name, now), *(one for one in before if one.name != name)][:KEPT]
        self._fit(told)
        if told != known:
            self._write_history(told)
        wanted = {one.name for versions in told.values() for one in versions}
        for path in self._files():
            if path.name.removesuffix(_SUFFIX) not in wanted:
                with suppress(OSError):
                    path.unlink()

    def _same_text(self, one: str, other: str) -> bool:
        found = [packed for packed in map(self.open, (one, other)) if packed is not None]
        texts = {packed.facts.sha256 for packed in found}
        return len(found) == KEPT and len(texts) == 1

    def _fit(self, told: dict[ListKey, list[Version]]) -> None:
        """Forget versions until the rest is within ``MAX_OCTETS``."""
        sizes = {path.name.removesuffix(_SUFFIX): _size(path) for path in self._files()}
        while True:
            names = {one.name for versions in told.values() for one in versions}
            if sum(sizes.get(name, 0) for name in names) <= MAX_OCTETS:
                return
            oldest = max(map(len, told.values()))
            largest = max(
                (versions for versions in told.values() if len(versions) == oldest),
                key=lambda versions: sizes.get(versions[-1].name, 0),
            )
            del largest[-1]

    def _write_history(self, told: dict[ListKey, list[Version]]) -> None:
        draft = self.directory / f"{_DRAFT}{_HISTORY}"
        lists = [{**key._asdict(), "versions": list(map(list, versions))} for key, versions in told.items()]
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        try:
            draft.write_bytes(orjson.dumps(lists))
            draft.replace(self.directory / _HISTORY)
        except BaseException:
            self.discard(draft)
            raise

    def _files(self) -> Iterator[Path]:
        """Everything here that is no history."""
        with suppress(OSError):
            yield from [path for path in self.directory.iterdir() if path.name != _HISTORY]

    def _path(self, name: str) -> Path:
        return self.directory / f"{name}{_SUFFIX}"


def _is_name(name: object) -> bool:
    """Names come from a file, and become paths."""
    return isinstance(name, str) and len(name) == 64 and set(name) <= set("0123456789abcdef")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
