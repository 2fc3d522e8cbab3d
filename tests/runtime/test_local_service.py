"""Local data in the control plane: files that change, break and go away, and who is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mirage_hole.config.settled import LocalSettings, RecordSettings
from mirage_hole.local.hosts import parse_hosts
from mirage_hole.local.stored import BadStored
from mirage_hole.runtime import local_service
from mirage_hole.runtime.local_data import LOCAL, read_local
from mirage_hole.runtime.local_files import MAX_FILE, LocalFile
from mirage_hole.runtime.local_service import LocalService
from mirage_hole.wire.names import from_text, labels_of
from tests.net.edge import until
from tests.runtime.settings import a_settled

NOW = 1_795_000_000.0


def a_file(path: Path) -> LocalFile:
    return LocalFile(path, lambda text, _now: parse_hosts(text, 60))


def write(path: Path, text: str) -> None:
    """As editors do: the file is another one afterwards, whatever the clock's grain."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def rests(file: LocalFile) -> bool:
    """Two looks, as a change must rest."""
    return file.look(NOW) | file.look(NOW)


def test_a_file_that_is_there_is_read_at_once(tmp_path):
    write(tmp_path / "hosts", "192.168.1.5 nas\n")
    file = a_file(tmp_path / "hosts")
    assert file.look(NOW)
    assert len(file.records) == 1
    assert not file.look(NOW)


def test_a_changed_file_is_read_when_it_rests(tmp_path):
    write(tmp_path / "hosts", "192.168.1.5 nas\n")
    file = a_file(tmp_path / "hosts")
    file.look(NOW)
    write(tmp_path / "hosts", "192.168.1.5 nas\n192.168.")
    assert not file.look(NOW)
    assert file.is_moving
    write(tmp_path / "hosts", "192.168.1.5 nas\n192.168.1.6 tv\n")
    assert not file.look(NOW)
    assert file.look(NOW)
    assert (len(file.records), file.is_moving) == (2, False)


@pytest.mark.parametrize("trouble", ["nonsense", "gone", "directory", "large"])
def test_a_broken_file_keeps_what_it_said_and_the_log_says_so_once(tmp_path, caplog, trouble):
    path = tmp_path / "hosts"
    write(path, "192.168.1.5 nas\n")
    file = a_file(path)
    file.look(NOW)
    if trouble == "nonsense":
        write(path, "<html>\n")
    elif trouble == "large":
        write(path, "x" * (MAX_FILE + 1))
    else:
        path.unlink()
        if trouble == "directory":
            path.mkdir()
    assert not rests(file)
    assert not rests(file)
    assert len(file.records) == 1
    (line,) = [record.getMessage() for record in caplog.records]
    assert str(path) in line
    assert "its 1 records of before stay" in line
    if path.is_dir():
        path.rmdir()
    write(path, "192.168.1.7 nas\n")
    assert rests(file)


def test_an_empty_file_is_not_broken(tmp_path):
    write(tmp_path / "hosts", "192.168.1.5 nas\n")
    file = a_file(tmp_path / "hosts")
    file.look(NOW)
    write(tmp_path / "hosts", "")
    assert rests(file)
    assert file.records == ()


def test_lines_that_say_nothing_are_told_with_their_number(tmp_path, caplog):
    write(tmp_path / "hosts", "192.168.1.5 nas\n" + "what\n" * 9)
    a_file(tmp_path / "hosts").look(NOW)
    assert "line 2" in caplog.text
    assert "4 more lines" in caplog.text


class Workers:
    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.times = 0

    def use_local(self, _path: Path) -> None:
        self.times += 1
        self.told.set()


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


def local(state: Path, **values: object) -> LocalSettings:
    return LocalSettings(serves_domain=True, **values)


