"""The secrets by which DNS cookies are made: kept in the state directory, changed once a day, the same for all workers.

A file with one secret in hexadecimal a line, the newest first (RFC 9018 section 5).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import TYPE_CHECKING, Final, Protocol

from mirage_hole.resolver.cookies import LIVES
from mirage_hole.runtime.state_files import read_at_most, replace_files
from mirage_hole.wire.siphash import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

NAME: Final = "cookies.secret"
ROLLED_EVERY: Final = 24 * 3600.0
"""Seconds; many times a cookie's life, so that clients hardly ever bring one of the secret before the last."""
KEPT: Final = 2
"""The one in use, and the one before."""
LOOK_EVERY: Final = LIVES / 2
"""Seconds between two looks at the clock, which may be put forward."""
_MAX_FILE: Final = 1024


class Told(Protocol):
    """Who makes cookies: :class:`mirage_hole.runtime.workers.Workers`."""

    def use_cookie_secrets(self, secrets: Sequence[bytes]) -> None:
        """Make them with the first of these, and believe those of all."""


class CookieSecrets:
    """Reads them at the start, and rolls them. A directory that can't be written costs no more than their memory."""

    def __init__(self, directory: Path, workers: Told, clock: Callable[[], float] = time.time) -> None:
        self._path = directory / NAME
        self._workers = workers
        self._clock = clock
        self._secrets: list[bytes] = []
        self._rolled_at = 0.0

    def start(self) -> None:
        """Take those of the last run, or new ones, and tell the workers."""
        self._secrets, self._rolled_at = self._read()
        if not self.roll_when_due():
            self._workers.use_cookie_secrets(self._secrets)

    async def run(self) -> None:
        """Roll them in time, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.roll_when_due()

    def roll_when_due(self) -> bool:
        """A new one in front, when it is time. Whether it was."""
        now = self._clock()
        if self._secrets and 0 <= now - self._rolled_at < ROLLED_EVERY:
            return False
        self._secrets = [secrets.token_bytes(KEY), *self._secrets][:KEPT]
        self._rolled_at = now
        self._workers.use_cookie_secrets(self._secrets)
        try:
            replace_files({self._path: "".join(f"{secret.hex()}\n" for secret in self._secrets).encode()})
        except OSError as problem:
            log.warning(
                "%s: %s; cookies are made all the same, and clients get new ones after the next start",
                self._path,
                problem.strerror,
            )
        return True

    def _read(self) -> tuple[list[bytes], float]:
        """The secrets and when they were last rolled; none when there is no file, or none that can be used."""
        try:
            written_at = self._path.stat().st_mtime
            found = [bytes.fromhex(line) for line in read_at_most(self._path, _MAX_FILE).decode("ascii").splitlines()]
        except FileNotFoundError:
            return [], 0.0
        except (OSError, ValueError) as problem:
            log.warning("%s can't be used, and is made anew: %s", self._path, problem)
            return [], 0.0
        if not found or any(len(secret) != KEY for secret in found):
            log.warning("%s can't be used, and is made anew: a secret has %d octets", self._path, KEY)
            return [], 0.0
        return found[:KEPT], written_at
