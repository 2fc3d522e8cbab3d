"""Tests upstreams for the API: those that are configured, a few at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from mirage_hole.api.problems import Refusal
from mirage_hole.api.v1.upstreams import Step, Tested
from mirage_hole.runtime.forwarding import forwarding
from mirage_hole.runtime.probe import ROOT, probe

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.config.settled import Settled

TIMEOUT: Final = 3.0
"""Seconds for each answer."""
AT_ONCE: Final = 4


class Probing:
    """See :class:`mirage_hole.api.v1.upstreams.Prober`."""

    def __init__(self, settled: Callable[[], Settled]) -> None:
        """``settled``: the settings as they are, with the addresses of upstreams."""
        self._settled = settled
        self._running = 0

    async def test(self, number: int) -> Tested:
        """Ask the upstream with this index.

        Raises:
            Refusal: 404: there is none; 503: others are being tested.
        """
        upstreams = forwarding(self._settled()).upstreams
        if number >= len(upstreams):
            raise Refusal(404, f"There is no upstream {number}; there are {len(upstreams)}, counted from 0.")
        if self._running >= AT_ONCE:
            raise Refusal(503, "Other upstreams are being tested.", headers={"Retry-After": "5"})
        self._running += 1
        try:
            found = await asyncio.to_thread(probe, upstreams[number], ROOT, TIMEOUT)
        finally:
            self._running -= 1
        steps = [
            Step(
                what=one.title,
                ok=one.ok,
                said=one.said,
                milliseconds=None if one.milliseconds is None else round(one.milliseconds, 2),
            )
            for one in found.steps
        ]
        return Tested(server=str(found.server), ok=found.ok, steps=steps)
