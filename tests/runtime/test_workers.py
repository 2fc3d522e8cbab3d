"""Workers are kept alive, told, replaced and ended. The processes are real; what they run is fake_worker.py."""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mirage_hole.config.settled import Endpoint
from mirage_hole.runtime import child, workers
from mirage_hole.runtime.listeners import listen_on
from mirage_hole.runtime.worker_settings import WorkerSettings
from mirage_hole.runtime.workers import Workers

FAKE = Path(__file__).with_name("fake_worker.py")
SETTINGS = WorkerSettings(
    number=0,
    udp_fds=(),
    tcp_fds=(),
    channel_fd=-1,
    upstreams=(("127.0.0.1", 53),),
    timeout=2.0,
    cache_bytes=1000,
    block_mode="null",
    log_level="INFO",
)


class Listener:
    """Notes everything, and lets a test wait for it."""

    def __init__(self):
        self.events = []
        self.said = []
        self.frames = 0
        self.bad_policies = []
        self._news = asyncio.Event()

    def _note(self, *event):
        self.events.append(event)
        self._news.set()

    def on_frame(self, frame):
        self.frames += 1
        self._news.set()

    def on_counters(self, number, message):
        self.said.append(message)
        self._news.set()

    def on_started(self, number):
        self._note("started", number)

    def on_gone(self, number):
        self._note("gone", number)

    def on_ready(self, number):
        self._note("ready", number)

    def on_own_rules(self, error):
        self.said.append(("own rules", error))

    def on_bad_policy(self, error):
        self.bad_policies.append(error)
        self._news.set()

    async def until(self, holds):
        """Wait until ``holds()``, looked at after each piece of news."""
        async with asyncio.timeout(20):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def count(self, event, number=0):
        return self.events.count((event, number))

    def was_told(self, **message):
        return any(said["told"] == message for said in self.said)


async def eventually(holds):
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen within 20 s")


def is_alive(pid):
    return Path(f"/proc/{pid}").exists()


class House:
    """Workers on real sockets, with a clock that can be put forward."""

    def __init__(self, mode, number=1, settings=SETTINGS):
        self.ahead = 0.0
        self.listeners = listen_on([Endpoint("127.0.0.1", 0)], number)
        command = [sys.executable, "-S", str(FAKE), mode]
        loop = asyncio.get_running_loop()
        self.workers = Workers(self.listeners, settings, command, clock=lambda: loop.time() + self.ahead)
        self.heard = Listener()

    def pid(self):
        return self.workers.pids()[0]


@pytest.fixture
async def a_house():
    async with contextlib.AsyncExitStack() as stack:

        async def build(mode="good", number=1, settings=SETTINGS, wait=True):
            house = House(mode, number, settings)
            stack.callback(house.listeners.close)
            house.workers.start()
            house.workers.attach(asyncio.get_running_loop(), house.heard)

            async def end():
                house.workers.kill()
                await house.workers.drain()

            stack.push_async_callback(end)
            if wait:
                await house.heard.until(lambda: house.workers.serving() == number)
            return house

        yield build


async def test_every_worker_gets_its_own_sockets_and_number(a_house):
    house = await a_house(number=2)
    await house.heard.until(lambda: {said["settings"]["number"] for said in house.heard.said} == {0, 1})
    told = {said["settings"]["number"]: said["settings"] for said in house.heard.said}
    for number, settings in told.items():
        assert settings["udp_fds"] == [sock.fileno() for sock in house.listeners.udp[number]]
        assert settings["tcp_fds"] == [sock.fileno() for sock in house.listeners.tcp]
        assert settings["timeout"] == 2.0


async def test_a_killed_worker_is_replaced_at_once(a_house, caplog):
    house = await a_house()
    killed = house.pid()
    os.kill(killed, signal.SIGKILL)
    await house.heard.until(lambda: house.heard.count("ready") == 2)
    assert house.pid() != killed
    assert house.heard.events == [("started", 0), ("ready", 0), ("gone", 0), ("started", 0), ("ready", 0)]
    assert f"(process {killed}) ended: killed by SIGKILL; it is replaced at once" in caplog.text


async def test_a_crash_loop_backs_off_and_says_how_it_ends(a_house, caplog):
    house = await a_house("crash", wait=False)
    await house.heard.until(lambda: house.heard.count("gone") == 3)
    assert "exit code 3; it is replaced at once" in caplog.text
    assert "exit code 3; it is replaced in 0.1 s" in caplog.text
    assert "exit code 3; it is replaced in 0.5 s" in caplog.text


