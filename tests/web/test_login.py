"""Logging in, and the first user: in a real browser, against a real server."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pyotp
from playwright.async_api import expect

from tests.web.conftest import Visit, visiting
from tests.web.server import PASSWORD, USER, Server, serving

if TYPE_CHECKING:
    from pathlib import Path


async def arrived(visit: Visit) -> Any:
    await visit.page.goto(visit.url)
    await visit.page.get_by_role("heading", level=1, name="Log in").wait_for()
    return visit.page


async def test_from_a_first_start_to_a_protected_network_with_the_keyboard_alone(chromium: Any, tmp_path: Path) -> None:
    """The wizard, whole: first user, lists, upstream, test, device."""
    with serving(tmp_path, admin=False) as server:
        found = re.search(r"http://\S+/#setup=\S+", server.said())
        assert found is not None, server.said()
        visit = await visiting(chromium, server.url)
        page = visit.page
        await page.goto(found[0].rstrip(","))
        await expect(page.get_by_role("heading", level=1, name="Make the first user")).to_be_visible()
        assert "setup=" not in page.url
        await page.get_by_label("Name").focus()
        await page.keyboard.type(USER)
        await page.keyboard.press("Tab")
        await page.keyboard.type("short")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("at least 10")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1, name="Welcome to Mirage Hole")).to_be_visible()
        cookies = await visit.context.cookies()
        assert [(one["name"], one["httpOnly"], one["sameSite"]) for one in cookies] == [("mirage_session", True, "Strict")]  # fmt: skip
        assert await page.evaluate("document.cookie") == ""

        async def go_on(step: str) -> None:
            await page.get_by_role("link", name="Next").focus()
            await page.keyboard.press("Enter")
            await expect(page).to_have_url(re.compile(f"/welcome/{step}$"))

        await go_on("lists")
        await expect(page.get_by_text(re.compile(r"Ready: [\d,]+ names"))).to_be_visible()
        await expect(page.get_by_role("button", name=re.compile("Use this set ?: Balanced"))).to_be_enabled()
        await page.reload()
        await expect(page.get_by_role("heading", name="What should be blocked?")).to_be_visible()
        await go_on("upstream")
        await page.get_by_role("button", name="Stay with these").press("Enter")
        await expect(page.get_by_text(re.compile("It answers in"))).to_be_visible()
        await go_on("test")
        await page.get_by_role("button", name="Test now").press("Enter")
        await expect(page.get_by_text("example.org is answered.")).to_be_visible()
        await expect(page.get_by_text("doubleclick.net is blocked.")).to_be_visible()
        await go_on("device")
        await page.get_by_role("radio", name="one address").press("Space")
        await page.get_by_label("Address of the device").fill("127.0.0.33")
        await expect(page.get_by_text("Waiting for a query…")).to_be_visible()
        assert server.asks("en.wikipedia.org", source="127.0.0.33") == ["192.0.2.10"]
        await expect(page.get_by_text("127.0.0.33 asked for en.wikipedia.org. It uses this server.")).to_be_visible()
        assert server.asks("ad.doubleclick.net", source="127.0.0.33") == ["0.0.0.0"]
        await expect(page.get_by_text(re.compile("ad.doubleclick.net was blocked for it"))).to_be_visible()
        await page.get_by_role("link", name="To the overview").press("Enter")
        await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
        visit.expects("401", "400", "422")
        assert visit.complaints == []
        await visit.context.close()


async def test_a_user_logs_in_stays_so_and_logs_out(chromium: Any, server: Server) -> None:
    visit = await visiting(chromium, server.url)
    page = await arrived(visit)
    await page.get_by_label("Name").fill(USER)
    await page.get_by_label("Password").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong.")
    await expect(page.get_by_label("Name")).to_have_value(USER)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    await page.get_by_role("button", name="You").click()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", level=1, name="Log in")).to_be_visible()
    visit.expects("401")
    assert visit.complaints == []
    await visit.context.close()


async def test_the_page_that_was_asked_for_is_there_after_the_login(chromium: Any, server: Server) -> None:
    visit = await visiting(chromium, server.url)
    page = visit.page
    await page.goto(f"{server.url}/queries?outcome=blocked")
    await page.get_by_label("Name").fill(USER)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Queries")).to_be_visible()
    assert page.url.endswith("/queries?outcome=blocked")
    await visit.context.close()


async def test_a_second_factor_is_asked_for_when_there_is_one(chromium: Any, server: Server) -> None:
    server.api("POST", "/api/v1/users", {"name": "ada", "password": PASSWORD, "role": "viewer"})
    other = Server(server.directory, server.lists, server.upstream or 0)
    other.web = server.web
    other.csrf = other.api("POST", "/api/v1/login", {"name": "ada", "password": PASSWORD})["csrf"]
    secret = other.api("POST", "/api/v1/totp", {"password": PASSWORD})["secret"]
    other.api("POST", "/api/v1/totp/confirm", {"code": pyotp.TOTP(secret).now()})
    visit = await visiting(chromium, server.url)
    page = await arrived(visit)
    await page.get_by_label("Name").fill("ada")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    code = page.get_by_label("Code of your app, or a recovery code")
    await expect(code).to_be_focused()
    # The code of now was used to switch it on; the next one is taken ahead of its time (RFC 6238 5.2).
    totp = pyotp.TOTP(secret)
    await code.fill(totp.at(time.time() + 30))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    await visit.context.close()
