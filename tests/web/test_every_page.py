"""Every page, in both themes, on a desk and on a phone: it loads without a complaint, fits, and can be used by everybody."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Visit, visiting
from tests.web.pages import PAGES, settled, violations

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ROOM = {"desk": {"width": 1360, "height": 900}, "phone": {"width": 360, "height": 780}}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_is_accessible_and_fits(visit: Visit, name: str, theme: str) -> None:
    page = visit.page
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    found: dict[str, Any] = {}
    rooms = ROOM if theme == "light" else {"desk": ROOM["desk"]}  # the same colours are in every room
    for room, size in rooms.items():
        await page.set_viewport_size(size)
        await page.goto(f"{visit.url}{PAGES[name]}")
        await settled(page)
        assert await page.evaluate(SIDEWAYS) <= 0, f"{name} is wider than a {room}"
        assert await page.locator("h1").count() == 1
        found[room] = await violations(page)
    assert found == {room: [] for room in rooms}


async def test_the_login_is_accessible_in_both_themes(chromium: Any, server: Any) -> None:
    visit = await visiting(chromium, server.url)
    for theme in ("light", "dark"):
        await visit.page.emulate_media(color_scheme=theme)
        await visit.page.goto(server.url)
        await settled(visit.page)
        assert await violations(visit.page) == []
    await visit.context.close()


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_speaks_german(chromium: Any, server: Any, visit: Visit, name: str) -> None:
    page = visit.page
    await page.evaluate("localStorage.setItem('locale', 'de')")
    await page.goto(f"{visit.url}{PAGES[name]}")
    await settled(page)
    assert await page.evaluate("document.documentElement.lang") == "de"
    await page.get_by_role("link", name="Einstellungen").first.wait_for()
    text = await page.locator("main").inner_text()
    for word in ("Loading…", "undefined", "NaN", "[object", "Try again", "Cancel", "Search"):
        assert word not in text
