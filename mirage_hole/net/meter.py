"""Who asks how much on one UDP socket: counted only while all together ask more than one may."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mirage_hole.net.flood import ONE_IN, Dam
from mirage_hole.policy.limits import SAMPLED

if TYPE_CHECKING:
    import socket

NEVER: Final = 1 << 62


class Meter:
    """Counts by client, of one second. Who reads the socket adds to ``datagrams`` itself, and calls :meth:`count` above
    ``watch_above``."""

    __slots__ = ("_batches", "_counts", "_rate", "dam", "datagrams", "watch_above")

    def __init__(self, sock: socket.socket) -> None:
        self.dam = Dam(sock)
        self.datagrams = 0
        """In this second."""
        self.watch_above = NEVER
        self._rate = NEVER
        self._batches = 0
        self._counts: Counter[bytes] = Counter()

    def limit(self, rate: float | None) -> None:
        """What one client may ask in a second; None: as much as it likes."""
        self._rate = self.watch_above = NEVER if rate is None else int(rate)
        if rate is None:
            self.dam.stop(())

    def count(self, clients: list[bytes]) -> None:
        """A batch was read; of ``SAMPLED`` of them one is counted."""
        self._batches += 1
        if self._batches % SAMPLED == 0:
            self._counts.update(clients)

    def turn(self) -> dict[bytes, int]:
        """The second is over: how much each client asked in it, as far as it was counted."""
        stopped = self.dam.stopped
        counts = {
            client: number * SAMPLED * (ONE_IN if client in stopped else 1) for client, number in self._counts.items()
        }
        self._counts.clear()
        self.datagrams = 0
        return counts

    def stop(self, floods: tuple[bytes, ...]) -> None:
        """Read next to nothing of these from now on."""
        self.dam.stop(floods)
        self.watch_above = 0 if self.dam.stopped else self._rate
