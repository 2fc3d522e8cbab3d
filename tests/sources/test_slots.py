"""Silent servers make room for others, within bounds."""

from __future__ import annotations

import asyncio

from mirage_hole.sources.slots import Slots


async def holding(slots: Slots, entered: list, number: int, until: asyncio.Event) -> None:
    async with slots.one():
        entered.append(number)
        await until.wait()


async def test_no_more_than_the_parallel_ones_begin_while_nobody_is_silent_for_long():
    slots, until, entered = Slots(2, 10, 60.0), asyncio.Event(), []
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(holding(slots, entered, number, until))
        for _ in range(20):
            await asyncio.sleep(0)
        assert entered == [0, 1]
        until.set()
    assert entered == [0, 1, 2, 3]


async def test_the_silent_ones_step_aside_until_too_many_do():
    slots, until, entered = Slots(2, 5, 0.0), asyncio.Event(), []
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(holding(slots, entered, number, until))
        while len(entered) < 5:  # noqa: ASYNC110 - timers of the slots
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        assert entered == [0, 1, 2, 3, 4]
        until.set()
    assert len(entered) == 8


async def test_who_is_heard_keeps_its_place():
    slots, entered, until = Slots(1, 5, 3600.0), [], asyncio.Event()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        async with slots.one() as slot:
            group.create_task(holding(slots, entered, 1, until))
            for _ in range(20):
                slot.heard()
                await asyncio.sleep(0)
            assert entered == []
            slot.leave()
            slot.leave()
            slot.heard()
            while not entered:  # noqa: ASYNC110 - a task of its own
                await asyncio.sleep(0)
        until.set()
    async with asyncio.timeout(5), slots.one():
        pass