async def test_a_worker_that_keeps_ending_with_the_lists_is_started_without_them(a_house, caplog):
    house = await a_house("crash-with-policy", settings=replace(SETTINGS, policy_path="/generations/00000007"))
    assert "starts without the compiled lists" in caplog.text
    assert house.heard.bad_policies == ["/generations/00000007 can't be used"]


async def test_a_worker_that_never_becomes_ready_is_killed_and_replaced(a_house, caplog):
    house = await a_house("mute", wait=False)
    house.workers.tick()
    house.ahead += 2.0
    house.workers.tick()
    assert house.heard.count("gone") == 0
    for _ in range(5):
        house.ahead += 2.0
        house.workers.tick()
    await house.heard.until(lambda: house.heard.count("gone") == 1)
    assert "is not ready within 10 s; it is killed" in caplog.text


async def test_a_silent_worker_is_killed_and_replaced(a_house, caplog):
    house = await a_house("silent")
    for _ in range(7):
        house.ahead += 2.0
        house.workers.tick()
    await house.heard.until(lambda: house.heard.count("ready") == 2)
    assert "is silent for 10 s; it is killed" in caplog.text


async def test_a_supervisor_that_was_stopped_kills_nobody(a_house):
    house = await a_house("silent")
    before = house.pid()
    house.workers.tick()
    house.ahead += 100.0
    house.workers.tick()
    house.ahead += 1.0
    house.workers.tick()
    assert house.pid() == before
    assert house.heard.count("gone") == 0


async def test_messages_reach_every_worker_and_hold_for_the_next_one(a_house):
    house = await a_house()
    house.workers.use_policy(Path("/generations/00000008"))
    house.workers.pause(1e9)
    house.workers.log_at("DEBUG")
    await house.heard.until(lambda: house.heard.was_told(do="log", level="DEBUG"))
    assert house.heard.was_told(do="policy", path="/generations/00000008")
    assert house.heard.was_told(do="pause", until=1e9)
    os.kill(house.pid(), signal.SIGKILL)
    await house.heard.until(lambda: house.heard.count("ready") == 2)
    await house.heard.until(lambda: house.heard.said[-1]["settings"]["policy_path"] == "/generations/00000008")
    settings = house.heard.said[-1]["settings"]
    assert (settings["paused_until"], settings["log_level"]) == (1e9, "DEBUG")


async def test_settings_that_can_change_are_sent_to_the_living(a_house):
    house = await a_house()
    before = house.pid()
    house.workers.change(replace(SETTINGS, block_mode="nxdomain", allow_from=("10.0.0.0/8",)))
    await house.heard.until(lambda: any(said["told"] for said in house.heard.said))
    told = next(said["told"] for said in house.heard.said if said["told"])
    assert told["do"] == "settings"
    assert told["settings"]["block_mode"] == "nxdomain"
    assert told["settings"]["allow_from"] == ["10.0.0.0/8"]
    assert house.pid() == before


async def test_other_settings_bring_a_new_worker_before_the_old_one_goes(a_house):
    house = await a_house()
    before = house.pid()
    house.workers.change(replace(SETTINGS, upstreams=(("127.0.0.1", 5300),)))
    assert house.pid() == before
    await house.heard.until(lambda: house.heard.count("ready") == 2)
    assert house.pid() != before
    assert house.heard.count("gone") == 0  # the place was never empty
    await house.heard.until(lambda: house.heard.said[-1]["settings"]["upstreams"] == [["127.0.0.1", 5300]])
    await eventually(lambda: not is_alive(before))


async def test_a_new_worker_that_fails_leaves_the_old_one_in_service(a_house, caplog):
    house = await a_house("crash-with-upstream-666")
    before = house.pid()
    house.workers.change(replace(SETTINGS, upstreams=(("127.0.0.1", 666),)))
    await eventually(lambda: "worker 0 goes on with the old ones" in caplog.text)
    assert house.pid() == before
    assert house.workers.serving() == 1


async def test_unchanged_settings_are_no_news(a_house):
    house = await a_house()
    before = house.pid()
    house.workers.change(SETTINGS)
    count = len(house.heard.said)
    await house.heard.until(lambda: len(house.heard.said) > count + 2)
    assert not any(said["told"] for said in house.heard.said)
    assert house.pid() == before


