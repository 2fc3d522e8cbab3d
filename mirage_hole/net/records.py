"""Query records on their way to the control plane: gathered, sent in frames, dropped and counted when it is slow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import encode_frame, encode_replays, encode_single

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME_OCTETS: Final = 60_000
FLUSH_EVERY: Final = 0.1
"""Seconds a record waits at most."""


class RecordSender:
    """Gathers records into frames. ``send`` must not wait: it returns False when the frame was not taken."""

    __slots__ = ("_count", "_octets", "_segments", "_send", "dropped", "generation", "sent")

    def __init__(self, send: Callable[[bytes], bool]) -> None:
        self._send = send
        self._segments: list[bytes] = []
        self._octets = 0
        self._count = 0
        self.generation = 0
        self.dropped = 0
        self.sent = 0

    def single(self, transport: int, client: bytes, duration: float, subject: bytes) -> None:
        """One query's record."""
        segment = encode_single(time.time(), transport, client, duration, subject)
        self._segments.append(segment)
        self._octets += len(segment)
        self._count += 1
        if self._octets > FRAME_OCTETS:
            self.flush()

    def replays(self, transport: int, stride: int, addresses: bytes, subjects: list[bytes], count: int) -> None:
        """A batch's records; ``count`` of the subjects are not empty."""
        segment = encode_replays(time.time(), transport, stride, addresses, subjects)
        self._segments.append(segment)
        self._octets += len(segment)
        self._count += count
        if self._octets > FRAME_OCTETS:
            self.flush()

    def flush(self) -> None:
        """Send what is there as one frame."""
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
