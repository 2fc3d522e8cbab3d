"""What the web part needs privileges for, got while there are some; read before the first worker starts, so it imports little."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.runtime.listeners import bind_web

if TYPE_CHECKING:
    import socket

    from mirage_hole.config.settled import Settled

MAX_PEM: Final = 256 * 1024
"""Octets."""


class Early(NamedTuple):
    """What was got."""

    redirect: socket.socket | None = None
    """Listens at ``web.redirect``."""
    pair: tuple[bytes, bytes] | None = None
    """Certificate and key in PEM."""


NOTHING: Final = Early()


def get_early(settled: Settled) -> Early:
    """A low port, and a key that root alone may read. What can't be had is the web part's to tell, and to try again."""
    if settled.web is None or not settled.door.certificate:
        return NOTHING
    redirect = None
    if settled.door.redirect is not None:
        with contextlib.suppress(OSError):
            redirect = bind_web(settled.door.redirect)
    pair = None
    if settled.door.key and os.geteuid() == 0:
        with contextlib.suppress(OSError):
            pair = (_octets(settled.door.certificate), _octets(settled.door.key))
    return Early(redirect, pair)


def _octets(path: str) -> bytes:
    """What is in a file, as far as a certificate can be long."""
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib is not loaded this early
        return file.read(MAX_PEM)
