from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mirage_hole.config.settled import NotifySettings, Secret
from mirage_hole.observe.devices import LEARNING
from mirage_hole.observe.notices import EVENTS
from mirage_hole.runtime.notifications import SETTLE, NotificationService, Sources
from mirage_hole.sources.failures import Failure
from runtime.settings import a_settled

PHONE = NotifySettings("phone", "ntfy", url="https://ntfy.example/secret-topic", events=tuple(EVENTS), every=3600.0)


class Courier:
    """Takes messages, or fails as told."""

    def __init__(self):
        self.messages = []
        self.failure = ""
        self.tried = 0
        self.news = asyncio.Event()

    async def deliver(self, target, message):
        self.tried += 1
        self.news.set()
        if self.failure:
            raise Failure(self.failure)
        self.messages.append((target.name, message))
        return "200 OK"

    async def close(self):
        pass


class Clock:
    def __init__(self, now=1_700_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


class House:
    """A service in a house where things can be made to go wrong."""

    def __init__(self, folder, *targets):
        self.settled = replace(a_settled(folder), notify=targets)
        self.storage = ""
        self.remembers = True
        self.names = {}
        self.clock, self.steady = Clock(), Clock(1000.0)
        self.courier = Courier()
        self.service = self.again()

    def again(self):
        """The program, started anew."""
        sources = Sources(
            storage=lambda: self.storage, names=lambda: self.names, remembers_clients=lambda: self.remembers
        )
        self.service = NotificationService(
            self.settled, sources, courier=lambda *_: self.courier, clock=self.clock, steady=self.steady
        )
        return self.service

    def passes(self, seconds):
        self.clock.now += seconds
        self.steady.now += seconds

    @contextlib.asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.service.run())
            while not self.service._loaded:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.005)
            yield self.service
            task.cancel()

    async def told(self, number):
        """Wait until so many messages have arrived, while time passes."""
        async with asyncio.timeout(20):
            while len(self.courier.messages) < number:
                self.passes(1.0)
                for target in self.service._targets.values():
                    target.news.set()
                await asyncio.sleep(0.005)
        return [message.title for _, message in self.courier.messages]


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, PHONE)


async def test_trouble_is_told_and_so_is_its_end(house):
    async with house.running() as service:
        house.storage = "the disk is full"
        service.look()
        assert await house.told(1) == ["The disk can't be written"]
        house.passes(SETTLE)
        house.storage = ""
        service.look()
        assert (await house.told(2))[1] == "Over: The disk can't be written"
    opened, closed = service.notices()
    assert opened == []
    assert [one.condition.kind for one in closed] == ["storage"]


async def test_a_restart_neither_forgets_nor_repeats(house):
    house.storage = "the disk is full"
    async with house.running() as service:
        service.look()
        await house.told(1)
    house.again()
    async with house.running() as service:
        service.look()
        assert [one.number for one in service.notices()[0]] == [1]
        house.passes(SETTLE + 60.0)
        house.storage = ""
        service.look()
        assert (await house.told(2))[1] == "Over: The disk can't be written"


async def test_right_after_a_start_nothing_counts_as_over(house):
    house.storage = "the disk is full"
    async with house.running() as service:
        service.look()
    house.again()
    house.storage = ""  # nobody has looked yet
    async with house.running() as service:
        service.look()
        assert len(service.notices()[0]) == 1


async def test_a_target_that_fails_is_tried_again_and_says_why(house):
    house.courier.failure = "the server answered 500"
    async with house.running() as service:
        house.storage = "the disk is full"
        service.look()
        async with asyncio.timeout(20):
            while house.courier.tried < 3:
                house.passes(10.0)
                service._targets["phone"].news.set()
                await asyncio.sleep(0.005)
        ((settings, target),) = service.targets()
        assert target.error == "the server answered 500"
        assert "secret-topic" not in str(settings)
        house.courier.failure = ""
        await house.told(1)
        async with asyncio.timeout(20):
            while target.error:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.005)


async def test_a_target_is_told_of_what_it_wants_only(tmp_path):
    house = House(tmp_path, PHONE._replace(events=("flood",)), PHONE._replace(name="mail"))
    async with house.running() as service:
        house.storage = "the disk is full"
        service.look()
        await house.told(1)
    assert [name for name, _ in house.courier.messages] == ["mail"]


async def test_new_settings_bring_new_targets_and_keep_what_waits(house):
    house.courier.failure = "no"
    async with house.running() as service:
        house.storage = "the disk is full"
        service.look()
        async with asyncio.timeout(20):
            while not house.courier.tried:
                house.passes(1.0)
                service._targets["phone"].news.set()
                await asyncio.sleep(0.005)
        house.courier.failure = ""
        service.change(replace(house.settled, notify=(PHONE._replace(url="https://other.example/t"),)))
        assert await house.told(1) == ["The disk can't be written"]


