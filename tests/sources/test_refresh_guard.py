"""The schedule with lists that shrink, are damaged, have wishes of their own, or wait for the network."""

from __future__ import annotations

import asyncio
import hashlib
import logging

import pytest

from mirage_hole.sources.download import FetchOutcome, Result
from mirage_hole.sources.guard import suspicious
from mirage_hole.sources.progress import Stage
from mirage_hole.sources.refresh import EVERY, NETWORK_JITTER
from mirage_hole.sources.shelf import Damaged, Note

from .test_refresh import START, A, B, World, world  # noqa: F401 - a fixture

MANY = b"".join(b"name-%d.example\n" % number for number in range(100))
FEW = b"".join(b"name-%d.example\n" % number for number in range(10))


class Guarded(World):
    """Its servers' texts are held against the guard, as the downloader does it."""

    def outcome(self, one):
        given = self.texts.get(one.address)
        try:
            old = self.shelf.find(one.key)
        except Damaged:
            (self.shelf.directory / f"{one.key}.txt").unlink()
            old = None
        if isinstance(given, bytes) and old is not None:
            note = Note(one.address, fetched_at=self.now, rules=given.count(b"\n"), size=len(given))
            if suspicious(old.note, note, 0.5):
                with self.shelf.draft(one.key) as draft:
                    draft.write(given)
                    return FetchOutcome(one, Result.HELD, old, held=draft.hold(note))
            self.shelf.drop_held(one.key)
        outcome = super().outcome(one)
        return outcome._replace(network=isinstance(given, str) and "network" in given)

    def put(self, one, text, expires=0):
        copy = super().put(one, text, expires)
        return self.shelf.annotate(copy, copy.note._replace(rules=text.count(b"\n")))


@pytest.fixture
def home(world):  # noqa: F811
    home = Guarded(world.shelf)
    home.shelf._clock = lambda: home.now
    return home


def texts(home) -> list[bytes]:
    return [home.shelf.find(one.key).path.read_bytes() for one in (A, B) if home.shelf.find(one.key)]


async def test_a_list_that_shrinks_serves_as_it_was_and_says_so_once(home):
    home.texts[A.address] = MANY
    home.events[START + 10] = lambda: home.texts.update({A.address: FEW})
    refresher = await home.live(home.refresher(A), 3.5 * EVERY)
    assert [when for when, _ in home.fetched] == [0.0, EVERY, 2 * EVERY, 3 * EVERY]
    assert [when for when, _ in home.compiled] == [0.0]
    (status,) = refresher.statuses()
    assert (status.state, status.error) == ("held", "")
    assert "lost 90% of its rules (100 before, 10 now)" in status.held
    assert f"mirage-hole lists confirm {A.shown}" in status.held
    said = [text for level, text in home.said if level == logging.WARNING]
    assert said == [f"{A.shown}: {status.held}"]


async def test_what_is_confirmed_is_used_at_once_without_a_download(home):
    home.texts[A.address] = MANY
    refresher = home.refresher(A)
    home.events[START + 10] = lambda: home.texts.update({A.address: FEW})
    confirmed = []
    home.events[START + EVERY + 10] = lambda: confirmed.append(refresher.confirm(A.key))
    await home.live(refresher, 1.5 * EVERY)
    assert confirmed == [True]
    assert len(home.fetched) == 2
    assert [when for when, _ in home.compiled] == [0.0, EVERY + 10]
    assert texts(home) == [FEW]
    (status,) = refresher.statuses()
    assert (status.state, status.held, status.bytes) == ("live", "", len(FEW))
    assert not refresher.confirm(A.key)
    assert not refresher.confirm("no-such-list")


async def test_a_list_that_is_held_back_is_so_after_a_restart_too_and_can_be_confirmed_then(home):
    home.texts[A.address] = MANY
    home.events[START + 10] = lambda: home.texts.update({A.address: FEW})
    await home.live(home.refresher(A), 1.5 * EVERY)
    again = home.refresher(A)
    fetched = len(home.fetched)
    await home.live(again, 5)
    assert again.statuses()[0].state == "held"
    assert again.confirm(A.key)
    await home.live(again, 5)
    assert again.statuses()[0].state == "live"
    assert texts(home) == [FEW]
    assert len(home.fetched) == fetched


async def test_a_list_that_grows_again_is_no_longer_held_back(home):
    home.texts[A.address] = MANY
    home.events[START + 10] = lambda: home.texts.update({A.address: FEW})
    home.events[START + 1.5 * EVERY] = lambda: home.texts.update({A.address: MANY + b"new.example\n"})
    refresher = await home.live(home.refresher(A), 2.5 * EVERY)
    assert refresher.statuses()[0].state == "live"
    assert [when for when, _ in home.compiled] == [0.0, 2 * EVERY]
    assert (logging.INFO, f"{A.shown}: it is no longer held back") in home.said


