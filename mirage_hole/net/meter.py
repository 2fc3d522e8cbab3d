"""Who asks how much on one UDP socket: counted only while all together ask more than one may."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Final

from mirage_hole.net.flood import ONE_IN, Dam
from mirage_hole.policy.limits import SAMPLED, name_in

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from mirage_hole.policy.limits import ClientLimits

NEVER: Final = 1 << 62
LEAST_ALARM: Final = 2_000
"""Datagrams in one go that are worth a look before the second is over."""


class Meter:
    """Counts by client since the last turn. Who reads the socket adds to ``datagrams`` itself, to ``batches`` above
    ``watch_above``, and calls :meth:`count` for one batch in ``every`` of those."""

    __slots__ = (
        "_alarm_at", "_counts", "_lottery", "_names", "_rate", "_shed", "alarm", "batches", "counts_names", "dam",
        "datagrams", "every", "shed", "watch_above",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, alarm: Callable[[], None] = lambda: None) -> None:
        """``alarm`` is told when so much comes at once that nobody should wait for the end of the second."""
        self.dam = Dam(sock)
        self.alarm = alarm
        self.datagrams = 0
        """Since the last turn."""
        self.batches = 0
        """Of them, those that came above ``watch_above``."""
        self.every = SAMPLED
        """One of so many of these is counted: all, while next to nothing of a flood is read."""
        self.watch_above = NEVER
        self.counts_names = False
        """:meth:`count` wants the queries, too."""
        self.shed: frozenset[bytes] = frozenset()
        """Floods that the kernel does not stop: nearly all that they send is to be dropped unread."""
        self._rate = self._alarm_at = NEVER
        self._counts: Counter[bytes] = Counter()
        self._names: Counter[tuple[bytes, bytes]] = Counter()
        self._shed = 0
        self._lottery = count(1)

    @property
    def dropped(self) -> int:
        """Datagrams of floods that were dropped, in the kernel or here."""
        return self.dam.dropped + self._shed

    def limit(self, limits: ClientLimits | None) -> None:
        """Count for these limits from now on; None: nothing is limited."""
        self._counts.clear()
        self._names.clear()
        self.counts_names = limits is not None and limits.repeated is not None
        if limits is None:
            self._rate = self.watch_above = self._alarm_at = NEVER
            self.stop(())
            return
        least = limits.rate if limits.repeated is None else min(limits.rate, limits.repeated.rate)
        self._rate = self.watch_above = int(least)
        self._alarm_at = max(LEAST_ALARM, 2 * int(limits.burst))

    def count(self, clients: list[bytes], queries: Iterable[bytes] = ()) -> None:
        """A batch was read; ``queries`` are without their IDs."""
        self._counts.update(clients)
        if self.counts_names:
            self._names.update(zip(clients, map(name_in, queries), strict=False))
        if self.datagrams > self._alarm_at:
            self.alarm()

    def turn(self) -> tuple[dict[bytes, int], dict[tuple[bytes, bytes], int]]:
        """How much each client has asked since the last turn, and for which names, as far as it was counted."""
        stopped = self.dam.stopped
        every = self.every
        counts = {
            client: number * every * (ONE_IN if client in stopped else 1) for client, number in self._counts.items()
        }
        names = {which: number * every for which, number in self._names.items()}
        self._counts.clear()
        self._names.clear()
        self.datagrams = 0
        return counts, names

    def stop(self, floods: tuple[bytes, ...]) -> None:
        """Read next to nothing of these from now on."""
        self.dam.stop(floods)
        stopped = self.dam.stopped
        self.shed = frozenset(one for one in floods if one not in stopped)
        self.watch_above, self.every = (0, 1) if floods else (self._rate, SAMPLED)

    def sheds(self, client: bytes) -> bool:
        """Whether one more datagram of this client is dropped."""
        if client not in self.shed or next(self._lottery) % ONE_IN == 0:
            return False
        self._shed += 1
        return True
