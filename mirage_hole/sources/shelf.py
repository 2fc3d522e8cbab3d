"""The last good copy of each list, on disk: what serves when the network or a list's server is gone.

``lists/<key>.txt`` holds the text, ``lists/<key>.json`` what is known of it, its SHA-256 among other things. A copy is replaced
by a rename, so it is always a whole one; whatever goes wrong before leaves the old one standing. ``<key>.held.txt`` is a newer
text that is not trusted yet.
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
    changed_at: float = 0.0
    """Seconds since the epoch: when the text was first seen to be as it is."""
    sha256: str = ""
    size: int = 0
    """Octets."""
    rules: int = 0
    """About how many there are; see :func:`mirage_hole.sources.local.judge`."""
    expires: int = 0
    """Seconds from one download to the next, as the text itself wishes."""


class Damaged(OSError):  # noqa: N818 - reads as what it is at the raise
    """A copy whose text is not the one that was kept: the disk failed, or somebody changed it. It must not be used."""

    def __init__(self, path: Path) -> None:
        super().__init__(None, "the copy on disk is damaged: its SHA-256 is not the one noted; it is fetched again")
        self.filename = str(path)


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
        return self._keep(self._key, note)

    def hold(self, note: Note) -> Copy:
        """Put the text aside, beside the copy that serves; :meth:`Shelf.promote` may make it the copy.

        Raises:
            OSError: the disk is full or broken.
        """
        return self._keep(_held(self._key), note)

    def _keep(self, key: str, note: Note) -> Copy:
        self.flush()
        self._file.close()
        return self._shelf._adopt(
            key, self._path, note._replace(sha256=self.sha256, size=self.size, changed_at=self._shelf._clock())
        )

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
        """The copy of a list, or None; its text is the one that was kept. A damaged note costs what it knew, not the copy.

        Raises:
            Damaged: the text is another one.
            OSError: the text is there and can't be read.
        """
        path = self._text(key)
        try:
            size = path.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not size:
            return None
        digest = _sha256(path)
        note = _read_note(self._note(key))
        if digest != note.sha256:
            # The note of a text that was put in its place when the power failed is still beside it.
            newer = _read_note(self._next_note(key))
            if digest == newer.sha256:
                return Copy(key, path, newer)
            if note.sha256:
                raise Damaged(path)
            note = Note(note.address, note.title, sha256=digest, size=size)
        return Copy(key, path, note)

    def verify(self, copy: Copy) -> None:
        """Read the text again.

        Raises:
            Damaged: it is not what it was.
            OSError: it can't be read.
        """
        if _sha256(copy.path) != copy.note.sha256:
            raise Damaged(copy.path)

    def find_held(self, key: str) -> Copy | None:
        """The newer text of a list that was put aside, or None. One that is damaged is forgotten."""
        try:
            return self.find(_held(key))
        except OSError:
            self.drop_held(key)
            return None

    def promote(self, key: str) -> Copy:
        """Make what was put aside the copy.

        Raises:
            OSError: there is nothing, or the disk is broken; the old copy stands.
        """
        held = self.find_held(key)
        if held is None:
            raise FileNotFoundError(2, "nothing was put aside", str(self._text(_held(key))))
        copy = self._adopt(key, held.path, held.note)
        self.drop_held(key)
        return copy

    def drop_held(self, key: str) -> None:
        """Forget what was put aside, if anything was."""
        for path in (self._text(_held(key)), self._note(_held(key))):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def annotate(self, copy: Copy, note: Note) -> Copy:
        """Change what is known of a copy.

        Raises:
            OSError: the note can't be written; the old one stands.
        """
        self._write_note(copy.key, note)
        return copy._replace(note=note)

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
        return self.annotate(copy, note)

    def tidy(self, used: Collection[str]) -> list[str]:
        """Remove copies that no setting has named for 30 days, and drafts that were left behind; return their keys.

        Call it now and then with the keys in use: each call notes that they are.
        """
        now = self._clock()
        used = {*used, *map(_held, used)}
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
        target, next_note = self._text(key), self._next_note(key)
        # First the new note, under another name: whenever the power fails, one of the two notes is about the text.
        try:
            _write(next_note, note)
        except OSError:
            # Without its note the copy is as good as with it; only the next download can't ask whether anything changed.
            draft.replace(target)
            for path in (next_note, self._note(key)):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            return Copy(key, target, note)
        draft.replace(target)
        with contextlib.suppress(OSError):
            next_note.replace(self._note(key))
            self._sync()
        return Copy(key, target, note)

    def _text(self, key: str) -> Path:
        return self.directory / f"{key}.txt"

    def _note(self, key: str) -> Path:
        return self.directory / f"{key}.json"

    def _next_note(self, key: str) -> Path:
        return self.directory / f".{key}.next.part"

    def _write_note(self, key: str, note: Note) -> None:
        draft = self.directory / f".{key}.{os.getpid()}.note.part"
        try:
            _write(draft, note)
            draft.replace(self._note(key))
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        self._sync()

    def _sync(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # the renames too
        finally:
            os.close(descriptor)


def _held(key: str) -> str:
    """Under which key the text is that was put aside. A list's own key has no dot."""
    return f"{key}.held"


def _read_note(path: Path) -> Note:
    try:
        with path.open("rb") as file:
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


def _write(path: Path, note: Note) -> None:
    with path.open("wb") as file:
        file.write(orjson.dumps(note._asdict(), option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
