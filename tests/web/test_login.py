"""Setting up, logging in and out, in a real browser."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
import pytest_asyncio

from mirage_hole.api.access.service import AccessService
from mirage_hole.api.server import start_web
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import Parts
from mirage_hole.config.settled import Endpoint
from mirage_hole.store import accounts
from mirage_hole.store.state import StateStore
from tests.api.access.door import GOOD, Cheap
from tests.web.browser import browser, find_browser
from tests.web.scene import House
from tests.web.test_dashboard import FAST, Visit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [
    pytest.mark.live,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(find_browser() is None, reason="no chromium on this machine; set MIRAGE_HOLE_BROWSER to one"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Any]:
    async with browser() as running:
        yield running


@asynccontextmanager
async def guarded(directory: Path) -> AsyncIterator[tuple[str, AccessService]]:
    """A server that asks for a login; (its URL, who may)."""
    store = StateStore(directory)
    service = AccessService(store, hasher=Cheap())
    parts = Parts(state=House(time.time()).state(time.time), access=service)
    server = await start_web(Endpoint("127.0.0.1", 0), parts, service.access, limits=FAST)
    try:
        yield server.url.replace("127.0.0.1", "localhost"), service
    finally:
        await server.cleanup()
        store.close()


async def opened(chromium: Any, url: str, path: str = "/") -> Visit:
    """The page, with its form."""
    context = await chromium.new_context(locale="en-GB")
    visited = Visit(await context.new_page())
    await visited.page.goto(url + path)
    await visited.page.wait_for_selector("#gate:not([hidden])")
    return visited


async def sent(page: Any, name: str, password: str) -> None:
    """Fill the form in and send it, with the keyboard."""
    await page.fill("#gate-name", name)
    await page.fill("#gate-password", password)
    await page.press("#gate-password", "Enter")


def only_refusals(visited: Visit) -> bool:
    """Whether nothing was complained about but refused requests, which a browser always writes down."""
    return all("status of 401" in text for text in visited.complaints)


async def test_the_first_user_is_made_by_the_address_on_the_console(chromium: Any, tmp_path: Path) -> None:
    async with guarded(tmp_path) as (url, service):
        visited = await opened(chromium, url, f"/#setup={await service.setup_token()}")
        page = visited.page
        assert await visited.text("#gate-title") == "Make the first user"
        assert "setup" not in page.url
        assert await page.evaluate("document.activeElement.id") == "gate-name"
        await sent(page, "ada", "short")
        await page.wait_for_selector("#gate-problem:not(:empty)")
        assert "at least 10" in await visited.text("#gate-problem")
        await sent(page, "ada", GOOD)
        await page.wait_for_selector("#version:not(:empty)")
        assert await visited.text("#who-name") == "ada"
        assert not await page.is_visible("#gate")
        cookies = await page.context.cookies()
        assert [(one["name"], one["httpOnly"], one["sameSite"]) for one in cookies] == [
            ("mirage_session", True, "Strict")
        ]
        assert await page.evaluate("document.cookie") == ""
        assert all("status of 40" in text for text in visited.complaints)


async def test_a_user_logs_in_stays_so_and_logs_out(chromium: Any, tmp_path: Path) -> None:
    async with guarded(tmp_path) as (url, service):
        await service.logins.add("ada", GOOD, Role.ADMIN, "local")
        visited = await opened(chromium, url)
        page = visited.page
        assert not await page.is_visible("#board")
        assert not await page.is_visible("#gate-token")
        await sent(page, "ada", "wrong")
        await page.wait_for_selector("#gate-problem:not(:empty)")
        assert await visited.text("#gate-problem") == "The name or the password is wrong."
        await sent(page, "ada", GOOD)
        await page.wait_for_selector("#version:not(:empty)")
        await page.reload()
        await page.wait_for_selector("#version:not(:empty)")
        await page.click("#logout")
        await page.wait_for_selector("#gate:not([hidden])")
        assert await visited.text("#gate-title") == "Log in"
        assert only_refusals(visited)


async def test_a_second_factor_is_asked_for_when_there_is_one(chromium: Any, tmp_path: Path) -> None:
    async with guarded(tmp_path) as (url, service):
        user = await service.logins.add("ada", GOOD, Role.ADMIN, "local")
        secret = pyotp.random_base32()
        await service.accounts.quiet(lambda db: accounts.begin_totp(db, user.number, secret))
        await service.accounts.quiet(lambda db: accounts.confirm_totp(db, user.number, 1, []))
        visited = await opened(chromium, url)
        page = visited.page
        assert not await page.is_visible("#gate-code")
        await sent(page, "ada", GOOD)
        await page.wait_for_selector("#gate-code", state="visible")
        assert await page.evaluate("document.activeElement.id") == "gate-code"
        await page.fill("#gate-code", pyotp.TOTP(secret).now())
        await page.press("#gate-code", "Enter")
        await page.wait_for_selector("#version:not(:empty)")
        assert only_refusals(visited)


async def test_a_passkey_of_the_browsers_authenticator_logs_in(chromium: Any, tmp_path: Path) -> None:
    async with guarded(tmp_path) as (url, service):
        await service.logins.add("ada", GOOD, Role.ADMIN, "local")
        visited = await opened(chromium, url)
        page = visited.page
        devtools = await page.context.new_cdp_session(page)
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
        await sent(page, "ada", GOOD)
        await page.wait_for_selector("#version:not(:empty)")
        assert await page.evaluate(MAKE_A_PASSKEY, GOOD) == 200
        await page.click("#logout")
        await page.wait_for_selector("#gate:not([hidden])")
        await page.click("#gate-passkey")
        await page.wait_for_selector("#version:not(:empty)")
        assert await visited.text("#who-name") == "ada"
        assert only_refusals(visited)


MAKE_A_PASSKEY = """async (password) => {
  const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=+$/, '');
  const { csrf } = await (await fetch('/api/v1/session')).json();
  const ask = (path, body) => fetch(path, {
    method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }, body: JSON.stringify(body),
  });
  const options = (await (await ask('/api/v1/passkeys/begin', { password })).json()).public_key;
  const made = await navigator.credentials.create({ publicKey: {
    ...options, challenge: octets(options.challenge), user: { ...options.user, id: octets(options.user.id) }, excludeCredentials: [],
  } });
  const answer = await ask('/api/v1/passkeys', {
    name: 'laptop', id: made.id, client_data: text(made.response.clientDataJSON), attestation: text(made.response.attestationObject),
  });
  return answer.status;
}"""
