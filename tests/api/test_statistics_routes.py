"""The routes of the statistics: what they answer, what they refuse, and whose days are meant."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.api.problems import Refusal
from mirage_hole.api.server import start_web
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.identity import Identity, Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.api.v1.statistics_stretch import MAX_POINTS, before, stretch, zone_of
from mirage_hole.config.settled import USUAL_STATISTICS, Endpoint
from mirage_hole.observe.rollup import DAY, HOUR
from mirage_hole.runtime.statistics_service import StatisticsService
from tests.api.serving import Clock, a_state, get, get_json
from tests.observe.frames import NOON, frame, ruled, singles, subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEPT = {"minute": 0, "hour": 0, "day": 0}
BERLIN = ZoneInfo("Europe/Berlin")


@asynccontextmanager
async def serving(directory: Path, role: Role = Role.ADMIN, *, filled: bool = True) -> AsyncIterator[str]:
    """A server in whose last hour two names were let through and one was blocked."""
    state = a_state()
    state.statistics.totals()  # what was asked before is in no roll-up
    kept = StatisticsService(directory, state.statistics, USUAL_STATISTICS, clock=Clock(NOON + 3600))
    if filled:
        told = [
            ("192.0.2.1", subject("a.example", upstream=0), 0.02),
            ("192.0.2.1", subject("a.example", upstream=0), 0.04),
            ("192.0.2.2", subject("b.example", qtype=28), 0.0),
            ("192.0.2.2", ruled("ads.example", "ads.example"), 0.0),
        ]
        state.statistics.fold_frame(frame(singles(NOON + 3000, told)), NOON + 3000)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(kept.run())
        await kept.restored.wait()
        who = Everybody(Identity("somebody", role, "token"))
        server = await start_web(Endpoint("127.0.0.1", 0), Parts(state=state, statistics=kept), who)
        try:
            yield f"{server.url}/api/v1/statistics"
        finally:
            await server.cleanup()
            task.cancel()
    await kept.close()


async def test_figures_of_a_day_have_totals_shares_times_and_a_series(tmp_path: Path) -> None:
    async with serving(tmp_path) as url:
        told = await get_json(f"{url}?step=hour&compare=previous")
    now = told["current"]
    assert (now["queries"], now["blocked"], now["blocked_share"]) == (4, 1, 0.25)
    assert now["outcomes"] == {"forwarded": 3, "blocked": 1}
    assert now["types"] == {"A": 3, "AAAA": 1}
    assert now["rcodes"] == {"NOERROR": 4}
    assert now["transports"] == {"udp": 4}
    assert now["blocked_by"] == {"Ads": 1}
    (upstream,) = now["upstreams"]
    assert (upstream["upstream"], upstream["answers"], upstream["waited"]) == ("9.9.9.9:53", 2, 2)
    assert 16 <= upstream["times_ms"]["p50"] <= 20
    assert 31 <= upstream["times_ms"]["p99"] <= 40
    assert sum(now["series"]["queries"]) == 4
    assert now["series"]["queries"][now["series"]["at"].index(int(NOON))] == 4
    assert (told["previous"]["queries"], told["previous"]["until"]) == (0, now["since"])
    assert (told["kept"], told["lost"], told["trouble"]) == (True, 0, "")


@pytest.mark.parametrize(
    ("of", "rows"),
    [
        ("names", [("a.example", 2, None), ("b.example", 1, None)]),
        ("blocked", [("ads.example", 1, None)]),
        ("clients", [("192.0.2.1", 2, 0), ("192.0.2.2", 2, 1)]),
        ("lists", [("Ads", 1, None)]),
        ("upstreams", [("9.9.9.9:53", 2, None)]),
        ("types", [("A", 3, None), ("AAAA", 1, None)]),
        ("rcodes", [("NOERROR", 4, None)]),
    ],
)
async def test_top_lists_are_exact_while_they_fit(
    tmp_path: Path, of: str, rows: list[tuple[str, int, int | None]]
) -> None:
    async with serving(tmp_path) as url:
        told = await get_json(f"{url}/top?of={of}")
    assert told["exact"] is True
    assert [(row["key"], row["queries"], row["blocked"]) for row in told["rows"]] == rows
    assert all(row["uncertainty"] == 0 for row in told["rows"])


async def test_each_upstream_has_a_series_of_its_own(tmp_path: Path) -> None:
    async with serving(tmp_path) as url:
        told = await get_json(f"{url}/upstreams?step=hour")
        fine = await get_json(f"{url}/upstreams?since={NOON}&step=minute")
    (row,) = told["upstreams"]
    assert row["upstream"] == "9.9.9.9:53"
    assert all(len(row[column]) == len(told["at"]) for column in ("answers", "waited", "p50", "p90"))
    assert (sum(row["answers"]), sum(row["waited"])) == (2, 2)
    (busy,) = [place for place, many in enumerate(row["answers"]) if many]
    assert told["at"][busy] <= NOON + 3000 < told["at"][busy] + HOUR
    assert 16 <= row["p50"][busy] <= 20 < row["p90"][busy] <= 40
    assert [one for one in row["p50"] if one is not None] == [row["p50"][busy]]
    assert (fine["step"], sum(fine["upstreams"][0]["answers"])) == ("minute", 2)


async def test_nobody_was_asked_where_nobody_waited(tmp_path: Path) -> None:
    async with serving(tmp_path) as url:
        told = await get_json(f"{url}/upstreams?since={NOON - 7200}&until={NOON - 3600}&step=minute")
    assert told["upstreams"] == []
    assert len(told["at"]) == 60


async def test_a_client_has_a_series_and_its_names(tmp_path: Path) -> None:
    async with serving(tmp_path) as url:
        told = await get_json(f"{url}/clients/192.0.2.2")
        mapped = await get_json(f"{url}/clients/::ffff:192.0.2.2")
        nobody = await get_json(f"{url}/clients/2001:db8::9?step=day")
    assert (told["queries"], told["blocked"], told["exact"]) == (2, 1, True)
    assert [row["name"] for row in told["names"]] == ["b.example"]
    assert [row["name"] for row in told["blocked_names"]] == ["ads.example"]
    assert sum(told["series"]["queries"]) == 2
    assert mapped == told
    assert (nobody["queries"], nobody["names"]) == (0, [])


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("?step=minute&since=0", "step"),
        ("?since=5&until=5", "since"),
        ("?since=1700049600&until=1600000000", "since"),
        ("?since=-1", "since"),
        ("?since=1e400", "since"),
        ("?since=soon", "since"),
        ("?until=99999999999999", "until"),
        ("?tz=Mars/Base", "tz"),
        ("?tz=../../etc/passwd", "tz"),
        ("?tz=%2B15:00", "tz"),
        ("?tz=", "tz"),
        ("?step=week", "step"),
        ("?week=1", "week"),
        ("/top", "of"),
        ("/top?of=secrets", "of"),
        ("/top?of=names&limit=0", "limit"),
        ("/top?of=names&limit=100000", "limit"),
        ("/top?of=names&since=99999999999", "since"),
        ("/clients/nobody", "address"),
        ("/clients/192.0.2.1%27--", "address"),
        ("/clients/192.0.2.1?step=minute", "step"),
    ],
)
async def test_a_bad_question_is_refused_with_where_and_what_instead(tmp_path: Path, path: str, where: str) -> None:
    async with serving(tmp_path) as url:
        problem = await get_json(f"{url}{path}", 400)
    assert where in [fault["where"] for fault in problem["problems"]]
    assert all(fault["instead"] for fault in problem["problems"])


async def test_everything_is_forgotten_when_an_admin_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as url:
        assert (await get(url, method="DELETE", headers={"Origin": url.partition("/api")[0]}))[0] == 200
        assert (await get_json(url))["current"]["queries"] == 0


async def test_an_operator_may_not_forget(tmp_path: Path) -> None:
    async with serving(tmp_path, Role.OPERATOR) as url:
        assert (await get(url, method="DELETE", headers={"Origin": url.partition("/api")[0]}))[0] == 403
        assert (await get_json(url))["current"]["queries"] == 4


async def test_a_damaged_file_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    async with serving(tmp_path) as url:
        for end in ("-wal", "-shm"):
            (tmp_path / f"statistics.db{end}").unlink(missing_ok=True)
        (tmp_path / "statistics.db").write_bytes(b"not any more" * 1000)
        problem = await get_json(url, 503)
    assert "can't be read" in problem["detail"]


async def test_a_server_without_statistics_says_so() -> None:
    server = await start_web(
        Endpoint("127.0.0.1", 0), Parts(state=a_state()), Everybody(Identity("", Role.VIEWER, "open"))
    )
    try:
        assert "statistics" in (await get_json(f"{server.url}/api/v1/statistics", 503))["detail"]
    finally:
        await server.cleanup()


# Whose days


def at(text: str, zone: Any = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def test_days_are_as_long_as_they_are_where_the_clock_is_changed() -> None:
    found = stretch(
        at("2026-03-28T12:00"), at("2026-03-30T12:00"), "day", BERLIN, at("2026-04-01T00:00"), KEPT, MAX_POINTS
    )
    assert [datetime.fromtimestamp(start, BERLIN).isoformat() for start in found.starts] == [
        "2026-03-28T00:00:00+01:00",
        "2026-03-29T00:00:00+01:00",
        "2026-03-30T00:00:00+02:00",
    ]
    assert found.starts[2] - found.starts[1] == 23 * HOUR
    assert found.until == at("2026-03-31T00:00")
    earlier = before(found, BERLIN)
    assert (len(earlier.starts), earlier.since, earlier.until) == (3, at("2026-03-25T00:00"), found.since)


@given(
    st.floats(1e9, 2e9), st.floats(3600, 400 * DAY), st.sampled_from(["minute", "hour", "day", "auto"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "+13:45", "-03:30"]),
)  # fmt: skip
def test_a_stretch_covers_what_was_asked_in_bounded_steps(end: float, length: float, step: str, zone: str) -> None:
    seconds = {"minute": 60, "hour": HOUR}.get(step, DAY)
    if length / seconds + 1 > MAX_POINTS:
        with pytest.raises(Refusal, match="too many points"):
            stretch(end - length, end, step, zone_of(zone), end, KEPT, MAX_POINTS)
        return
    found = stretch(end - length, end, step, zone_of(zone), end, KEPT, MAX_POINTS)
    assert found.since == found.starts[0]
    slack = HOUR if found.step == "day" else 0  # midnight at half past is taken to be at a full hour
    assert found.since <= end - length + slack
    assert found.until >= end - slack
    assert 1 <= len(found.starts) <= MAX_POINTS + 1
    assert found.starts == sorted(set(found.starts))
    assert found.starts[-1] < found.until


@pytest.mark.parametrize(("length", "step"), [(HOUR, "minute"), (DAY, "minute"), (7 * DAY, "hour"), (300 * DAY, "day")])
def test_steps_are_chosen_by_the_length(length: int, step: str) -> None:
    assert stretch(NOON - length, NOON, "auto", UTC, NOON, KEPT, MAX_POINTS).step == step


def test_steps_that_are_not_kept_for_so_long_are_refused_or_passed_over() -> None:
    kept = {"minute": int(NOON) - HOUR, "hour": 0, "day": 0}
    assert stretch(NOON - DAY, NOON, "auto", UTC, NOON, kept, MAX_POINTS).step == "hour"
    with pytest.raises(Refusal, match="no minutes"):
        stretch(NOON - DAY, NOON, "minute", UTC, NOON, kept, MAX_POINTS)
