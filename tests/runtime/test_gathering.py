"""Every worker is asked, and who asks waits for all of them but not for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from mirage_hole.runtime.gathering import Gathering
from tests.net.edge import until


async def gathered(workers: list[int], *happening: Any, within: float = 30.0) -> Any:
    """Ask, and let each of ``happening`` be done with the gathering and the message that was sent."""
    gathering, sent = Gathering(), []
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(gathering.ask(workers, sent.append, {"do": "cache"}, within))
        await until(lambda: bool(sent))
        for happens in happening:
            happens(gathering, sent[0])
    assert not gathering._open
    assert sent[0]["do"] == "cache"
    return asking.result()


def answer(worker: int, **more: Any) -> Any:
    return lambda gathering, sent: gathering.heard(worker, {"ask": sent["ask"], "worker": worker, **more})


async def test_all_answers_come_together() -> None:
    told = await gathered([0, 1, 2], answer(2), answer(0), answer(1))
    assert list(told.answers) == [0, 1, 2]
    assert [one["worker"] for one in told.answers.values()] == [0, 1, 2]
    assert told.silent == ()


async def test_a_worker_that_ends_is_not_waited_for() -> None:
    told = await gathered([0, 1], answer(0), lambda gathering, _: gathering.gone(1))
    assert (list(told.answers), told.silent) == ([0], (1,))


async def test_one_that_says_nothing_is_named_in_the_end() -> None:
    told = await gathered([0, 1], answer(0), within=0.01)
    assert (list(told.answers), told.silent) == ([0], (1,))


async def test_answers_to_other_questions_of_others_and_twice_do_not_count() -> None:
    told = await gathered(
        [0, 1],
        lambda gathering, sent: gathering.heard(0, {"ask": sent["ask"] + 1, "wrong": True}),
        lambda gathering, _: gathering.heard(0, {"ask": "x"}),
        lambda gathering, _: gathering.heard(0, {}),
        answer(7),
        answer(0, first=True),
        answer(0, first=False),
        answer(1),
    )
    assert told.answers[0]["first"]
    assert set(told.answers) == {0, 1}


async def test_without_workers_there_is_nothing_to_wait_for() -> None:
    told = await gathered([])
    assert (told.answers, told.silent) == ({}, ())
