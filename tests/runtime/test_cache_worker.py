"""What a worker knows outlives the worker, and can be shown and flushed."""

from __future__ import annotations

import asyncio
import stat
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mirage_hole.cache.lifetimes import DEFAULT
from mirage_hole.runtime import channel
from mirage_hole.runtime.worker import Worker as RealWorker
from mirage_hole.runtime.worker_settings import WorkerSettings
from tests.cache.test_snapshot import learnt
from tests.make import ede, query
from tests.nameserver import Heard, a_nameserver, silence
from tests.net.edge import UdpClient, until
from tests.runtime.processes import Worker, a_worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live


async def ask(worker: Worker, *names: str) -> None:
    with UdpClient(worker.udp) as client:
        for name in names:
            assert (await client.ask(query(name))).answer


async def told(worker: Worker, **message: Any) -> dict[str, Any]:
    seen = len(worker.said("cache"))
    worker.child.tell({"do": "cache", "ask": seen, "name": "", "subtree": False, "limit": 100, **message})
    await until(lambda: len(worker.said("cache")) > seen)
    answer: dict[str, Any] = worker.said("cache")[-1]
    assert answer["ask"] == seen
    return answer


async def ended(worker: Worker) -> None:
    worker.child.drain()
    assert await worker.ended() == "exit code 0"


async def names_known(worker: Worker) -> list[str]:
    return sorted(one["name"] for one in (await told(worker, what="show"))["entries"])


async def test_what_was_known_is_known_after_a_restart(tmp_path: Path) -> None:
    kept = str(tmp_path / "cache")
    async with a_nameserver() as upstream:
        async with a_worker(upstream.at, cache_directory=kept) as worker:
            await ask(worker, "one.example", "two.example")
            await ended(worker)
        file = tmp_path / "cache" / "worker-0" / "answers"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [one.name for one in file.parent.iterdir()] == ["answers"]
        async with a_worker(upstream.at, cache_directory=kept) as worker:
            while (await worker.counters())["cache_entries"] < 2:
                pass
            await ask(worker, "one.example")
            assert (await worker.counters())["upstreams"][0]["sent"] == 0


async def test_a_damaged_file_is_an_empty_cache_and_a_line_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cache" / "worker-0"
    folder.mkdir(parents=True)
    (folder / "answers").write_bytes(b"mirage-hole answers\n" + bytes(500))
    async with a_nameserver() as upstream, a_worker(upstream.at, cache_directory=str(folder.parent)) as worker:
        await ask(worker, "one.example")
        assert await names_known(worker) == ["one.example"]
        await ended(worker)
    assert "the cache begins empty" in capfd.readouterr().err


async def test_nothing_is_kept_when_that_is_not_wanted_and_what_was_is_removed(tmp_path: Path) -> None:
    kept = str(tmp_path / "cache")
    file = tmp_path / "cache" / "worker-0" / "answers"
    async with a_nameserver() as upstream:
        async with a_worker(upstream.at, cache_directory=kept) as worker:
            await ask(worker, "one.example")
            await ended(worker)
        assert file.exists()
        async with a_worker(upstream.at, cache_directory=kept, cache_keep=False) as worker:
            await until(lambda: not file.exists())
            await ask(worker, "two.example")
            await ended(worker)
        assert not file.exists()


async def test_other_upstreams_know_nothing_of_what_was_kept(tmp_path: Path) -> None:
    kept = str(tmp_path / "cache")
    async with a_nameserver() as first, a_nameserver() as second:
        async with a_worker(first.at, cache_directory=kept) as worker:
            await ask(worker, "one.example")
            await ended(worker)
        async with a_worker(second.at, cache_directory=kept) as worker:
            await ask(worker, "one.example")
        assert [heard.name for heard in second.heard] == ["one.example"]


