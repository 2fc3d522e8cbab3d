"""Whoever is cancelled while a thread works for him waits for it, and what it made is not lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mirage_hole.runtime.threads import to_the_end
from tests.net.edge import PATIENCE, until


async def test_what_the_thread_gives_or_raises_comes_back():
    assert await to_the_end(None, max, 3, 7) == 7
    with pytest.raises(ZeroDivisionError):
        await to_the_end(None, divmod, 1, 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_who_is_cancelled_waits_for_the_thread_and_takes_back_what_it_made(fails):
    begun, go_on = threading.Event(), threading.Event()
    undone = []

    def work():
        begun.set()
        assert go_on.wait(PATIENCE)
        if fails:
            raise OSError
        return "a file"

    async with asyncio.TaskGroup() as group:
        task = group.create_task(to_the_end(undone.append, work))
        await until(begun.is_set)
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
    assert task.cancelled()
    assert undone == ([] if fails else ["a file"])
