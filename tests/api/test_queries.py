"""The query log through the API: every filter, pages, exports, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mirage_hole.api.server import start_web
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.identity import LOCAL
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.settled import Endpoint, QueryLogSettings
from mirage_hole.observe.exports import FORMATS
from mirage_hole.observe.generations import Generations
from mirage_hole.policy.verdict import Outcome
from mirage_hole.runtime.query_log import EXPORTS, QueryLogService
from mirage_hole.store.querylog.filters import Filter
from tests.api.serving import a_state, get, get_json
from tests.store.querylogs import NOON, TITLES, UPSTREAMS, Asked, frames_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

QUERIES = [
    Asked(NOON - 90_000, "old.example", "10.0.0.1", 1, Outcome.CACHED),
    Asked(NOON, "ads.example.com", "192.168.1.7", 28, Outcome.BLOCKED, list_id=0),
    Asked(NOON + 1, "www.example.com", "192.168.1.8", 1, Outcome.FORWARDED, upstream=1, duration=0.0125),
    Asked(NOON + 2, "gone.example", "2001:db8::7", 65280, Outcome.FORWARDED, 3, upstream=0, transport=1),
]


@asynccontextmanager
async def a_log(directory: Path, queries: list[Asked], settings: QueryLogSettings | None = None) -> AsyncIterator[Any]:
    """(URL, service) of a server with these queries."""
    generations = Generations()
    generations.register(1, TITLES)
    service = QueryLogService(
        directory, settings or QueryLogSettings(), generations, UPSTREAMS.__getitem__, lambda: NOON
    )
    for frame, rows in frames_of(queries):
        service.offer(frame, rows)
    if service._writer is not None:
        assert service._writer.flush(60)
    server = await start_web(Endpoint("127.0.0.1", 0), Parts(state=a_state(), query_log=service), Everybody(LOCAL))
    try:
        yield server.url, service
    finally:
        await server.cleanup()
        service.close(60)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["gone.example", "www.example.com", "ads.example.com", "old.example"]),
        ("name=EXAMPLE.com", ["www.example.com", "ads.example.com"]),
        ("name==gone.example", ["gone.example"]),
        ("name=.example.com.", ["www.example.com", "ads.example.com"]),
        ("client=192.168.1.0/24", ["www.example.com", "ads.example.com"]),
        ("client=10.0.0.1,2001:db8::7", ["gone.example", "old.example"]),
        ("type=AAAA,TYPE65280", ["gone.example", "ads.example.com"]),
        ("outcome=blocked,cached", ["ads.example.com", "old.example"]),
        ("rcode=nxdomain", ["gone.example"]),
        ("transport=tcp", ["gone.example"]),
        ("list=Ads", ["ads.example.com"]),
        ("rule=ads", ["ads.example.com"]),
        ("upstream=9.9.9.9:53", ["gone.example"]),
        (f"since={NOON + 0.5}", ["gone.example", "www.example.com"]),
        (f"until={NOON}", ["old.example"]),
        ("name=example&outcome=blocked&client=192.168.1.7", ["ads.example.com"]),
        ("name=%25", []),
    ],
)
async def test_a_search_is_narrowed_by_every_parameter(tmp_path: Path, query: str, names: list[str]) -> None:
    async with a_log(tmp_path, QUERIES) as (url, _):
        found = await get_json(f"{url}/api/v1/queries?{query}")
    assert [row["name"] for row in found["queries"]] == names
    assert (found["logged"], found["complete"], found["before"]) == (True, True, None)


async def test_a_row_says_all_there_is(tmp_path: Path) -> None:
    async with a_log(tmp_path, QUERIES) as (url, _):
        found = await get_json(f"{url}/api/v1/queries?name=.example.com")
    forwarded, blocked = found["queries"]
    assert blocked | {"number": 0} == {
        "number": 0, "at": NOON, "client": "192.168.1.7", "transport": "udp", "name": "ads.example.com", "type": "AAAA",
        "outcome": "blocked", "rcode": "NOERROR", "list": "Ads", "rule": "ads.example.com", "scope": "subtree", "line": 7,
        "upstream": None, "duration_ms": 0.0,
    }  # fmt: skip
    assert (forwarded["upstream"], forwarded["duration_ms"], forwarded["list"]) == ("1.1.1.1:53", 12.5, None)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"), ("limit=1001", "limit"), ("client=nobody", "client"), ("type=ANYTHING", "type"),
        ("outcome=eaten", "outcome"), ("rcode=WRONG", "rcode"), ("transport=dot", "transport"), ("before=-1", "before"),
        ("since=yesterday", "since"), ("since=5&until=4", "until"), ("nonsense=1", "nonsense"), ("name=a&name=b", "name"),
        (f"name={'a' * 300}", "name"), ("since=1e300", "since"),
    ],
)  # fmt: skip
async def test_what_can_not_be_searched_is_refused_with_its_place(tmp_path: Path, query: str, where: str) -> None:
    async with a_log(tmp_path, []) as (url, _):
        problem = await get_json(f"{url}/api/v1/queries?{query}", 400)
    assert where in problem["problems"][0]["where"]


async def test_pages_lead_from_one_to_the_next_over_days(tmp_path: Path) -> None:
    queries = [Asked(NOON - 86_400 * (number % 3) + number, f"n{number}.example") for number in range(25)]
    seen: list[int] = []
    async with a_log(tmp_path, queries) as (url, _):
        before = ""
        while True:
            page = await get_json(f"{url}/api/v1/queries?limit=4{before}")
            seen += [row["number"] for row in page["queries"]]
            if page["before"] is None:
                break
            before = f"&before={page['before']}"
    assert len(seen) == 25
    assert seen == sorted(set(seen), reverse=True)


async def test_an_export_is_a_file_in_each_format(tmp_path: Path) -> None:
    async with a_log(tmp_path, QUERIES) as (url, _):
        status, headers, body = await get(f"{url}/api/v1/queries/export?format=csv&outcome=blocked")
        assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/csv")
        assert headers["Content-Disposition"].endswith('.csv"')
        assert [row["name"] for row in csv.DictReader(io.StringIO(body.decode()))] == ["ads.example.com"]
        _, _, body = await get(f"{url}/api/v1/queries/export?format=jsonl")
        assert next(json.loads(line)["name"] for line in body.splitlines()) == "gone.example"
        _, headers, body = await get(f"{url}/api/v1/queries/export?format=dnstap")
        assert b"protobuf:dnstap.Dnstap" in body
        assert (await get(f"{url}/api/v1/queries/export?format=xml"))[0] == 400


async def test_exports_are_bounded_and_searches_go_on_beside_them(tmp_path: Path) -> None:
    async with a_log(tmp_path, QUERIES) as (url, service), AsyncExitStack() as slow:
        for _ in range(EXPORTS):
            await slow.enter_async_context(service.export(Filter(), FORMATS["csv"]))
        assert len((await get_json(f"{url}/api/v1/queries"))["queries"]) == len(QUERIES)
        assert "exports" in (await get_json(f"{url}/api/v1/queries/export", 503))["detail"]
        await slow.aclose()
        status, _, body = await get(f"{url}/api/v1/queries/export")
    assert (status, body.count(b"\n")) == (200, len(QUERIES) + 1)


async def test_an_export_of_nothing_is_an_empty_file(tmp_path: Path) -> None:
    async with a_log(tmp_path, []) as (url, _):
        status, _, body = await get(f"{url}/api/v1/queries/export?format=jsonl")
    assert (status, body) == (200, b"")


async def test_the_log_is_forgotten_by_days_or_whole_and_goes_on(tmp_path: Path) -> None:
    async with a_log(tmp_path, QUERIES) as (url, service):
        assert await get_json(f"{url}/api/v1/queries?before={NOON - 43_200}", method="DELETE") == {"days": 1}
        assert len((await get_json(f"{url}/api/v1/queries"))["queries"]) == 3
        assert await get_json(f"{url}/api/v1/queries", method="DELETE") == {"days": 1}
        assert (await get_json(f"{url}/api/v1/queries"))["queries"] == []
        service.offer(*frames_of([Asked()])[0])
        assert service._writer.flush(60)
        assert len((await get_json(f"{url}/api/v1/queries"))["queries"]) == 1


@pytest.mark.parametrize("settings", [QueryLogSettings(enabled=False), QueryLogSettings(privacy="statistics")])
async def test_without_a_log_the_last_queries_in_memory_are_told(tmp_path: Path, settings: QueryLogSettings) -> None:
    async with a_log(tmp_path, QUERIES, settings) as (url, _):
        found = await get_json(f"{url}/api/v1/queries")
    assert found["logged"] is False
    assert found["queries"]
    assert not (tmp_path / "log").exists()


async def test_numbers_of_the_live_stream_lead_on_in_memory(tmp_path: Path) -> None:
    async with a_log(tmp_path, QUERIES) as (url, _):
        found = await get_json(f"{url}/api/v1/queries?before=3")
    assert found["logged"] is False
    assert all(row["number"] < 3 for row in found["queries"])


async def test_settings_count_at_once(tmp_path: Path) -> None:
    async with a_log(tmp_path, QUERIES) as (_, service):
        service.change(QueryLogSettings(enabled=False))
        assert (service.enabled, service.counts().written) == (False, 4)
        service.offer(*frames_of([Asked()])[0])
        service.change(QueryLogSettings(profile="sd-card", exclude=("192.168.1.7/32",)))
        assert service.enabled
        frame, rows = frames_of([Asked(client="192.168.1.7")])[0]
        service.offer(service.privacy.redact(frame), rows)
        service.offer(*frames_of([Asked(client="192.168.1.8")])[0])
        assert service._writer.flush(60)
        assert (service.counts().written, service.counts().excluded) == (5, 1)


async def test_with_a_memory_card_a_search_still_sees_the_newest(tmp_path: Path) -> None:
    async with a_log(tmp_path, [], QueryLogSettings(profile="sd-card")) as (url, service):
        service.offer(*frames_of([Asked(name="just.now.example")])[0])
        found = await get_json(f"{url}/api/v1/queries?name=just.now")
    assert [row["name"] for row in found["queries"]] == ["just.now.example"]


async def test_the_log_goes_on_after_the_running_day_was_forgotten_by_a_moment(tmp_path: Path) -> None:
    async with a_log(tmp_path, QUERIES) as (url, service):
        assert await get_json(f"{url}/api/v1/queries?before={NOON + 90_000}", method="DELETE") == {"days": 2}
        assert service.counts().written == 4
        service.offer(*frames_of([Asked(name="after.example")])[0])
        found = await get_json(f"{url}/api/v1/queries")
    assert [row["name"] for row in found["queries"]] == ["after.example"]
