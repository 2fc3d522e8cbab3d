"""The settings in a real browser, against a real server."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pyotp
from playwright.async_api import expect

from tests.web.conftest import Visit, visiting
from tests.web.server import PASSWORD

if TYPE_CHECKING:
    from tests.web.server import Server

GOOD = "a long enough sentence"


async def edited(page: Any, server: Server, path: str, text: str) -> Any:
    """The field of a setting, with this typed into it."""
    await page.goto(f"{server.url}/settings?find={path}")
    field = page.get_by_label(path, exact=True)
    await field.fill(text)
    return field


async def saved(page: Any) -> None:
    await page.get_by_role("button", name="Review and save").click()
    await page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()


def value(server: Server, path: str) -> Any:
    return server.api("GET", f"/api/v1/settings/{path}")["value"]


def status(server: Server, token: str) -> int:
    request = urllib.request.Request(f"{server.url}/api/v1/lists", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        return problem.code


async def with_a_user(chromium: Any, server: Server, name: str, role: str, url: str = "") -> Visit:
    """Somebody of this role, logged in."""
    server.api("POST", "/api/v1/users", {"name": name, "password": GOOD, "role": role})
    one = await visiting(chromium, url or server.url)
    await one.login(name, GOOD)
    return one


async def test_a_setting_is_changed_and_the_change_taken_back(page: Any, server: Server) -> None:
    await edited(page, server, "cache.size", "24MiB")
    await expect(page.get_by_text("1 change", exact=True)).to_be_visible()
    await saved(page)
    await expect(page.get_by_text("1 setting is saved.")).to_be_visible()
    assert value(server, "cache.size") == "24MiB"
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_label("cache.size", exact=True)).to_have_value("16MiB")
    assert value(server, "cache.size") == "16MiB"


async def test_a_bad_value_is_told_at_its_field_and_stays_there(visit: Visit, server: Server) -> None:
    field = await edited(visit.page, server, "cache.size", "lots")
    await saved(visit.page)
    await expect(visit.page.get_by_text(re.compile("not a size")).first).to_be_visible()
    await expect(field).to_have_value("lots")
    await expect(field).to_have_attribute("aria-invalid", "true")
    assert value(server, "cache.size") == "16MiB"
    visit.expects("422")


async def test_a_login_that_ends_in_the_middle_of_an_edit_loses_nothing(chromium: Any, server: Server) -> None:
    visit = await with_a_user(chromium, server, "ends", "admin")
    page = visit.page
    await edited(page, server, "upstream.timeout", "4s")
    for one in server.api("GET", "/api/v1/sessions")["sessions"]:
        if one["user"] == "ends":
            server.api("DELETE", f"/api/v1/sessions/{one['number']}")
    await saved(page)
    login = page.get_by_role("dialog", name="Log in")
    await login.get_by_label("Password").fill(GOOD)
    await login.get_by_role("button", name="Log in", exact=True).click()
    await expect(page.get_by_text("1 setting is saved.")).to_be_visible()
    await expect(page.get_by_label("upstream.timeout", exact=True)).to_have_value("4s")
    assert value(server, "upstream.timeout") == "4s"
    await visit.context.close()


async def test_a_setting_that_another_tab_has_changed_is_not_written_over(page: Any, server: Server) -> None:
    await edited(page, server, "local.ttl", "30s")
    server.api("PATCH", "/api/v1/settings", {"settings": {"local.ttl": "90s"}})
    await saved(page)
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("90s")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    assert value(server, "local.ttl") == "90s"
    await dialog.get_by_role("button", name="Use mine").click()
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("1 setting is saved.")).to_be_visible()
    assert value(server, "local.ttl") == "30s"


async def test_a_change_in_the_history_is_taken_back(page: Any, server: Server) -> None:
    server.api("PATCH", "/api/v1/settings", {"settings": {"cache.min_ttl": "7s"}})
    await page.goto(f"{server.url}/settings/history?target=cache.min_ttl")
    await page.get_by_text("Before and after").first.click()
    await expect(page.locator("ins", has_text="7s").first).to_be_visible()
    await page.get_by_role("button", name="Undo #").first.click()
    await page.get_by_role("dialog").get_by_role("button", name="Undo", exact=True).click()
    await expect(page.get_by_text("is taken back.")).to_be_visible()
    assert value(server, "cache.min_ttl") == "0s"


async def test_a_new_user_logs_in_and_sees_what_a_viewer_may(page: Any, chromium: Any, server: Server) -> None:
    await page.goto(f"{server.url}/settings/users")
    await page.get_by_role("button", name="Add a user").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("vera")
    await dialog.get_by_label("New password").fill(GOOD)
    await dialog.get_by_role("button", name="Add user").click()
    await expect(page.get_by_role("rowheader", name="vera")).to_be_visible()
    other = await visiting(chromium, server.url)
    await other.login("vera", GOOD)
    await other.page.goto(f"{server.url}/settings")
    await expect(other.page.get_by_text("cache.", exact=True).first).to_be_visible()
    tabs = other.page.get_by_role("navigation", name="Parts of the settings").get_by_role("link")
    assert await tabs.all_inner_texts() == ["Everything", "Account", "Tokens", "Notifications"]
    await expect(other.page.locator("main select, main textarea")).to_have_count(0)
    await other.context.close()
    assert other.complaints == []


async def test_the_last_admin_stays(visit: Visit, server: Server) -> None:
    for one in server.api("GET", "/api/v1/users")["users"]:
        if one["role"] == "admin" and one["name"] != "admin":
            server.api("DELETE", f"/api/v1/users/{one['name']}")
    await visit.page.goto(f"{server.url}/settings/users")
    await visit.page.get_by_role("button", name="Remove: admin").click()
    await visit.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(visit.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("last admin")
    visit.expects("409")


async def test_a_second_factor_is_asked_for_at_the_next_login(chromium: Any, server: Server) -> None:
    visit = await with_a_user(chromium, server, "tom", "viewer")
    page = visit.page
    await page.goto(f"{server.url}/settings/account")
    await page.get_by_role("button", name="Switch the second factor on").click()
    await page.get_by_role("dialog").get_by_label("Present password").fill(GOOD)
    await page.get_by_role("dialog").get_by_role("button", name="Go on").click()
    dialog = page.get_by_role("dialog", name="Switch the second factor on")
    await expect(dialog.get_by_role("img", name="QR code")).to_be_visible()
    secret = (await dialog.locator("pre code").inner_text()).strip()
    await dialog.get_by_label("Code that the app shows").fill(pyotp.TOTP(secret).now())
    await dialog.get_by_role("button", name="Confirm").click()
    codes = page.get_by_role("dialog", name="Recovery codes")
    recovery = (await codes.locator("pre code").inner_text()).split()
    assert len(recovery) == 10
    await codes.get_by_role("button", name="I have kept them").click()
    await expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    kept = await page.evaluate("JSON.stringify([location.href, {...localStorage}, {...sessionStorage}])")
    assert secret not in kept
    assert recovery[0] not in kept
    await visit.context.clear_cookies()
    await page.goto(server.url)
    await page.get_by_label("Name", exact=True).fill("tom")
    await page.get_by_label("Password", exact=True).fill(GOOD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await page.get_by_label(re.compile("Code")).fill(recovery[0])
    await page.get_by_role("button", name="Log in", exact=True).click()
    await page.get_by_role("heading", level=1, name="Overview").wait_for()
    await visit.context.close()


async def test_a_passkey_is_added_and_logs_in(chromium: Any, server: Server) -> None:
    url = server.url.replace("127.0.0.1", "localhost")  # browsers keep passkeys for names
    visit = await with_a_user(chromium, server, "pia", "viewer", url)
    page = visit.page
    devtools = await visit.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    await page.goto(f"{url}/settings/account")
    await page.get_by_label("Name of the new passkey").fill("laptop")
    await page.get_by_role("button", name="Add a passkey").click()
    await page.get_by_role("dialog").get_by_label("Present password").fill(GOOD)
    await page.get_by_role("dialog").get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("button", name="Remove: laptop")).to_be_visible()
    await visit.context.clear_cookies()
    await page.goto(url)
    await page.get_by_role("button", name="Log in with a passkey").click()
    await page.get_by_role("heading", level=1, name="Overview").wait_for()
    await visit.context.close()


async def test_a_token_is_shown_once_lets_in_and_is_revoked(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/settings/tokens")
    await page.get_by_role("button", name="Make a token").click()
    await page.get_by_role("dialog").get_by_label("Name", exact=True).fill("script")
    await page.get_by_role("dialog").get_by_role("button", name="Make token").click()
    dialog = page.get_by_role("dialog", name="Your new token")
    token = (await dialog.locator("pre code").inner_text()).strip()
    await dialog.get_by_role("button", name="I have copied it").click()
    assert status(server, token) == 200
    assert token not in await page.content()
    await page.get_by_role("button", name="Revoke: script").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(page.get_by_text("No tokens yet")).to_be_visible()
    assert status(server, token) == 401


async def test_what_was_saved_is_equal_and_a_change_to_it_is_applied_and_undone(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/settings/backup")
    async with page.expect_download() as loading:
        await page.get_by_role("button", name="Download").click()
    file = await (await loading.value).path()
    await page.get_by_label("File", exact=True).set_input_files(file)
    await page.get_by_role("button", name="Show the difference").click()
    await expect(page.get_by_text("equal to this document already")).to_be_visible()
    await page.get_by_label("Or its text").fill('version = 1\n[settings.cache]\nmax_ttl = "12h"\n')
    await expect(page.get_by_role("button", name="Apply", exact=True)).to_have_count(0)
    await page.get_by_role("button", name="Show the difference").click()
    await page.get_by_role("button", name="Apply", exact=True).click()
    await expect(page.get_by_text("The document is applied.")).to_be_visible()
    assert value(server, "cache.max_ttl") == "12h"
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    await page.goto(f"{server.url}/settings?find=cache.max_ttl")
    await expect(page.get_by_label("cache.max_ttl", exact=True)).to_have_value("24h")


async def test_a_module_writes_more_for_a_while(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/settings/logs")
    form = page.get_by_role("region", name="How much is written")
    await form.get_by_label("Module").fill("runtime.control")
    await form.get_by_role("button", name="Set level").click()
    await expect(form.get_by_role("button", name="As usual: runtime.control")).to_be_visible()
    assert server.api("GET", "/api/v1/logs/levels")["levels"]["runtime.control"] == "DEBUG"
    await form.get_by_role("button", name="As usual: runtime.control").click()
    await expect(form.get_by_role("button", name="As usual: runtime.control")).to_have_count(0)


async def test_settings_are_found_changed_and_saved_with_the_keyboard_alone(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/settings")
    await page.get_by_role("searchbox", name="Find a setting").focus()
    await page.keyboard.type("limits.burst")
    field = page.get_by_label("limits.burst", exact=True)
    for _ in range(6):
        await page.keyboard.press("Tab")
        if await field.evaluate("(one) => one === document.activeElement"):
            break
    await page.keyboard.press("Control+A")
    await page.keyboard.type("3500")
    for name in ("Review and save", "Save"):
        button = page.get_by_role("button", name=name, exact=True)
        for _ in range(8):
            await page.keyboard.press("Tab")
            if await button.evaluate("(one) => one === document.activeElement"):
                break
        await page.keyboard.press("Enter")
    await expect(page.get_by_text("1 setting is saved.")).to_be_visible()
    assert value(server, "limits.burst") == 3500


async def test_who_has_another_password_than_before_logs_in_with_it(chromium: Any, server: Server) -> None:
    visit = await with_a_user(chromium, server, "nora", "operator")
    page = visit.page
    await page.goto(f"{server.url}/settings/account")
    await page.get_by_label("Present password").fill(GOOD)
    await page.get_by_label("New password", exact=True).fill(PASSWORD)
    await page.get_by_label("New password again").fill(PASSWORD)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_text("Your password is changed")).to_be_visible()
    again = await visiting(chromium, server.url)
    await again.login("nora", PASSWORD)
    for one in (visit, again):
        await one.context.close()
        assert one.complaints == []


async def test_two_snapshots_of_memory_are_compared(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/settings/diagnosis")
    await page.get_by_role("button", name="Trace for 10 minutes").click()
    for many in ("1 snapshot", "2 snapshots"):
        await page.get_by_role("button", name="Take a snapshot").click()
        await expect(page.get_by_text(many, exact=True)).to_be_visible()
    await page.get_by_role("button", name="Compare the last two").click()
    await expect(page.get_by_role("columnheader", name="Line of code")).to_be_visible()
    await page.get_by_role("button", name="Stop tracing").click()
    await expect(page.get_by_role("button", name="Trace for 10 minutes")).to_be_visible()
    assert server.api("GET", "/api/v1/diagnosis/memory")["tracing"] is False


async def test_the_statistics_go_only_when_the_word_is_typed(page: Any, server: Server) -> None:
    await page.goto(f"{server.url}/settings/backup")
    await page.get_by_role("button", name="Remove the statistics").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill("yes")
    await expect(dialog.get_by_role("button", name="Remove", exact=True)).to_be_disabled()
    await dialog.get_by_role("textbox").fill("remove")
    await dialog.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.get_by_text("It is gone.")).to_be_visible()


async def test_other_sessions_are_ended_and_this_one_stays(chromium: Any, server: Server) -> None:
    visit = await with_a_user(chromium, server, "sam", "viewer")
    other = await visiting(chromium, server.url)
    await other.login("sam", GOOD)
    await visit.page.goto(f"{server.url}/settings/account")
    await visit.page.get_by_role("button", name="End all others").click()
    await expect(visit.page.get_by_text("Ended.")).to_be_visible()
    assert (await other.context.request.get(f"{server.url}/api/v1/session")).status == 401
    assert (await visit.context.request.get(f"{server.url}/api/v1/session")).status == 200
    for one in (visit, other):
        await one.context.close()
