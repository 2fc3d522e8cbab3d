"""Query records on their way to the control plane: gathered, sent in frames, dropped and counted when it is slow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import encode_frame, encode_replays, encode_singles

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.resolver.effects import EmitRecord

FRAME_OCTETS: Final = 60_000
FLUSH_EVERY: Final = 0.1
"""Seconds a record waits at most."""
SINGLES_A_SEGMENT: Final = 128
"""So that a segment of the longest names and a frame that is nearly full stay within what the channel takes."""


class RecordSender:
    """Gathers records into frames. ``send`` must not wait: it returns False when the frame was not taken."""

    __slots__ = ("_count", "_octets", "_segments", "_send", "_singles", "add", "dropped", "generation", "sent")

    def __init__(self, send: Callable[[bytes], bool]) -> None:
        self._send = send
        self._segments: list[bytes] = []
        self._octets = 0
        self._count = 0
        self.generation = 0
        self.dropped = 0
        self.sent = 0
        self._singles: list[EmitRecord] = []
        self.add: Callable[[EmitRecord], None] = self._singles.append
        """One query's record, which waits for :meth:`gather`. Every query passes here, so there is no call in between."""

    def gather(self) -> None:
        """Take in what was added, as of now: at the end of every batch."""
        if not self._singles:
            return
        at = time.time()
        waiting = self._singles.copy()
        self._singles.clear()
        for start in range(0, len(waiting), SINGLES_A_SEGMENT):
            alike = waiting[start : start + SINGLES_A_SEGMENT]
            clients, transports, durations, subjects = zip(*alike, strict=True)
            if len(set(transports)) == len(set(map(len, clients))) == 1:
                self._take(encode_singles(at, transports[0], clients, durations, subjects), len(clients))
                continue
            groups: dict[tuple[int, int], list[EmitRecord]] = {}
            for record in alike:
                groups.setdefault((record.transport, len(record.client)), []).append(record)
            for (transport, _), group in groups.items():
                clients, _, durations, subjects = zip(*group, strict=True)
                self._take(encode_singles(at, transport, clients, durations, subjects), len(group))

    def replays(self, transport: int, stride: int, addresses: bytes, subjects: list[bytes], count: int) -> None:
        """A batch's records; ``count`` of the subjects are not empty."""
        self.gather()
        self._take(encode_replays(time.time(), transport, stride, addresses, subjects), count)

    def flush(self) -> None:
        """Send what is there as one frame."""
        self.gather()
        self._send_frame()

    def _take(self, segment: bytes, count: int) -> None:
        self._segments.append(segment)
        self._octets += len(segment)
        self._count += count
        if self._octets > FRAME_OCTETS:
            self._send_frame()

    def _send_frame(self) -> None:
        count = self._count
        if not count:
            return
        frame = encode_frame(self.generation, self._segments)
        self._segments = []
        self._octets = self._count = 0
        if self._send(frame):
            self.sent += count
        else:
            self.dropped += count
