"""The control socket as a file: where it is, how a server takes it over, and how a long path is reached."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mirage_hole.runtime.state_files import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "control.sock"
"""In the state directory."""
_MODE: Final = 0o600
_CONNECTIONS: Final = 32  # that wait to be accepted
_LONGEST_PATH: Final = (
    95  # octets; sun_path holds 108 (unix(7)), other systems 104, and a socket in the making adds four
)


def listen(directory: Path) -> socket.socket:
    """The listening socket. One that a dead server left behind is replaced.

    Its name appears once it can be connected to: made under that name it would refuse for a moment, as a dead server's
    does, to commands and to a second server, which would take its place.

    Raises:
        OSError: the directory can't be written, or another server uses it.
    """
    with one_at_a_time(directory), reachable(directory) as path:
        if _is_served(path):
            message = "another server uses this state directory; give each its own with --state DIRECTORY"
            raise OSError(errno.EADDRINUSE, message, str(directory))
        made = Path(f"{path}.new")
        made.unlink(missing_ok=True)  # of a server that was killed
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.bind(str(made))
            made.chmod(_MODE)
            sock.listen(_CONNECTIONS)
            made.replace(path)
        except BaseException:
            sock.close()
            made.unlink(missing_ok=True)
            raise
    return sock


@contextlib.contextmanager
def reachable(directory: Path) -> Iterator[str]:
    """A path to the directory's control socket that is short enough for a socket's address."""
    path = directory / NAME
    if len(os.fsencode(path)) <= _LONGEST_PATH or not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.settimeout(1.0)
        try:
            other.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True