async def test_frames_and_nonsense_are_told_apart(a_house, caplog):
    house = await a_house("frames")
    await house.heard.until(lambda: house.heard.frames == 200)
    house = await a_house("nonsense")
    await house.heard.until(lambda: len(house.heard.said) > 3)
    assert caplog.text.count("makes no sense") == 2
    assert house.heard.count("gone") == 0


@pytest.mark.parametrize("mode", ["good", "slow-drain"])
async def test_a_drain_lets_every_worker_finish(a_house, mode, monkeypatch):
    monkeypatch.setattr(workers, "DRAIN_FOR", 30.0)  # however busy the machine is
    house = await a_house(mode, number=2)
    assert await house.workers.drain() is True
    assert house.workers.pids() == []
    assert house.heard.was_told(do="drain")
    assert house.heard.count("started") == 1


async def test_a_worker_that_does_not_drain_is_killed(a_house, monkeypatch):
    monkeypatch.setattr(workers, "DRAIN_FOR", 0.2)
    monkeypatch.setattr(workers, "REAP_FOR", 30.0)  # however busy the machine is
    house = await a_house("stubborn")
    pid = house.pid()
    assert await house.workers.drain() is False
    assert not is_alive(pid)


async def test_a_drain_starts_nobody_again(a_house):
    house = await a_house("crash", wait=False)
    await house.heard.until(lambda: house.heard.count("gone") == 2)
    assert await house.workers.drain() is True
    assert house.workers._places[0].restart.cancelled()


async def test_a_worker_that_cannot_be_started_is_tried_again(a_house, caplog, monkeypatch):
    house = await a_house()
    house.workers.use_policy(Path("/generations/00000008"))
    monkeypatch.setattr(house.workers, "_command", ["/nowhere/python"])
    os.kill(house.pid(), signal.SIGKILL)
    await eventually(lambda: caplog.text.count("can't start worker 0: No such file or directory") >= 4)
    assert "without the compiled lists" not in caplog.text
    monkeypatch.setattr(house.workers, "_command", [sys.executable, "-S", str(FAKE), "good"])
    await house.heard.until(lambda: house.heard.count("ready") == 2)


async def test_a_worker_sees_no_secret(a_house, monkeypatch):
    monkeypatch.setenv("MIRAGE_HOLE_SECRET", "hunter2")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    house = await a_house()
    await house.heard.until(lambda: house.heard.said)
    names = set(house.heard.said[0]["environment"])
    assert not names & {"MIRAGE_HOLE_SECRET", "NOTIFY_SOCKET"}
    assert "PYTHONPATH" in names


def test_the_worker_finds_what_this_interpreter_finds(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "/nowhere/at/all", str(FAKE.parent)])
    assert child.environment()["PYTHONPATH"] == f"{tmp_path}:{FAKE.parent}"


async def test_compiled_lists_serve_when_every_worker_says_so(a_house):
    house = await a_house(number=2)
    assert not house.workers.generation_served(8)
    house.workers.use_policy(Path("/generations/00000008"))
    await eventually(lambda: house.workers.generation_served(8))
    assert not house.workers.generation_served(9)
    house.workers.use_policy(Path("/generations/broken"))
    await house.heard.until(lambda: house.heard.bad_policies)
    assert house.workers.generation_served(8)
    assert not house.workers.generation_served(9)


async def test_a_worker_that_starts_with_compiled_lists_serves_them(a_house):
    house = await a_house(settings=replace(SETTINGS, policy_path="/generations/00000007"))
    assert house.workers.generation_served(7)


async def test_a_worker_that_says_nothing_does_not_serve_them_yet(a_house):
    house = await a_house("silent", number=1)
    house.workers.use_policy(Path("/generations/00000008"))
    assert not house.workers.generation_served(8)


def test_each_upstream_has_a_token_of_its_own_that_outlives_a_change_of_settings():
    two = replace(SETTINGS, upstreams=(("127.0.0.1", 53), ("127.0.0.1", 5353)))
    turned = replace(two, upstreams=two.upstreams[::-1])
    with contextlib.closing(listen_on((Endpoint("127.0.0.1", 0),), 1)) as sockets:
        here = Workers(sockets, two)
        first = here.settings.loop_tokens
        here.change(turned)
        assert len(set(first)) == 2
        assert here.settings.loop_tokens == first[::-1]
        assert not set(Workers(sockets, two).settings.loop_tokens) & set(first)
