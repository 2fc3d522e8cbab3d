"""The lists in a real browser, against a real server and lists on loopback."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

if TYPE_CHECKING:
    from tests.web.server import Server

GOOD = "# Title: Good list\n||one.example^\n||two.example^\n"
BROKEN = "# Title: Broken <b>list</b>\n0.0.0.0 three.example\nexample.com##.banner\n<script>alert(1)</script>\n"


def _serve(server: Server, name: str, text: str) -> str:
    path = server.lists.directory / name
    newer = path.stat().st_mtime + 10 if path.is_file() else 1_700_000_000  # HTTP knows whole seconds only
    path.write_text(text)
    os.utime(path, (newer, newer))
    return server.lists.url(name)


async def _add(page: Any, server: Server, url: str) -> None:
    await page.goto(f"{server.url}/lists?add=own")
    await page.get_by_label("Address or file").fill(url)
    await page.get_by_role("button", name="Add this list").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


def _row(page: Any, title: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("button", name=title, exact=True))


async def test_a_list_is_added_by_its_address_and_switched_off_and_on_again(page: Any, server: Server) -> None:
    await _add(page, server, _serve(server, "good.txt", GOOD))
    row = _row(page, "Good list")
    await expect(row).to_contain_text("Up to date")
    switch = page.get_by_role("switch", name="Use Good list")
    await switch.uncheck()
    await expect(row).to_contain_text("Off")
    await page.get_by_role("button", name="Undo").first.click()
    await expect(switch).to_be_checked()
    await expect(row).to_contain_text("Up to date")


async def test_a_list_says_which_lines_could_not_be_read_and_markup_is_text(page: Any, server: Server) -> None:
    await _add(page, server, _serve(server, "broken.txt", BROKEN))
    await page.get_by_role("button", name="Broken <b>list</b>", exact=True).click()
    drawer = page.get_by_role("dialog", name="Broken <b>list</b>")
    await expect(drawer.get_by_text("<script>alert(1)</script>")).to_be_visible()
    await expect(drawer.get_by_text("example.com##.banner")).to_be_visible()


async def test_a_list_says_what_its_last_update_has_changed(page: Any, server: Server) -> None:
    await _add(page, server, _serve(server, "moving.txt", "# Title: Moving list\n||stays.example^\n||goes.example^\n"))
    await expect(_row(page, "Moving list")).to_contain_text("Up to date")
    _serve(server, "moving.txt", "# Title: Moving list\n||stays.example^\n||comes.example^\n||also.example^\n")
    await page.get_by_role("button", name="Update Moving list now").click()
    await expect(_row(page, "Moving list").get_by_role("cell", name="3", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Moving list", exact=True).click()
    drawer = page.get_by_role("dialog", name="Moving list")
    await expect(drawer.get_by_text("2 rules added")).to_be_visible()
    await expect(drawer.get_by_text("||comes.example^")).to_be_visible()
    await expect(drawer.get_by_text("||goes.example^")).to_be_visible()


async def test_a_list_is_renamed_removed_and_brought_back(page: Any, server: Server) -> None:
    await _add(page, server, _serve(server, "named.txt", "# Title: Named list\n||named.example^\n"))
    await page.get_by_role("button", name="Named list", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("My own name")
    await page.get_by_role("button", name="Save name").click()
    await expect(page.get_by_role("dialog", name="My own name")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Remove My own name").click()
    await expect(_row(page, "My own name")).to_have_count(0)
    await (
        page.get_by_text("My own name is removed.")
        .locator("xpath=ancestor::*[.//button][1]")
        .get_by_role("button", name="Undo")
        .click()
    )
    await expect(_row(page, "My own name")).to_contain_text("Up to date")


async def test_what_is_wrong_with_an_address_stands_at_its_field(visit: Any, server: Server) -> None:
    page = visit.page
    await page.goto(f"{server.url}/lists?add=own")
    field = page.get_by_label("Address or file")
    await field.fill("/etc/passwd")
    await field.press("Enter")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text(re.compile("not in a folder for lists"))).to_be_visible()
    await expect(field).to_have_value("/etc/passwd")
    visit.expects("400")


async def test_lists_that_overlap_are_seen_in_a_table(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/lists/overlap")
    table = page.get_by_role("table")
    await expect(table.get_by_role("rowheader").first).to_be_visible()
    await expect(table.get_by_role("cell").filter(has_text="%").first).to_be_visible()
    await expect(page.get_by_text("you would lose them without this list").first).to_be_visible()


async def test_lists_are_found_and_opened_with_the_keyboard_only(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/lists")
    await page.get_by_role("searchbox", name="Search lists").focus()
    await page.keyboard.type("nothing like it")
    await expect(page.get_by_text("No list fits.")).to_be_visible()
    await page.get_by_role("button", name="Show all lists").press("Enter")
    first = page.get_by_role("rowheader").first.get_by_role("button")
    await first.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(first).to_be_focused()


async def test_the_catalogue_is_there_to_choose_several(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/lists?add=catalogue")
    dialog = page.get_by_role("dialog", name="Add lists")
    await dialog.get_by_label("OISD small").check()
    await dialog.get_by_label("HaGeZi Multi Light").check()
    await expect(dialog.get_by_role("button", name="Add 2 lists")).to_be_enabled()
    await dialog.get_by_role("radio", name="Your own address").check()
    await dialog.get_by_role("radio", name="Well-known lists").check()
    await expect(dialog.get_by_label("OISD small")).to_be_checked()
