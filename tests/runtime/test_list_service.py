"""Lists are fetched, compiled, and follow the settings: real files, a real compiler."""

import asyncio
import contextlib
import time

import pytest

from mirage_hole.config.settled import ListSettings
from mirage_hole.runtime import list_service
from mirage_hole.runtime.list_service import ListService
from mirage_hole.runtime.serving import ServingPolicy
from mirage_hole.sources.progress import Progress, Stage
from mirage_hole.wire.names import from_text
from tests.runtime.settings import a_settled
from tests.sources.serving import always, serving


@pytest.fixture
async def a_service(tmp_path):
    """Starts a list service; its generations come out of a queue."""
    async with contextlib.AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())

        def start(clock=time.monotonic, **settings):
            policy = ServingPolicy()
            generations = asyncio.Queue()

            def on_generation(path):
                policy.take(path)
                generations.put_nowait(path)

            service = ListService(a_settled(tmp_path / "state", **settings), policy, on_generation, clock)
            task = group.create_task(service.run())
            stack.callback(task.cancel)

            async def next_generation():
                async with asyncio.timeout(60):
                    return await generations.get()

            return service, policy, next_generation

        yield start


def verdict(policy, name):
    return policy.explain(from_text(name)).outcome


async def test_a_file_becomes_a_generation_and_is_told_with_its_state(a_service, tmp_path):
    path = tmp_path / "my.txt"
    path.write_text("ads.example\n")
    service, policy, next_generation = a_service(blocklists=(str(path),))
    assert service.statuses() == ()
    await next_generation()
    assert verdict(policy, "ads.example") == "blocked"
    (status,) = service.statuses()
    assert (status.kind, status.rules, status.state) == ("block", 1, "live")


async def test_a_table_says_how_a_list_is_read_and_what_it_is_called(a_service, tmp_path):
    path = tmp_path / "my.txt"
    path.write_text("ads.example\n")
    wish = ListSettings(str(path), "block", "Mine", "wildcard")
    service, _, next_generation = a_service(lists=(wish,))
    await next_generation()
    (status,) = service.statuses()
    assert (status.title, status.format) == ("Mine", "wildcard")
    service.change(a_settled(tmp_path / "state", lists=(wish._replace(title="Ours", format="hosts"),)))
    await next_generation()
    (status,) = service.statuses()
    assert (status.title, status.format) == ("Ours", "hosts")
    service.change(a_settled(tmp_path / "state", blocklists=(str(path),)))
    await next_generation()
    (status,) = service.statuses()
    assert (status.title, status.format) == ("my.txt", "domains")


async def test_a_table_may_switch_a_list_off_that_is_named_elsewhere(a_service, tmp_path):
    mine, other = tmp_path / "my.txt", tmp_path / "other.txt"
    mine.write_text("ads.example\n")
    other.write_text("more.example\n")
    off = ListSettings(str(mine), enabled=False)
    service, _, next_generation = a_service(blocklists=(str(mine), str(other)), lists=(off,))
    await next_generation()
    assert [status.title for status in service.statuses()] == ["other.txt"]


async def test_nothing_is_confirmed_where_nothing_is_held_back(a_service, tmp_path):
    path = tmp_path / "my.txt"
    path.write_text("ads.example\n")
    service, _, next_generation = a_service(blocklists=(str(path),))
    assert not service.confirm("x")
    await next_generation()
    assert not service.confirm(service.statuses()[0].key)


async def test_a_refresh_reads_a_file_that_has_changed(a_service, tmp_path):
    path = tmp_path / "my.txt"
    path.write_text("ads.example\n")
    service, policy, next_generation = a_service(blocklists=(str(path),))
    await next_generation()
    path.write_text("ads.example\ntracker.example\n")
    service.refresh()
    await next_generation()
    assert verdict(policy, "tracker.example") == "blocked"


async def test_new_settings_bring_new_lists(a_service, tmp_path):
    for name in ("one", "two", "good"):
        (tmp_path / f"{name}.txt").write_text(f"{name}.example\n")
    service, policy, next_generation = a_service(blocklists=(str(tmp_path / "one.txt"),))
    await next_generation()
    lists = (str(tmp_path / "one.txt"), str(tmp_path / "two.txt"))
    settled = a_settled(tmp_path / "state", blocklists=lists, allowlists=(str(tmp_path / "good.txt"),))
    service.change(settled)
    service.refresh()
    await next_generation()
    assert verdict(policy, "two.example") == "blocked"
    assert verdict(policy, "good.example") == "allowed"
    assert len(service.statuses()) == 3


