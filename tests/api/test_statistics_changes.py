"""What is different from before, over roll-ups of several days."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mirage_hole.api.server import start_web
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.settled import USUAL_STATISTICS, Endpoint
from mirage_hole.observe.rollup import DAY, HOUR
from mirage_hole.runtime.statistics_service import StatisticsService
from tests.api.serving import VISITOR, Clock, a_state, get, get_json
from tests.observe.frames import NOON, frame, ruled, singles, subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

Asked = tuple[float, str, bytes, int]
"""Moment, client, what was asked and told, how many times."""


@asynccontextmanager
async def serving(directory: Path, asked: list[Asked]) -> AsyncIterator[str]:
    state = a_state()
    kept = StatisticsService(directory, state.statistics, USUAL_STATISTICS, clock=Clock(NOON + HOUR))
    for at, client, told, times in asked:
        state.statistics.fold_frame(frame(singles(at, [(client, told, 0.0)] * times)), at)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(kept.run())
        await kept.restored.wait()
        server = await start_web(Endpoint("127.0.0.1", 0), Parts(state=state, statistics=kept), Everybody(VISITOR))
        try:
            yield f"{server.url}/api/v1/statistics/changes"
        finally:
            await server.cleanup()
            task.cancel()
    await kept.close()


def days_before(*days: int) -> list[float]:
    return [NOON - day * DAY for day in days]


async def changes(directory: Path, asked: list[Asked], query: str = "") -> Any:
    async with serving(directory, asked) as url:
        return await get_json(url + query)


def keys(rows: list[dict[str, Any]], kind: str) -> set[str]:
    return {row["key"] for row in rows if row["kind"] == kind}


async def test_what_was_not_there_before_is_new(tmp_path: Path) -> None:
    usual = [(at, "192.0.2.1", subject("usual.example"), 50) for at in days_before(1, 2, 3)]
    told = await changes(tmp_path, [*usual, (NOON, "192.0.2.1", subject("usual.example"), 50), (NOON, "192.0.2.9", subject("fresh.example"), 30)])  # fmt: skip
    assert told["comparable"] is True
    assert keys(told["names"], "new") == {"fresh.example"}
    assert keys(told["clients"], "new") == {"192.0.2.9"}
    assert told["names"][0]["queries"] == 30
    assert told["blocked"] == []


async def test_what_is_asked_far_more_is_told_with_what_is_usual(tmp_path: Path) -> None:
    usual = [(at, "192.0.2.1", subject("busy.example"), 40) for at in days_before(2, 3, 4)]
    told = await changes(tmp_path, [*usual, (NOON, "192.0.2.1", subject("busy.example"), 400)])
    (row,) = told["names"]
    assert (row["kind"], row["key"], row["queries"]) == ("more", "busy.example", 400)
    assert 20 < row["usual"] < 60


async def test_a_name_that_is_blocked_now_is_told(tmp_path: Path) -> None:
    usual = [(at, "192.0.2.1", subject("shop.example"), 40) for at in days_before(1, 2)]
    told = await changes(tmp_path, [*usual, (NOON, "192.0.2.1", ruled("shop.example", "shop.example"), 40)])
    assert keys(told["blocked"], "new") == {"shop.example"}
    assert told["now"]["blocked_share"] > told["usual"]["blocked_share"]


async def test_little_is_no_news(tmp_path: Path) -> None:
    usual = [(at, "192.0.2.1", subject("usual.example"), 50) for at in days_before(1, 2, 3)]
    told = await changes(tmp_path, [*usual, (NOON, "192.0.2.1", subject("rare.example"), 5), (NOON, "192.0.2.1", subject("usual.example"), 90)])  # fmt: skip
    assert (told["names"], told["blocked"], told["clients"]) == ([], [], [])


async def test_without_a_before_nothing_is_new(tmp_path: Path) -> None:
    told = await changes(tmp_path, [(NOON, "192.0.2.1", subject("first.example"), 500)])
    assert told["comparable"] is False
    assert told["names"] == []


async def test_too_short_and_too_long_stretches_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, []) as url:
        for query in (
            f"?since={NOON}&until={NOON + 60}",
            f"?since={NOON - 40 * DAY}",
            "?days=0",
            "?days=91",
            "?since=x",
        ):
            assert (await get(url + query))[0] == 400, query
