"""The thread beside the loop: steps are taken there, told of here, bounded, and a fault in one is no fault of the others."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from mirage_hole.dnssec.chain import Need
from mirage_hole.dnssec.outcome import Result, Status
from mirage_hole.net.validation import FAILED, OVERLOADED, ValidationThread
from mirage_hole.resolver.effects import Validate
from mirage_hole.resolver.events import Validated

GOOD = Result(Status.SECURE)


class Job:
    """A validation in name only."""

    def __init__(self, said: object = GOOD, gate: threading.Event | None = None) -> None:
        self.said = said
        self.gate = gate
        self.steps: list[tuple[object, int, str]] = []

    def step(self, reply: object, now: int) -> Any:
        self.steps.append((reply, now, threading.current_thread().name))
        if self.gate is not None:
            assert self.gate.wait(20)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


class Told:
    """What the loop hears."""

    def __init__(self, **how: Any) -> None:
        self.events: asyncio.Queue[Validated] = asyncio.Queue()
        self.thread = ValidationThread(asyncio.get_running_loop(), self.events.put_nowait, lambda: 1234.9, **how)

    async def next(self) -> Validated:
        async with asyncio.timeout(20):
            return await self.events.get()


def effect(ident: int, job: object, reply: object = None) -> Validate:
    return Validate(ident, job, reply)  # type: ignore[arg-type]


async def test_a_step_is_taken_in_another_thread_and_told_of_in_the_loop():
    told, job = Told(), Job(Need(b"\0", 48))
    assert told.thread.begin(effect(7, job, "reply")) is None
    assert await told.next() == Validated(7, Need(b"\0", 48))
    ((reply, now, name),) = job.steps
    assert (reply, now) == ("reply", 1234)
    assert name != threading.current_thread().name
    assert told.thread.waiting == 0
    told.thread.close()


async def test_steps_end_in_their_order():
    told = Told()
    for ident in range(20):
        told.thread.begin(effect(ident, Job()))
    assert [(await told.next()).ident for _ in range(20)] == list(range(20))
    told.thread.close()


async def test_more_than_may_wait_are_turned_away_at_once():
    told, gate = Told(most=2), threading.Event()
    for ident in (1, 2):
        assert told.thread.begin(effect(ident, Job(gate=gate))) is None
    assert told.thread.begin(effect(3, Job())) == Validated(3, OVERLOADED)
    gate.set()
    assert {(await told.next()).ident, (await told.next()).ident} == {1, 2}
    assert told.thread.begin(effect(4, Job())) is None
    assert (await told.next()).ident == 4
    told.thread.close()


async def test_a_fault_in_one_is_told_as_its_end(caplog: pytest.LogCaptureFixture):
    told = Told()
    told.thread.begin(effect(1, Job(ValueError("a fault"))))
    told.thread.begin(effect(2, Job()))
    assert await told.next() == Validated(1, FAILED)
    assert await told.next() == Validated(2, GOOD)
    assert "a validation failed" in caplog.text
    told.thread.close()


async def test_nothing_is_told_after_the_end():
    told, gate = Told(), threading.Event()
    told.thread.begin(effect(1, Job(gate=gate)))
    waiting = Job()
    told.thread.begin(effect(2, waiting))
    told.thread.close()
    gate.set()
    assert told.thread.begin(effect(3, Job())) == Validated(3, OVERLOADED)
    await asyncio.sleep(0)
    assert told.events.empty()
    assert not waiting.steps
