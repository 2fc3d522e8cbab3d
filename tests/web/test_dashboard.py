"""The dashboard in a real browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from mirage_hole.api.limits import Limits
from mirage_hole.api.server import start_web
from mirage_hole.api.v1.dispatch import Everybody
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.settled import Endpoint
from mirage_hole.lists.rule import Scope
from mirage_hole.observe.record import NO_UPSTREAM, Subject, encode_subject
from mirage_hole.observe.statistics import Statistics
from mirage_hole.policy.verdict import Outcome
from tests.api.serving import VISITOR, serving
from tests.observe.frames import frame, replays, ruled, subject
from tests.web.browser import browser, find_browser
from tests.web.scene import House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [
    pytest.mark.live,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(find_browser() is None, reason="no chromium on this machine; set MIRAGE_HOLE_BROWSER to one"),
]

FAST = Limits(tick=0.05)
HOSTILE = "<img src=x onerror=document.title='owned'>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Any]:
    async with browser() as running:
        yield running


class Visit:
    """A page, and everything it complained about."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda problem: self.complaints.append(str(problem)))
        page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type in {"error", "warning"} else None,
        )
        page.on("request", lambda request: self.requests.append(request.url))

    async def text(self, selector: str) -> str:
        return str(await self.page.inner_text(selector))


async def visit(chromium: Any, url: str, width: int = 1280, **more: Any) -> Visit:
    visited = Visit(await chromium.new_page(viewport={"width": width, "height": 900}, locale="en-GB", **more))
    await visited.page.goto(url)
    await visited.page.wait_for_selector("#version:not(:empty)")
    return visited


def a_house() -> House:
    house = House(time.time())
    house.live_a_day()
    return house


async def test_the_page_shows_the_day_and_what_happens_now(chromium: Any) -> None:
    house = a_house()
    async with serving(house.state(time.time), FAST) as url:
        visited = await visit(chromium, url)
        page = visited.page
        await page.wait_for_selector("#rows tr")
        queries, blocked = house.statistics.day(time.time())
        assert await visited.text("#n-queries") == f"{queries:,}"
        assert await visited.text("#n-blocked") == f"{blocked:,}"
        assert await visited.text("#n-names") == "412,908"
        assert "stats.g.doubleclick.net" in await visited.text("#top-blocked li >> nth=0")
        assert await page.locator("#lists li").count() == 4
        assert await page.get_attribute("#chart path.blocked", "d")
        house.statistics.fold_frame(
            frame(
                replays(time.time(), [("192.168.1.99", ruled("fresh.example", "example", line=4321))]), generation=12
            ),
            time.time(),
        )
        await page.wait_for_selector("#rows tr:first-child:has-text('fresh.example')")
        await page.click("#rows tr:first-child .more")
        details = await visited.text("#rows .details")
        assert "StevenBlack hosts" in details
        assert "example and every name below it, line 4,321 of the list" in details
        assert visited.complaints == []
        assert all(request.startswith(url) for request in visited.requests)
        await page.close()


async def test_hostile_names_and_titles_are_shown_as_text(chromium: Any) -> None:
    statistics = Statistics()
    statistics.register_generation(12, [HOSTILE])
    now = time.time()
    label = b"<b onmouseover=x>&amp;\"'"
    rule = b"\x07example\x00"
    name = bytes((len(label),)) + label + rule
    told = encode_subject(Subject(Outcome.BLOCKED, 0, 1, 0, 7, rule, Scope.SUBTREE, NO_UPSTREAM, name))
    statistics.fold_frame(frame(replays(now, [("192.0.2.1", told)]), generation=12), now)
    house = House(now)
    house.statistics = statistics
    state = house.state(time.time)
    state.lists = lambda: [one._replace(title=HOSTILE, error=HOSTILE) for one in house.lists()]
    async with serving(state, FAST) as url:
        visited = await visit(chromium, url)
        page = visited.page
        await page.wait_for_selector("#rows tr")
        await page.click("#rows .more")
        assert r"<b\032onmouseover=x>&amp\;\"'.example" in await visited.text("#rows tr .name")
        assert HOSTILE in await visited.text("#rows .details")
        assert HOSTILE in await visited.text("#lists")
        await page.fill("#check-name", HOSTILE)
        await page.press("#check-name", "Enter")
        await page.wait_for_selector("#verdict:not([hidden])")
        assert await page.locator("main img, main b[onmouseover], [onerror]").count() == 0
        assert await page.title() == "Mirage Hole"
        await page.close()


