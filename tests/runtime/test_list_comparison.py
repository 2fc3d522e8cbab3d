"""What the last update of a list has added and removed, compared in a process of its own."""

from __future__ import annotations

import asyncio
import sys

import orjson
import pytest

from mirage_hole.api.problems import Refusal
from mirage_hole.runtime import list_comparison
from mirage_hole.runtime.list_comparison import CantCompare, Comparisons, compared
from mirage_hole.runtime.parsed import ListKey, ParsedLists
from tests.runtime.test_list_commands import running  # noqa: F401 - a fixture

HISTORY = "parsed/lists.json"


async def _told(one, key):
    async with asyncio.timeout(60):
        while (found := await one.commands.changes(key)) is None:  # noqa: ASYNC110 - as a client asks
            await asyncio.sleep(0.1)
    return found


async def test_an_update_says_what_it_has_added_and_removed(running, tmp_path):  # noqa: F811
    path = tmp_path / "mine.txt"
    path.write_text("stays.example\ngoes.example\n")
    one = running(blocklists=(str(path),))
    (row,) = (await one.rests())["lists"]
    found = await _told(one, row["key"])
    assert found["before"] is None
    assert found["after"]["rules"] == 2
    path.write_text("# moved about\ncomes.example\nstays.example\nalso.example\n")
    await one.events()
    found = await _told(one, row["key"])
    assert (found["before"]["rules"], found["after"]["rules"]) == (2, 3)
    assert (found["added_count"], found["removed_count"]) == (2, 1)
    assert {rule["line"]: rule["rule"] for rule in found["added"]} == {2: "comes.example", 4: "also.example"}
    assert [rule["rule"] for rule in found["removed"]] == ["goes.example"]
    with pytest.raises(Refusal, match="no list here"):
        await one.commands.changes("nonsense")


async def test_of_many_changes_the_first_hundred_are_told_and_all_are_counted(running, tmp_path):  # noqa: F811
    path = tmp_path / "mine.txt"
    one = running(blocklists=(str(path),))
    (row,) = (await one.rests())["lists"]
    path.write_text("".join(f"name{number}.example\n" for number in range(5000)))
    await one.events()
    found = await _told(one, row["key"])
    assert found["added_count"] == 5000
    assert len(found["added"]) == list_comparison.SHOWN
    assert [rule["rule"] for rule in found["removed"]] == ["ads.example"]


async def test_versions_that_are_damaged_are_not_compared_but_said(running, tmp_path):  # noqa: F811
    path = tmp_path / "mine.txt"
    one = running(blocklists=(str(path),))
    (row,) = (await one.rests())["lists"]
    path.write_text("other.example\n")
    await one.events()
    for file in (tmp_path / "state" / "parsed").glob("*.list"):
        file.write_bytes(b"nonsense")
    found = await _told(one, row["key"])
    assert (found["before"], found["after"]) == (None, None)


async def test_nothing_is_known_of_a_list_that_was_never_compiled(tmp_path):
    assert compared(tmp_path, "https://lists.example/a.txt", "block")["after"] is None
    assert (await Comparisons().of(tmp_path, "https://lists.example/a.txt", "block"))["after"] is None


async def test_a_comparison_that_fails_says_why_and_is_tried_again(tmp_path, monkeypatch):
    parsed = ParsedLists(tmp_path)
    parsed.directory.mkdir()
    (tmp_path / HISTORY).write_bytes(
        orjson.dumps([{"source": "a", "kind": "block", "versions": [["0" * 64, 1.0], ["1" * 64, 0.0]]}])
    )
    assert len(parsed.history()[ListKey("a", "block")]) == 2
    comparisons = Comparisons()
    async with asyncio.TaskGroup() as group:
        making = group.create_task(comparisons.run())
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "/nonexistent/python")
            with pytest.raises(CantCompare, match="can't start a process"):
                await comparisons.of(tmp_path, "a", "block")
        while (found := await comparisons.of(tmp_path, "a", "block")) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        making.cancel()
    assert found["after"] is None  # its files are gone


async def test_whoever_asks_does_not_wait_for_ever(tmp_path, monkeypatch):
    ParsedLists(tmp_path).directory.mkdir()
    (tmp_path / HISTORY).write_bytes(
        orjson.dumps([{"source": "a", "kind": "block", "versions": [["0" * 64, 1.0], ["1" * 64, 0.0]]}])
    )
    monkeypatch.setattr(list_comparison, "WAIT", 0.01)
    assert await Comparisons().of(tmp_path, "a", "block") is None
