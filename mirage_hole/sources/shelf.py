"""The last good copy of each list, on disk: what serves when the network or a list's server is gone.

``lists/<key>.txt`` holds the text, ``lists/<key>.json`` what is known of it. A copy is replaced by a rename, so it is
always a whole one; whatever goes wrong before leaves the old one standing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

UNUSED_FOR: Final = 30 * 86400.0
"""Seconds a copy stays after its list has left the configuration: taking a list out for a week costs no download."""

_FORGOTTEN_DRAFT: Final = 86400.0
_MAX_NOTE: Final = 64 * 1024
_CHUNK: Final = 1 << 20


class Note(NamedTuple):
    """What is known of a copy. Text fields are empty and numbers 0 when they are not known."""

    address: str = ""
    """Without password or token."""
    title: str = ""
    etag: str = ""
    """As the server wrote it, for If-None-Match."""
    last_modified: str = ""
    """As the server wrote it, for If-Modified-Since."""
    fetched_at: float = 0.0
    """Seconds since the epoch: when the source was last seen to be as the copy is."""
    sha256: str = ""
    size: int = 0
    """Octets."""
    expires: int = 0
    """Seconds from one download to the next, as the text itself wishes."""
    mtime_ns: int = 0
    """Of the text. Another one means that the text was changed from outside, and the note is about something else."""


class Copy(NamedTuple):
    """A list's text on disk."""

    key: str
    path: Path
    note: Note


class Draft:
    """A copy in the making. Either :meth:`keep` or :meth:`discard` ends it; leaving the ``with`` block discards."""

    def __init__(self, shelf: Shelf, key: str, path: Path, file: BinaryIO) -> None:
        self._shelf = shelf
        self._key = key
        self._path = path
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def write(self, data: bytes) -> None:
        """Add text.

        Raises:
            OSError: the disk is full or broken.
        """
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def path(self) -> Path:
        """Where the text is so far; complete after :meth:`flush`."""
        return self._path

    def flush(self) -> None:
        """Bring the text to the disk.

        Raises:
            OSError: the disk is full or broken.
        """
        self._file.flush()
        os.fsync(self._file.fileno())

    def keep(self, note: Note) -> Copy:
        """Put the text in the place of the old copy. ``note`` gives address, title, validators and time.

        Raises:
            OSError: the disk is full or broken; the old copy stands.
        """
        self.flush()
        self._file.close()
        mtime = self._path.stat().st_mtime_ns
        note = note._replace(sha256=self.sha256, size=self.size, mtime_ns=mtime)
        return self._shelf._adopt(self._key, self._path, note)

    def discard(self) -> None:
        """Forget it. Does nothing after :meth:`keep`."""
        with contextlib.suppress(OSError):  # closing writes what is buffered, and the disk may be full
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def _open(path: Path) -> BinaryIO:
    return path.open("xb")


class Shelf:
    """The directory with the copies. Its methods touch the disk: call them from a thread where that matters."""

    def __init__(
        self, directory: Path, clock: Callable[[], float] = time.time, open_file: Callable[[Path], BinaryIO] = _open
    ) -> None:
        """
        Args:
            directory: ``lists`` in the state directory; made when the first copy is.
            clock: seconds since the epoch.
            open_file: makes a new file for writing; tests put a full disk here.
        """
        self.directory = directory
        self._clock = clock
        self._open_file = open_file

    def find(self, key: str) -> Copy | None:
        """The copy of a list, or None. A damaged note costs what it knew, not the copy.

        Raises:
            OSError: the text is there and can't be read.
        """
        path = self._text(key)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not status.st_size:
            return None
        note = self._read_note(key)
        if (note.size, note.mtime_ns) != (status.st_size, status.st_mtime_ns):
            # The text is not the one the note is about: its validators would be a lie, its age too.
            note = Note(
                note.address, note.title, sha256=_sha256(path), size=status.st_size, mtime_ns=status.st_mtime_ns
            )
        return Copy(key, path, note)

    def draft(self, key: str) -> Draft:
        """Begin a new copy beside the old one.

        Raises:
            OSError: the directory can't be made or written.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / f".{key}.{os.getpid()}.part"
        path.unlink(missing_ok=True)
        return Draft(self, key, path, self._open_file(path))

    def confirm(self, copy: Copy, etag: str = "", last_modified: str = "") -> Copy:
        """The source was seen again, unchanged: note the time and its validators.

        Raises:
            OSError: the note can't be written; the old one stands.
        """
        note = copy.note._replace(
            fetched_at=self._clock(),
            etag=etag or copy.note.etag,
            last_modified=last_modified or copy.note.last_modified,
        )
        self._write_note(copy.key, note)
        return copy._replace(note=note)

    def tidy(self, used: Collection[str]) -> list[str]:
        """Remove copies that no setting has named for 30 days, and drafts that were left behind; return their keys.

        Call it now and then with the keys in use: each call notes that they are.
        """
        now = self._clock()
        gone = []
        try:
            files = list(self.directory.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        for path in files:
            with contextlib.suppress(OSError):  # what can't be removed now will be next time
                if self._outdated(path, now, used):
                    path.unlink()
                    if path.suffix == ".json":
                        self._text(path.stem).unlink(missing_ok=True)
                        gone.append(path.stem)
        return gone

    def _outdated(self, path: Path, now: float, used: Collection[str]) -> bool:
        age = now - path.stat().st_mtime
        if path.name.startswith("."):
            return path.suffix == ".part" and age > _FORGOTTEN_DRAFT
        if path.suffix == ".json":
            if path.stem in used:
                os.utime(path, (now, now))  # a note's time says when its list was last in use
                return False
            return age > UNUSED_FOR
        return (
            path.suffix == ".txt" and path.stem not in used and age > UNUSED_FOR and not self._note(path.stem).exists()
        )

    def _adopt(self, key: str, draft: Path, note: Note) -> Copy:
        target = self._text(key)
        draft.replace(target)
        # Without its note the copy is as good as with it; only the next download can't ask whether anything changed.
        with contextlib.suppress(OSError):
            self._write_note(key, note)
        return Copy(key, target, note)

    def _text(self, key: str) -> Path:
        return self.directory / f"{key}.txt"

    def _note(self, key: str) -> Path:
        return self.directory / f"{key}.json"

    def _read_note(self, key: str) -> Note:
        try:
            with self._note(key).open("rb") as file:
                raw = orjson.loads(file.read(_MAX_NOTE))
        except (OSError, orjson.JSONDecodeError):
            return Note()
        if not isinstance(raw, dict):
            return Note()
        known: dict[str, Any] = {}
        for field, default in Note()._asdict().items():
            value = raw.get(field, default)
            if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            known[field] = value if type(value) is type(default) else default
        return Note(**known)

    def _write_note(self, key: str, note: Note) -> None:
        draft = self.directory / f".{key}.{os.getpid()}.note.part"
        try:
            with draft.open("wb") as file:
                file.write(orjson.dumps(note._asdict(), option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._note(key))
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # the renames too
        finally:
            os.close(descriptor)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
