"""The server follows what is stored, whoever went away meanwhile; the copy follows as well."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from mirage_hole.config.read import read
from mirage_hole.config.stored import Stored
from mirage_hole.runtime.state_changes import StateChanges
from mirage_hole.runtime.state_service import StateService
from mirage_hole.store.state import StateStore
from mirage_hole.store.stored import read_stored
from tests.config.machine import a_host


class Followed:
    """What the server was told."""

    def __init__(self, directory: Path) -> None:
        self.told: list[str] = []
        self.directory = directory
        self.store = StateStore(directory)
        self.changes = StateChanges(
            self.store,
            self.reading,
            settings=lambda settled: self.told.append(settled.block_mode),
            lists=lambda: self.told.append("lists"),
            rules=self._rules,
        )

    async def _rules(self) -> None:
        self.told.append("rules")

    def reading(self, stored: Stored | None) -> Any:
        given = (lambda _: Stored(*read_stored(self.directory))) if stored is None else lambda _: stored
        return read({}, {}, a_host(self.directory), stored=given, strict=stored is not None)


@pytest.fixture
def server(tmp_path: Path):
    server = Followed(tmp_path)
    yield server
    server.store.close()


def mode(value: str) -> dict[str, str]:
    return {"path": "blocking.mode", "value": value}


async def test_each_part_is_told_of_what_it_is_about(server: Followed) -> None:
    await server.changes.change("me", "x", "", lambda change: change.put("settings", mode("nxdomain")))
    await server.changes.change(
        "me", "x", "", lambda change: change.put("list_switches", {"name": "oisd", "enabled": False})
    )
    assert server.told == ["nxdomain", "lists"]
    number = (
        await server.changes.change("me", "x", "", lambda change: change.remove("settings", "blocking.mode"))
    ).done
    assert number.number == 3
    await server.changes.undo(3, "me")
    assert server.told == ["nxdomain", "lists", "null", "nxdomain"]


async def test_what_changes_nothing_is_told_to_nobody(server: Followed) -> None:
    changed = await server.changes.change("me", "x", "", lambda change: change.remove("settings", "blocking.mode"))
    assert (changed.done.number, server.told) == (None, [])


async def test_a_change_whose_maker_went_away_is_followed_all_the_same(server: Followed) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(change: Any) -> None:
        begun.set()
        go_on.wait(10)
        change.put("settings", mode("nodata"))

    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.changes.change("me", "x", "", slow))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        go_on.set()
    assert server.store.rows("settings") == [mode("nodata")]
    assert server.told == []
    await server.changes.pay()
    assert server.told == ["nodata"]
    await server.changes.pay()
    assert server.told == ["nodata"]


async def test_what_cannot_be_followed_yet_is_stored_and_followed_later(
    server: Followed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = {"number": None, "text": "a.example", "comment": "", "created": 0.0, "until": None, "enabled": True}

    async def full() -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(server.changes, "_rules", full)
        changed = await server.changes.change("me", "x", "", lambda change: change.put("rules", row))
        await server.changes.pay()
    assert changed.done.number == 1
    assert caplog.text.count("does not count yet: No space") == 1
    await server.changes.pay()
    assert server.told == ["rules"]


async def test_the_state_is_copied_soon_after_a_change_and_at_the_end(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    service = StateService(store, copy_every=0.01)

    def copied() -> list[dict[str, Any]]:
        copy = tmp_path / "state.backup.db"
        if not copy.exists():
            return []
        (tmp_path / "again").mkdir(exist_ok=True)
        (tmp_path / "again/state.db").write_bytes(copy.read_bytes())
        found = StateStore(tmp_path / "again")
        rows = found.rows("settings")
        found.close()
        return rows

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(service.run())
        store.change("me", "x", "", lambda change: change.put("settings", mode("nodata")))
        while store.copy_due or not copied():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        assert copied() == [mode("nodata")]
        service._copy_every = 60
        await asyncio.sleep(0.05)  # so that it waits for its next look
        store.change("me", "x", "", lambda change: change.put("settings", mode("refused")))
        task.cancel()
    assert copied() == [mode("refused")]


async def test_a_copy_that_fails_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = StateStore(tmp_path)
    service = StateService(store, copy_every=0.01)
    tries = 0

    def full() -> None:
        nonlocal tries
        tries += 1
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "copy", full)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(service.run())
        while tries < 3:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        task.cancel()
    assert caplog.text.count("can't be copied: No space") == 1
