"""Rules of one's own, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.live.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.conftest import Visit
    from tests.web.server import Server

HOSTILE = "<img src=x onerror=document.title='owned'> \u202egpj"


@pytest.fixture(autouse=True)
def no_rules(server: Server) -> None:
    server.api("PUT", "/api/v1/rules", {"texts": []})


async def opened(visit: Visit) -> Any:
    await visit.page.goto(f"{visit.url}/rules")
    await visit.page.get_by_role("heading", level=1, name="Rules").wait_for()
    return visit.page


def row(page: Any, text: str) -> Any:
    return page.get_by_role("row").filter(has_text=text)


async def test_a_rule_of_the_form_counts_at_once_and_undo_takes_it_back(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    await page.get_by_label("Name", exact=True).fill("shop.example")
    await page.get_by_label("Comment").fill("too tempting")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text("The rule counts now.")).to_be_visible()
    await expect(row(page, "||shop.example^")).to_contain_text("too tempting")
    assert server.asks("www.shop.example") == ["0.0.0.0"]
    await page.get_by_role("button", name="Undo").click()
    await expect(row(page, "||shop.example^")).to_have_count(0)
    assert server.asks("www.shop.example") == ["192.0.2.10"]


async def test_a_rule_can_be_for_one_device_and_a_while(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    await page.get_by_label("Name", exact=True).fill("games.example")
    await page.get_by_label("For whom").fill("127.0.0.21")
    await page.get_by_label("How long").select_option("1 hour")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(row(page, "games.example")).to_contain_text(re.compile(r"59:\d\d|1:00:00"))
    assert server.asks("games.example", source="127.0.0.21") == ["0.0.0.0"]
    assert server.asks("games.example", source="127.0.0.22") == ["192.0.2.10"]


async def test_texts_are_tried_while_they_are_written(visit: Visit) -> None:
    page = await opened(visit)
    await page.get_by_role("radio", name="As text").check()
    await page.get_by_label("Rules, one on each line").fill("||ads.example^\nthis is no rule at all $$\n/^x[0-9]/")
    box = page.get_by_role("region", name="Try it")
    await expect(box.get_by_text("Blocks ads.example (and all below)")).to_be_visible()
    await expect(box.get_by_text(re.compile("no rule at all"))).to_be_visible()
    await box.get_by_label("Name to try").fill("www.ads.example")
    await expect(box.get_by_text("is about this name", exact=True)).to_be_visible()
    await expect(box.get_by_text(re.compile("with this, blocked"))).to_be_visible()


async def test_a_bad_rule_is_told_and_what_was_typed_stays(visit: Visit) -> None:
    page = await opened(visit)
    await page.get_by_role("radio", name="As text").check()
    field = page.get_by_label("Rules, one on each line")
    await field.fill("||ads.example^$popup")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("alert").first).to_contain_text("popup")
    await expect(field).to_have_value("||ads.example^$popup")
    visit.expects("400")


async def test_a_rule_is_switched_off_and_on_and_removed_and_brought_back(visit: Visit, server: Server) -> None:
    server.api("POST", "/api/v1/rules", {"texts": ["||off.example^"], "comment": "keep me"})
    page = await opened(visit)
    switch = page.get_by_role("switch", name=re.compile("off.example"))
    await switch.uncheck()
    await expect(page.get_by_text("The rule is switched off.")).to_be_visible()
    wait_for(lambda: server.asks("off.example") == ["192.0.2.10"], "workers without the rule")
    await page.get_by_role("button", name="Undo").click()
    await expect(switch).to_be_checked()
    await page.get_by_role("button", name=re.compile("Remove .*off.example")).click()
    await expect(row(page, "||off.example^")).to_have_count(0)
    await page.get_by_role("button", name="Undo").last.click()
    await expect(row(page, "||off.example^")).to_contain_text("keep me")
    wait_for(lambda: server.asks("off.example") == ["0.0.0.0"], "the rule in the workers")


async def test_who_changes_what_somebody_else_has_changed_sees_both(visit: Visit, server: Server) -> None:
    made = server.api("POST", "/api/v1/rules", {"text": "||two.example^", "comment": "first"})["rules"][0]
    page = await opened(visit)
    await page.get_by_role("button", name=re.compile("Change .*two.example")).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Comment").fill("mine")
    server.api("PATCH", f"/api/v1/rules/{made['number']}", {"comment": "theirs"})
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("theirs")
    await expect(dialog.get_by_role("alert")).to_contain_text("mine")
    await dialog.get_by_role("button", name="Keep yours").click()
    await expect(row(page, "two.example")).to_contain_text("mine")
    assert server.api("GET", f"/api/v1/rules/{made['number']}")["comment"] == "mine"


async def test_rules_are_imported_and_exported(visit: Visit, server: Server, tmp_path: Path) -> None:
    page = await opened(visit)
    file = tmp_path / "mine.txt"
    file.write_text("! my rules\n||one.example^\n@@||two.example^\n||one.example^\n")
    await page.get_by_role("button", name="Import").click()
    await page.get_by_label("Choose a file").set_input_files(file)
    await expect(page.get_by_text("2 rules read")).to_be_visible()
    await page.get_by_role("button", name="Add 2 rules").click()
    await expect(row(page, "@@||two.example^")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
    saved = tmp_path / "saved.txt"
    await (await download.value).save_as(saved)
    assert saved.read_text().split() == ["||one.example^", "@@||two.example^"]
    await page.get_by_role("button", name="Import").click()
    await page.get_by_label("Rules, one on each line").last.fill("||only.example^")
    await page.get_by_role("button", name="Replace all rules by these 1").click()
    await page.get_by_role("button", name="Replace all rules by these 1").last.click()
    await expect(row(page, "only.example")).to_be_visible()
    assert [one["text"] for one in server.api("GET", "/api/v1/rules")["rules"]] == ["||only.example^"]


async def test_foreign_text_is_shown_for_what_it_is(visit: Visit, server: Server) -> None:
    server.api("POST", "/api/v1/rules", {"texts": ["||x.example^"], "comment": HOSTILE})
    page = await opened(visit)
    await expect(row(page, "||x.example^")).to_contain_text("<img src=x")
    await expect(row(page, "||x.example^")).to_contain_text("\\u{202E}gpj")
    assert "owned" not in await page.title()


async def test_the_keyboard_is_enough(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    await page.get_by_label("Name", exact=True).focus()
    await page.keyboard.type("keys.example")
    await page.keyboard.press("Enter")
    await expect(row(page, "keys.example")).to_be_visible()
    assert server.asks("keys.example") == ["0.0.0.0"]


async def test_nothing_yet_teaches_with_examples(visit: Visit) -> None:
    page = await opened(visit)
    await expect(page.get_by_text("No rule of your own yet")).to_be_visible()
    await page.get_by_role("button", name="||ads.example^").click()
    field = page.get_by_label("Rules, one on each line")
    await expect(field).to_have_value("||ads.example^")
    await field.fill("")
    await page.locator("main").get_by_role("button", name="||ads.example^").last.click()
    await expect(field).to_have_value("||ads.example^")
