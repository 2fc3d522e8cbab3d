"""The query log in a real browser, against a real server."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from tests.live.processes import wait_for
from tests.web.server import DEVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Visit
    from tests.web.server import Server

HERE, THERE = DEVICES[2], DEVICES[3]
NOBODY = ["0.0.0.0"]
SOMEBODY = ["192.0.2.10"]
AD = "ad.doubleclick.net"


@pytest.fixture(autouse=True)
def no_rules(server: Server) -> Iterator[None]:
    """Each test begins with no rules of one's own."""
    server.api("PUT", "/api/v1/rules", {"texts": []})
    yield
    server.api("PUT", "/api/v1/rules", {"texts": []})


async def shown(page: Any, url: str, query: str = "") -> Any:
    """The page; its rows."""
    await page.goto(f"{url}/queries{query}")
    await page.get_by_role("heading", level=1, name="Queries").wait_for()
    return page.locator("[data-index]")


def row_of(page: Any, name: str) -> Any:
    return page.locator("[data-index]").filter(has=page.locator(".name.cut", has_text=name)).first


def new_rule(server: Server) -> dict[str, Any]:
    rules = server.api("GET", "/api/v1/rules")["rules"]
    assert len(rules) == 1
    return dict(rules[0])


async def test_filters_are_in_the_address_and_chips_take_them_away(page: Any, server: Server) -> None:
    server.asks(AD, source=THERE)
    server.asks(AD, source=HERE)
    rows = await shown(page, server.url, f"?outcome=blocked&client={HERE}")
    await expect(rows.first).to_contain_text("Blocked")
    await expect(rows.first).to_contain_text(HERE)
    await expect(rows.filter(has_text=re.compile("Forwarded|Cached"))).to_have_count(0)
    await expect(rows.filter(has_text=THERE)).to_have_count(0)
    await page.get_by_role("button", name=f"Remove the filter Client {HERE}").click()
    await expect(page).to_have_url(re.compile(r"/queries\?outcome=blocked$"))
    await expect(rows.filter(has_text=THERE)).not_to_have_count(0)
    await page.get_by_role("button", name="Remove the filter Outcome Blocked").click()
    await expect(page).to_have_url(re.compile(r"/queries$"))
    await page.go_back()
    await expect(page.get_by_role("button", name="Remove the filter Outcome Blocked")).to_be_visible()


async def test_typing_finds_names_and_words_with_a_colon_become_filters(page: Any, server: Server) -> None:
    server.asks("only-here.example", "AAAA", HERE)
    rows = await shown(page, server.url)
    field = page.get_by_role("searchbox", name="Filter by name")
    await page.keyboard.press("/")
    await expect(field).to_be_focused()
    await page.keyboard.type("only-here")
    await expect(page).to_have_url(re.compile("name=only-here"))
    await expect(rows.first).to_contain_text("only-here.example")
    await page.keyboard.type(" type:a")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"name=only-here&type=A$"))
    await expect(page.get_by_text("Nothing fits these filters")).to_be_visible()
    await page.reload()
    await expect(field).to_have_value("only-here")
    await page.get_by_role("button", name="Remove the filters", exact=True).click()
    await expect(rows.first).to_be_visible()
    await expect(field).to_have_value("")


async def test_a_value_in_a_row_becomes_a_filter(page: Any, server: Server) -> None:
    server.asks("clicked.example", "AAAA", THERE)
    rows = await shown(page, server.url)
    await row_of(page, "clicked.example").get_by_text(THERE).click()
    await expect(page).to_have_url(re.compile(re.escape(f"client={THERE}")))
    await expect(rows.filter(has_text=HERE)).to_have_count(0)
    await row_of(page, "clicked.example").get_by_text("AAAA").click()
    await expect(page).to_have_url(re.compile(re.escape(f"client={THERE}&type=AAAA")))
    assert await page.locator("dialog").count() == 0
    await row_of(page, "clicked.example").locator("[data-menu]").click()
    await page.get_by_role("menuitem", name="All queries for this name").click()
    await expect(page.get_by_role("searchbox", name="Filter by name")).to_have_value("=clicked.example")


