"""Who is let in: by network, through proxies, under which name, from which origin."""

from __future__ import annotations

import orjson
import pytest

from mirage_hole.api.access.secrets import SESSION_COOKIE
from mirage_hole.api.guard import HEADERS
from tests.api.doors import a_door
from tests.api.serving import get, talk

LOOPBACK = ("127.0.0.0/8",)
STATS = "/api/v1/stats"
PANEL = "https://panel.example.org"


async def test_a_stranger_is_told_so_and_gets_nothing_else() -> None:
    async with a_door(allow_from=("192.168.0.0/16",)) as server:
        answer = await talk(server.url, b"GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 403 Forbidden")
        assert "web.allow_from" in orjson.loads(body)["detail"]
        assert [name for name in HEADERS if f"\r\n{name}: ".encode() not in head] == []
        assert (await talk(server.url, b"\x16\x03\x01 garbage")).startswith(b"HTTP/1.1 403 ")


async def test_a_stranger_behind_a_proxy_is_refused_and_a_friend_is_not() -> None:
    async with a_door(trusted_proxies=LOOPBACK, allow_from=("192.168.0.0/16",)) as server:
        for client, status in (("192.168.1.9", 200), ("203.0.113.9", 403), ("192.168.1.9, 203.0.113.9", 403)):
            assert (await get(server.url + STATS, headers={"X-Forwarded-For": client}))[0] == status
        assert (await get(server.url + STATS))[0] == 403  # the proxy itself is none of them


async def test_without_trusted_proxies_nobody_becomes_somebody_else() -> None:
    async with a_door(allow_from=LOOPBACK) as server:
        assert (await get(server.url + STATS, headers={"X-Forwarded-For": "203.0.113.9"}))[0] == 200
    async with a_door(allow_from=("192.168.0.0/16",)) as server:
        assert (await get(server.url + STATS, headers={"X-Forwarded-For": "192.168.1.9"}))[0] == 403


async def test_a_proxy_that_talks_nonsense_gets_a_problem() -> None:
    async with a_door(trusted_proxies=LOOPBACK) as server:
        status, _, body = await get(server.url + STATS, headers={"X-Forwarded-For": "unknown"})
        assert (status, orjson.loads(body)["problems"][0]["where"]) == (400, "X-Forwarded-For")


async def test_names_count_in_front_of_a_proxy_as_well() -> None:
    async with a_door(trusted_proxies=LOOPBACK, host_names=("dns.example",)) as server:
        for name, status in (("dns.example", 200), ("DNS.example:443", 200), ("evil.example", 421)):
            assert (await get(server.url + STATS, headers={"X-Forwarded-Host": name}))[0] == status
            assert (await get(server.url + STATS, headers={"Host": name}))[0] == status
        both = {"Host": "evil.example", "X-Forwarded-Host": "dns.example"}  # a page can write the second itself
        assert (await get(server.url + STATS, headers=both))[0] == 421


async def test_no_other_origin_reads_anything_by_default() -> None:
    async with a_door() as server:
        for method in ("GET", "OPTIONS"):
            asked = {"Origin": PANEL, "Access-Control-Request-Method": "GET"}
            _, headers, _ = await get(server.url + STATS, method=method, headers=asked)
            assert [name for name in headers if name.startswith("Access-Control")] == []


async def test_a_configured_origin_may_ask_with_a_token_and_never_with_a_login() -> None:
    async with a_door(cors_origins=(PANEL,)) as server:
        asked = {
            "Origin": PANEL,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        }
        status, headers, _ = await get(server.url + STATS, method="OPTIONS", headers=asked)
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, PANEL)
        assert "GET" in headers["Access-Control-Allow-Methods"].split(", ")
        assert "Authorization" in headers["Access-Control-Allow-Headers"].split(", ")
        assert "Access-Control-Allow-Credentials" not in headers
        status, headers, _ = await get(server.url + STATS, headers={"Origin": PANEL})
        assert (status, headers["Access-Control-Allow-Origin"], headers["Vary"]) == (200, PANEL, "Origin")
        assert "Access-Control-Allow-Credentials" not in headers
        _, headers, _ = await get(f"{server.url}/api/v1/nothing", headers={"Origin": PANEL})
        assert headers["Access-Control-Allow-Origin"] == PANEL  # a page may read what went wrong


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://panel.example.org", "null", f"{PANEL}.evil.example"]
)
async def test_an_origin_that_is_not_configured_reads_nothing(origin: str) -> None:
    async with a_door(cors_origins=(PANEL,)) as server:
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        for method in ("GET", "OPTIONS"):
            _, headers, _ = await get(server.url + STATS, method=method, headers=asked)
            assert "Access-Control-Allow-Origin" not in headers
        _, headers, _ = await get(server.url + STATS, headers={"Origin": origin})
        assert headers["Vary"] == "Origin"
        _, headers, _ = await get(f"{server.url}/", headers={"Origin": PANEL})
        assert "Access-Control-Allow-Origin" not in headers  # pages are not the API


async def test_another_origins_page_can_not_use_a_login() -> None:
    cookie = {"Cookie": f"{SESSION_COOKIE}=x"}
    async with a_door(cors_origins=(PANEL,)) as server:
        for origin in (PANEL, "https://evil.example", "null"):
            assert (await get(server.url + STATS, headers={"Origin": origin, **cookie}))[0] == 403
        for another in ("Basic YTph", "Bearer"):
            asked = {"Origin": PANEL, "Authorization": another, **cookie}
            assert (await get(server.url + STATS, headers=asked))[0] == (200 if another == "Bearer" else 403)
        assert (await get(server.url + STATS, headers={"Origin": server.url, **cookie}))[0] == 200
    async with a_door(trusted_proxies=LOOPBACK, host_names=("dns.example",)) as server:
        through = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "dns.example", **cookie}
        assert (await get(server.url + STATS, headers={"Origin": "https://dns.example", **through}))[0] == 200
        assert (await get(server.url + STATS, headers={"Origin": "http://dns.example", **through}))[0] == 403