async def test_a_test_says_what_the_server_says(house):
    async with house.running() as service:
        assert await service.test("phone") == (True, "200 OK")
        house.courier.failure = "the server answered 403"
        assert await service.test("phone") == (False, "the server answered 403")
        assert await service.test("nobody") is None
    assert house.courier.messages[0][1].title == "Mirage Hole: a test"


async def test_a_new_device_is_told_once_for_ever_but_not_on_the_first_day(house):
    async with house.running() as service:
        service.on_clients([b"\xc0\xa8\1\7"])
        service.look()
        assert service.notices()[0] == []
    house.passes(LEARNING)
    house.names = {b"\xc0\xa8\1\x08": "laptop.lan"}
    house.again()
    async with house.running() as service:
        service.on_clients([b"\xc0\xa8\1\7", b"\xc0\xa8\1\x08"])
        service.look()
        (notice,) = service.notices()[0]
        assert notice.condition.title == "New device: laptop.lan (192.168.1.8)"
        assert ("192.168.1.8", "laptop.lan") in [(one.address, name) for one, name in service.devices()]
    house.again()
    async with house.running() as service:
        service.on_clients([b"\xc0\xa8\1\x08"])
        service.look()
        assert len(service.notices()[0]) == 1


async def test_where_clients_are_not_to_be_kept_none_is(house):
    async with house.running() as service:
        service.on_clients([b"\xc0\xa8\1\7"])
        service.look()
        assert len(service.devices()) == 1
        house.remembers = False
        service.on_clients([b"\xc0\xa8\1\x08"])
        service.look()
        assert service.devices() == []
    house.again()
    async with house.running() as service:
        assert service.devices() == []


async def test_a_damaged_file_is_put_aside_and_a_new_one_begins(house, caplog):
    path = house.settled.state_directory / "notices.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    async with house.running() as service:
        service.on_clients([b"\xc0\xa8\1\7"])
        service.look()
    assert (path.parent / "notices.db.damaged").exists()
    assert "is kept as notices.db.damaged" in caplog.text
    house.again()
    async with house.running() as service:
        assert len(service.devices()) == 1


async def test_an_upgrade_that_brings_other_rules_is_told(house, monkeypatch):
    async with house.running():
        pass
    monkeypatch.setattr("mirage_hole.runtime.notifications.fingerprint", lambda: "another")
    house.again()
    async with house.running() as service:
        assert [one.condition.kind for one in service.notices()[0]] == ["new-rules"]
    house.again()
    async with house.running() as service:
        assert len(service.notices()[0]) == 1


async def test_workers_say_whom_they_stop(house):
    house.service.sources.count = lambda name: int(name == "clients_stopped")
    async with house.running() as service:
        service.on_counters(0, {"stopped": ["192.168.1.9"]})
        service.on_counters(1, {"stopped": "nonsense"})
        service.look()
        (notice,) = service.notices()[0]
        assert "192.168.1.9" in notice.condition.text


def test_no_secret_is_in_what_is_shown_of_a_target(tmp_path):
    target = PHONE._replace(kind="webhook", secret=Secret("0123456789abcdef"), password=Secret("sesame"))
    house = House(tmp_path, target)
    assert "0123456789abcdef" not in repr(house.service.targets())
    assert "sesame" not in repr((house.service.targets(), house.settled))


@pytest.mark.parametrize(("web", "link", "wanted"), [
    (None, "", ""),
    ("127.0.0.1", "", ""),
    ("192.168.1.2", "", "http://192.168.1.2:8080"),
    ("0.0.0.0", "https://dns.lan", "https://dns.lan"),
])  # fmt: skip
def test_a_message_leads_to_the_web_page_where_others_reach_it(tmp_path, web, link, wanted):
    from mirage_hole.config.settled import Endpoint

    house = House(tmp_path, PHONE)
    house.service.change(replace(house.settled, web=Endpoint(web, 8080) if web else None))
    assert house.service._link(SimpleNamespace(link=link)) == wanted


async def test_what_a_full_disk_did_not_take_is_kept_later(house, monkeypatch, caplog):
    async with house.running() as service:
        service.on_clients([b"\xc0\xa8\1\7"])
        service.look()
        with monkeypatch.context() as full:
            full.setattr(service._file, "save", _full)
            await service.keep()
            await service.keep()
        assert caplog.text.count("devices and notices can't be kept") == 1
        await service.keep()
    house.again()
    async with house.running() as service:
        assert [one.address for one, _ in service.devices()] == ["192.168.1.7"]


def _full(*_):
    raise OSError(28, "No space left on device")
