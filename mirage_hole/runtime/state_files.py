"""Small files in the state directory that both the server and the command line change: read bounded, replaced as a whole,
one change at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LOCKED_FOR: Final = 5.0
"""Seconds to wait for somebody else's change."""
_AGAIN: Final = 0.01
_MODE: Final = 0o600

Stamp = tuple[int, int, int] | None
"""What tells a file from its next version: inode, time and size; None when it is not there."""


def stamp(path: Path) -> Stamp:
    """Of the file as it is now."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def read_at_most(path: Path, octets: int) -> bytes:
    """A file's content.

    Raises:
        FileNotFoundError: it is not there, nor perhaps its directory.
        OSError: it can't be read.
        ValueError: it is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(octets + 1)
    except NotADirectoryError as problem:
        raise FileNotFoundError(*problem.args) from problem
    if len(data) > octets:
        message = f"it is larger than {octets} octets"
        raise ValueError(message)
    return data


def replace_files(files: Mapping[Path, bytes], *, derived: Path | None = None) -> None:
    """All of these files or none, each the whole of it, whatever happens meanwhile.

    Written by root, a file belongs to the owner of its directory. ``derived`` is one of them that can be made of the others
    again: nobody waits until it is on the disk.

    Raises:
        OSError: the disk does not take them.
    """
    written = [(_write_beside(path, data, lasting=path != derived), path) for path, data in files.items()]
    for temporary, path in written:
        temporary.replace(path)


def _write_beside(path: Path, data: bytes, *, lasting: bool = True) -> Path:
    temporary = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()  # of a run that was cut off, perhaps of another account
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        file.write(data)
        file.flush()
        if lasting:
            os.fsync(descriptor)
    return temporary


def keep_aside(path: Path) -> str:
    """Rename a damaged file to ``….damaged``; what became of it, in words."""
    aside = path.with_name(f"{path.name}.damaged")
    try:
        path.replace(aside)
    except OSError as refusal:
        return f"it stays where it is ({refusal.strerror})"
    return f"it is kept as {aside.name}"


@contextlib.contextmanager
def one_at_a_time(directory: Path) -> Iterator[None]:
    """Keep every other process from changing these files meanwhile.

    Raises:
        OSError: the directory can't be opened, or somebody else does not come to an end.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCKED_FOR
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise OSError(
                        errno.EAGAIN, "another change of it does not come to an end", str(directory)
                    ) from None
                time.sleep(_AGAIN)
            else:
                break
        yield
    finally:
        os.close(descriptor)
