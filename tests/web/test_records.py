"""Local records, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.live.processes import wait_for

if TYPE_CHECKING:
    from tests.web.conftest import Visit
    from tests.web.server import Server


@pytest.fixture(autouse=True)
def no_records(server: Server) -> None:
    for record in server.api("GET", "/api/v1/records")["records"]:
        server.api("DELETE", f"/api/v1/records/{record['number']}")


async def opened(visit: Visit) -> Any:
    await visit.page.goto(f"{visit.url}/records")
    await visit.page.get_by_role("heading", level=1, name="Local DNS").wait_for()
    return visit.page


def answers(server: Server, name: str, wanted: list[str], qtype: str = "A") -> None:
    wait_for(lambda: server.asks(name, qtype) == wanted, f"{wanted} for {name}")


async def test_a_name_is_added_answered_and_taken_back(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    await expect(page.get_by_text("No name of your own yet")).to_be_visible()
    await page.get_by_role("button", name="Add a record").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("nas.home.arpa")
    await dialog.get_by_label("Value").fill("192.168.1.2")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("row", name="nas.home.arpa")).to_contain_text("192.168.1.2")
    answers(server, "nas.home.arpa", ["192.168.1.2"])
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("row", name="nas.home.arpa")).to_have_count(0)
    answers(server, "nas.home.arpa", ["NXDOMAIN"])


async def test_a_bad_value_is_told_and_stays_to_be_mended(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    await page.get_by_role("button", name="Add a record").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("tv.home.arpa")
    await dialog.get_by_label("Value").fill("192.168.1.999")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("192.168.1.999")
    await dialog.get_by_label("Value").fill("192.168.1.9")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    answers(server, "tv.home.arpa", ["192.168.1.9"])
    visit.expects("422", "400")


async def test_a_record_is_changed_and_removed_and_each_is_taken_back(visit: Visit, server: Server) -> None:
    server.api("POST", "/api/v1/records", {"name": "old.home.arpa", "type": "A", "value": "192.168.1.3", "ttl": "5m"})
    page = await opened(visit)
    await page.get_by_role("button", name="Change old.home.arpa").click()
    await page.get_by_role("dialog").get_by_label("Value").fill("192.168.1.4")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    answers(server, "old.home.arpa", ["192.168.1.4"])
    await page.get_by_role("button", name="Undo").click()
    answers(server, "old.home.arpa", ["192.168.1.3"])
    await page.get_by_role("button", name="Remove old.home.arpa").click()
    answers(server, "old.home.arpa", ["NXDOMAIN"])
    await page.get_by_role("button", name="Undo").last.click()
    answers(server, "old.home.arpa", ["192.168.1.3"])
    assert server.api("GET", "/api/v1/records")["records"][0]["ttl"] in {"5m", 300}


async def test_who_changes_what_somebody_else_has_changed_sees_it_first(visit: Visit, server: Server) -> None:
    made = server.api("POST", "/api/v1/records", {"name": "two.home.arpa", "type": "A", "value": "192.168.1.3"})
    page = await opened(visit)
    await page.get_by_role("button", name="Change two.home.arpa").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Value").fill("192.168.1.5")
    server.api("PATCH", f"/api/v1/records/{made['number']}", {"value": "192.168.1.6"})
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("192.168.1.6")
    await expect(dialog.get_by_label("Value")).to_have_value("192.168.1.5")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    answers(server, "two.home.arpa", ["192.168.1.5"])


async def test_nothing_that_was_not_seen_is_written_over(visit: Visit, server: Server) -> None:
    made = server.api("POST", "/api/v1/records", {"name": "three.home.arpa", "type": "A", "value": "192.168.1.3"})
    path = f"/api/v1/records/{made['number']}"
    page = await opened(visit)
    await page.get_by_role("button", name="Change three.home.arpa").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Value").fill("192.168.1.5")
    for value in ("192.168.1.6", "192.168.1.7"):
        server.api("PATCH", path, {"value": value})
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_contain_text(value)
        assert server.api("GET", path)["value"] == value
    server.api("DELETE", path)
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("removed")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    answers(server, "three.home.arpa", ["192.168.1.5"])
    visit.expects("404")


async def test_pasted_lines_are_mended_and_added_again(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    await page.get_by_role("button", name="Paste many").click()
    dialog = page.get_by_role("dialog")
    lines = "10.0.0.1 one.home.arpa\n10.0.0.2 two..home.arpa\n10.0.0.3 three.home.arpa"
    await dialog.get_by_label("Lines").fill(lines)
    await dialog.get_by_role("button", name="Add 3 records").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("two..home.arpa")
    await dialog.get_by_label("Lines").fill(lines.replace("..", "."))
    await dialog.get_by_role("button", name="Add 3 records").click()
    await expect(dialog).to_have_count(0)
    names = sorted(one["name"] for one in server.api("GET", "/api/v1/records")["records"])
    assert names == ["one.home.arpa", "three.home.arpa", "two.home.arpa"]
    visit.expects("422", "409")


async def test_a_hosts_file_is_pasted_at_once(visit: Visit, server: Server) -> None:
    page = await opened(visit)
    await page.get_by_role("button", name="Paste many").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Lines").fill("192.168.1.2 a.home.arpa b.home.arpa # both\nnonsense\nfd00::2 a.home.arpa")
    await expect(dialog.get_by_text("Not understood: line 2.")).to_be_visible()
    await dialog.get_by_role("button", name="Add 3 records").click()
    await expect(page.get_by_role("row", name="b.home.arpa")).to_be_visible()
    answers(server, "a.home.arpa", ["fd00::2"], "AAAA")
    await page.get_by_role("searchbox").fill("fd00")
    await expect(page.get_by_role("row")).to_have_count(2)
