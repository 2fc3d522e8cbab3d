"""Upstreams written as names: looked up in the background, kept on disk, and never a reason to wait."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from mirage_hole.config.settled import Endpoint, GroupSettings, HostName, RouteSettings, Settled
from mirage_hole.runtime import upstream_names
from mirage_hole.runtime.forwarding import endpoints, forwarding
from mirage_hole.runtime.upstream_names import FILE, UpstreamNames, first_of, names_in, read_known, usable
from tests.runtime.settings import a_settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

FAR = HostName("dns.example", 53)
NEAR = HostName("router.example", 5353, "192.168.1.1")


class World:
    """What names have which addresses, and what became known of it."""

    def __init__(self, settled: Settled) -> None:
        self.answers: dict[str, list[str] | str] = {}
        self.asked: list[str] = []
        self.changes = 0
        self._news = asyncio.Event()
        self.names = UpstreamNames(settled, self._changed, self._look_up)

    async def _look_up(self, _settled: Settled, name: str) -> list[str]:
        self.asked.append(name)
        self._news.set()
        answer = self.answers.get(name, "nobody answers")
        if isinstance(answer, str):
            raise OSError(None, answer)
        return answer

    def _changed(self) -> None:
        self.changes += 1
        self._news.set()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def upstreams(self) -> tuple[str, ...]:
        return tuple(str(one) for one in forwarding(self.names.addressed()).upstreams)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.names.run())
            yield self
            task.cancel()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_names, "AGAIN", (0.01,))


def settled_with(state: Path, *servers: Endpoint | HostName, **more: Any) -> Settled:
    return a_settled(state, upstreams=servers, bootstrap=(Endpoint("192.0.2.53", 53),), **more)


async def test_the_first_look_up_brings_the_addresses_and_the_next_start_has_them_at_once(tmp_path: Path) -> None:
    settled = settled_with(tmp_path, Endpoint("9.9.9.9", 53), FAR)
    world = World(settled)
    assert world.upstreams() == ("9.9.9.9:53",)
    world.answers["dns.example"] = ["2001:db8::1", "192.0.2.1"]
    async with world.running():
        await world.until(lambda: world.changes)
    assert world.upstreams() == ("9.9.9.9:53", "192.0.2.1:53", "[2001:db8::1]:53")
    assert World(settled).upstreams() == world.upstreams()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_an_address_beside_the_name_is_asked_until_then_and_never_after(tmp_path: Path) -> None:
    assert World(settled_with(tmp_path, NEAR)).upstreams() == ("192.168.1.1:5353",)
    (tmp_path / FILE).write_bytes(orjson.dumps({"router.example": ["192.168.1.7"]}))
    assert World(settled_with(tmp_path, NEAR)).upstreams() == ("192.168.1.7:5353",)


async def test_a_failure_is_told_once_and_tried_again_until_it_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(settled_with(tmp_path, FAR))
    caplog.set_level(logging.INFO)
    async with world.running():
        await world.until(lambda: len(world.asked) > 3)
        world.answers["dns.example"] = ["192.0.2.1"]
        await world.until(lambda: world.changes)
    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if "nobody answers; it is tried again" in line]) == 1
    assert len([line for line in said if "can be looked up again" in line]) == 1


async def test_when_a_look_up_fails_the_last_known_addresses_stay(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(orjson.dumps({"dns.example": ["192.0.2.1"]}))
    world = World(settled_with(tmp_path, FAR))
    async with world.running():
        await world.until(lambda: len(world.asked) > 2)
    assert world.upstreams() == ("192.0.2.1:53",)
    assert not world.changes


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        (["192.0.2.9", "192.0.2.2", "192.0.2.1"], 0),  # a pool in another order
        (["192.0.2.9", "192.0.2.2"], 1),  # one that is asked has left it
    ],
)
async def test_addresses_stay_as_long_as_the_name_still_has_them(
    tmp_path: Path, answer: list[str], changes: int
) -> None:
    (tmp_path / FILE).write_bytes(orjson.dumps({"dns.example": ["192.0.2.1", "192.0.2.2"]}))
    other = HostName("other.example", 53)
    world = World(settled_with(tmp_path, FAR, other))
    world.answers["dns.example"] = answer
    async with world.running():  # the other name fails, so that rounds follow each other
        await world.until(lambda: world.asked.count("other.example") > 2)
    assert world.changes == changes


async def test_new_settings_are_looked_up_at_once_and_old_names_forgotten(tmp_path: Path) -> None:
    world = World(settled_with(tmp_path, FAR))
    world.answers = {"dns.example": ["192.0.2.1"], "router.example": ["192.168.1.7"]}
    async with world.running():
        await world.until(lambda: world.changes)
        world.names.change(settled_with(tmp_path, NEAR))
        await world.until(lambda: world.changes == 2)
    assert world.upstreams() == ("192.168.1.7:5353",)
    assert read_known(tmp_path) == {"router.example": ("192.168.1.7",)}


async def test_without_names_nobody_is_asked_and_no_file_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(b"{")
    world = World(settled_with(tmp_path, Endpoint("9.9.9.9", 53)))
    async with world.running():
        await asyncio.sleep(0)
    assert not world.asked
    assert not caplog.records


async def test_a_full_disk_costs_only_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_files: object, **_how: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(upstream_names, "replace_files", refuse)
    world = World(settled_with(tmp_path, FAR))
    world.answers["dns.example"] = ["192.0.2.1"]
    async with world.running():
        await world.until(lambda: world.changes)
    assert world.upstreams() == ("192.0.2.1:53",)
    assert "No space left" in caplog.text


def test_names_of_groups_and_routes_count_too(tmp_path: Path) -> None:
    settled = settled_with(
        tmp_path,
        Endpoint("9.9.9.9", 53),
        groups=(GroupSettings("office", (FAR,)),),
        routes=(RouteSettings(("corp.example",), servers=(NEAR, FAR)),),
    )
    assert names_in(settled) == ("dns.example", "router.example")
    (tmp_path / FILE).write_bytes(orjson.dumps({"dns.example": ["192.0.2.1"]}))
    plan = forwarding(World(settled).names.addressed())
    assert [[str(plan.upstreams[one]) for one in group.upstreams] for group in plan.groups] == [
        ["9.9.9.9:53"],
        ["192.0.2.1:53"],
        ["192.168.1.1:5353", "192.0.2.1:53"],
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'{"dns.example": "192.0.2.1"}',
        b'{"dns.example": [7, null, "x", "0.0.0.0"]}',
        b"x" * 70_000,
    ],
    ids=["empty", "half", "list", "number", "no list", "no addresses", "too large"],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert read_known(tmp_path) == {}


def test_only_addresses_of_a_single_machine_are_usable() -> None:
    odd = ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "169.254.0.1", "fe80::1", "1.2.3", "", 7, None]
    assert usable([*odd, "192.0.2.1", "2001:DB8::1", "192.0.2.1"]) == ("192.0.2.1", "2001:db8::1")


def test_two_of_each_family_are_asked_whatever_the_order_of_the_answer() -> None:
    pool = ["192.0.2.10", "2001:db8::3", "192.0.2.9", "2001:db8::1", "192.0.2.11", "2001:db8::2"]
    assert first_of(pool) == first_of(pool[::-1]) == ("192.0.2.9", "192.0.2.10", "2001:db8::1", "2001:db8::2")


def test_a_name_without_any_address_is_nobody() -> None:
    assert endpoints((FAR, NEAR, Endpoint("192.168.1.1", 5353))) == (Endpoint("192.168.1.1", 5353),)
