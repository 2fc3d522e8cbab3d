"""From a web address to a generation on disk: downloader, shelf, schedule and the real compiler together."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from mirage_hole.lists.rule import Action
from mirage_hole.runtime.compilation import compile_generation
from mirage_hole.runtime.compile_job import CompileJob, ListJob
from mirage_hole.runtime.generation import MANIFEST, next_number, open_generation
from mirage_hole.sources.catalogue import load_catalogue
from mirage_hole.sources.download import Downloader
from mirage_hole.sources.refresh import Refresher
from mirage_hole.sources.shelf import Shelf
from mirage_hole.sources.source import resolve_sources
from mirage_hole.wire.names import from_text, labels_of

from .serving import always, serving

LIST = b"! Title: Served\n||served.example^\n@@||fine.served.example^\nrubbish line\n"


class Product:
    """What the control plane does with the pieces."""

    def __init__(self, state, blocklists, allowlists=(), standing=None):
        found = resolve_sources(blocklists, allowlists, load_catalogue())
        assert not found.problems
        self.state = state
        self.paths = []
        self.arrived = asyncio.Event()
        shelf = Shelf(state / "lists")
        self.refresher = Refresher(
            found.sources,
            shelf,
            Downloader(shelf),
            compile_lists=self.compile_lists,
            on_generation=self.on_generation,
            standing=standing,
        )

    async def compile_lists(self, ready):
        lists = tuple(ListJob(one.path, one.title, one.shown, one.kind, one.format) for one in ready)
        return await compile_generation(CompileJob(self.state, next_number(self.state), lists))

    def on_generation(self, path):
        self.paths.append(path)
        self.arrived.set()

    async def run_until(self, wanted):
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            task = group.create_task(self.refresher.run())
            while not wanted():
                await self.arrived.wait()
                self.arrived.clear()
            task.cancel()


def decision(path, name):
    wire = from_text(name)
    match = open_generation(path).decide(wire, labels_of(wire))
    return None if match is None else match.action


@pytest.mark.live
async def test_lists_from_everywhere_become_one_generation_and_serve_without_the_network(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("0.0.0.0 mine.example\n")
    state = tmp_path / "state"
    async with serving(always(LIST)) as served:
        lists = ["starter", served.url(), str(mine)]
        product = Product(state, lists)
        await product.run_until(lambda: product.refresher.statuses()[1].rules)
    path = product.paths[-1]
    assert decision(path, "ads.served.example") is Action.BLOCK
    assert decision(path, "fine.served.example") is Action.ALLOW
    assert decision(path, "mine.example") is Action.BLOCK
    assert decision(path, "stats.doubleclick.net") is Action.BLOCK
    assert decision(path, "example.com") is None
    starter, web, file = product.refresher.statuses()
    assert (starter.title, web.title, file.title) == ("Mirage Hole starter list", "Served", "mine.txt")
    assert (starter.rules > 300, web.rules, web.complaints, file.rules) == (True, 2, 1, 1)
    assert [one.state for one in (starter, web, file)] == ["live"] * 3

    # The same start again, the server gone: nothing to compile, nothing lost.
    again = Product(state, lists, standing=orjson.loads((path / MANIFEST).read_bytes()))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(again.refresher.run())
        while not again.refresher.statuses()[1].last_success:  # noqa: ASYNC110 - read from the disk in a thread
            await asyncio.sleep(0)
        task.cancel()
    assert again.paths == []
    assert [one.rules for one in again.refresher.statuses()] == [one.rules for one in product.refresher.statuses()]
