from __future__ import annotations

import asyncio

import pytest

from mirage_hole.runtime import own_service
from mirage_hole.runtime.own_rules import OwnRules, RefusedRule
from mirage_hole.runtime.own_service import OwnRuleService


class Workers:
    """They take the rules as soon as they are told, or when a test says so."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.heard = asyncio.Event()
        self.version = 0
        self.served = 0
        self.obedient = True
        self.service: OwnRuleService | None = None

    def use_own_rules(self, path) -> int:
        self.told.append(path.read_text())
        self.heard.set()
        self.version += 1
        if self.obedient:
            asyncio.get_running_loop().call_soon(self.serve)
        return self.version

    def own_rules_served(self, version: int) -> bool:
        return self.served >= version

    def serve(self) -> None:
        self.served = self.version
        assert self.service is not None
        self.service.on_served("")


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def workers():
    return Workers()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def service(tmp_path, workers, clock):
    workers.service = OwnRuleService(tmp_path, workers, clock)
    return workers.service


async def add(service, *texts, until=None):
    _, taken = await service.change(lambda own: own.add(texts, "", until))
    return taken


async def test_a_change_returns_when_the_workers_answer_by_it(service, workers):
    taken = await add(service, "ads.example")
    assert taken.served
    assert workers.served == workers.version == 1
    assert "ads.example" in workers.told[0]


async def test_workers_that_do_not_answer_hold_nobody_for_ever(service, workers, monkeypatch):
    monkeypatch.setattr(own_service, "SERVED_WITHIN", 0.05)
    workers.obedient = False
    assert not (await add(service, "ads.example")).served
    assert [one.text for one in await service.read(lambda own: own.all())] == ["ads.example"]


async def test_a_change_that_changes_nothing_disturbs_nobody(service, workers):
    await add(service, "ads.example")
    await add(service, "ads.example")
    _, taken = await service.change(lambda own: own.remove([99]))
    assert taken.served
    assert len(workers.told) == 1


async def test_a_refused_change_reaches_nobody(service, workers):
    with pytest.raises(RefusedRule):
        await add(service, "two words")
    assert workers.told == []


async def test_many_changes_at_once_lose_none(service):
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(add(service, f"n{number}.example"))
    assert len(await service.read(lambda own: own.all())) == 50


async def test_rules_of_an_older_version_are_compiled_anew_at_the_start(tmp_path, service, workers):
    own = OwnRules(tmp_path)
    own.add(["ads.example"])
    own.path.write_text("[]")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await workers.heard.wait()
        running.cancel()
    assert "ads.example" in workers.told[0]


async def test_a_clock_that_is_put_forward_ends_a_rule(service, workers, clock, monkeypatch):
    """Nobody wakes the schedule: it looks at the clock by itself, and a deadline is a time of day."""
    monkeypatch.setattr(own_service, "LOOK_EVERY", 0.02)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await add(service, "ads.example", until=clock.now + 3600)
        clock.now += 86_400
        async with asyncio.timeout(20):
            while await service.read(lambda own: own.all()):  # noqa: ASYNC110 - there are no events
                await asyncio.sleep(0.002)
        running.cancel()


async def test_a_clock_that_is_put_back_ends_no_rule_and_looks_again(service, workers, clock, monkeypatch):
    monkeypatch.setattr(own_service, "LOOK_EVERY", 0.002)
    looked = asyncio.Event()

    def look() -> float:
        looked.set()
        return 1_000_000.0 - 86_400 * 365

    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await add(service, "ads.example", until=clock.now + 60)
        service._clock = look
        for _ in range(5):
            looked.clear()
            await looked.wait()
        running.cancel()
    assert [one.text for one in await service.read(lambda own: own.all())] == ["ads.example"]


async def test_a_rule_whose_end_can_not_be_written_counts_on_and_is_told_once(
    service, workers, clock, monkeypatch, caplog
):
    """A full disk: what the rules were is known, and saying so every minute would help nobody."""
    tries = []

    def full(own: OwnRules) -> None:
        tries.append(1)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_service, "AGAIN_AFTER", 0.002)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await add(service, "ads.example", until=clock.now + 60)
        with monkeypatch.context() as patch:
            patch.setattr(OwnRules, "expire", full)
            clock.now += 61
            service._changed.set()
            while len(tries) < 5:  # noqa: ASYNC110 - what is waited for has no events
                await asyncio.sleep(0.002)
        workers.heard.clear()
        await workers.heard.wait()
        running.cancel()
    assert caplog.text.count("No space left on device") == 1
    assert await service.read(lambda own: own.all()) == []


async def test_a_rule_ends_while_the_server_runs(service, workers, clock):
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        await add(service, "ads.example", until=clock.now + 60)
        clock.now += 61
        await add(service, "other.example")  # whatever wakes the schedule
        workers.heard.clear()
        await workers.heard.wait()  # the schedule has told them once more
        running.cancel()
    assert [one.text for one in await service.read(lambda own: own.all())] == ["other.example"]