async def test_a_damaged_generation_is_built_again_but_not_over_and_over(a_service, tmp_path, caplog):
    service, policy, next_generation = a_service(blocklists=("starter",))
    first = await next_generation()
    service.rebuild()
    second = await next_generation()
    assert second != first
    assert policy.generation().number == 2
    service.rebuild()
    assert caplog.text.count("the lists are compiled again") == 1


async def test_a_generation_that_is_damaged_soon_again_is_built_again_in_time(a_service, monkeypatch):
    # No time passes, so that the first of the two comes too soon and the second while the first waits.
    service, policy, next_generation = a_service(lambda: 0.0, blocklists=("starter",))
    await next_generation()
    service.rebuild()
    await next_generation()
    monkeypatch.setattr(list_service, "REBUILD_EVERY", 0.2)
    service.rebuild()
    service.rebuild()
    await next_generation()
    assert policy.generation().number == 3


async def test_a_source_that_means_nothing_is_left_out_with_a_reason(a_service, caplog):
    _, policy, next_generation = a_service(blocklists=("starter", "no-such-list-anywhere"))
    await next_generation()
    assert "this list is left out: " in caplog.text
    assert policy.generation().names > 100


async def test_a_state_directory_that_is_gone_is_an_error_and_no_end(a_service, tmp_path, caplog):
    a_service(blocklists=("starter",))
    (tmp_path / "state").write_text("a file where the directory should be")
    async with asyncio.timeout(60):
        for _ in range(6000):
            if "the lists serve as they were" in caplog.text:
                break
            await asyncio.sleep(0.01)
    assert "the lists serve as they were" in caplog.text


MANY = b"".join(b"name-%d.example\n" % number for number in range(100))


async def test_a_list_that_shrinks_on_the_web_serves_on_until_it_is_confirmed(a_service):
    texts = [MANY]
    async with serving(lambda request: always(texts[0])(request)) as served:
        service, policy, next_generation = a_service(blocklists=(served.url(),))
        events = []
        service.progress.listen(events.append)
        await next_generation()
        texts[0] = b"name-1.example\n"
        service.refresh()
        async with asyncio.timeout(60):
            while service.statuses()[0].state != "held":  # noqa: ASYNC110 - the schedule has no event for the outside
                await asyncio.sleep(0)
        assert verdict(policy, "name-99.example") == "blocked"
        assert service.confirm(service.statuses()[0].key)
        await next_generation()
    assert verdict(policy, "name-99.example") != "blocked"
    assert verdict(policy, "name-1.example") == "blocked"
    (status,) = service.statuses()
    assert (status.state, status.held, status.rules) == ("live", "", 1)
    stages = [event.stage for event in events]
    assert Stage.HELD in stages
    assert stages.count(Stage.COMPILING) >= 1


async def test_a_forced_refresh_takes_what_comes(a_service):
    texts = [MANY]
    async with serving(lambda request: always(texts[0])(request)) as served:
        service, policy, next_generation = a_service(blocklists=(served.url(),))
        await next_generation()
        texts[0] = b"name-1.example\n"
        service.refresh(trust=True)
        await next_generation()
    assert verdict(policy, "name-99.example") != "blocked"


async def test_what_goes_on_with_a_list_is_in_its_status(a_service, tmp_path):
    path = tmp_path / "my.txt"
    path.write_text("ads.example\n")
    service, _, next_generation = a_service(blocklists=(str(path),))
    await next_generation()
    async with asyncio.timeout(60):
        while service.progress.busy:  # noqa: ASYNC110 - the schedule has no event for the outside
            await asyncio.sleep(0)
    key = service.statuses()[0].key
    service.progress.take(Progress(Stage.RECEIVING, key, "T", 10, 20))
    (status,) = service.statuses()
    assert (status.doing, status.received, status.total) == ("receiving", 10, 20)
    service.progress.take(Progress(Stage.UPDATED, key))
    (status,) = service.statuses()
    assert (status.doing, status.received, status.total) == ("", 0, None)
