from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from mirage_hole.api.limits import Limits
from mirage_hole.api.problems import Refusal
from mirage_hole.api.server import start_web
from mirage_hole.api.stream import Feed
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.identity import NOBODY, Identity, Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.api.views import boot
from mirage_hole.config.settled import Endpoint
from mirage_hole.observe.statistics import Statistics
from tests.api.serving import Clock, a_state, get, get_json, listening, report, serving
from tests.observe.frames import NOON, frame, replays, ruled, subject

FAST = Limits(tick=0.02, heartbeat=0.1)


def ask(statistics: Statistics, *names: str) -> None:
    statistics.fold_frame(frame(replays(NOON, [("192.0.2.1", subject(name)) for name in names])), NOON)


async def test_a_listener_is_told_everything_first_and_then_what_is_new() -> None:
    state = a_state()
    async with serving(state, FAST) as url, listening(url) as listener:
        assert (await listener.until("hello"))[0]["version"] == "1.2.3"
        assert len((await listener.until("series"))[0]["queries"]) == 1440
        opening, _ = await listener.until("queries")
        assert [row["number"] for row in opening["queries"]] == [1, 2, 3, 4, 5]
        assert (await listener.until("counts"))[0]["totals"]["queries"] == 5
        assert (await listener.until("top"))[0]["client_count"] == 3
        assert (await listener.until("lists"))[0][0]["title"] == "Ads"
        ask(state.statistics, "new.example")
        fresh, identifier = await listener.until("queries")
        assert [row["name"] for row in fresh["queries"]] == ["new.example"]
        assert fresh["skipped"] == 0
        assert identifier == f"{boot(state)}-6"
        assert (await listener.until("counts"))[0]["totals"]["queries"] == 6
        assert (await listener.until("minutes"))[0]["queries"][-1] == 1


async def test_a_listener_that_comes_back_goes_on_where_it_was() -> None:
    state = a_state()
    async with serving(state, FAST) as url:
        async with listening(url) as listener:
            _, identifier = await listener.until("queries")
        ask(state.statistics, "one.example", "two.example")
        for arguments in ({"headers": {"Last-Event-ID": identifier}}, {"params": {"last_event_id": identifier}}):
            async with listening(url, **arguments) as listener:
                missed, _ = await listener.until("queries")
                assert [row["name"] for row in missed["queries"]] == ["one.example", "two.example"]
                assert missed["skipped"] == 0


async def test_who_was_away_too_long_is_told_how_much_was_skipped() -> None:
    state = a_state()
    async with serving(state, Limits(tick=0.02, stream_rows=3)) as url:
        ask(state.statistics, *(f"n{number}.example" for number in range(10)))
        async with listening(url, headers={"Last-Event-ID": f"{boot(state)}-5"}) as listener:
            missed, _ = await listener.until("queries")
        assert [row["number"] for row in missed["queries"]] == [13, 14, 15]
        assert missed["skipped"] == 7


async def test_numbers_of_another_run_mean_nothing() -> None:
    async with serving(a_state(), FAST) as url, listening(url, headers={"Last-Event-ID": "abc-3"}) as listener:
        assert len((await listener.until("queries"))[0]["queries"]) == 5


async def test_a_quiet_stream_says_that_it_lives() -> None:
    async with serving(a_state(), FAST) as url, listening(url) as listener:
        assert (await listener.until("ping"))[0] == {"now": NOON}


async def test_what_did_not_change_is_not_sent_again() -> None:
    async with serving(a_state(), FAST) as url, listening(url) as listener:
        await listener.until("lists")
        seen = []
        while "ping" not in seen:
            seen.append((await listener.event())[0])
    assert seen == ["ping"]


async def test_too_many_listeners_are_sent_away_and_a_place_becomes_free_again() -> None:
    async with serving(a_state(), Limits(tick=0.02, heartbeat=0.05, listeners=2)) as url:
        async with listening(url) as first, listening(url) as second:
            await first.event()
            await second.event()
            problem = await get_json(f"{url}/api/v1/events", 503)
            assert "2 live streams are open" in problem["detail"]
        async with asyncio.timeout(30):
            while True:
                try:
                    async with listening(url) as listener:
                        await listener.event()
                    break
                except AssertionError:
                    await asyncio.sleep(0.01)


async def test_a_listener_that_does_not_read_is_let_go() -> None:
    state = a_state()
    limits = Limits(tick=0.005, write_time=0.2, listeners=1, stream_rows=1000)
    async with serving(state, limits) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.transport.pause_reading()
        writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        names = [f"{'x' * 60}.{'y' * 60}.n{number}.example" for number in range(300)]
        async with asyncio.timeout(30):
            while True:
                ask(state.statistics, *names)
                try:
                    async with listening(url) as listener:
                        await listener.event()
                    break
                except AssertionError:
                    await asyncio.sleep(0.02)
        writer.transport.abort()
        del reader


async def test_the_end_of_the_server_ends_the_streams() -> None:
    async with serving(a_state(), Limits(tick=30, heartbeat=60)) as url:
        stream = listening(url)
        listener = await stream.__aenter__()
        await listener.until("lists")
    with pytest.raises((EOFError, OSError)):
        await listener.event()
    await stream.__aexit__(None, None, None)


async def test_an_error_of_ours_ends_the_stream_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    state = a_state()
    async with serving(state, FAST) as url, listening(url) as listener:
        await listener.until("lists")
        state.lists = lambda: [][0]
        with pytest.raises((EOFError, OSError, aiohttp.ClientError)):
            await listener.until("nothing of this name")
        assert "the live stream failed" in caplog.text
        state.lists = list
        async with listening(url) as another:
            await another.until("lists")