async def test_confirming_means_the_text_that_was_seen_not_one_that_came_later(home):
    home.texts[A.address] = MANY
    refresher = home.refresher(A)
    home.events[START + 10] = lambda: home.texts.update({A.address: FEW})
    fetch_all = home.fetch_all
    less = b"only.example\n"

    async def confirmed_while_on_its_way(sources, on_outcome=None):
        if home.now == START + 2 * EVERY:
            assert refresher.confirm(A.key)
            home.texts[A.address] = less
        return await fetch_all(sources, on_outcome)

    home.fetch_all = confirmed_while_on_its_way
    await home.live(refresher, 2.5 * EVERY)
    assert texts(home) == [MANY]
    assert any("a newer text has come since it was confirmed" in text for _, text in home.said)
    assert refresher.statuses()[0].state == "held"


async def test_a_forced_update_takes_what_comes_and_only_this_once(home):
    home.texts = {A.address: MANY, B.address: MANY + b"b.example\n"}
    refresher = home.refresher(A, B)
    home.events[START + 10] = lambda: home.texts.update({A.address: FEW})
    home.events[START + 20] = lambda: refresher.request_now(trust=True)
    home.events[START + 30] = lambda: home.texts.update({B.address: FEW + b"b.example\n"})
    await home.live(refresher, 1.5 * EVERY)
    assert [one.state for one in refresher.statuses()] == ["live", "held"]
    assert texts(home) == [FEW, MANY + b"b.example\n"]


async def test_a_forced_update_without_a_network_takes_what_was_put_aside(home):
    home.texts[A.address] = MANY
    refresher = home.refresher(A)
    home.events[START + 10] = lambda: home.texts.update({A.address: FEW})
    home.events[START + EVERY + 10] = lambda: (
        home.texts.update({A.address: "no network"}),
        refresher.request_now(trust=True),
    )
    await home.live(refresher, EVERY + 20)
    assert texts(home) == [FEW]


async def test_a_copy_that_is_damaged_at_the_start_is_told_and_fetched_again(home):
    home.put(A, MANY).path.write_bytes(b"rubbish")
    home.texts[A.address] = MANY
    refresher = await home.live(home.refresher(A))
    assert any("is damaged: its SHA-256 is not the one noted; it is fetched again" in text for _, text in home.said)
    assert [when for when, _ in home.fetched] == [0.0]
    assert texts(home) == [MANY]
    assert refresher.statuses()[0].state == "live"


async def test_a_copy_that_is_damaged_while_the_server_runs_is_not_compiled(home):
    home.texts = {A.address: MANY, B.address: b"b.example\n"}
    refresher = home.refresher(A, B)

    def disaster():
        (home.shelf.directory / f"{A.key}.txt").write_bytes(b"rubbish")
        home.texts[A.address] = "gone"
        home.texts[B.address] = b"new.example\n"
        refresher.request_now()

    home.events[START + 100] = disaster
    home.events[START + 3600] = lambda: home.texts.update({A.address: MANY})
    await home.live(refresher, 2 * 3600)
    assert [sorted(lists) for _, lists in home.compiled] == [[A.shown, B.shown]] * 2
    assert home.compiled[1][0] >= 3600
    assert any("its text is lost, its rules still serve" in text for _, text in home.said)


async def test_a_copy_whose_checksum_is_not_the_pinned_one_is_not_used(home):
    home.put(A, MANY)
    pinned = A._replace(sha256=hashlib.sha256(FEW).hexdigest())
    refresher = home.refresher(pinned)
    home.texts[A.address] = "the server answered 404 (Not Found)"
    fetched = home.fetch_all

    async def without_the_copy(sources, on_outcome=None):
        return await fetched(sources, lambda outcome: on_outcome(outcome._replace(copy=None, result=Result.FAILED)))

    home.fetch_all = without_the_copy
    await home.live(refresher)
    assert home.compiled == []
    assert [when for when, _ in home.fetched] == [0.0]


async def test_each_list_may_have_a_schedule_of_its_own(home):
    often, seldom = A._replace(refresh_every=3600.0), B._replace(refresh_every=4 * EVERY)
    home.put(A, MANY)
    home.put(B, FEW, expires=86400)
    home.texts = {A.address: MANY, B.address: FEW}
    refresher = await home.live(home.refresher(often, seldom), 4.05 * EVERY)
    asked = [(when, address) for when, addresses in home.fetched for address in addresses]
    assert [when for when, address in asked if address == A.address] == [3600.0 * hour for hour in range(1, 98)]
    (only,) = [when for when, address in asked if address == B.address]
    assert 3.5 * EVERY < only <= 4 * EVERY
    assert [one.refresh_every for one in refresher.statuses()] == [3600.0, 4 * EVERY]


