"""Clients, and "Is it the sinkhole?", in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

from tests.live.processes import wait_for

if TYPE_CHECKING:
    from tests.web.conftest import Visit
    from tests.web.server import Server

DEVICE = "127.0.0.20"
OTHER = "127.0.0.21"
BLOCKED = "ad.doubleclick.net"


async def opened(visit: Visit, path: str) -> Any:
    await visit.page.goto(f"{visit.url}{path}")
    return visit.page


async def test_everybody_who_asks_is_there_and_is_found(visit: Visit) -> None:
    page = await opened(visit, "/clients")
    await expect(page.get_by_role("link", name=DEVICE, exact=True)).to_be_visible()
    await page.get_by_role("searchbox").fill("0.0.21")
    await expect(page.get_by_role("row")).to_have_count(2)
    await expect(page).to_have_url(re.compile("find=0.0.21"))
    await page.get_by_role("link", name=OTHER, exact=True).click()
    await expect(page.get_by_role("heading", level=1, name=OTHER)).to_be_visible()


async def test_a_device_gets_a_name_that_rules_can_use_and_undo_takes_it(visit: Visit, server: Server) -> None:
    page = await opened(visit, f"/clients/{OTHER}")
    await page.get_by_role("button", name="Name it").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("Kids")
    await dialog.get_by_label("Tags, one on each line").fill("child")
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", level=1, name="Kids")).to_be_visible()
    made = server.api("POST", "/api/v1/rules", {"text": "||video.example^$client=Kids"})
    await page.reload()
    await expect(page.get_by_text("||video.example^$client=Kids")).to_be_visible()
    wait_for(lambda: server.asks("video.example", source=OTHER) == ["0.0.0.0"], "workers that know the client")
    assert server.asks("video.example", source=DEVICE) == ["192.0.2.10"]
    server.api("DELETE", f"/api/v1/rules/{made['rules'][0]['number']}")
    await page.get_by_role("button", name="Change").click()
    await page.get_by_role("dialog").get_by_role("button", name="Take the name away").click()
    await expect(page.get_by_role("heading", level=1, name=OTHER)).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("heading", level=1, name="Kids")).to_be_visible()
    server.api("DELETE", "/api/v1/clients/Kids")


async def test_bad_addresses_are_told_and_what_was_typed_stays(visit: Visit) -> None:
    page = await opened(visit, f"/clients/{DEVICE}")
    await page.get_by_role("button", name="Name it").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("Desk")
    await dialog.get_by_label("Addresses and networks, one on each line").fill("300.1.1.1")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("300.1.1.1")
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("Desk")
    visit.expects("422")


async def test_two_who_change_the_same_client_see_each_other(visit: Visit, server: Server) -> None:
    server.api("POST", "/api/v1/clients", {"name": "Both", "addresses": [DEVICE]})
    page = await opened(visit, f"/clients/{DEVICE}")
    await page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Tags, one on each line").fill("mine")
    server.api("PATCH", "/api/v1/clients/Both", {"tags": ["theirs"]})
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("theirs")
    await expect(dialog.get_by_label("Tags, one on each line")).to_have_value("mine")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    assert next(one for one in server.api("GET", "/api/v1/clients")["clients"] if one["name"] == "Both")["tags"] == ["mine"]  # fmt: skip
    server.api("DELETE", "/api/v1/clients/Both")


async def test_a_name_that_breaks_a_page_is_allowed_for_ten_minutes_on_that_device_alone(visit: Visit, server: Server) -> None:  # fmt: skip
    page = await opened(visit, f"/clients/{DEVICE}")
    assert server.asks(BLOCKED, source=DEVICE) == ["0.0.0.0"]
    block = page.get_by_role("listitem").filter(has_text=BLOCKED).filter(has=page.get_by_role("button"))
    await expect(page.get_by_text(re.compile("It may be the sinkhole"))).to_be_visible()
    await block.get_by_role("button", name="Allow for 10 min").click()
    await expect(page.get_by_text(re.compile("is allowed on this device for a while"))).to_be_visible()
    assert server.asks(BLOCKED, source=DEVICE) == ["192.0.2.10"]
    assert server.asks(BLOCKED, source=OTHER) == ["0.0.0.0"]
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("No rule is for this device alone.")).to_be_visible()
    assert server.asks(BLOCKED, source=DEVICE) == ["0.0.0.0"]


async def test_everything_can_be_allowed_on_a_device_for_five_minutes(visit: Visit, server: Server) -> None:
    page = await opened(visit, f"/clients/{DEVICE}")
    await page.get_by_role("button", name="Allow everything on this device for 5 minutes").click()
    await expect(page.get_by_text("Nothing is blocked on this device for 5 minutes.")).to_be_visible()
    assert server.asks(BLOCKED, source=DEVICE) == ["192.0.2.10"]
    assert server.asks(BLOCKED, source=OTHER) == ["0.0.0.0"]
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("No rule is for this device alone.")).to_be_visible()
    assert server.asks(BLOCKED, source=DEVICE) == ["0.0.0.0"]


async def test_a_device_for_which_nothing_was_blocked_is_told_so(visit: Visit, server: Server) -> None:
    page = await opened(visit, "/clients/127.0.0.99")
    await expect(page.get_by_text(re.compile("It has asked nothing in the last 15 minutes"))).to_be_visible()
    server.asks("en.wikipedia.org", source="127.0.0.99")
    await expect(page.get_by_text(re.compile("It is probably not the sinkhole"))).to_be_visible()


async def test_the_device_at_hand_is_offered_and_the_keyboard_is_enough(visit: Visit) -> None:
    page = await opened(visit, "/clients?broken=1")
    here = page.get_by_role("link", name="This one (127.0.0.1)")
    await here.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="127.0.0.1", exact=True)).to_be_visible()