def test_what_all_listeners_get_is_encoded_once() -> None:
    state = a_state()
    feed = Feed(state, Limits())
    first, second = feed.resume(""), feed.resume("")
    feed.opening(first)
    feed.opening(second)
    ask(state.statistics, "new.example")
    calls = []
    lists = state.lists
    state.lists = lambda: calls.append(1) or lists()  # type: ignore[func-returns-value]
    assert feed.news(first, 10) == feed.news(second, 10)
    assert len(calls) == 1


def test_a_slow_listener_that_missed_ticks_gets_the_newest_numbers_once() -> None:
    clock = Clock()
    state = a_state(clock=clock)
    feed = Feed(state, Limits())
    cursor = feed.resume("")
    feed.opening(cursor)
    for second in range(5):
        clock.now = NOON + second
        ask(state.statistics, f"n{second}.example")
    report(state.statistics, clock.now)
    news = feed.news(cursor, 20)
    assert news.count(b"event: queries\n") == news.count(b"event: counts\n") == 1
    assert news.count(b'"name":"n') >= 5
    assert feed.news(cursor, 20) == b""


@pytest.mark.parametrize("identifier", ["nonsense", "-", "abc-", "abc--1", "abc-1e9", "abc-" + "9" * 40, "abc-٣"])
def test_an_identifier_that_is_none_is_refused(identifier: str) -> None:
    with pytest.raises(Refusal):
        Feed(a_state(), Limits()).resume(identifier)


def test_an_identifier_from_the_future_waits_for_no_query() -> None:
    state = a_state()
    feed = Feed(state, Limits())
    cursor = feed.resume(f"{boot(state)}-999")
    assert cursor.after == 5
    ask(state.statistics, "new.example")
    assert b"new.example" in feed.news(cursor, 1)


def test_a_name_with_any_octets_stays_on_its_line() -> None:
    state = a_state()
    feed = Feed(state, Limits())
    cursor = feed.resume("")
    feed.opening(cursor)
    told = ruled("a.example", "a.example")
    hostile = told[:-11] + b"\x05\n\ndat\x03:\r\n\x00"
    hostile = len(hostile[2:]).to_bytes(2, "little") + hostile[2:]
    state.statistics.fold_frame(frame(replays(NOON, [("192.0.2.1", hostile)])), NOON)
    news = feed.news(cursor, 1)
    assert news.count(b"\n\n") == 1
    assert b"\\\\010" in news


def test_lists_on_their_way_are_told_every_second_and_a_thousand_chunks_are_no_thousand_events() -> None:
    state = a_state()
    still = state.lists()
    octets = [0]
    feed = Feed(state, Limits())
    cursor = feed.resume("")
    feed.opening(cursor)
    state.lists = lambda: [one._replace(doing="receiving", received=octets[0], total=10_000) for one in still]
    told = []
    for tick in range(2, 10):
        octets[0] += 1000
        told.append(feed.news(cursor, tick).count(b"event: lists\n"))
    assert told == [1, 0, 1, 0, 1, 0, 1, 0]
    state.lists = lambda: still
    last = feed.news(cursor, 12)
    assert b'"doing":""' in last
    assert [feed.news(cursor, tick).count(b"event: lists\n") for tick in range(13, 20)] == [0] * 7


async def test_one_client_has_a_few_streams_and_leaves_places_for_others() -> None:
    limits = Limits(tick=0.02, listeners=9, listeners_per_client=2)
    async with serving(a_state(), limits) as url:
        async with listening(url), listening(url):
            status, headers, body = await get(f"{url}/api/v1/events")
            assert (status, headers["Retry-After"]) == (503, "10")
            assert b"2 live streams are open from there" in body
        async with asyncio.timeout(30):  # until their ends are seen
            while await refused(url):  # noqa: ASYNC110 - nothing tells us
                await asyncio.sleep(0.01)


async def refused(url: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v1/events") as response:
        return response.status == 503


class Revoked(Everybody):
    """A token that is revoked at some time."""

    def __init__(self) -> None:
        super().__init__(Identity("token x", Role.VIEWER, "token", key="1"))
        self.over: Refusal | None = None

    async def identify(self, request: web.Request) -> Identity:
        if self.over is not None:
            raise self.over
        return await super().identify(request)

    def become(self, identity: Identity) -> None:
        self._identity = identity


@pytest.mark.parametrize("how", ["revoked", "logged out", "other area"])
async def test_a_stream_ends_with_the_session_or_token_that_asked_for_it(how: str) -> None:
    access = Revoked()
    limits = Limits(tick=0.02, heartbeat=0.1, recheck=0.05)
    server = await start_web(Endpoint("127.0.0.1", 0), Parts(state=a_state()), access, limits=limits)
    try:
        async with listening(server.url) as listener:
            await listener.until("counts")
            await listener.until("ping")
            if how == "revoked":
                access.over = Refusal(401, "it was revoked")
            elif how == "logged out":
                access.become(NOBODY)
            else:
                access.become(Identity("token x", Role.VIEWER, "token", frozenset({"lists"}), "1"))
            with pytest.raises(EOFError):
                await listener.until("never")
    finally:
        await server.cleanup()


async def test_a_pause_is_told_when_it_begins_and_ends() -> None:
    pause = {"paused": False}
    async with serving(a_state(pause=lambda: dict(pause)), FAST) as url, listening(url) as listener:
        assert (await listener.until("pause"))[0] == {"paused": False}
        pause["paused"] = True
        assert (await listener.until("pause"))[0] == {"paused": True}