async def test_a_filter_of_any_kind_is_added_from_the_menu(page: Any, server: Server) -> None:
    await shown(page, server.url)
    await page.get_by_role("button", name="Filter", exact=True).click()
    await page.get_by_label("What", exact=True).select_option("rcode")
    await page.get_by_label("Is", exact=True).fill("nxdomain")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page).to_have_url(re.compile("rcode=NXDOMAIN"))
    await page.get_by_role("button", name="Filter", exact=True).click()
    await page.get_by_role("button", name="Hour").click()
    await expect(page).to_have_url(re.compile(r"since=\d{10}"))
    since = int(re.search(r"since=(\d+)", page.url)[1])  # type: ignore[index]
    assert abs(time.time() - 3600 - since) < 60


async def test_a_query_says_why_it_was_blocked_and_can_be_shared(page: Any, server: Server) -> None:
    server.asks(AD, source=HERE)
    await shown(page, server.url, f"?name=={AD}")
    await row_of(page, AD).locator(".name.cut").click()
    drawer = page.get_by_role("dialog", name="Query")
    await expect(drawer.get_by_text("It is blocked.")).to_be_visible()
    await expect(drawer.get_by_role("list", name="Rules").get_by_role("listitem").first).to_contain_text("Decides")
    await expect(drawer.get_by_role("heading", name="Without a list")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"row=\d+"))
    await page.reload()
    await expect(drawer.get_by_text("It is blocked.")).to_be_visible()
    await expect(drawer).to_contain_text(AD)
    await drawer.get_by_role("button", name=HERE).click()
    await expect(page).to_have_url(re.compile(re.escape(f"client={HERE}") + "$"))
    await expect(drawer).to_have_count(0)


async def test_an_address_of_a_query_that_is_gone_says_so(page: Any, server: Server) -> None:
    await shown(page, server.url, "?row=1234567890")
    await expect(page.get_by_text("not in the log any more")).to_be_visible()
    await expect(page).to_have_url(re.compile("/queries$"))


@pytest.mark.parametrize(
    ("how_long", "seconds"), [("10 min", 600), ("1 hour", 3600), ("Until tonight", 0), ("For good", None)]
)
async def test_a_blocked_name_is_allowed_for_one_client_from_the_log(
    page: Any, server: Server, how_long: str, seconds: int | None
) -> None:
    assert server.asks(AD, source=HERE) == NOBODY
    await shown(page, server.url, f"?name=={AD}&client={HERE}")
    await row_of(page, AD).locator(".name.cut").click()
    drawer = page.get_by_role("dialog", name="Query")
    await drawer.get_by_role("radio", name=how_long).check()
    await drawer.locator("button.main").click()
    await expect(drawer.get_by_text("Works at once.")).to_be_visible()
    await expect(drawer.get_by_text("It is allowed.")).to_be_visible()
    assert server.asks(AD, source=HERE) == SOMEBODY
    assert server.asks(AD, source=THERE) == NOBODY
    rule = new_rule(server)
    if seconds is None:
        assert rule["until"] is None
    elif seconds:
        assert abs(rule["until"] - rule["created"] - seconds) < 5
    else:
        end = datetime.fromtimestamp(rule["until"] + 30, ZoneInfo("Europe/Berlin"))
        assert (end.hour, end.minute) == (0, 0)
    await drawer.get_by_role("button", name="Undo").click()
    await expect(drawer.get_by_text("It is blocked.")).to_be_visible()
    assert server.asks(AD, source=HERE) == NOBODY
    assert server.api("GET", "/api/v1/rules")["rules"] == []


async def test_a_name_and_all_below_it_is_blocked_for_everyone(page: Any, server: Server) -> None:
    assert server.asks("shop.zoo.example", source=HERE) == SOMEBODY
    server.asks("zoo.example", source=HERE)
    await shown(page, server.url, "?name==zoo.example")
    await row_of(page, "zoo.example").locator(".name.cut").click()
    drawer = page.get_by_role("dialog", name="Query")
    await drawer.get_by_role("radio", name="And all below it").check()
    await drawer.get_by_role("radio", name="Everyone").check()
    await drawer.locator("button.main").click()
    await expect(drawer.get_by_text("Blocked: zoo.example and all below it for everyone")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("status").get_by_role("button", name="Undo")).to_be_visible()
    assert server.asks("zoo.example", source=THERE) == NOBODY
    assert server.asks("shop.zoo.example", source=THERE) == NOBODY
    assert server.asks("aquarium.example", source=THERE) == SOMEBODY


