"""Keeps a part of the control plane running: whatever happens to it, DNS and the other parts go on."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

BACK_OFF: Final = (1.0, 5.0, 30.0, 60.0)
"""Seconds before a broken part is started again; the last holds for all further tries."""
FORGIVEN_AFTER: Final = 300.0
"""Seconds without trouble after which the next trouble counts as the first."""


async def keep_running(
    name: str, run: Callable[[], Awaitable[object]], sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> None:
    """Run a part until it returns; when it breaks, log why and start it again, ever more slowly."""
    clock = asyncio.get_running_loop().time
    failures = 0
    while True:
        began = clock()
        try:
            await run()
        except Exception as problem:  # no part may take DNS down with it, whatever is wrong with it
            failures = 0 if clock() - began > FORGIVEN_AFTER else failures
            delay = back_off(failures)
            failures += 1
            # A task group wraps what happened to one of its tasks.
            while isinstance(problem, ExceptionGroup) and len(problem.exceptions) == 1:
                problem = problem.exceptions[0]
            log.exception(
                "the %s part broke (%s); it starts again in %g s", name, problem or type(problem).__name__, delay
            )
            await sleep(delay)
        else:
            return


def back_off(failures: int) -> float:
    """Seconds to wait after this many earlier failures in a row."""
    return BACK_OFF[min(failures, len(BACK_OFF) - 1)]


async def wait_at_most(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, but not longer; whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