async def test_the_tail_pauses_filters_and_goes_on(chromium: Any) -> None:
    house = a_house()
    broken = subject("broken.example", Outcome.FAILED, rcode=2)
    house.statistics.fold_frame(frame(replays(time.time(), [("192.0.2.9", broken)])), time.time())
    async with serving(house.state(time.time), FAST) as url:
        visited = await visit(chromium, url)
        page = visited.page
        await page.wait_for_selector("#rows tr")
        await page.click("#pause")
        house.statistics.fold_frame(
            frame(replays(time.time(), [("192.0.2.77", subject("later.example"))] * 3)), time.time()
        )
        await page.wait_for_selector("#tail-note:has-text('3 new')")
        assert "later.example" not in await visited.text("#rows")
        await page.click("#pause")
        await page.wait_for_selector("#rows tr:has-text('later.example')")
        await page.fill("#filter", "DOUBLEclick")
        await page.wait_for_selector("#rows tr:nth-child(31)")
        assert await page.locator("#rows tr:not(:has-text('doubleclick'))").count() == 0
        await page.fill("#filter", "192.0.2.77")
        await page.wait_for_selector("#rows tr:nth-child(3):last-child")
        await page.fill("#filter", "")
        await page.check("#outcome [value=problem]", force=True)
        await page.wait_for_selector("#rows tr:has-text('Failed')")
        assert await page.locator("#rows tr:not(:has-text('Failed'))").count() == 0
        await page.fill("#filter", "no such name")
        await page.click("text=Show all queries")
        await page.wait_for_selector("#rows tr")
        assert visited.complaints == []
        await page.close()


async def test_without_queries_the_page_says_how_to_ask_one(chromium: Any) -> None:
    house = House(time.time())
    state = house.state(time.time)
    state.listen = ("0.0.0.0:5353", "[::1]:53")
    async with serving(state, FAST) as url:
        visited = await visit(chromium, url)
        await visited.page.wait_for_selector("#empty:has-text('No queries yet')")
        told = await visited.text("#empty")
        assert "dig @127.0.0.1 -p 5353 doubleclick.net" in told
        assert "dig @::1 doubleclick.net" in told
        assert visited.complaints == []
        await visited.page.close()


async def test_a_lost_connection_is_told_and_comes_back_by_itself(chromium: Any) -> None:
    house = a_house()
    state = house.state(time.time)
    server = await start_web(Endpoint("127.0.0.1", 0), Parts(state=state), Everybody(VISITOR), limits=FAST)
    port = int(server.url.rpartition(":")[2])
    visited = await visit(chromium, server.url)
    page = visited.page
    await page.wait_for_selector("#rows tr")
    await server.cleanup()
    await page.wait_for_selector("#lost:not([hidden])")
    assert await visited.text("#health") == "Not connected"
    house.statistics.fold_frame(frame(replays(time.time(), [("192.0.2.1", subject("meanwhile.example"))])), time.time())
    server = await start_web(Endpoint("127.0.0.1", port), Parts(state=state), Everybody(VISITOR), limits=FAST)
    try:
        await page.click("#lost-retry")
        await page.wait_for_selector("#lost", state="hidden")
        await page.wait_for_selector("#rows tr:first-child:has-text('meanwhile.example')")
        numbers = await page.evaluate("[...document.querySelectorAll('#rows tr')].map((line) => line.row.number)")
        assert numbers == sorted(set(numbers), reverse=True)
    finally:
        await page.close()
        await server.cleanup()


async def test_a_phone_needs_no_sideways_scrolling_and_the_keyboard_reaches_everything(chromium: Any) -> None:
    house = a_house()
    async with serving(house.state(time.time), FAST) as url:
        visited = await visit(chromium, url)
        page = visited.page
        await page.wait_for_selector("#rows tr")
        for width in (360, 640, 820, 1080, 1280):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.focus("#chart")
        await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("ArrowLeft")
        assert "queries" in await page.text_content("#chart-says")
        await page.focus("#rows tr:nth-child(2) .more")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#rows .details")
        assert await page.get_attribute("#rows tr:nth-child(2) .more", "aria-expanded") == "true"
        assert "Paused while you read" in await visited.text("#tail-note")
        await page.close()


async def test_the_name_in_a_pasted_address_is_explained(chromium: Any) -> None:
    async with serving(a_house().state(time.time), FAST) as url:
        visited = await visit(chromium, url)
        page = visited.page
        await page.fill("#check-name", " https://me@DoubleClick.net:443/a?b=c ")
        await page.press("#check-name", "Enter")
        await page.wait_for_selector("#verdict:not([hidden])")
        assert (await visited.text("#verdict .big")).startswith("doubleclick.net is blocked")
        await page.close()


async def test_no_panel_is_squeezed_in_a_narrow_window(chromium: Any) -> None:
    async with serving(a_house().state(time.time), FAST) as url:
        visited = await visit(chromium, url)
        page = visited.page
        await page.wait_for_selector("#rows tr")
        widths = "[...document.querySelectorAll('.layout .panel')].map((panel) => panel.clientWidth)"
        for width in (360, 640, 820, 1080, 1280):
            await page.set_viewport_size({"width": width, "height": 900})
            assert min(await page.evaluate(widths)) >= 200
        await page.close()


async def test_the_theme_follows_the_system_until_one_is_chosen(chromium: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    async with serving(House(time.time()).state(time.time), FAST) as url:
        visited = await visit(chromium, url, color_scheme="dark")
        page = visited.page
        dark = await page.evaluate(ground)
        await page.click("#theme")
        light = await page.evaluate(ground)
        assert dark != light
        await page.reload()
        assert await page.evaluate(ground) == light
        await page.click("#theme")
        assert await page.evaluate(ground) == dark
        assert await page.text_content("#theme-name") == "Theme: dark"
        assert visited.complaints == []
        await page.close()
