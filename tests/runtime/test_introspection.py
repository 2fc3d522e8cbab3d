"""A process tells of itself: memory, tasks, files; bounded, and tracing ends by itself."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from mirage_hole.runtime.introspection import MAX_SNAPSHOTS, BadQuestion, Introspection, described, objects, open_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def inside() -> Iterator[Introspection]:
    made = Introspection(Clock())
    yield made
    if tracemalloc.is_tracing():
        tracemalloc.stop()


def test_a_leak_is_found_by_its_line(inside: Introspection) -> None:
    inside.trace(1, 60.0)
    inside.snapshot()
    leak = [bytearray(1000) for _ in range(500)]
    inside.snapshot()
    rows = inside.difference(1, 2, 5)
    assert "test_introspection.py" in rows[0]["place"]
    assert rows[0]["more_octets"] > 400_000
    assert len(leak) == 500


def test_tracing_ends_at_its_time_and_the_snapshots_stay(inside: Introspection) -> None:
    clock: Any = inside._clock
    inside.trace(3, 60.0)
    inside.snapshot()
    clock.now += 59.0
    inside.expire()
    assert inside.memory()["tracing"]
    clock.now += 1.0
    inside.expire()
    told = inside.memory()
    assert (told["tracing"], told["until"], len(told["snapshots"])) == (False, 0.0, 1)


def test_only_the_last_snapshots_are_kept(inside: Introspection) -> None:
    inside.trace(1, 60.0)
    for _ in range(MAX_SNAPSHOTS + 2):
        inside.snapshot()
    assert [one["number"] for one in inside.memory()["snapshots"]] == [3, 4, 5, 6, 7]
    with pytest.raises(BadQuestion, match="there is no snapshot 1; there are: 3, 4, 5, 6, 7"):
        inside.difference(1, 7, 5)


def test_nothing_is_no_second_snapshot(inside: Introspection) -> None:
    with pytest.raises(BadQuestion, match="there is no snapshot 0"):
        inside.difference(0, 0, 5)


def test_stopping_forgets_the_snapshots(inside: Introspection) -> None:
    inside.trace(1, 60.0)
    inside.snapshot()
    told = inside.trace(1, 0.0)
    assert (told["tracing"], told["snapshots"]) == (False, [])


def test_nothing_is_kept_while_nothing_is_traced(inside: Introspection) -> None:
    with pytest.raises(BadQuestion, match="begin with tracing"):
        inside.snapshot()


def test_what_is_not_known_can_not_be_asked(inside: Introspection) -> None:
    with pytest.raises(BadQuestion):
        inside.answer({"what": "passwords"})


async def test_a_task_tells_its_name_and_where_it_waits() -> None:
    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(waits_for_ever(), name="patience")
        await asyncio.sleep(0)
        (row,) = [one for one in described(asyncio.all_tasks()) if one["name"] == "patience"]
        task.cancel()
    assert "waits_for_ever" in row["runs"]
    assert any("waits_for_ever" in line for line in row["stack"])
    assert not any(line[0] == "/" for line in row["stack"])


def test_open_files_are_told_by_what_they_are(tmp_path: Path) -> None:
    with (tmp_path / "opened").open("w") as file:
        found = {one["number"]: one["what"] for one in open_files()}
        assert found[file.fileno()].endswith("opened")


def test_objects_are_counted_by_type() -> None:
    mine = [Clock() for _ in range(5000)]
    rows = {one["type"]: one["count"] for one in objects(1000)}
    assert rows[f"{Clock.__module__}.Clock"] >= len(mine)
    assert len(objects(3)) == 3
