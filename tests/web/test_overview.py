"""The overview in a real browser, against a real server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

from tests.web.server import BLOCKED, DEVICES

if TYPE_CHECKING:
    from tests.web.server import Server


async def test_queries_are_counted_while_they_are_asked(page: Any, server: Server) -> None:
    card = page.locator("article", has_text="Queries").first.locator(".number")
    await expect(card).to_have_text(re.compile(r"\d"))
    before = int((await card.inner_text()).replace(",", ""))
    for number in range(5):
        server.asks(f"fresh{number}.example", source=DEVICES[0])
    await expect(card).to_have_text(f"{before + 5:,}")


async def test_the_heaviest_are_there_and_lead_to_their_queries(page: Any, server: Server) -> None:
    panel = page.get_by_role("region", name="Top blocked")
    first = panel.get_by_role("link").first
    await expect(first).to_have_text(re.compile("|".join(map(re.escape, BLOCKED))))
    name = await first.inner_text()
    await first.click()
    await expect(page).to_have_url(re.compile(rf"/queries\?name={re.escape(name)}&outcome=blocked"))


async def test_a_period_is_part_of_the_address_and_outlives_a_reload(page: Any) -> None:
    await page.get_by_role("radio", name="7 d").check()
    await expect(page).to_have_url(re.compile("period=week"))
    await page.reload()
    await expect(page.get_by_role("radio", name="7 d")).to_be_checked()
    await page.get_by_text("Compare").click()
    await expect(page.get_by_role("region", name="Queries over time").get_by_text("Before")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("radio", name="24 h")).to_be_checked()


async def test_dragging_over_the_chart_zooms_and_a_click_shows_the_whole_again(page: Any) -> None:
    plot = page.get_by_role("group", name=re.compile(r"Queries over time\. ")).locator(".u-over")
    box = await plot.bounding_box()
    await page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 40)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.95, box["y"] + 60, steps=4)
    await page.mouse.up()
    await expect(page).to_have_url(re.compile(r"since=\d+&until=\d+"))
    await page.get_by_role("button", name=re.compile("Show the whole period")).click()
    await expect(page).not_to_have_url(re.compile("since="))


async def test_the_chart_is_read_with_the_arrow_keys(page: Any) -> None:
    chart = page.get_by_role("group", name=re.compile(r"Queries over time\. "))
    await chart.focus()
    await page.keyboard.press("End")
    says = page.locator("[aria-live=polite]", has_text="Blocked").first
    await expect(says).to_have_text(re.compile(r"Blocked \d.*, Answered \d"))
    before = await says.inner_text()
    await page.keyboard.press("ArrowLeft")
    await expect(says).not_to_have_text(before)


async def test_parts_of_the_queries_say_what_they_are(page: Any) -> None:
    await expect(page.get_by_role("region", name="How queries ended").get_by_text("Blocked")).to_be_visible()
    await expect(page.get_by_role("region", name="Types").get_by_role("link", name="A", exact=True)).to_be_visible()
    await expect(page.get_by_role("region", name="Server").get_by_text("answers")).to_be_visible()
