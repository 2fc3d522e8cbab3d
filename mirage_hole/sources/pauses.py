"""How long to wait: until something happens, and after a failure."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

BACK_OFF: Final = (5.0, 15.0, 60.0, 300.0, 1800.0)
"""Seconds to the next try after the first failure in a row, the second and so on; the last holds for all further ones."""


async def pause(wake: asyncio.Event, seconds: float) -> None:
    """Wait until woken, at most ``seconds``."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()


def back_off(failures: int, longest: float, dice: float) -> float:
    """Seconds to the next try.

    Args:
        failures: in a row, before this one.
        longest: seconds; what is looked at every minute is not left alone for half an hour.
        dice: a number from 0 to 1.
    """
    return min(BACK_OFF[min(failures, len(BACK_OFF) - 1)], longest) * (0.75 + 0.5 * dice)
