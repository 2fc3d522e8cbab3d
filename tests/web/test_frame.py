"""What is around every page: where one can go, what can be done from everywhere, and what happens when the server does not answer."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

from tests.live.processes import wait_for
from tests.web.conftest import Visit, visiting
from tests.web.server import BLOCKED, DEVICES, Server, serving

if TYPE_CHECKING:
    from pathlib import Path


async def opened(visit: Visit, path: str = "/", title: str = "Overview") -> Any:
    await visit.page.goto(f"{visit.url}{path}")
    await expect(visit.page.get_by_role("heading", level=1, name=title)).to_be_visible()
    return visit.page


async def test_the_palette_leads_everywhere_with_the_keyboard(visit: Visit) -> None:
    page = await opened(visit)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("upstr")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Upstreams")).to_be_visible()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("ad.doubleclick.net")
    await expect(page.get_by_role("option").first).to_contain_text("ad.doubleclick.net")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/tools\?name=ad\.doubleclick\.net"))
    await page.keyboard.press("Control+k")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_keys_lead_to_pages_and_leave_fields_alone(visit: Visit) -> None:
    page = await opened(visit)
    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await expect(page.get_by_role("heading", level=1, name="Rules")).to_be_visible()
    await page.get_by_label("Name", exact=True).focus()
    await page.keyboard.type("go.example?p")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("go.example?p")
    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Search and commands")
    await page.keyboard.press("Escape")
    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await page.get_by_role("searchbox").wait_for()
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()


async def test_blocking_is_paused_for_a_while_and_goes_on(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    await page.get_by_role("button", name="Pause", exact=True).click()
    await page.get_by_role("button", name="5 minutes").click()
    await expect(page.get_by_role("button", name=re.compile(r"Paused · 4:5\d"))).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Paused").first).to_be_visible()
    wait_for(lambda: server.asks(BLOCKED[1]) == ["192.0.2.10"], "the pause in the workers")
    await page.get_by_role("button", name=re.compile("Paused")).click()
    await expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    wait_for(lambda: server.asks(BLOCKED[1]) == ["0.0.0.0"], "the end of the pause in the workers")


async def test_a_pause_that_another_made_is_seen(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    server.api("PUT", "/api/v1/pause", {"seconds": 3600})
    await expect(page.get_by_role("button", name=re.compile("Paused · 59:|Paused · 1:00"))).to_be_visible()
    server.api("DELETE", "/api/v1/pause")
    await expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()


async def test_theme_contrast_and_language_are_kept(visit: Visit) -> None:
    page = await opened(visit)
    await page.get_by_role("button", name="Appearance").click()
    await page.get_by_role("radio", name="Dark").check()
    await page.get_by_label("More contrast").check()
    assert await page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == "rgb(0, 0, 0)"
    await page.get_by_label("Language").select_option("Deutsch")
    await page.reload()
    await expect(page.get_by_role("heading", level=1, name="Überblick")).to_be_visible()
    root = "document.documentElement"
    assert await page.evaluate(f"[{root}.dataset.theme, {root}.dataset.contrast, {root}.lang]") == [
        "dark",
        "more",
        "de",
    ]


async def test_listening_ticks_at_each_block_and_is_quiet_otherwise(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    await page.evaluate(
        """() => {
          window.ticks = 0;
          const make = AudioContext.prototype.createOscillator;
          AudioContext.prototype.createOscillator = function () { window.ticks += 1; return make.call(this); };
        }"""
    )
    await page.get_by_role("button", name="Appearance").click()
    await page.get_by_label(re.compile("Listen")).check()
    server.asks("en.wikipedia.org", source=DEVICES[0])
    server.asks(BLOCKED[1], source=DEVICES[0])
    while not await page.evaluate("window.ticks"):
        await page.wait_for_timeout(50)
    await page.get_by_label(re.compile("Listen")).uncheck()
    server.asks(BLOCKED[1], source=DEVICES[1])
    server.asks("last.example", source=DEVICES[1])
    await page.wait_for_timeout(1500)
    assert await page.evaluate("window.ticks") == 1


async def test_addresses_are_deep_and_the_way_back_works(visit: Visit) -> None:
    page = await opened(visit, "/settings/users", "Settings")
    await page.get_by_role("link", name="Lists", exact=True).first.click()
    await expect(page.get_by_role("heading", level=1, name="Lists")).to_be_visible()
    await page.go_back()
    await expect(page).to_have_url(re.compile("/settings/users$"))
    await page.goto(f"{visit.url}/queries/what/ever")
    visit.expects("404")


async def test_a_phone_has_everything(chromium: Any, server: Server) -> None:
    visit = await visiting(chromium, server.url, viewport={"width": 390, "height": 844}, has_touch=True)
    await visit.login()
    page = visit.page
    await page.get_by_role("navigation", name="Menu").get_by_role("link", name="Queries").click()
    await expect(page.get_by_role("heading", level=1, name="Queries")).to_be_visible()
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Setup guide").click()
    await expect(page.get_by_role("heading", level=1, name="Setup guide")).to_be_visible()
    await visit.context.close()


async def test_a_cut_connection_is_told_and_mends_itself(chromium: Any, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        visit = await visiting(chromium, server.url)
        await visit.login()
        page = visit.page
        await expect(page.get_by_role("status").filter(has_text="Protecting")).to_be_visible()
        server.stop()
        await expect(page.get_by_role("alert").filter(has_text="The connection to Mirage Hole is lost")).to_be_visible()
        await expect(page.get_by_role("status").filter(has_text="Not connected")).to_be_visible()
        await page.get_by_role("link", name="Rules", exact=True).first.click()
        await expect(page.get_by_text("This page could not be loaded", exact=False)).to_be_visible()
        server.start()
        wait_for(server.web_is_up, "the web server")
        await expect(page.get_by_role("status").filter(has_text="Protecting")).to_be_visible()
        await page.get_by_role("button", name="Load again").click()
        await expect(page.get_by_text("No rule of your own yet")).to_be_visible()
        await visit.context.close()


async def test_a_login_that_ends_in_the_middle_loses_nothing_that_was_typed(visit: Visit, server: Server) -> None:
    page = await opened(visit, "/rules", "Rules")
    await page.get_by_label("Name", exact=True).fill("kept.example")
    await page.get_by_label("Comment").fill("a long thought")
    for session in server.api("GET", "/api/v1/sessions")["sessions"]:
        if not session["current"]:
            server.api("DELETE", f"/api/v1/sessions/{session['number']}")
    # The stream may notice the end first and have asked already; then its dialog stands above the button.
    await page.get_by_role("button", name="Add", exact=True).evaluate("(button) => button.click()")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("nothing that you wrote is lost")
    await dialog.get_by_label("Password").fill("correct horse battery")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("row", name=re.compile("kept.example"))).to_contain_text("a long thought")
    server.api("PUT", "/api/v1/rules", {"texts": []})
    visit.expects("401")


async def test_a_slow_answer_is_waited_for_and_a_bad_one_told(visit: Visit) -> None:
    page = visit.page

    async def late(route: Any) -> None:
        await asyncio.sleep(1)
        await route.continue_()

    await page.route("**/api/v1/records", late)
    await page.goto(f"{visit.url}/records")
    await expect(page.get_by_text("No name of your own yet")).to_be_visible()
    await page.unroute("**/api/v1/records")
    await page.route("**/api/v1/records", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    await page.goto(f"{visit.url}/records")
    await expect(page.get_by_role("alert")).to_contain_text("502")
    await page.unroute("**/api/v1/records")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("No name of your own yet")).to_be_visible()
    visit.expects("502")
