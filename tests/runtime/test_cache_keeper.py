"""The file of a worker's answers: written whole or not at all, read in slices, never a reason to fail."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mirage_hole.cache.answers import AnswerCache
from mirage_hole.cache.snapshot import ORIGIN_SIZE
from mirage_hole.runtime import cache_keeper
from mirage_hole.runtime.cache_keeper import FILE, CacheKeeper, ClockWatch, origin_of, remove_others
from mirage_hole.runtime.worker_settings import WorkerSettings
from tests.cache.test_snapshot import learnt
from tests.net.edge import until

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = bytes(ORIGIN_SIZE)


def a_cache(entries: int = 3) -> AnswerCache:
    cache = AnswerCache(1 << 24)
    for number in range(entries):
        cache.put(*learnt(f"n{number}.example.com"), 0, time.monotonic())
    return cache


def names_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


def some_settings(**changes: object) -> WorkerSettings:
    settings = WorkerSettings(0, (), (), -1, (("192.0.2.1", 53),), 5.0, 1 << 20, "null")
    return replace(settings, **changes)


async def test_what_is_saved_is_restored(tmp_path: Path) -> None:
    cache = a_cache(1000)  # more than one slice
    assert await CacheKeeper(cache, tmp_path / "worker-0", ORIGIN).save() == 1000
    back = AnswerCache(1 << 24)
    assert await CacheKeeper(back, tmp_path / "worker-0", ORIGIN).restore() == 1000
    assert {key: answer.reply for key, answer in back.answers.items()} == {
        key: answer.reply for key, answer in cache.answers.items()
    }
    assert all(abs(answer.expires_at - cache.answers[key].expires_at) < 1 for key, answer in back.answers.items())


async def test_answers_for_one_subnet_are_left_out_as_its_number_means_nothing_later(tmp_path: Path) -> None:
    cache = a_cache(2)
    key, reply = learnt("n9.example.com")
    cache.put(key[:-3] + b"\x80\x01" + key[-1:], reply, 0, time.monotonic())
    assert await CacheKeeper(cache, tmp_path, ORIGIN).save() == 2
    assert await CacheKeeper(AnswerCache(1 << 24), tmp_path, ORIGIN).restore() == 2


async def test_the_file_is_for_the_servers_account_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "worker-0"
    await CacheKeeper(a_cache(), folder, ORIGIN).save()
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "answers.123.part").write_bytes(b"of a process that was killed")
    await CacheKeeper(a_cache(), folder, ORIGIN).save()
    assert [one.name for one in folder.iterdir()] == [FILE]


async def test_without_a_file_there_is_nothing_to_tell(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert await CacheKeeper(a_cache(), tmp_path / "worker-0", ORIGIN).restore() == 0
    assert not caplog.records


@pytest.mark.parametrize("damage", [b"", b"x", b"mirage-hole answers\n" * 50, None])
async def test_a_file_that_can_not_be_used_is_an_empty_cache_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes | None
) -> None:
    await CacheKeeper(a_cache(), tmp_path, ORIGIN).save()
    if damage is None:
        whole = (tmp_path / FILE).read_bytes()
        (tmp_path / FILE).write_bytes(whole[:-9] + b"\0" + whole[-8:])
    else:
        (tmp_path / FILE).write_bytes(damage)
    cache = AnswerCache(1 << 20)
    assert await CacheKeeper(cache, tmp_path, ORIGIN).restore() == 0
    assert len(cache) == 0
    assert "the cache begins empty" in caplog.text


async def test_other_origins_are_told_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await CacheKeeper(a_cache(), tmp_path, ORIGIN).save()
    assert await CacheKeeper(AnswerCache(1 << 20), tmp_path, b"\1" * ORIGIN_SIZE).restore() == 0
    assert "other upstreams" in caplog.text


async def test_a_disk_that_takes_nothing_costs_a_line_in_the_log_and_the_old_file_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = a_cache()
    keeper = CacheKeeper(cache, tmp_path, ORIGIN)
    await keeper.save()
    before = (tmp_path / FILE).read_bytes()

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert await keeper.save() == 0
    assert await keeper.save() == 0
    assert caplog.text.count("No space left on device") == 1  # once, not every quarter of an hour
    assert names_in(tmp_path) == [FILE]
    assert (tmp_path / FILE).read_bytes() == before


async def test_removing_what_is_not_there_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keeper = CacheKeeper(a_cache(), tmp_path / "worker-0", ORIGIN)
    await keeper.remove()
    await keeper.save()
    await keeper.remove()
    assert list((tmp_path / "worker-0").iterdir()) == []
    assert not caplog.records


async def test_in_a_hurry_it_writes_what_it_can(tmp_path: Path) -> None:
    cache = a_cache(2000)
    saved = await CacheKeeper(cache, tmp_path, ORIGIN).save(within=0.0)
    assert 0 < saved < 2000
    back = AnswerCache(1 << 24)
    assert await CacheKeeper(back, tmp_path, ORIGIN).restore() == saved
    assert learnt("n1999.example.com")[0] in back.answers  # the youngest


async def test_it_saves_every_so_often_until_it_is_cancelled(tmp_path: Path) -> None:
    keeper = CacheKeeper(a_cache(), tmp_path, ORIGIN)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(keeper.run(every=0.01))
        for _ in range(3):
            await until((tmp_path / FILE).exists)
            await keeper.remove()
        running.cancel()


async def test_a_change_of_the_cache_while_it_is_written_breaks_nothing(tmp_path: Path) -> None:
    cache = a_cache(1500)
    async with asyncio.TaskGroup() as tasks:
        saving = tasks.create_task(CacheKeeper(cache, tmp_path, ORIGIN).save())
        while not saving.done():
            for key in list(cache.answers)[:40]:
                cache.forget(key)
            cache.put(*learnt(f"new{len(cache)}.example.com"), 0, time.monotonic())
            await asyncio.sleep(0)
    back = AnswerCache(1 << 24)
    assert await CacheKeeper(back, tmp_path, ORIGIN).restore() == saving.result()


def test_what_workers_kept_that_are_gone_is_removed(tmp_path: Path) -> None:
    for name in ("worker-0", "worker-1", "worker-12", "worker-x", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / FILE).write_bytes(b"x")
    remove_others(tmp_path, 1)
    assert sorted(names_in(tmp_path)) == ["other", "worker-0", "worker-x"]
    remove_others(tmp_path / "not there", 1)


def test_answers_depend_on_upstreams_groups_and_routes_and_on_nothing_else() -> None:
    usual = origin_of(some_settings())
    assert len(usual) == ORIGIN_SIZE
    assert origin_of(some_settings(upstreams=(("192.0.2.2", 53),))) != usual
    assert origin_of(some_settings(ecs="203.0.113.0/24")) != usual
    assert origin_of(some_settings(log_level="DEBUG", cache_bytes=5, number=3, paused_until=7.0)) == usual
    assert {"upstreams"} <= cache_keeper.SHAPING & set(WorkerSettings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("wall", "now", "jump"), [(1001.0, 101.0, 0.0), (5001.0, 101.0, 4000.0), (1, 101.0, 0.0), (1002.5, 101.0, 0.0)]
)
def test_a_clock_that_goes_ahead_is_noticed_and_one_that_is_put_back_is_not(
    wall: float, now: float, jump: float
) -> None:
    watch = ClockWatch(1000.0, 100.0)
    assert watch.jumped(wall, now) == jump
    assert watch.jumped(wall + 1, now + 1) == 0.0