async def test_the_menu_of_a_row_offers_the_smallest_first_and_a_toast_takes_it_back(page: Any, server: Server) -> None:
    server.asks(AD, source=HERE)
    await shown(page, server.url, f"?name=={AD}&client={HERE}")
    await row_of(page, AD).locator("[data-menu]").click()
    first = page.get_by_role("menuitem").first
    await expect(first).to_have_text("Allow for 10 minutes, only for this client")
    await first.click()
    toast = page.get_by_role("status").filter(has_text="Works at once.")
    await expect(toast).to_contain_text(f"Allowed: {AD} for {HERE} for 10 minutes.")
    assert server.asks(AD, source=HERE) == SOMEBODY
    await toast.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Taken back.")).to_be_visible()
    assert server.asks(AD, source=HERE) == NOBODY


async def test_undo_gives_a_rule_that_was_there_its_old_end_again(page: Any, server: Server) -> None:
    server.api("POST", "/api/v1/rules", {"text": f"@@|{AD}^$client='{HERE}'", "comment": "mine"})
    server.asks(AD, source=HERE)
    await shown(page, server.url, f"?name=={AD}&client={HERE}&outcome=forwarded,cached")
    await page.get_by_role("grid").focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("a")
    await expect(page.get_by_text("Works at once.")).to_be_visible()
    assert new_rule(server)["until"] is not None
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Taken back.")).to_be_visible()
    assert (new_rule(server)["until"], new_rule(server)["comment"]) == (None, "mine")


async def test_everything_works_with_the_keyboard_only(page: Any, server: Server) -> None:
    server.asks(AD, source=HERE)
    await shown(page, server.url, f"?name=={AD}&client={HERE}")
    await row_of(page, AD).wait_for()
    grid = page.get_by_role("grid")
    for _ in range(60):
        if await grid.evaluate("one => one === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await expect(grid).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("[aria-selected=true]")).to_have_attribute("data-index", "0")
    chosen = await grid.get_attribute("aria-activedescendant")
    await expect(page.locator(f"[id='{chosen}']")).to_contain_text(AD)
    await page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog", name="Query")
    await expect(drawer.get_by_text("It is blocked.")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(drawer).to_have_count(0)
    await expect(grid).to_be_focused()
    await page.keyboard.press("m")
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("menuitem").last).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(drawer).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(grid).to_be_focused()
    await page.keyboard.press("m")
    await page.get_by_role("menuitem", name="All queries for this name").press("Escape")
    await expect(grid).to_be_focused()
    await page.keyboard.press("a")
    await expect(page.get_by_text("Works at once.")).to_be_visible()
    assert server.asks(AD, source=HERE) == SOMEBODY
    await page.keyboard.press("Escape")
    await expect(page.locator("[aria-selected=true]")).to_have_count(0)


async def test_queries_appear_as_they_are_asked_when_they_fit(page: Any, server: Server) -> None:
    rows = await shown(page, server.url, "?name=tail")
    await expect(page.get_by_text("Nothing fits these filters")).to_be_visible()
    server.asks("other.example", source=HERE)
    server.asks("tail-1.example", source=HERE)
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("tail-1.example")
    await page.reload()
    await expect(rows).to_have_count(1)


async def test_nothing_moves_while_a_query_is_looked_at_or_the_tail_is_paused(page: Any, server: Server) -> None:
    server.asks("still-1.example", source=HERE)
    rows = await shown(page, server.url, "?name=still")
    await rows.first.locator(".name.cut").click()
    server.asks("still-2.example", source=HERE)
    fresh = page.get_by_role("button", name="1 new", include_hidden=True)
    await expect(fresh).to_have_count(1)
    await expect(rows).to_have_count(1)
    await page.keyboard.press("Escape")
    await fresh.click()
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("still-2.example")
    await page.locator("main").get_by_role("button", name="Pause").click()
    server.asks("still-3.example", source=HERE)
    await expect(fresh).to_be_visible()
    await expect(rows).to_have_count(2)
    await page.get_by_role("button", name="Go on").click()
    await expect(rows.first).to_contain_text("still-3.example")


async def test_the_whole_log_is_reached_by_scrolling_with_few_elements(page: Any, server: Server) -> None:
    for number in range(700):
        server.asks(f"n{number}.long.example", source=DEVICES[number % 3])
    wait_for(lambda: server.logged() >= 500, "the log")
    rows = await shown(page, server.url, "?name=.long.example")
    await rows.first.wait_for()
    grid = page.get_by_role("grid")
    await grid.focus()
    await expect(grid).to_be_focused()
    for _ in range(100):
        await page.keyboard.press("End")
        if await page.get_by_text("All 700 queries").count():
            break
        await page.wait_for_timeout(100)
    await expect(page.get_by_text("All 700 queries")).to_be_visible()
    await page.keyboard.press("End")
    await expect(page.locator("[data-index='699']")).to_contain_text("n0.long.example")
    await expect(grid).to_have_attribute("aria-rowcount", "701")
    assert await rows.count() < 100
    await page.keyboard.press("Home")
    await expect(page.locator("[data-index='0']")).to_contain_text("n699.long.example")


async def test_what_fits_is_exported(page: Any, server: Server) -> None:
    server.asks("exported.example", source=HERE)
    await shown(page, server.url, "?name=exported.example")
    await page.get_by_role("button", name="Export", exact=True).click()
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name=re.compile("JSON")).click()
    download = await waiting.value
    text = await asyncio.to_thread(Path(await download.path()).read_text)
    assert "exported.example" in text
    assert AD not in text


