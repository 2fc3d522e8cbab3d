"""A pause survives a restart, ends in time, and says whose it is."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from mirage_hole.runtime.pause_service import LONGEST, NAME, PauseService
from mirage_hole.store.state import StateStore

NOON = 1_700_000_000.0


class Workers:
    """What they were told last."""

    def __init__(self) -> None:
        self.until: float | None = None
        self.told = 0

    def pause(self, until: float | None) -> None:
        self.until = until
        self.told += 1


class Time:
    """Both clocks."""

    def __init__(self) -> None:
        self.wall, self.clock = NOON, 100.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.clock += seconds


def a_service(directory: Path, times: Time, workers: Workers | None = None) -> PauseService:
    return PauseService(directory, workers or Workers(), wall=lambda: times.wall, clock=lambda: times.clock)


async def test_a_pause_lasts_until_its_time_and_no_longer(tmp_path: Path) -> None:
    times, workers = Time(), Workers()
    service = a_service(tmp_path, times, workers)
    told = await service.begin(NOON + 300, "a shop", "ann")
    assert (told["paused"], told["until"], told["who"], told["reason"], told["kept"]) == (
        True, NOON + 300, "ann", "a shop", True,
    )  # fmt: skip
    assert workers.until == NOON + 300
    times.pass_by(299)
    assert service.view()["paused"]
    times.pass_by(2)
    assert service.view() == {
        "paused": False, "until": None, "since": None, "who": "", "reason": "", "kept": True,
    }  # fmt: skip


async def test_a_restart_does_not_end_it_and_the_workers_know_before_they_start(tmp_path: Path) -> None:
    times = Time()
    await a_service(tmp_path, times).begin(NOON + 300, "a shop", "ann")
    times.pass_by(100)
    workers = Workers()
    again = a_service(tmp_path, times, workers)
    again.start()
    assert workers.until == NOON + 300
    assert (again.view()["who"], again.view()["reason"]) == ("ann", "a shop")


async def test_a_pause_that_is_over_at_the_restart_is_forgotten(tmp_path: Path) -> None:
    times, workers = Time(), Workers()
    await a_service(tmp_path, times).begin(NOON + 300, "", "ann")
    times.pass_by(301)
    again = a_service(tmp_path, times, workers)
    again.start()
    assert (workers.told, again.view()["paused"], (tmp_path / NAME).exists()) == (0, False, False)


async def test_blocking_again_forgets_it_also_for_the_next_start(tmp_path: Path) -> None:
    times, workers = Time(), Workers()
    service = a_service(tmp_path, times, workers)
    await service.begin(NOON + 300, "", "ann")
    assert (await service.end("bob"))["paused"] is False
    assert workers.until is None
    again = a_service(tmp_path, times, workers)
    again.start()
    assert not again.view()["paused"]


async def test_the_audit_log_says_who_paused_and_who_resumed(tmp_path: Path) -> None:
    service = a_service(tmp_path, Time())
    service.store = StateStore(tmp_path)
    await service.begin(NOON + 300, "a shop", "ann")
    await service.end("bob")
    await service.end("bob")
    rows = service.store.read(
        lambda connection: connection.execute("SELECT who, what, target, after FROM audit ORDER BY number").fetchall()
    )
    service.store.close()
    assert [row[:3] for row in rows] == [("ann", "pause", "blocking"), ("bob", "resume", "blocking")]
    assert orjson.loads(rows[0][3]) == {"until": NOON + 300, "reason": "a shop"}


async def test_a_disk_that_can_not_be_written_does_not_keep_anybody_from_pausing(tmp_path: Path) -> None:
    times, workers = Time(), Workers()
    told = await a_service(tmp_path / "missing", times, workers).begin(NOON + 300, "", "ann")
    assert (told["paused"], told["kept"], workers.until) == (True, False, NOON + 300)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"\xff", b'{"until": "x", "since": 1, "who": "", "reason": ""}', b"x" * 5000],
)
def test_a_file_that_can_not_be_read_means_blocking(tmp_path: Path, content: bytes) -> None:
    workers = Workers()
    (tmp_path / NAME).write_bytes(content)
    service = a_service(tmp_path, Time(), workers)
    service.start()
    assert (workers.told, service.view()["paused"]) == (0, False)


def test_a_pause_for_ages_is_a_clock_that_was_wrong(tmp_path: Path) -> None:
    workers = Workers()
    body = {"until": NOON + LONGEST + 10, "since": NOON, "who": "", "reason": ""}
    (tmp_path / NAME).write_bytes(orjson.dumps(body))
    a_service(tmp_path, Time(), workers).start()
    assert workers.told == 0


async def test_a_clock_that_is_put_forward_ends_it(tmp_path: Path) -> None:
    times = Time()
    service = a_service(tmp_path, times)
    await service.begin(NOON + 3600, "", "ann")
    times.wall += 4000
    assert not service.view()["paused"]
