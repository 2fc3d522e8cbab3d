"""A broken part of the control plane is started again, and disturbs nobody."""

import asyncio

import pytest

from mirage_hole.runtime.parts import BACK_OFF, back_off, keep_running, wait_at_most


async def test_a_part_that_breaks_is_started_again_ever_more_slowly(caplog):
    slept = []
    runs = 0

    async def run():
        nonlocal runs
        runs += 1
        if runs <= 5:
            message = f"trouble {runs}"
            raise ValueError(message)

    async def sleep(seconds):
        slept.append(seconds)

    await keep_running("list", run, sleep)
    assert slept == [*BACK_OFF, BACK_OFF[-1]]
    assert "the list part broke (trouble 1); it starts again in 1 s" in caplog.text


async def test_the_trouble_of_a_task_is_told_without_its_group(caplog):
    async def break_down():
        message = "deep trouble"
        raise RuntimeError(message)

    broken = [True]

    async def run():
        if broken.pop() if broken else False:
            async with asyncio.TaskGroup() as group:
                group.create_task(break_down())

    async def sleep(_):
        pass

    await keep_running("web", run, sleep)
    assert "the web part broke (deep trouble)" in caplog.text


async def test_a_cancelled_part_ends():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keep_running("web", asyncio.Event().wait))
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()


def test_the_last_delay_holds():
    assert back_off(1000) == BACK_OFF[-1]


@pytest.mark.parametrize("comes", [True, False])
async def test_waiting_has_an_end(comes):
    event = asyncio.Event()
    if comes:
        event.set()
    assert await wait_at_most(event, 0.01) is comes
