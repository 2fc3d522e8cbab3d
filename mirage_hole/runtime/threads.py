"""Work in a thread that is not left alone: a thread can't be stopped, so whoever is cancelled waits for its end."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


async def to_the_end(undo: Callable[[T], object] | None, work: Callable[P, T], /, *args: P.args, **how: P.kwargs) -> T:
    """What ``work`` gives, done in a thread.

    Args:
        undo: takes what ``work`` gave when nobody is there any more to take it, such as an open file to close.

    Raises:
        Exception: what ``work`` raises.
        asyncio.CancelledError: this was cancelled; ``work`` is over all the same.
    """
    done = asyncio.get_running_loop().run_in_executor(None, partial(work, *args, **how))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait([done])
        with contextlib.suppress(Exception):  # nobody is there for what went wrong, either
            given = done.result()
            if undo is not None:
                undo(given)
        raise
