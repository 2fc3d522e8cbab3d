"""The state directory: made before root is dropped, and given to the account that will use it.

Only a directory that is ours is given away: one that we made, that was empty, or that carries our mark. So a wrong
``state_directory = /etc`` changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from typing import TYPE_CHECKING, Final

from mirage_hole.runtime.errors import BAD_CONFIG, StartupError

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

MARK: Final = ".mirage-hole"
_MARK_TEXT: Final = "This directory belongs to Mirage Hole: compiled lists and the last good copy of each list.\n"
_MODE: Final = 0o750
_LATER: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What may pass, and with what DNS can be served meanwhile."""
_NOT_OTHERS: Final = frozenset({MARK, "lost+found"})


def prepare(directory: Path, owner: tuple[int, int] | None) -> bool:
    """Make the directory usable by this process, or by ``owner`` (uid, gid) whom it will become.

    Returns:
        False when the disk is full or read-only: nothing can be stored for now. It was logged.

    Raises:
        StartupError: the directory can't be made, is somebody else's, or can't be written.
    """
    try:
        _make(directory)
        if owner is not None:
            _hand_over(directory, owner)
    except OSError as problem:
        if problem.errno in _LATER:
            log.error("state_directory = %s: %s", directory, problem.strerror)
            return False
        message = f"state_directory = {directory}: {problem.strerror or problem}; choose another with --state DIRECTORY"
        raise StartupError(message, BAD_CONFIG) from problem
    if os.statvfs(directory).f_flag & os.ST_RDONLY:  # as after an error of the disk; what is on it still serves
        log.error("state_directory = %s: the file system is mounted read-only", directory)
        return False
    if owner is None and not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        message = (
            f"state_directory = {directory}: this account may not write there; choose another with --state DIRECTORY"
        )
        if (directory / MARK).exists():  # only for what is ours: this advice about /etc would ruin a system
            message += f", or run sudo chown -R {os.geteuid()} {directory}"
        raise StartupError(message, BAD_CONFIG)
    return True


def way_to(directory: Path) -> list[tuple[Path, int]]:
    """What must be searchable so that the directory can be reached: its nearest ancestor that exists."""
    return [(next(parent for parent in directory.absolute().parents if parent.is_dir()), os.X_OK)]


def _make(directory: Path) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        directory.mkdir(mode=_MODE)
    except FileExistsError:
        if any(directory.iterdir()) or not os.access(directory, os.W_OK):
            return
    # "x" follows no link, which in a directory of somebody else's could lead anywhere.
    with contextlib.suppress(FileExistsError), (directory / MARK).open("x") as mark:
        mark.write(_MARK_TEXT)


def _hand_over(directory: Path, owner: tuple[int, int]) -> None:
    if directory.stat().st_uid == owner[0] and not (directory / MARK).exists():
        return  # the operator made it and gave it to the account
    others = sorted(entry.name for entry in directory.iterdir() if entry.name not in _NOT_OTHERS)
    if others and not (directory / MARK).exists():
        message = (
            f"state_directory = {directory}: it holds {others[0]} and more that is not Mirage Hole's; choose an empty "
            "directory with --state DIRECTORY"
        )
        raise StartupError(message, BAD_CONFIG)
    for _, _, files, fd in os.fwalk(directory, follow_symlinks=False):
        os.fchown(fd, *owner)
        for name in files:
            _give(name, fd, owner)


def _give(name: str, directory: int, owner: tuple[int, int]) -> None:
    """Hand over one plain file. A link is left alone: it could lead to a file of somebody else's."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except OSError as problem:
        if problem.errno in (errno.ELOOP, errno.ENOENT, errno.ENXIO):
            return
        raise
    try:
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid != owner[0]:
            os.fchown(fd, *owner)
    finally:
        os.close(fd)