async def test_it_shows_what_it_knows() -> None:
    async with a_nameserver() as upstream, a_worker(upstream.at) as worker:
        await ask(worker, "www.one.example", "one.example", "xone.example", "two.example")
        assert await names_known(worker) == ["one.example", "two.example", "www.one.example", "xone.example"]
        below = await told(worker, what="show", name="ONE.example.", subtree=True)
        assert sorted(one["name"] for one in below["entries"]) == ["one.example", "www.one.example"]
        only = await told(worker, what="show", name="one.example")
        (entry,) = only["entries"]
        assert (entry["type"], entry["rcode"], entry["stale"], entry["kind"]) == ("A", 0, False, "answer")
        assert entry["upstream"] == f"{upstream.at[0]}:{upstream.at[1]}"
        few = await told(worker, what="show", limit=1)
        assert (few["found"], len(few["entries"])) == (4, 1)


async def test_what_is_flushed_is_asked_for_again_also_when_it_was_a_packet(tmp_path: Path) -> None:
    kept = str(tmp_path / "cache")
    async with a_nameserver() as upstream, a_worker(upstream.at, cache_directory=kept) as worker:
        await ask(worker, *["www.one.example", "one.example", "two.example"] * 3)
        assert (await worker.counters())["packet_cache_entries"] == 3
        assert (await told(worker, what="flush", name="one.example", subtree=True))["flushed"] == 2
        assert await names_known(worker) == ["two.example"]
        await ask(worker, "one.example", "two.example")
        counters = await worker.counters()
        while counters["upstreams"][0]["sent"] < 4:
            counters = await worker.counters()
        assert counters["upstreams"][0]["sent"] == 4
        assert (await told(worker, what="flush"))["flushed"] == 2
        assert (await worker.counters())["packet_cache_entries"] == 0


async def test_a_message_that_makes_no_sense_ends_nothing() -> None:
    async with a_nameserver() as upstream, a_worker(upstream.at) as worker:
        worker.child.tell({"do": "cache"})
        worker.child.tell({"do": "cache", "ask": 7, "what": "show", "name": "a..b", "subtree": False, "limit": 1})
        worker.child.tell({"do": "cache", "ask": 7, "what": "show", "name": "", "subtree": False, "limit": "x"})
        await ask(worker, "one.example")
        assert await names_known(worker) == ["one.example"]


# -- real time --


def for_a_second(heard: Heard) -> None:
    heard.reply(f"{heard.name} 1 A 192.0.2.7")


async def test_an_old_answer_comes_while_the_upstream_says_nothing() -> None:
    """RFC 8767, with the shortest wait that can be told from none."""
    quick = replace(DEFAULT, stale_wait=0.2)
    async with a_nameserver(for_a_second) as upstream, a_worker(upstream.at, cache_lifetimes=quick) as worker:
        await ask(worker, "one.example")
        upstream.behave = silence
        with UdpClient(worker.udp) as client:
            reply = await client.ask(query("one.example"))
            while reply.answer[0].ttl != 30:  # until it is over
                reply = await client.ask(query("one.example"))
        assert [code for code, _ in ede(reply)] == [3]
        assert str(reply.answer[0][0]) == "192.0.2.7"
        counters = await worker.counters()
        while not counters["cache_stale_hits"]:
            counters = await worker.counters()


async def test_a_machine_that_slept_has_old_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker does once a second, with a clock that went ahead of the other."""
    ours, theirs = channel.pair()
    settings = WorkerSettings(0, (), (), theirs.detach(), (("192.0.2.1", 53),), 5.0, 1 << 20, "null")
    with ours:
        async with asyncio.TaskGroup() as tasks:
            worker = RealWorker(settings, tasks)
            cache = worker.engine.cache
            now = time.monotonic()
            cache.put(*learnt("www.example.com"), 0, now)
            worker._cache.look(now)
            assert cache.get(learnt("www.example.com")[0], now)
            slept = time.time() + 3600
            monkeypatch.setattr(time, "time", lambda: slept)
            worker._cache.look(now)
            assert cache.get(learnt("www.example.com")[0], now) is None
            assert len(cache) == 1
            worker.plane.close()
            worker._channel.close()