async def test_when_the_network_comes_up_those_are_tried_at_once_that_could_not_be_reached(home):
    home.texts = {A.address: "no network", B.address: "the server answered 404 (Not Found)"}
    refresher = home.refresher(A, B)
    home.events[START + 1000] = lambda: (home.texts.update({A.address: MANY}), refresher.network_changed())
    await home.live(refresher, 1005)
    after = [(when, addresses) for when, addresses in home.fetched if when >= 1000]
    assert after == [(1000 + NETWORK_JITTER / 2, [A.address])]
    assert home.shelf.find(A.key)


async def test_a_network_that_comes_up_without_the_server_starts_the_pauses_over(home):
    home.texts = {A.address: "no network"}
    refresher = home.refresher(A)
    home.events[START + 1000] = refresher.network_changed
    await home.live(refresher, 1100)
    assert [when for when, _ in home.fetched if when >= 1000] == [1001.0, 1016.0, 1076.0]


async def test_a_change_of_the_network_means_nothing_to_lists_that_are_well(home):
    home.texts = {A.address: MANY}
    refresher = home.refresher(A)
    home.events[START + 1000] = refresher.network_changed
    await home.live(refresher, 2000)
    assert [when for when, _ in home.fetched] == [0.0]


async def test_a_download_that_began_before_the_network_came_up_is_tried_again_at_once(home):
    home.texts = {A.address: "no network"}
    fetch_all = home.fetch_all

    async def network_comes_up_meanwhile(sources, on_outcome=None):
        if len(home.fetched) == 0:
            refresher.network_changed()
        return await fetch_all(sources, on_outcome)

    home.fetch_all = network_comes_up_meanwhile
    refresher = home.refresher(A)
    await home.live(refresher, 3)
    assert [when for when, _ in home.fetched] == [0.0, NETWORK_JITTER / 2]


async def test_a_list_that_failed_is_tried_again_while_a_slow_server_is_waited_for(home):
    slow_is_over = asyncio.Event()
    home.texts = {A.address: MANY, B.address: "busy"}
    asked = []

    async def fetch_all(sources, on_outcome=None):
        for one in sorted(sources, key=lambda one: one.address, reverse=True):
            asked.append(one.address)
            if one.address == A.address:
                await slow_is_over.wait()
            on_outcome(home.outcome(one))
            home.now += 100
        if asked.count(B.address) == 3:
            slow_is_over.set()
        return []

    home.fetch_all = fetch_all
    async with asyncio.timeout(20):
        await home.live(home.refresher(A, B, grace=0.01))
    assert asked.count(B.address) >= 3
    assert asked.count(A.address) == 1


@pytest.mark.parametrize(
    ("asked", "wanted", "compiled"),
    [
        (None, A, False),
        ("", A, False),
        ("", A._replace(format="hosts"), True),
        ("hosts", A._replace(format="hosts"), False),
        ("hosts", A._replace(format="hosts", title="Mine", named=True), True),
        ("hosts|Mine", A._replace(format="hosts", title="Mine", named=True), False),
        ("hosts|Mine", A, True),
    ],
)
async def test_other_titles_and_formats_of_the_same_texts_are_another_generation(home, asked, wanted, compiled):
    home.put(A, MANY)
    one = {"title": "T", "source": A.shown, "kind": "block", "format": "x", "rules": 1, "complaints": 0,
           "sha256": home.shelf.find(A.key).note.sha256}  # fmt: skip
    standing = {"lists": [one | ({} if asked is None else {"asked": asked})]}
    await home.live(home.refresher(wanted, standing=standing), 10)
    assert len(home.generations) == compiled


async def test_compiling_can_be_watched(home):
    events = []
    home.texts[A.address] = MANY
    home.compile_errors = ["the disk is full"]
    await home.live(home.refresher(A, on_progress=events.append), 10)
    assert [event.stage for event in events] == [Stage.COMPILING, Stage.COMPILED] * 2
    assert [event.error for event in events] == ["", "the disk is full", "", ""]


async def test_single_lists_may_be_asked_for(home):
    home.texts = {A.address: MANY, B.address: b"b.example\n"}
    refresher = home.refresher(A, B)
    home.events[START + 10] = lambda: refresher.request_now([A.key])
    home.events[START + 20] = lambda: refresher.request_now(["unknown"])
    home.events[START + 30] = lambda: home.texts.update({A.address: FEW})
    home.events[START + 40] = lambda: refresher.request_now([A.key], trust=True)
    await home.live(refresher, 100)
    assert [(when, lists) for when, lists in home.fetched if when] == [(10.0, [A.address]), (40.0, [A.address])]
    assert texts(home) == [FEW, b"b.example\n"]
