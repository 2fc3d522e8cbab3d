"""Another site's page can't act in the name of whoever visits it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from yarl import URL

from mirage_hole.api.access.csrf import csrf_token
from tests.api.access.door import GOOD, Door


@pytest.mark.parametrize(
    "headers",
    [
        {"X_CSRF_Token": None},
        {"X_CSRF_Token": ""},
        {"X_CSRF_Token": csrf_token("another session")},
        {"X_CSRF_Token": "é"},
        {"Origin": None},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[bad"},
        {"Origin": "http://localhost:1"},
        {"Origin": "ftp://localhost"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": None, "Sec_Fetch_Site": "cross-site"},
    ],
)
async def test_a_change_by_cookie_from_elsewhere_is_refused(door: Door, headers: dict[str, Any]) -> None:
    visitor = await door.set_up()
    told = await visitor.refused(403, "POST", "/api/v1/try/rules", **headers)
    assert "cookie" in told


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec_Fetch_Site": "same-origin"}, {"Origin": None, "Sec_Fetch_Site": "same-origin"}],
)
async def test_a_change_by_our_own_page_is_made(door: Door, headers: dict[str, Any]) -> None:
    visitor = await door.set_up()
    await visitor.good("POST", "/api/v1/try/rules", **headers)


async def test_our_own_page_behind_tls_that_ends_elsewhere_is_ours(door: Door) -> None:
    visitor = await door.set_up()
    await visitor.good("POST", "/api/v1/try/rules", Origin=door.url.replace("http:", "https:"))


async def test_a_page_without_tls_is_not_ours_when_the_visitor_uses_tls(door: Door) -> None:
    visitor = await door.set_up()
    await visitor.refused(403, "POST", "/api/v1/try/rules", X_Test_Scheme="https")


async def test_looking_needs_no_token(door: Door) -> None:
    visitor = await door.set_up()
    await visitor.good("GET", "/api/v1/try/lists", Sec_Fetch_Site="none", X_CSRF_Token=None)


async def test_nobody_is_logged_in_by_another_sites_page(door: Door) -> None:
    await door.set_up()
    body = {"name": "ada", "password": GOOD}
    await door.visitor().refused(403, "POST", "/api/v1/login", body, Origin="https://evil.example")
    await door.visitor().refused(403, "POST", "/api/v1/login", body, Sec_Fetch_Site="cross-site")
    answer = await door.visitor().ask("POST", "/api/v1/login", body, Origin=None)
    assert answer.status == 200


async def test_a_token_of_any_octets_is_refused(door: Door) -> None:
    visitor = await door.set_up()
    url = URL(door.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST /api/v1/try/rules HTTP/1.1\r\nHost: {url.authority}\r\nOrigin: {door.url}\r\nConnection: close\r\n"
    cookie = f"Cookie: mirage_session={visitor.cookie}\r\n"
    writer.write(head.encode() + cookie.encode() + b"X-CSRF-Token: \xe9\r\nContent-Length: 0\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 403 ")
    writer.close()
    await writer.wait_closed()


async def test_the_token_does_not_give_the_session_away(door: Door) -> None:
    visitor = await door.set_up()
    assert visitor.cookie not in visitor.csrf
    assert (await visitor.good("GET", "/api/v1/session"))["csrf"] == visitor.csrf == csrf_token(visitor.cookie)
