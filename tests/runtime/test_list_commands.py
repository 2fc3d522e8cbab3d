"""Lists that change while the server runs: a real schedule, a real compiler, a server for lists on loopback."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from mirage_hole.api.problems import Refusal
from mirage_hole.runtime import list_commands
from mirage_hole.runtime.effective_lists import AddedList
from mirage_hole.runtime.list_choices import ListChoices
from mirage_hole.runtime.list_commands import ListCommands
from mirage_hole.runtime.list_service import ListService
from mirage_hole.runtime.serving import ServingPolicy
from mirage_hole.sources import pauses
from mirage_hole.wire.names import from_text
from tests.runtime.settings import a_settled
from tests.sources.serving import always, serving

MANY = b"".join(b"name-%d.example\n" % number for number in range(100))


class Running:
    """A list service with its commands."""

    def __init__(self, settled) -> None:
        self.policy = ServingPolicy()
        self.service = ListService(settled, self.policy, self.policy.take)
        self.served = True
        self.commands = ListCommands(
            self.service,
            lambda: [{**one._asdict(), "decided": 0} for one in self.service.statuses()],
            lambda: self.served,
        )

    async def events(self, *sources, download=True, force=False):
        async with asyncio.timeout(60):
            return [one async for one in self.commands.update(sources, download=download, force=force)]

    async def rests(self):
        return (await self.events(download=False))[-1]

    def verdict(self, name):
        return self.policy.explain(from_text(name)).outcome

    def states(self):
        return {one["title"]: one["state"] for one in self.commands.rows()}


@pytest.fixture
async def running(tmp_path):
    """Starts list services in one state directory."""
    async with contextlib.AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())

        def start(**settings):
            one = Running(a_settled(tmp_path / "state", file_folders=(tmp_path,), **settings))
            stack.callback(group.create_task(one.service.run()).cancel)
            return one

        (tmp_path / "state").mkdir()
        (tmp_path / "mine.txt").write_text("ads.example\n")
        (tmp_path / "more.txt").write_text("more.example\n")
        yield start


async def test_a_list_is_added_switched_off_and_on_and_removed_while_it_serves(running, tmp_path):
    one = running(blocklists=(str(tmp_path / "mine.txt"),))
    await one.rests()
    said = await one.commands.add(str(tmp_path / "more.txt"), "block", "", "More")
    assert said["changed"]
    done = await one.rests()
    assert (done["in_time"], done["error"]) == (True, "")
    assert one.verdict("more.example") == "blocked"
    await one.commands.switch(str(tmp_path / "mine.txt"), enabled=False)
    await one.rests()
    assert one.states() == {"mine.txt": "off", "More": "live"}
    assert one.verdict("ads.example") == "no rule"
    await one.commands.switch(said["key"], enabled=False)
    await one.commands.switch(str(tmp_path / "mine.txt"), enabled=True)
    await one.rests()
    assert one.verdict("ads.example") == "blocked"
    assert one.verdict("more.example") == "no rule"
    await one.commands.remove(said["key"])
    await one.rests()
    assert one.states() == {"mine.txt": "live"}


async def test_new_settings_keep_what_was_added(running, tmp_path):
    one = running(blocklists=(str(tmp_path / "mine.txt"),))
    await one.commands.add(str(tmp_path / "more.txt"), "block", "", "")
    await one.rests()
    one.service.change(a_settled(tmp_path / "state", file_folders=(tmp_path,)))
    await one.rests()
    assert one.states() == {"more.txt": "live"}


async def test_an_update_tells_what_happens_to_each_list(running):
    texts = [MANY]
    async with serving(lambda request: always(texts[0])(request)) as served:
        one = running(blocklists=(served.url("/a.txt"), served.url("/b.txt")))
        await one.rests()
        texts[0] = MANY + b"fresh.example\n"
        events = await one.events()
        told = [event["event"] for event in events]
        assert told.count("updated") == 2
        assert told[-2:] == ["compiled", "done"]
        assert one.verdict("fresh.example") == "blocked"
        (chosen, _) = one.commands.rows()
        events = await one.events(chosen["key"])
        assert {event["key"] for event in events if event.get("key")} == {chosen["key"]}
        assert [row["key"] for row in events[-1]["lists"]] == [chosen["key"]]


async def test_a_list_that_fails_is_told_and_the_update_ends(running):
    one = running(blocklists=("http://127.0.0.1:9/list.txt",))
    done = (await one.events())[-1]
    (row,) = done["lists"]
    assert row["state"] == "missing"
    assert "127.0.0.1:9" in row["error"]


async def test_a_list_that_has_shrunk_waits_for_a_word(running):
    texts = [MANY]
    async with serving(lambda request: always(texts[0])(request)) as served:
        one = running(blocklists=(served.url(),))
        await one.rests()
        with pytest.raises(Refusal, match="nothing to confirm"):
            await one.commands.confirm(served.url())
        texts[0] = b"name-1.example\n"
        events = await one.events()
        assert "held" in [event["event"] for event in events]
        assert one.verdict("name-99.example") == "blocked"
        key = (await one.commands.confirm(served.url()))["key"]
        (row,) = (await one.events(key, download=False))[-1]["lists"]
        assert (row["state"], row["rules"]) == ("live", 1)
        assert one.verdict("name-99.example") == "no rule"


async def test_force_takes_what_comes(running):
    texts = [MANY]
    async with serving(lambda request: always(texts[0])(request)) as served:
        one = running(blocklists=(served.url(),))
        await one.rests()
        texts[0] = b"name-1.example\n"
        await one.events(force=True)
        assert one.verdict("name-99.example") == "no rule"


async def test_whoever_hangs_up_leaves_no_listener_behind(running, tmp_path):
    one = running(blocklists=(str(tmp_path / "mine.txt"),))
    await one.rests()
    async with contextlib.aclosing(one.commands.update([], download=True, force=False)) as happening:
        assert (await anext(happening))["event"]
    assert one.service.progress._listeners == []


async def test_a_list_that_is_not_there_is_refused(running, tmp_path):
    one = running(blocklists=(str(tmp_path / "mine.txt"),))
    with pytest.raises(Refusal, match="is no list here"):
        await one.commands.confirm("nothing")
    with pytest.raises(Refusal, match="is no list here"):
        await one.commands.remove("nothing")
    with pytest.raises(Refusal, match="is no list here"):
        await one.commands.switch("nothing", enabled=True)


async def test_a_list_that_is_off_is_not_updated(running, tmp_path):
    one = running(blocklists=(str(tmp_path / "mine.txt"),))
    await one.commands.switch(str(tmp_path / "mine.txt"), enabled=False)
    with pytest.raises(Refusal, match="is switched off"):
        await one.events(str(tmp_path / "mine.txt"))


async def test_a_list_that_is_added_while_the_schedule_begins_is_not_forgotten(running, tmp_path):
    for _ in range(5):
        one = running(blocklists=(str(tmp_path / "mine.txt"),))
        said = await one.commands.add(str(tmp_path / "more.txt"), "block", "", "")
        await one.rests()
        assert one.states() == {"mine.txt": "live", "more.txt": "live"}
        await one.commands.remove(said["key"])
        await one.rests()
        assert one.states() == {"mine.txt": "live"}


async def test_what_a_command_wrote_without_the_server_is_taken_over(running, tmp_path):
    one = running(blocklists=(str(tmp_path / "mine.txt"),))
    await one.rests()
    settled = a_settled(tmp_path / "state", file_folders=(tmp_path,))
    ListChoices(tmp_path / "state").add(settled, {}, AddedList(str(tmp_path / "more.txt")))
    one.service.change(settled)
    await one.rests()
    assert one.states() == {"more.txt": "live"}


async def test_an_update_is_done_when_the_workers_answer_by_it(running, tmp_path, monkeypatch):
    one = running(blocklists=(str(tmp_path / "mine.txt"),))
    assert (await one.rests())["served"]
    one.served = False
    async with contextlib.aclosing(one.commands.update([], download=True, force=False)) as happening:
        events = []
        async for event in happening:
            events.append(event)
            if event["event"] == "unchanged":
                one.served = True
        assert events[-1]["served"]
    one.served = False
    monkeypatch.setattr(list_commands, "SERVED_WITHIN", 0.0)
    done = await one.rests()
    assert (done["in_time"], done["served"]) == (True, False)


async def test_a_list_is_added_while_the_server_of_another_hangs(running, tmp_path):
    lets_go = asyncio.Event()

    async def hanging(request):
        await lets_go.wait()
        return await always(MANY)(request)

    async with serving(hanging) as served:
        one = running(blocklists=(served.url(), str(tmp_path / "mine.txt")))
        said = await one.commands.add(str(tmp_path / "more.txt"), "block", "", "")
        done = (await one.events(said["key"], download=False))[-1]
        assert one.verdict("more.example") == "blocked"
        assert not one.service.resting
        assert [row["state"] for row in done["lists"]] == ["live"]
        await one.commands.switch(said["key"], enabled=False)
        await one.events(said["key"], download=False)
        assert one.verdict("more.example") == "no rule"
        await one.commands.remove(said["key"])
        await one.events(said["key"], download=False)
        lets_go.set()


async def test_a_list_that_can_not_be_reached_is_not_tried_again_for_each_change(running, tmp_path, monkeypatch):
    monkeypatch.setattr(pauses, "BACK_OFF", (3600.0,))
    requests = []

    async def broken(request):
        requests.append(request.path)
        return await always(b"", status=500)(request)

    async with serving(broken) as served:
        one = running(blocklists=(served.url(),))
        await one.rests()
        tries = len(requests)
        said = await one.commands.add(str(tmp_path / "more.txt"), "block", "", "")
        await one.events(said["key"], download=False)
        assert one.verdict("more.example") == "blocked"
        await one.commands.remove(said["key"])
        await one.events(said["key"], download=False)
        assert len(requests) == tries
