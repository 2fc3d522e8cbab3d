"""The schedule, over weeks that pass at once: what is fetched when, and what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from mirage_hole.lists.rule import Action
from mirage_hole.sources.catalogue import load_catalogue
from mirage_hole.sources.download import FetchOutcome, Result
from mirage_hole.sources.pauses import BACK_OFF, pause
from mirage_hole.sources.refresh import EVERY, Refresher
from mirage_hole.sources.shelf import Note, Shelf
from mirage_hole.sources.source import Source, parse_source
from tests.net.edge import until

from .serving import source

START = 1_700_000_000.0
A, B = source("https://a.example/list.txt"), source("https://b.example/list.txt")
ALLOW = source("https://allow.example/list.txt", Action.ALLOW)
STARTER = parse_source("starter", Action.BLOCK, load_catalogue())


class TheEnd(Exception):  # noqa: N818 - not an error
    """The story is over."""


@dataclass
class Compiled:
    title: str
    source: str
    kind: str
    format: str = "hosts"
    rules: int = 1
    complaints: int = 0


@dataclass
class CompileResult:
    ok: bool = True
    error: str = ""
    path: Path | None = None
    lists: tuple[Compiled, ...] = ()


@dataclass
class World:
    """A household: its clock, its disk, the servers, and what the refresher did."""

    shelf: Shelf
    now: float = START
    texts: dict[str, bytes | str] = field(default_factory=dict)
    """What a server gives by address; a str is an error sentence."""
    fetched: list[tuple[float, list[str]]] = field(default_factory=list)
    compiled: list[tuple[float, list[str]]] = field(default_factory=list)
    generations: list[Path] = field(default_factory=list)
    said: list[tuple[int, str]] = field(default_factory=list)
    compile_errors: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    end: float = START
    events: dict[float, object] = field(default_factory=dict)
    """What happens from outside, by time."""

    async def fetch_all(self, sources, on_outcome=None):
        self.fetched.append((self.now - START, [one.address for one in sources]))
        outcomes = [self.outcome(one) for one in sources]
        for outcome in outcomes:
            on_outcome(outcome)
        return outcomes

    def outcome(self, one: Source) -> FetchOutcome:
        given = self.texts.get(one.address, "the server answered 404 (Not Found)")
        old = self.shelf.find(one.key)
        if isinstance(given, str):
            return FetchOutcome(one, Result.KEPT_OLD if old else Result.FAILED, old, f"{one.shown}: {given}")
        if old is not None and old.note.sha256 == hashlib.sha256(given).hexdigest():
            return FetchOutcome(one, Result.UNCHANGED, self.shelf.confirm(old))
        return FetchOutcome(one, Result.UPDATED, self.put(one, given))

    def put(self, one: Source, text: bytes, expires: int = 0):
        with self.shelf.draft(one.key) as draft:
            draft.write(text)
            return draft.keep(Note(one.address, one.title, fetched_at=self.now, expires=expires))

    async def compile_lists(self, ready):
        self.compiled.append((self.now - START, [one.shown for one in ready]))
        if self.compile_errors:
            return CompileResult(ok=False, error=self.compile_errors.pop(0))
        lists = tuple(Compiled(one.title or "Own title", one.shown, one.kind) for one in ready)
        return CompileResult(path=Path(f"generations/{len(self.compiled):08d}"), lists=lists)

    async def pause(self, wake, seconds):
        self.pauses.append(seconds)
        upcoming = [when for when in self.events if when > self.now]
        self.now = min([self.now + seconds, *upcoming])
        if self.now in self.events:
            self.events.pop(self.now)()
        if wake.is_set():
            return
        if self.now > self.end:
            raise TheEnd

    def refresher(self, *sources: Source, **settings) -> Refresher:
        return Refresher(
            sources, self.shelf, self, compile_lists=self.compile_lists, on_generation=self.generations.append,
            clock=lambda: self.now, pause=self.pause, dice=lambda: 0.5, say=lambda *words: self.said.append(words), **settings,
        )  # fmt: skip

    async def live(self, refresher: Refresher, seconds: float = 0.0) -> Refresher:
        self.end = self.now + seconds
        with pytest.raises(TheEnd):
            await refresher.run()
        return refresher


@pytest.fixture
def world(tmp_path):
    world = World(None)
    world.shelf = Shelf(tmp_path / "lists", clock=lambda: world.now)
    return world


def manifest(world: World, *sources: Source) -> dict:
    """Of a generation made of what is on the shelf."""
    return {
        "lists": [
            {"title": "T", "source": one.shown, "kind": one.kind.name.lower(), "format": "adblock", "rules": 7,
             "complaints": 2, "sha256": world.shelf.find(one.key).note.sha256}
            for one in sources
        ]
    }  # fmt: skip


async def test_the_first_run_blocks_with_the_embedded_list_and_no_network(world):
    refresher = await world.live(world.refresher(STARTER), 30 * EVERY)
    assert world.fetched == []
    assert world.compiled == [(0.0, ["starter"])]
    assert world.generations == [Path("generations/00000001")]
    (status,) = refresher.statuses()
    assert (status.state, status.title, status.next_try, status.error) == ("live", "Mirage Hole starter list", None, "")
    assert status.bytes > 5000


async def test_a_new_list_is_downloaded_and_compiled_at_once(world):
    world.texts[A.address] = b"a.example\n"
    refresher = world.refresher(A)
    assert refresher.statuses()[0].state == "loading"
    await world.live(refresher)
    assert world.fetched == [(0.0, [A.address])]
    assert world.compiled == [(0.0, [A.shown])]
    (status,) = refresher.statuses()
    assert status == status._replace(
        state="live", title="Own title", format="hosts", rules=1, complaints=0, bytes=10, kind="block",
        last_success=START, last_try=START, next_try=START + EVERY, error="", source=A.shown,
    )  # fmt: skip


async def test_what_is_embedded_serves_while_the_rest_is_on_its_way(world):
    world.texts[A.address] = b"a.example\n"
    await world.live(world.refresher(STARTER, A))
    assert [lists for _, lists in world.compiled] == [["starter"], ["starter", A.shown]]


async def test_without_a_network_the_copies_on_disk_serve(world):
    world.put(A, b"a.example\n")
    world.now += 2 * EVERY
    refresher = await world.live(world.refresher(A, B))
    assert world.compiled == [(2 * EVERY, [A.shown])]
    first, second = refresher.statuses()
    assert (first.state, first.last_success, first.bytes) == ("old", START, 10)
    assert (second.state, second.last_success) == ("missing", None)
    assert "404" in second.error


async def test_nothing_is_compiled_when_the_generation_that_serves_is_made_of_the_same_texts(world):
    world.put(A, b"a.example\n")
    world.put(ALLOW, b"b.example\n")
    standing = manifest(world, A, ALLOW)
    refresher = await world.live(world.refresher(A, ALLOW, standing=standing))
    assert (world.compiled, world.generations) == ([], [])
    assert [(one.rules, one.complaints, one.format, one.title) for one in refresher.statuses()] == [
        (7, 2, "adblock", "T")
    ] * 2


async def test_another_order_or_kind_of_lists_is_another_generation(world):
    world.put(A, b"a.example\n")
    world.put(B, b"b.example\n")
    await world.live(world.refresher(B, A, standing=manifest(world, A, B)))
    assert world.compiled == [(0.0, [B.shown, A.shown])]


@pytest.mark.parametrize("nonsense", [{}, {"lists": 7}, {"lists": [{}]}, {"lists": [{"source": 1}]}])
async def test_a_manifest_that_makes_no_sense_counts_as_none(world, nonsense):
    world.put(A, b"a.example\n")
    await world.live(world.refresher(A, standing=nonsense))
    assert len(world.generations) == 1


async def test_a_young_copy_is_not_downloaded_again_at_start(world):
    world.put(A, b"a.example\n")
    world.now += 0.5 * EVERY
    world.texts[A.address] = b"a.example\n"
    await world.live(world.refresher(A), 0.6 * EVERY)
    assert world.fetched == [(EVERY, [A.address])]


async def test_a_copy_from_the_future_is_downloaded_now(world):
    world.put(A, b"a.example\n")
    world.now -= 365 * EVERY
    world.texts[A.address] = b"a.example\n"
    await world.live(world.refresher(A))
    assert len(world.fetched) == 1


async def test_lists_are_fetched_daily_in_one_round_and_compiled_only_when_they_changed(world):
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    world.events[START + 2.5 * EVERY] = lambda: world.texts.update({B.address: b"new.example\n"})
    await world.live(world.refresher(A, B), 4.5 * EVERY)
    assert [when for when, _ in world.fetched] == [day * EVERY for day in range(5)]
    assert all(len(addresses) == 2 for _, addresses in world.fetched)
    assert [when for when, _ in world.compiled] == [0.0, 3 * EVERY]


async def test_a_list_that_says_how_long_it_holds_is_fetched_when_it_says(world):
    world.put(A, b"a.example\n", expires=4 * 86400)
    world.put(B, b"b.example\n", expires=12 * 3600)
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    await world.live(world.refresher(A, B), 4.1 * EVERY)
    asked = [(when / EVERY, address) for when, addresses in world.fetched for address in addresses]
    assert [when for when, address in asked if address == A.address] == [pytest.approx(4.0, abs=0.1)]
    assert [when for when, address in asked if address == B.address] == [half / 2 for half in range(1, 9)]


@pytest.mark.parametrize("expires", [-1, 1, 10**12])
async def test_a_note_that_asks_for_too_much_counts_as_none(world, expires):
    world.put(A, b"a.example\n", expires=expires)
    world.texts = {A.address: b"a.example\n"}
    await world.live(world.refresher(A), 1.5 * EVERY)
    assert [when for when, _ in world.fetched] == [EVERY]


async def test_a_list_that_is_due_soon_comes_along(world):
    world.put(A, b"a.example\n")
    world.now += 0.05 * EVERY
    world.put(B, b"b.example\n")
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    await world.live(world.refresher(A, B), EVERY)
    assert world.fetched == [(EVERY, [A.address, B.address])]


async def test_a_failing_list_is_tried_again_within_seconds_then_less_often(world):
    refresher = await world.live(world.refresher(A), 4000)
    times = [when for when, _ in world.fetched]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == [*BACK_OFF, BACK_OFF[-1]][: len(gaps)]
    assert gaps[:4] == [5.0, 15.0, 60.0, 300.0]
    assert refresher.statuses()[0].next_try > world.now - 1800
    assert world.compiled == []


async def test_the_same_failure_is_a_warning_once(world):
    await world.live(world.refresher(A), 4000)
    warnings = [text for level, text in world.said if level >= logging.WARNING]
    assert warnings == [f"{A.shown}: the server answered 404 (Not Found); there is no copy to use, next try in 5 s"]


async def test_a_list_that_comes_back_is_told_and_goes_back_to_its_daily_round(world):
    world.events[START + 70] = lambda: world.texts.update({A.address: b"a.example\n"})
    refresher = await world.live(world.refresher(A), 200)
    assert [when for when, _ in world.fetched] == [0.0, 5.0, 20.0, 80.0]
    assert (logging.INFO, f"{A.shown}: reached again") in world.said
    assert refresher.statuses()[0].state == "live"
    assert world.generations


async def test_a_failing_list_does_not_drag_the_good_ones_along(world):
    world.texts[B.address] = b"b.example\n"
    await world.live(world.refresher(A, B), 100)
    assert [addresses for _, addresses in world.fetched][1:] == [[A.address]] * 3


async def test_a_request_downloads_everything_now(world):
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    refresher = world.refresher(STARTER, A, B)
    world.events[START + 3600] = refresher.request_now
    await world.live(refresher, 7200)
    assert world.fetched == [(0.0, [A.address, B.address]), (3600.0, [A.address, B.address])]


async def test_new_settings_keep_what_is_known_and_fetch_what_is_new(world):
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    refresher = world.refresher(A)
    world.events[START + 100] = lambda: refresher.replace_sources([B, A])
    await world.live(refresher, 200)
    assert world.fetched == [(0.0, [A.address]), (100.0, [B.address])]
    assert world.compiled == [(0.0, [A.shown]), (100.0, [B.shown, A.shown])]
    assert [one.last_success - START for one in refresher.statuses()] == [100.0, 0.0]


async def test_a_list_taken_out_of_the_settings_is_out_of_the_generation_at_once(world):
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    refresher = world.refresher(A, B)
    world.events[START + 100] = lambda: refresher.replace_sources([A])
    await world.live(refresher, 200)
    assert world.compiled[-1] == (100.0, [A.shown])
    assert [one.source for one in refresher.statuses()] == [A.shown]


async def test_no_lists_at_all_is_an_empty_generation(world):
    world.texts = {A.address: b"a.example\n"}
    refresher = world.refresher(A)
    world.events[START + 100] = lambda: refresher.replace_sources([])
    await world.live(refresher, 200)
    assert world.compiled[-1] == (100.0, [])


async def test_a_generation_is_not_replaced_by_one_that_lacks_a_list_whose_text_was_lost(world):
    world.put(A, b"a.example\n")
    world.put(B, b"b.example\n")
    standing = manifest(world, A, B)
    (world.shelf.directory / f"{B.key}.txt").unlink()
    world.texts[A.address] = b"changed.example\n"
    world.now += 2 * EVERY
    world.events[world.now + 100] = lambda: world.texts.update({B.address: b"b.example\n"})
    await world.live(world.refresher(A, B, standing=standing), 1000)
    assert [lists for _, lists in world.compiled] == [[A.shown, B.shown]]
    assert len([text for _, text in world.said if "its text is lost" in text]) == 1


async def test_a_failed_compilation_is_said_and_tried_again_and_the_lists_serve_as_they_were(world):
    world.texts = {A.address: b"a.example\n"}
    world.compile_errors = ["the disk is full"] * 2
    refresher = world.refresher(A)
    await world.live(refresher, 3)
    assert refresher.compile_error == "the disk is full"
    assert world.generations == []
    assert (logging.ERROR, "the disk is full; the lists serve as they were, next try in 5 s") in world.said
    await world.live(refresher, 3600)
    assert [when for when, _ in world.compiled] == [0.0, 5.0, 20.0]
    assert sum("the disk is full" in text for level, text in world.said if level >= logging.WARNING) == 1
    assert len(world.generations) == 1
    assert refresher.compile_error == ""


async def test_a_download_does_not_hurry_a_failing_compilation_unless_it_brings_another_text(world):
    world.texts = {A.address: b"a.example\n"}
    world.compile_errors = ["no"] * 50
    refresher = world.refresher(A)
    world.events[START + 30] = refresher.request_now
    world.events[START + 100] = lambda: (world.texts.update({A.address: b"new.example\n"}), refresher.request_now())
    await world.live(refresher, 150)
    assert [when for when, _ in world.fetched] == [0.0, 30.0, 100.0]
    assert [when for when, _ in world.compiled] == [0.0, 5.0, 20.0, 80.0, 100.0]


async def test_the_operators_own_file_is_read_before_anything_is_downloaded(world, tmp_path):
    mine = source(str(tmp_path / "mine.txt"))
    world.texts = {mine.address: b"mine.example\n", A.address: b"a.example\n"}
    world.put(mine, b"yesterday.example\n")
    await world.live(world.refresher(mine, A))
    assert [addresses for _, addresses in world.fetched] == [[mine.address], [A.address]]
    assert [lists for _, lists in world.compiled] == [[mine.shown], [mine.shown, A.shown]]


async def test_a_slow_server_holds_up_nobody_elses_list(world):
    late = asyncio.Event()

    async def fetch_all(sources, on_outcome=None):
        on_outcome(world.outcome(sources[1]))
        await late.wait()
        on_outcome(world.outcome(sources[0]))
        return []

    world.fetch_all = fetch_all
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    compile_lists = world.compile_lists

    async def compile_then_let_go(ready):
        result = await compile_lists(ready)
        late.set()
        return result

    world.compile_lists = compile_then_let_go
    await world.live(world.refresher(A, B, grace=0.01))
    assert [lists for _, lists in world.compiled] == [[B.shown], [A.shown, B.shown]]


async def test_a_request_while_a_server_is_slow_fetches_the_others_at_once_and_the_slow_one_again(world):
    late = asyncio.Event()
    fetched = []

    async def fetch_all(sources, on_outcome=None):
        fetched.append([one.address for one in sources])
        for one in reversed(sources):
            if one == A and not late.is_set():
                await late.wait()
            on_outcome(world.outcome(one))
        return []

    world.fetch_all = fetch_all
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    compile_lists = world.compile_lists

    async def compile_and_go_on(ready):
        result = await compile_lists(ready)
        if len(world.compiled) == 1:
            world.texts[B.address] = b"new.example\n"
            refresher.request_now()
        elif len(world.compiled) == 2:
            late.set()
        return result

    world.compile_lists = compile_and_go_on
    refresher = world.refresher(A, B, grace=0.01)
    await world.live(refresher)
    assert fetched == [[A.address, B.address], [B.address], [A.address]]
    assert [lists for _, lists in world.compiled] == [[B.shown], [B.shown], [A.shown, B.shown]]


async def test_new_settings_while_a_server_is_slow_are_not_forgotten(world):
    async def fetch_all(sources, on_outcome=None):
        refresher.replace_sources([A, STARTER])
        for _ in range(100):  # the round hears of it while this fetch goes on
            await asyncio.sleep(0)
        on_outcome(world.outcome(sources[0]))
        return []

    world.fetch_all = fetch_all
    world.texts = {A.address: b"a.example\n"}
    refresher = world.refresher(A)
    await world.live(refresher)
    assert [lists for _, lists in world.compiled][-1] == [A.shown, "starter"]


async def test_copies_of_lists_that_left_are_removed_after_a_month(world):
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    refresher = world.refresher(A, B)
    world.events[START + 100] = lambda: refresher.replace_sources([A])
    await world.live(refresher, 29 * EVERY)
    assert world.shelf.find(B.key)
    await world.live(refresher, 3 * EVERY)
    assert world.shelf.find(B.key) is None
    assert world.shelf.find(A.key)
    assert (logging.INFO, f"removed copies of lists that are no longer in use: {B.key}") in world.said


async def test_a_copy_that_can_not_be_read_is_a_failure_of_its_list_only(world, monkeypatch):
    world.put(A, b"a.example\n")
    world.texts[A.address] = b"a.example\n"
    find = world.shelf.find
    trouble = [PermissionError(13, "Permission denied")]

    def find_or_fail(key):
        if trouble:
            raise trouble.pop()
        return find(key)

    monkeypatch.setattr(world.shelf, "find", find_or_fail)
    refresher = await world.live(world.refresher(A))
    assert (logging.WARNING, f"{A.shown}: Permission denied") in world.said
    assert refresher.statuses()[0].state == "live"


async def test_no_pause_is_longer_than_an_hour_whatever_the_clock_does(world):
    world.texts[A.address] = b"a.example\n"
    await world.live(world.refresher(A), 2 * EVERY)
    assert max(world.pauses) == 3600.0
    assert min(world.pauses) >= 0.0


async def test_the_pause_ends_when_woken_and_when_its_time_is_over():
    wake = asyncio.Event()
    await pause(wake, 0.001)
    wake.set()
    await pause(wake, float("inf"))


class SlowWorld(World):
    """Its server of B says nothing until it is let go."""

    async def fetch_all(self, sources, on_outcome=None):
        self.fetched.append((self.now - START, [one.address for one in sources]))
        for one in sources:
            if one.address != B.address:
                on_outcome(self.outcome(one))
        if any(one.address == B.address for one in sources):
            await self.lets_go.wait()
            on_outcome(self.outcome(B))
        return []

    async def pause(self, wake, seconds):
        await wake.wait()


@pytest.fixture
async def slow(tmp_path):
    world = SlowWorld(None)
    world.shelf = Shelf(tmp_path / "lists", clock=lambda: world.now)
    world.lets_go = asyncio.Event()
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    return world


@contextlib.asynccontextmanager
async def running(refresher):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(refresher.run())
        yield
        task.cancel()


async def test_who_waits_for_one_list_does_not_wait_for_the_slow_ones(slow):
    refresher = slow.refresher(A, B)
    refresher.await_lists({A.key})
    async with running(refresher):
        await until(lambda: refresher.done_with({A.key}))
        assert slow.compiled == [(0.0, [A.shown])]
        assert slow.lets_go.is_set() is refresher.resting is refresher.done_with(None) is False
        assert not refresher.done_with({B.key})
        slow.texts[A.address] = b"another.example\n"
        refresher.request_now({A.key})
        assert not refresher.done_with({A.key})
        await until(lambda: refresher.done_with({A.key}))
        assert len(slow.compiled) == 2
        slow.lets_go.set()
        await until(lambda: refresher.done_with({B.key}))
        assert slow.compiled[-1][1] == [A.shown, B.shown]


async def test_a_list_that_fails_is_done_with_all_the_same(slow):
    slow.texts[A.address] = "the server answered 404 (Not Found)"
    refresher = slow.refresher(A, B)
    async with running(refresher):
        await until(lambda: refresher.done_with({A.key}))
        assert refresher.statuses()[0].state == "missing"


async def test_a_list_that_can_not_be_compiled_is_done_with_and_told(slow):
    slow.compile_errors = ["the disk is full"]
    refresher = slow.refresher(A, B)
    refresher.await_lists({A.key})
    async with running(refresher):
        await until(lambda: refresher.done_with({A.key}))
        assert refresher.compile_error == "the disk is full"


async def test_a_list_that_was_taken_away_is_done_with_when_it_serves_no_longer(world):
    world.texts = {A.address: b"a.example\n", B.address: b"b.example\n"}
    refresher = await world.live(world.refresher(A, B))
    refresher.replace_sources([A])
    assert not refresher.done_with({A.key})
    assert not refresher.done_with(set())
    await world.live(refresher)
    assert refresher.done_with(set())
    assert world.compiled[-1][1] == [A.shown]


async def test_a_list_that_was_taken_away_serves_until_the_one_in_its_place_has_come_or_failed(slow):
    refresher = slow.refresher(A)
    async with running(refresher):
        await until(lambda: refresher.resting)
        refresher.replace_sources([B])
        await until(lambda: len(slow.fetched) == 2)
        assert len(slow.compiled) == 1
        slow.texts[B.address] = "the server answered 404 (Not Found)"
        slow.lets_go.set()
        await until(lambda: refresher.resting)
        assert slow.compiled[1:] == [(0.0, [])]