HOSTILE = {
    r"<img\032src=x\032onerror=alert(1)>.example": r"<img\032src=x\032onerror=alert\(1\)>.example",
    r"\226\128\174gpj.example": r"\226\128\174gpj.example",
    r"a\000b\010c.example": r"a\000b\010c.example",
    "javascript:alert`1`.example": "javascript:alert`1`.example",
}


async def test_hostile_names_are_shown_for_what_they_are(visit: Visit, server: Server) -> None:
    page = visit.page
    opened: list[Any] = []
    page.on("dialog", lambda dialog: opened.append(dialog))
    await shown(page, server.url)
    for name, text in HOSTILE.items():
        server.asks(name, source=HERE)
        await expect(row_of(page, text)).to_be_visible()
    server.asks("xn--pple-43d.example", source=HERE)  # the first letter is Cyrillic
    deceiving = row_of(page, "xn--pple-43d.example")
    await expect(deceiving).to_contain_text("can be taken for others")
    markup = next(iter(HOSTILE.values()))
    await row_of(page, markup).locator(".name.cut").click()
    drawer = page.get_by_role("dialog", name="Query")
    await expect(drawer.locator(".title")).to_have_text(markup)
    await expect(drawer.get_by_text("No rule is about it")).to_be_visible()
    assert await page.locator("main img, dialog img, [onerror]").count() == 0
    assert opened == []


async def test_a_hostile_filter_in_the_address_is_text_or_refused(visit: Visit, server: Server) -> None:
    page = visit.page
    await shown(page, server.url, "?list=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&name=%E2%80%AEx")
    await expect(page.get_by_text("Nothing fits these filters")).to_be_visible()
    await expect(page.get_by_role("button", name="List <img src=x onerror=alert(1)>")).to_be_visible()
    assert await page.locator("main img").count() == 0
    await shown(page, server.url, "?client=nonsense&type=!!")
    await expect(page.get_by_role("alert")).to_contain_text("is no address and no network")
    visit.expects("400")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_and_its_drawer_break_no_rule_of_accessibility(page: Any, server: Server, scheme: str) -> None:
    server.asks(AD, source=HERE)
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await shown(page, server.url, f"?client={HERE}")
    axe = (Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js").read_text()
    for step in ("page", "menu", "drawer"):
        row = row_of(page, AD)
        await row.wait_for()
        if step == "menu":
            await row.locator("[data-menu]").click()
        elif step == "drawer":
            await page.keyboard.press("Escape")
            await row.locator(".name.cut").click()
            await page.get_by_role("heading", name="Without a list").wait_for()
        await page.evaluate(axe)
        found = await page.evaluate("axe.run().then((found) => found.violations)")
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


async def test_on_a_phone_rows_are_cards_and_nothing_is_wider_than_the_screen(page: Any, server: Server) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    server.asks(AD, source=HERE)
    rows = await shown(page, server.url, f"?client={HERE}&outcome=blocked")
    await expect(rows.first).to_contain_text("doubleclick.net")
    box = await rows.first.bounding_box()
    assert box["height"] == 60
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.get_by_role("button", name="Filter", exact=True).click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.keyboard.press("Escape")
    await rows.first.locator(".name.cut").click()
    await expect(page.get_by_role("dialog", name="Query")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
