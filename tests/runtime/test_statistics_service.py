"""The service: what is counted is kept across restarts, the event loop never waits, trouble is told and got over."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mirage_hole.config.settled import USUAL_STATISTICS
from mirage_hole.observe.rollup import DAY, MINUTE
from mirage_hole.observe.statistics import Statistics
from mirage_hole.runtime import statistics_service as module
from mirage_hole.runtime.statistics_service import StatisticsService
from mirage_hole.wire.names import from_text
from tests.observe.frames import NOON, frame, replays, ruled, subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

WITHIN = 20.0


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class House:
    """A service that runs, with its statistics."""

    def __init__(self, directory: Path, clock: Clock, **changes: object) -> None:
        self.statistics = Statistics()
        self.statistics.register_generation(1, ["Ads"])
        self.clock = clock
        settings = USUAL_STATISTICS._replace(**changes)  # type: ignore[arg-type]
        self.service = StatisticsService(directory, self.statistics, settings, clock=clock, again=0.01)

    def ask(self, name: str, times: int = 1, client: str = "192.0.2.1", *, blocked: bool = False) -> None:
        told = ruled(name, name) if blocked else subject(name)
        self.statistics.fold_frame(frame(replays(self.clock.now, [(client, told)] * times)), self.clock.now)

    async def minutes(self) -> list[tuple[int, int]]:
        return await self.service.look(
            lambda reader: [(unit.at - int(NOON), unit.queries) for unit in reader.units(MINUTE, 0, 1 << 40)]
        )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        while not true():  # noqa: ASYNC110 - what is waited for happens in a thread as well
            await asyncio.sleep(0.005)


def copied(directory: Path) -> Path:
    """The files as they are, where another process begins with them."""
    copy = directory / "copy"
    copy.mkdir()
    for file in directory.glob("statistics.db*"):
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def everything_in(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in directory.glob("statistics.db*"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.005)


@asynccontextmanager
async def a_house(directory: Path, clock: Clock | None = None, **changes: object) -> AsyncIterator[House]:
    house = House(directory, clock or Clock(), **changes)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(house.service.run())
        if house.service.enabled:
            async with asyncio.timeout(WITHIN):
                await house.service.restored.wait()
        try:
            yield house
        finally:
            task.cancel()


def written(house: House) -> bool:
    return not house.service._unwritten and not house.service._writing


async def test_totals_series_and_tops_come_back_with_the_minute_that_was_running(tmp_path: Path) -> None:
    clock = Clock()
    async with a_house(tmp_path, clock) as house:
        house.ask("a.example", 3)
        clock.now += 60
        house.ask("ads.example", 2, blocked=True)
    assert await house.service.close()
    clock.now += 30
    async with a_house(tmp_path, clock) as house:
        assert house.statistics.day(clock.now) == (5, 2)
        assert house.statistics.minutes(2, clock.now).queries == [3, 2]
        top = house.statistics.top(5, clock.now)
        assert [(row.key, row.times) for row in top.names] == [(from_text("a.example"), 3)]
        assert [(row.key, row.times) for row in top.blocked] == [(from_text("ads.example"), 2)]
        assert [(row.times, blocked) for row, blocked in top.clients] == [(5, 2)]
        assert house.statistics.totals()["queries"] == 0
        house.ask("ads.example", blocked=True)
        assert await house.minutes() == [(0, 3), (60, 3)]
    await house.service.close()


async def test_a_process_that_is_killed_loses_no_finished_minute(tmp_path: Path) -> None:
    clock = Clock()
    async with a_house(tmp_path, clock) as house:
        house.ask("a.example", 3)
        clock.now += 60
        house.ask("b.example")
        await until(lambda: house.service._batch > 0 and written(house))
        # Nothing of this process is used any more: as after kill -9.
        async with a_house(copied(tmp_path), clock) as after:
            assert after.statistics.day(clock.now) == (3, 0)
        await after.service.close()
    await house.service.close()


async def test_a_disk_that_does_not_answer_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 5)
    clock, free, reached = Clock(), threading.Event(), threading.Event()
    async with a_house(tmp_path, clock) as house:
        write = house.service._store.write

        def slow(*arguments: object) -> None:
            reached.set()
            free.wait(WITHIN)
            write(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(house.service._store, "write", slow)
        for _ in range(12):
            house.ask("a.example")
            batch = house.service._batch
            clock.now += 60
            await until(lambda batch=batch: house.service._batch > batch)  # type: ignore[misc]
        assert reached.is_set()
        assert len(house.service._unwritten) <= 5
        assert house.service.lost >= 6
        assert not await house.service.close(within=0.05)
        free.set()


async def test_a_disk_that_is_full_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    async with a_house(tmp_path, clock) as house:
        with monkeypatch.context() as patch:

            def full(*_: object) -> None:
                message = "database or disk is full"
                raise sqlite3.OperationalError(message)

            patch.setattr(house.service._store, "write", full)
            house.ask("a.example", 4)
            clock.now += 60
            await until(lambda: "disk is full" in house.service.trouble)
            assert await house.minutes() == [(0, 4)]
        await until(lambda: written(house) and not house.service.trouble)
        assert house.service.lost == 0
    assert await house.service.close()
    assert sum("statistics are not kept" in record.message for record in caplog.records) == 1
    async with a_house(tmp_path, clock) as house:
        assert house.statistics.day(clock.now) == (4, 0)
    await house.service.close()


async def test_a_file_that_can_not_be_made_is_told_and_dns_is_counted_on(tmp_path: Path) -> None:
    (tmp_path / "statistics.db").mkdir()
    clock = Clock()
    async with a_house(tmp_path, clock) as house:
        await until(lambda: bool(house.service.trouble))
        house.ask("a.example")
        clock.now += 60
        await until(lambda: house.service._batch > 0)
        assert house.statistics.totals()["queries"] == 1
        with pytest.raises((OSError, sqlite3.Error)):
            await house.minutes()
        (tmp_path / "statistics.db").rmdir()
        await until(lambda: written(house) and not house.service.trouble)
        assert await house.minutes() == [(0, 1)]
    await house.service.close()


async def test_a_file_that_can_only_be_read_is_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    async with a_house(tmp_path, clock) as house:
        house.ask("a.example", 4)
    assert await house.service.close()

    def refused(*_: object) -> None:
        message = "attempt to write a readonly database"
        raise sqlite3.OperationalError(message)

    monkeypatch.setattr(module.StatisticsStore, "count_batches_from", refused)
    async with a_house(tmp_path, clock) as house:
        assert house.statistics.day(clock.now) == (4, 0)
        assert "readonly" in house.service.trouble
        house.ask("b.example")
        assert await house.minutes() == [(0, 5)]
    assert not await house.service.close(within=0.2)


async def test_a_damaged_file_is_put_aside_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "statistics.db").write_bytes(b"no database at all, but long enough to look like one" * 50)
    async with a_house(tmp_path) as house:
        house.ask("a.example")
        assert await house.minutes() == [(0, 1)]
        assert house.service.trouble == ""
    assert await house.service.close()
    assert (tmp_path / "statistics.db.damaged").exists()
    assert any("begin again" in record.message for record in caplog.records)


async def test_nothing_is_kept_when_it_is_switched_off(tmp_path: Path) -> None:
    async with a_house(tmp_path, enabled=False) as house:
        house.ask("a.example")
        with pytest.raises(FileNotFoundError):
            await house.minutes()
        assert house.statistics.totals()["queries"] == 1
    await house.service.close()
    assert not (tmp_path / "statistics.db").exists()


async def test_it_can_be_switched_on_and_off_while_it_runs(tmp_path: Path) -> None:
    clock = Clock()
    async with a_house(tmp_path, clock, enabled=False) as house:
        house.ask("before.example")
        house.service.change(USUAL_STATISTICS)
        house.ask("a.example", 2)
        clock.now += 60
        await until(lambda: house.service._batch > 0 and written(house) and house.service.path.exists())
        house.service.change(USUAL_STATISTICS._replace(enabled=False))
        house.ask("after.example")
        assert await house.minutes() == [(0, 2)]
    await house.service.close()


@pytest.mark.parametrize(
    ("privacy", "names", "clients"),
    [("full", True, True), ("hide-names", False, True), ("hide-clients", True, False), ("statistics", False, False)],
)
async def test_what_is_private_is_not_on_the_disk(tmp_path: Path, privacy: str, names: bool, clients: bool) -> None:
    async with a_house(tmp_path) as house:
        house.service.hide(privacy, ("198.51.100.0/24",))
        house.ask("secret.example", client="192.0.2.77")
        house.ask("secret.example", client="198.51.100.4")
    assert await house.service.close()
    octets = everything_in(tmp_path)
    assert (from_text("secret.example") in octets) == names
    assert (bytes([192, 0, 2, 77]) in octets) == clients
    assert bytes([198, 51, 100, 4]) not in octets


async def test_clearing_forgets_what_waits_and_what_is_written(tmp_path: Path) -> None:
    clock = Clock()
    async with a_house(tmp_path, clock) as house:
        house.ask("a.example")
        clock.now += 60
        await until(lambda: house.service._batch > 0 and written(house))
        house.ask("b.example")
        await house.service.clear()
        assert await house.minutes() == []
        house.ask("c.example")
        assert await house.minutes() == [(60, 1)]
    await house.service.close()


async def test_too_many_looks_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_READERS", 2)
    free = threading.Event()
    async with a_house(tmp_path) as house, asyncio.TaskGroup() as group:
        looks = [group.create_task(house.service.look(lambda _: free.wait(WITHIN))) for _ in range(2)]
        await until(lambda: house.service._looking == 2)
        with pytest.raises(BlockingIOError):
            await house.minutes()
        free.set()
        assert all(await asyncio.gather(*looks))
    await house.service.close()


async def test_closing_twice_or_before_the_start_is_no_harm(tmp_path: Path) -> None:
    house = House(tmp_path, Clock())
    assert not await house.service.close()
    async with a_house(tmp_path) as house:
        pass
    assert await house.service.close()
    with contextlib.suppress(OSError):
        assert not await house.service.close()


async def test_old_minutes_are_taken_away_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mirage_hole.store.statistics.DOUBT", 100.0 * DAY)  # here the clock leaps by days
    clock = Clock()
    async with a_house(tmp_path, clock) as house:
        for _ in range(4):
            house.ask("a.example")
            batch = house.service._batch
            clock.now += DAY
            await until(lambda batch=batch: house.service._batch > batch and written(house))  # type: ignore[misc]
        assert len(await house.minutes()) == 4
        house.service.change(USUAL_STATISTICS)  # looks for what is too old at once
        await until(lambda: house.service._store._from[MINUTE] >= NOON + 2 * DAY)
        await until(lambda: written(house))
        assert len(await house.minutes()) == 2
    await house.service.close()