class Running:
    """A service at work."""

    def __init__(self, state: Path, settings: LocalSettings, records: tuple[RecordSettings, ...] = ()) -> None:
        self.state = state
        self.workers = Workers()
        self.clock = Clock()
        self.views = {"": [b"\xc0\xa8\1\2"]}
        settled = a_settled(state, local=settings, records=records)
        self.service = LocalService(settled, self.workers, clock=self.clock, views=lambda _: self.views)

    def address(self, name: str) -> list[str]:
        wire = from_text(name)
        found = read_local(self.state / LOCAL).of(wire, labels_of(wire), bytes(4)) or ()
        return [".".join(map(str, one.rdata)) for one in found]

    async def until_told(self) -> None:
        async with asyncio.timeout(20):
            await self.workers.told.wait()
        self.workers.told.clear()

    async def during(self, what) -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.service.run())
            await self.until_told()
            await what()
            task.cancel()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(local_service, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(local_service, "REST", 0.01)


def run(running: Running, what) -> None:
    asyncio.run(running.during(what))


def test_records_files_and_leases_come_together(tmp_path):
    write(tmp_path / "hosts", "192.168.1.5 nas\n192.168.1.9 printer\n")
    write(tmp_path / "leases", "0 aa 192.168.1.6 tv *\n0 bb 192.168.1.7 nas *\n")
    settings = local(tmp_path, hosts=(str(tmp_path / "hosts"),), leases=(str(tmp_path / "leases"),))
    running = Running(tmp_path, settings, (RecordSettings("printer.lan", "A", "192.168.1.10"),))

    async def look() -> None:
        assert running.address("nas.lan") == ["192.168.1.5"]
        assert running.address("tv") == ["192.168.1.6"]
        assert running.address("printer.lan") == ["192.168.1.10"]
        assert read_local(tmp_path / LOCAL).domain == from_text("lan")

    run(running, look)


def test_a_changed_file_is_told(tmp_path):
    write(tmp_path / "hosts", "192.168.1.5 nas\n")
    running = Running(tmp_path, local(tmp_path, hosts=(str(tmp_path / "hosts"),)))

    async def change() -> None:
        write(tmp_path / "hosts", "192.168.1.6 nas\n")
        await running.until_told()
        assert running.address("nas.lan") == ["192.168.1.6"]

    run(running, change)


def test_a_lease_ends_at_its_time_though_its_file_stays(tmp_path):
    write(tmp_path / "leases", f"{int(NOW) + 60} aa 192.168.1.6 tv *\n")
    running = Running(tmp_path, local(tmp_path, leases=(str(tmp_path / "leases"),)))

    async def wait() -> None:
        assert running.address("tv.lan") == ["192.168.1.6"]
        running.clock.now += 61
        await running.until_told()
        assert running.address("tv.lan") == []

    run(running, wait)


def test_a_file_that_comes_later_is_read_then(tmp_path):
    running = Running(tmp_path, local(tmp_path, hosts=(str(tmp_path / "hosts"),)))

    async def come() -> None:
        write(tmp_path / "hosts", "192.168.1.5 nas\n")
        await running.until_told()
        assert running.address("nas") == ["192.168.1.5"]

    run(running, come)


def test_new_settings_count_at_once(tmp_path):
    running = Running(tmp_path, local(tmp_path))

    async def change() -> None:
        records = (RecordSettings("nas.lan", "A", "192.168.1.5"),)
        running.service.change(a_settled(tmp_path, local=local(tmp_path, name=""), records=records))
        await running.until_told()
        assert running.address("nas.lan") == ["192.168.1.5"]
        assert read_local(tmp_path / LOCAL).own.names == frozenset()

    run(running, change)


def test_the_servers_addresses_are_looked_at_again(tmp_path, monkeypatch):
    monkeypatch.setattr(local_service, "ADDRESSES_EVERY", 0.01)
    running = Running(tmp_path, local(tmp_path))

    async def move() -> None:
        assert [one.rdata for one in read_local(tmp_path / LOCAL).of_own(bytes(4))] == [b"\xc0\xa8\1\2"]
        running.views = {"": [b"\xc0\xa8\1\3"]}
        await running.until_told()
        assert [one.rdata for one in read_local(tmp_path / LOCAL).of_own(bytes(4))] == [b"\xc0\xa8\1\3"]

    run(running, move)


def test_what_workers_know_already_is_not_told_again(tmp_path):
    settings = local(tmp_path)
    first = Running(tmp_path, settings)

    async def nothing() -> None:
        pass

    run(first, nothing)
    again = Running(tmp_path, settings)
    assert not again.service._look(again.service._settled)


def test_a_full_disk_is_told_once_and_tried_again(tmp_path, monkeypatch, caplog):
    running = Running(tmp_path, local(tmp_path))
    full = True
    replace_files = local_service.replace_files

    def write_it(*how, **named) -> None:
        if full:
            raise OSError(28, "No space left on device")
        replace_files(*how, **named)

    monkeypatch.setattr(local_service, "replace_files", write_it)

    async def clean_up() -> None:
        nonlocal full
        async with asyncio.TaskGroup() as group:
            task = group.create_task(running.service.run())
            await until(lambda: "No space left" in caplog.text)
            running.service.refresh()
            full = False
            running.service.refresh()
            await running.until_told()
            task.cancel()

    asyncio.run(clean_up())
    assert caplog.text.count("No space left") == 1


def test_damaged_data_is_refused_and_none_is_nothing(tmp_path):
    assert read_local(tmp_path / "none").size == 0
    (tmp_path / LOCAL).write_text("{")
    with pytest.raises(BadStored):
        read_local(tmp_path / LOCAL)
