"""What a worker does for its cache, at moments at which something else is done for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mirage_hole.cache.packets import PacketCache
from mirage_hole.runtime import cache_keeper
from mirage_hole.runtime.cache_duties import CacheDuties
from mirage_hole.runtime.cache_keeper import FILE, CacheKeeper, origin_of
from tests.make import an_engine
from tests.net.edge import PATIENCE, until
from tests.runtime.test_cache_keeper import a_cache, some_settings

FLUSH = {"what": "flush", "name": "", "subtree": False, "ask": 1}


@pytest.fixture
async def slowly(tmp_path, monkeypatch):
    """A worker's duties while what was kept, three answers, is being read; an event lets that go on."""
    settings = some_settings(cache_directory=str(tmp_path), cache_keep=True)
    assert await CacheKeeper(a_cache(3), tmp_path / "worker-0", origin_of(settings)).save() == 3
    begun, go_on = threading.Event(), threading.Event()

    def read(*arguments, really=cache_keeper._read):
        begun.set()
        assert go_on.wait(PATIENCE)
        return really(*arguments)

    monkeypatch.setattr(cache_keeper, "_read", read)
    engine = an_engine()
    duties = CacheDuties(engine, PacketCache(1 << 20), settings)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(duties.keep())
        await until(begun.is_set)
        yield duties, engine, keeping, go_on
        go_on.set()
        keeping.cancel()


async def test_a_flush_forgets_what_is_still_being_read(slowly, tmp_path):
    duties, engine, _, go_on = slowly
    async with asyncio.TaskGroup() as tasks:
        flushing = tasks.create_task(duties.answer(FLUSH))
        for _ in range(5):
            await asyncio.sleep(0)
        go_on.set()
    assert flushing.result() == {"is": "cache", "ask": 1, "flushed": 3}
    assert len(engine.cache) == 0
    assert not (tmp_path / "worker-0" / FILE).exists()


async def test_a_worker_that_ends_before_it_has_read_all_leaves_what_was_kept(slowly, tmp_path):
    duties, _, keeping, _go_on = slowly
    before = (tmp_path / "worker-0" / FILE).read_bytes()
    keeping.cancel()
    await duties.save(0.0)
    assert (tmp_path / "worker-0" / FILE).read_bytes() == before


async def test_a_worker_that_has_read_all_writes_what_it_knows(slowly, tmp_path):
    duties, engine, _, go_on = slowly
    before = (tmp_path / "worker-0" / FILE).read_bytes()
    go_on.set()
    await until(lambda: len(engine.cache) == 3)
    await until(lambda: duties._keeper.restored)
    engine.cache.clear()
    await duties.save(0.0)
    assert (tmp_path / "worker-0" / FILE).read_bytes() != before
