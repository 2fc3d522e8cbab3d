"""The tools in a real browser: why a name is blocked, questions of one's own, and the cache."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

if TYPE_CHECKING:
    from tests.web.conftest import Visit
    from tests.web.server import Server

NAME = "ad.doubleclick.net"


async def asks(page: Any, server: Server, name: str, **choices: str) -> Any:
    """Fill in the form of a question and send it; the panel with the answer."""
    await page.goto(f"{server.url}/tools/lookup")
    await page.get_by_label("Name", exact=True).fill(name)
    if "type" in choices:
        await page.get_by_label("Type", exact=True).fill(choices["type"])
    if "whom" in choices:
        await page.get_by_label("Whom to ask").select_option(choices["whom"])
    await page.get_by_role("button", name="Ask", exact=True).click()
    return page.get_by_role("region", name="Result")


async def test_an_address_says_at_once_why_a_name_is_blocked(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/tools?name={NAME}&type=A&client=127.0.0.20")
    await expect(page.get_by_text(f"{NAME} is blocked.")).to_be_visible()
    await expect(page.get_by_label("Name", exact=True)).to_have_value(NAME)
    await expect(page.get_by_label("Client", exact=True)).to_have_value("127.0.0.20")
    rules = page.get_by_role("region", name="Rules that apply").get_by_role("listitem")
    await expect(rules.first).to_contain_text("Decides")
    await expect(page.get_by_role("region", name="Without a list").get_by_role("listitem").first).to_contain_text(
        "Without"
    )


async def test_a_blocked_name_is_allowed_with_one_click_and_blocked_again_with_another(
    page: Any, server: Server
) -> None:
    await page.goto(f"{server.url}/tools?name={NAME}")
    await page.get_by_role("button", name="Allow it").click()
    await expect(page.get_by_text(f"{NAME} is allowed by a rule.")).to_be_visible()
    assert server.asks(NAME) == ["192.0.2.10"]
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text(f"{NAME} is blocked.")).to_be_visible()
    assert server.blocks(NAME)


async def test_what_was_asked_is_in_the_address_and_goes_back_with_the_browser(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/tools")
    await page.get_by_label("Name", exact=True).fill("github.com")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("github.com is not blocked")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"/tools\?name=github\.com$"))
    await page.get_by_label("Name", exact=True).fill(NAME)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(f"{NAME} is blocked.")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_text("github.com is not blocked")).to_be_visible()


async def test_what_is_no_name_is_told_at_its_field_and_stays(visit: Visit, server: Server) -> None:
    page = visit.page
    await page.goto(f"{server.url}/tools")
    await page.get_by_role("button", name="Why?").click()
    await expect(page.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Name", exact=True).fill("a..b")
    await page.get_by_label("Type", exact=True).fill("FOO")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Type", exact=True)).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("a..b")
    await expect(page.get_by_role("alert")).to_contain_text("is no domain name")
    visit.expects("400")


async def test_the_server_says_why_it_blocks(page: Any, server: Server) -> None:
    result = await asks(page, server, NAME)
    await expect(result).to_contain_text("Blocked (EDE 15)")
    await expect(result).to_contain_text("0.0.0.0")
    await expect(result).to_contain_text(f"127.0.0.1:{server.dns_port}")


async def test_the_same_question_to_an_upstream_has_another_answer(page: Any, server: Server) -> None:
    upstream = server.api("GET", "/api/v1/upstreams")["upstreams"][0]["address"]
    result = await asks(page, server, NAME, whom=upstream)
    await expect(result.get_by_role("table")).to_contain_text("192.0.2.10")
    await expect(result).to_contain_text(upstream)
    await expect(result).not_to_contain_text("EDE")
    await expect(page).to_have_url(re.compile("server="))


async def test_a_name_that_is_not_there_is_nxdomain(page: Any, server: Server) -> None:
    result = await asks(page, server, "missing.example", type="AAAA")
    await expect(result).to_contain_text("NXDOMAIN")
    await expect(result).to_contain_text("There are no records.")


async def test_an_answer_is_shown_as_dig_and_octet_by_octet(page: Any, server: Server) -> None:
    result = await asks(page, server, "example.org", type="TYPE1")
    await page.get_by_role("radio", name="As dig").check()
    await expect(result.get_by_label("As dig", exact=True).last).to_contain_text(";; QUESTION SECTION:\n;example.org.")
    await page.get_by_role("radio", name="Octets").check()
    first = result.get_by_role("region", name="Received").get_by_role("row", name=re.compile("^0000"))
    await expect(first).to_contain_text("exa")
    await expect(result.get_by_role("region", name="Sent").get_by_role("row")).to_have_count(4)


async def test_a_question_that_can_not_be_is_not_sent_and_keeps_what_was_written(visit: Visit, server: Server) -> None:
    page = visit.page
    await asks(page, server, "example.org", type="FOO")
    await expect(page.get_by_label("Type", exact=True)).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Type", exact=True)).to_have_value("FOO")
    await page.get_by_label("Type", exact=True).fill("A")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("region", name="Result")).to_contain_text("192.0.2.10")
    visit.expects("400")


async def test_what_is_remembered_is_found_opened_and_forgotten(page: Any, server: Server) -> None:
    for name in ("one.kept.example", "two.kept.example", "other.example"):
        server.asks(name)
    await page.goto(f"{server.url}/tools/cache")
    await page.get_by_label("Name", exact=True).fill("kept.example")
    await page.get_by_label("and all below it").check()
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.get_by_role("button", name=re.compile("^Records of"))).to_have_count(2)
    await page.get_by_role("button", name="Records of one.kept.example A").click()
    await expect(page.get_by_role("table")).to_contain_text("192.0.2.10")
    await page.get_by_role("button", name="Forget one.kept.example").click()
    await expect(page.get_by_role("button", name=re.compile("^Records of"))).to_have_count(1)
    await page.get_by_role("button", name="Forget kept.example and all below it").click()
    await expect(page.get_by_text("Of this name nothing is remembered.")).to_be_visible()
    assert server.api("GET", "/api/v1/cache?name=other.example")["found"] == 1


async def test_everything_is_forgotten_only_after_a_second_yes(page: Any, server: Server) -> None:
    server.asks("kept.example")
    await page.goto(f"{server.url}/tools/cache")
    await page.get_by_role("button", name="Forget everything").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_be_hidden()
    assert server.api("GET", "/api/v1/cache")["found"] > 0
    await page.get_by_role("button", name="Forget everything").click()
    await dialog.get_by_role("button", name="Forget everything").click()
    await expect(page.get_by_text(re.compile(r"^Forgotten: [\d,]+ entr"))).to_be_visible()
    assert server.api("GET", "/api/v1/cache?name=kept.example")["found"] == 0


async def test_a_question_is_asked_without_a_mouse(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/tools/lookup")
    await page.get_by_label("Name", exact=True).focus()
    await page.keyboard.type("example.net")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Control+a")
    await page.keyboard.type("AAAA")
    for _ in range(3):
        await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("radio", name="TCP")).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    result = page.get_by_role("region", name="Result")
    await expect(result).to_contain_text("2001:db8::10")
    await expect(result).to_contain_text("over TCP")
    await expect(page).to_have_url(re.compile("tcp=1&do=1"))
