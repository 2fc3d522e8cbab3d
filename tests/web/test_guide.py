"""The setup guide and "What changed?", in a real browser."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.web.conftest import Visit, visiting
from tests.web.server import Server, serving

if TYPE_CHECKING:
    from pathlib import Path


def own_address() -> str:
    """An address of this machine that others may reach; the test is skipped where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 53))  # looks the route up; nothing is sent
        except OSError:
            pytest.skip("no network but loopback here")
        address: str = sock.getsockname()[0]
    return address


async def test_the_guide_has_the_address_of_this_server_everywhere(chromium: Any, tmp_path: Path) -> None:
    with serving(tmp_path, "--listen", own_address()) as server:
        [address, *_] = server.api("GET", "/api/v1/server")["addresses"]
        assert address == own_address()
        visit = await visiting(chromium, server.url)
        await visit.login()
        page = visit.page
        await page.goto(f"{visit.url}/guide")
        region = page.get_by_role("region", name="Address of this server")
        await expect(region).to_contain_text(address)
        await expect(region).to_contain_text(f"It answers on port {server.dns_port}")
        await page.get_by_text("OpenWrt").click()
        await expect(page.get_by_text(f"Add the DHCP option 6,{address}.")).to_be_visible()
        await page.get_by_text("Windows 11").click()
        await expect(page.get_by_text(f"Preferred DNS: {address}", exact=False)).to_be_visible()
        assert await page.get_by_text("{address}").count() == 0
        await visit.context.close()


async def test_who_reaches_nobody_tells_no_router_a_loopback_address(visit: Visit, server: Server) -> None:
    assert server.api("GET", "/api/v1/server")["addresses"] == []
    page = visit.page
    await page.goto(f"{visit.url}/guide")
    region = page.get_by_role("region", name="Address of this server")
    await expect(region).to_contain_text("make run LISTEN=0.0.0.0 PORT=53")
    await page.get_by_text("OpenWrt").click()
    await expect(
        page.get_by_text(re.compile(r"Add the DHCP option 6,\(this machine.s address in your network\)"))
    ).to_be_visible()
    assert await page.locator("details", has_text="127.0.0.1").count() == 0


async def test_an_address_that_is_half_typed_is_not_another_device(visit: Visit, server: Server) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/guide")
    await page.get_by_role("radio", name="one address").check()
    await expect(page.get_by_text("Waiting for a query…")).to_be_visible()
    server.asks("other.example", source="127.0.0.4")
    await page.get_by_label("Address of the device").fill("127.0.0.4")
    await expect(page.get_by_text("127.0.0.4 asked for other.example.")).to_be_visible()
    await page.get_by_label("Address of the device").fill("127.0.0.46")
    await expect(page.get_by_text("Waiting for a query…")).to_be_visible()
    server.asks("mine.example", source="127.0.0.46")
    await expect(page.get_by_text("127.0.0.46 asked for mine.example. It uses this server.")).to_be_visible()


async def test_the_check_turns_green_with_the_first_query_of_the_device(visit: Visit, server: Server) -> None:
    page = visit.page
    await page.goto(f"{visit.url}/guide")
    await page.get_by_role("radio", name="one address").check()
    await page.get_by_label("Address of the device").fill("127.0.0.44")
    server.asks("other.example", source="127.0.0.45")
    server.asks("mine.example", source="127.0.0.44")
    await expect(page.get_by_text("127.0.0.44 asked for mine.example. It uses this server.")).to_be_visible()
    await page.get_by_role("button", name="Check another device").click()
    await expect(page.get_by_text("Waiting for a query…")).to_be_visible()


async def test_what_changed_tells_of_people_and_says_when_it_can_not_compare(visit: Visit, server: Server) -> None:
    server.api("POST", "/api/v1/rules", {"texts": ["||told.example^"]})
    page = visit.page
    await page.goto(f"{visit.url}/changes")
    await expect(page.get_by_text("Nothing to compare with yet")).to_be_visible()
    await expect(page.get_by_role("region", name="Changed by people")).to_contain_text("admin")
    await page.get_by_role("radio", name="7 d").check()
    await expect(page).to_have_url(re.compile("period=week"))
    server.api("PUT", "/api/v1/rules", {"texts": []})
