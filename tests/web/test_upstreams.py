"""Upstreams in a real browser: how they are, tests, groups and routes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest_asyncio
from playwright.async_api import expect

if TYPE_CHECKING:
    from tests.web.conftest import Visit
    from tests.web.server import Server


@pytest_asyncio.fixture(loop_scope="module")
async def upstreams(page: Any, server: Server) -> Any:
    """The page, with no group and no route."""
    for route in server.api("GET", "/api/v1/routes")["routes"]:
        server.api("DELETE", f"/api/v1/routes/{route['number']}")
    for group in server.api("GET", "/api/v1/groups")["groups"]:
        server.api("DELETE", f"/api/v1/groups/{group['name']}")
    await page.goto(f"{server.url}/upstreams")
    return page


def names(server: Server) -> list[str]:
    return [group["name"] for group in server.api("GET", "/api/v1/groups")["groups"]]


def upstream(server: Server) -> str:
    return f"127.0.0.1:{server.upstream}"


async def test_each_upstream_says_how_it_is_and_why(upstreams: Any, server: Server) -> None:
    card = (
        upstreams.get_by_role("region", name="Resolvers", exact=True)
        .get_by_role("listitem")
        .filter(has_text=upstream(server))
    )
    await expect(card).to_contain_text("Works well")
    await expect(card).to_contain_text("Every question got an answer.")
    await expect(card).to_contain_text("100%")
    await expect(card).to_contain_text(re.compile(r"NOERROR [\d.,K]+"))


async def test_a_test_tells_each_step(upstreams: Any, server: Server) -> None:
    await upstreams.get_by_role("button", name=f"Test {upstream(server)}").click()
    await expect(upstreams.get_by_text("All that must work does.")).to_be_visible()
    for step in ("UDP", "TCP", "Signatures", "Large answers", "Spelling"):
        await expect(
            upstreams.get_by_role("listitem").filter(has_text=re.compile(f"Works:.*{step}", re.DOTALL)).last
        ).to_be_visible()


async def test_a_group_is_added_changed_removed_and_each_is_taken_back(upstreams: Any, server: Server) -> None:
    await upstreams.get_by_role("button", name="Add a group").click()
    dialog = upstreams.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("office")
    await dialog.get_by_label("Addresses, one a line").fill(upstream(server))
    await dialog.get_by_role("radio", name=re.compile("strict")).check()
    await dialog.get_by_role("button", name="Save").click()
    row = upstreams.get_by_role("region", name="Groups").get_by_role("row", name=re.compile("office"))
    await expect(row).to_contain_text("strict")

    await row.get_by_role("button", name="Edit office").click()
    await dialog.get_by_role("radio", name=re.compile("parallel")).check()
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("parallel")
    await upstreams.get_by_role("button", name="Undo").last.click()
    await expect(row).to_contain_text("strict")

    await row.get_by_role("button", name="Delete office").click()
    await expect(row).to_be_hidden()
    assert names(server) == []
    await upstreams.get_by_role("button", name="Undo").last.click()
    await expect(row).to_contain_text("strict")
    assert names(server) == ["office"]


async def test_what_is_wrong_with_a_group_stands_at_its_field(visit: Visit, upstreams: Any) -> None:
    await upstreams.get_by_role("button", name="Add a group").click()
    dialog = upstreams.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("office")
    await dialog.get_by_label("Addresses, one a line").fill("1.2.3.4.5")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_label("Addresses, one a line")).to_have_attribute("aria-invalid", "true")
    await expect(dialog).to_contain_text("not an IP address")
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("office")
    visit.expects("422")


async def test_a_route_sends_names_elsewhere(upstreams: Any, server: Server) -> None:
    await upstreams.get_by_role("button", name="Add a route").click()
    dialog = upstreams.get_by_role("dialog")
    await dialog.get_by_label("Names", exact=True).fill("corp.example\n10.0.0.0/8")
    await dialog.get_by_label("Addresses, one a line").fill(upstream(server))
    await dialog.get_by_role("button", name="Save").click()
    row = upstreams.get_by_role("region", name="Routes").get_by_role("row", name=re.compile(r"corp\.example"))
    await expect(row).to_contain_text("10.0.0.0/8")

    await row.get_by_role("button", name=re.compile("^Edit corp")).click()
    await dialog.get_by_label("Names", exact=True).fill("corp.example")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).not_to_contain_text("10.0.0.0/8")
    assert server.api("GET", "/api/v1/routes")["routes"][0]["domains"] == ["corp.example"]

    await row.get_by_role("button", name=re.compile("^Delete corp")).click()
    await expect(row).to_be_hidden()
    await upstreams.get_by_role("button", name="Undo").last.click()
    await expect(row).to_be_visible()


async def test_a_change_by_somebody_else_is_not_overwritten(visit: Visit, upstreams: Any, server: Server) -> None:
    server.api("POST", "/api/v1/groups", {"name": "shared", "servers": [upstream(server)]})
    await upstreams.reload()
    await upstreams.get_by_role("button", name="Edit shared").click()
    dialog = upstreams.get_by_role("dialog")
    await expect(dialog.get_by_label("Name", exact=True)).to_have_value("shared")
    server.api("PATCH", "/api/v1/groups/shared", {"strategy": "weighted"})
    await dialog.get_by_role("radio", name=re.compile("hedged")).check()
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Somebody has changed it meanwhile")
    await expect(dialog.get_by_role("radio", name=re.compile("hedged"))).to_be_checked()
    assert server.api("GET", "/api/v1/groups/shared")["strategy"] == "weighted"
    visit.expects("412")


async def test_a_group_is_made_without_a_mouse(upstreams: Any, server: Server) -> None:
    await upstreams.get_by_role("button", name="Add a group").focus()
    await upstreams.keyboard.press("Enter")
    await upstreams.get_by_role("dialog").get_by_label("Name", exact=True).focus()
    await upstreams.keyboard.type("keys")
    await upstreams.keyboard.press("Tab")
    await upstreams.keyboard.type(upstream(server))
    await upstreams.get_by_role("dialog").get_by_role("button", name="Save").focus()
    await upstreams.keyboard.press("Enter")
    await expect(
        upstreams.get_by_role("region", name="Groups").get_by_role("row", name=re.compile("keys"))
    ).to_be_visible()
    await expect(upstreams.get_by_role("button", name="Add a group")).to_be_focused()


async def test_what_a_flag_says_is_told_and_not_offered_for_change(upstreams: Any) -> None:
    panel = upstreams.get_by_role("region", name="Usual resolvers")
    await expect(panel).to_contain_text("--upstream")
    await panel.get_by_role("button", name="Change").click()
    dialog = upstreams.get_by_role("dialog")
    await expect(dialog.get_by_role("radio", name=re.compile("^fastest"))).to_be_checked()
    await expect(dialog.get_by_label("Addresses, one a line")).to_have_count(0)
    await dialog.get_by_role("radio", name=re.compile("hedged")).check()
    await dialog.get_by_role("button", name="Save").click()
    await expect(panel).to_contain_text("hedged")
    await upstreams.get_by_role("button", name="Undo").last.click()
    await expect(panel).to_contain_text("fastest")


async def test_the_time_that_is_looked_at_is_part_of_the_address(upstreams: Any, server: Server) -> None:
    panel = upstreams.get_by_role("region", name="Over time")
    await panel.get_by_role("radio", name="Answers").check()
    await panel.get_by_role("radio", name="3 h").check()
    await expect(upstreams).to_have_url(re.compile("show=answers&period=hours"))
    await upstreams.reload()
    await expect(panel.get_by_role("radio", name="3 h")).to_be_checked()
    await expect(panel.get_by_role("group", name=re.compile(r"Over time\. "))).to_be_visible()
    await expect(panel).to_contain_text(upstream(server))


async def test_nothing_makes_the_page_wider_than_a_phone(upstreams: Any, server: Server) -> None:
    server.api("POST", "/api/v1/groups", {"name": "a" * 64, "servers": ["2001:db8:1111:2222:3333:4444:5555:6666"]})
    server.api("POST", "/api/v1/routes", {"domains": ["b" * 60 + ".example"], "group": "a" * 64})
    await upstreams.set_viewport_size({"width": 360, "height": 780})
    shown = {
        "/upstreams": upstreams.get_by_role("rowheader", name="a" * 64),
        "/tools?name=ad.doubleclick.net": upstreams.get_by_text("is blocked."),
        "/tools/lookup": upstreams.get_by_role("button", name="Ask", exact=True),
        "/tools/cache": upstreams.get_by_role("button", name="Forget everything"),
    }
    for path, part in shown.items():
        await upstreams.goto(server.url + path)
        await expect(part).to_be_visible()
        assert await upstreams.evaluate("document.documentElement.scrollWidth") <= 360, path
