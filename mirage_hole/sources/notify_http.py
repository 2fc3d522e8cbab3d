"""Sends notices over HTTP: webhooks, signed where there is a secret, and topics of ntfy. No redirection is followed."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, Final

import aiohttp
import orjson

from mirage_hole.sources.failures import Failure
from mirage_hole.sources.said import without
from mirage_hole.sources.web import from_network

if TYPE_CHECKING:
    from typing import Any

    from mirage_hole.sources.resolve import UpstreamResolver

PATIENCE: Final = 10.0
"""Seconds for everything: name, connection, answer."""
SIGNATURE: Final = "X-Mirage-Hole-Signature"
_AGENT: Final = "mirage-hole"
_READ: Final = 1024
"""Octets of an answer that are looked at."""


def session(resolver: UpstreamResolver) -> aiohttp.ClientSession:
    """For one target or many; certificates are checked. Proxies of the environment are not asked."""
    connector = aiohttp.TCPConnector(resolver=resolver, limit=20, force_close=True, use_dns_cache=False)
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())


def signature(secret: str, body: bytes) -> str:
    """Of a webhook's body: ``sha256=`` and the HMAC in hexadecimal, as GitHub's webhooks have it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def send_webhook(
    http: aiohttp.ClientSession,
    url: str,
    content: dict[str, Any],
    *,
    secret: str = "",
    user: str = "",
    password: str = "",
) -> str:
    """POST JSON; what the server said.

    Raises:
        Failure: it did not take it, or was not reached.
    """
    body = orjson.dumps(content)
    headers = {"Content-Type": "application/json"}
    if secret:
        headers[SIGNATURE] = signature(secret, body)
    return await _post(http, url, headers | _login(user, password), body, (secret, password))


async def send_ntfy(
    http: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes, *, user: str = "", password: str = ""
) -> str:
    """POST to a topic; a password without a user is an access token. Raises as :func:`send_webhook`."""
    login = _login(user, password) if user or not password else {"Authorization": f"Bearer {password}"}
    return await _post(http, url, headers | login, body, (password,))


def _login(user: str, password: str) -> dict[str, str]:
    """RFC 7617."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"} if user else {}


async def _post(
    http: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes, secrets: tuple[str, ...]
) -> str:
    try:
        async with http.post(
            url, data=body, headers={"User-Agent": _AGENT, **headers}, allow_redirects=False
        ) as response:
            status = response.status
            said = await response.content.read(_READ) if status < 300 or status >= 400 else b""
            reason = response.reason or ""
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
        if isinstance(problem, TimeoutError) and not isinstance(problem, aiohttp.ClientError):
            message = f"no answer within {PATIENCE:g} s"
            raise Failure(message, network=True) from None
        raise Failure(without(secrets, str(from_network(problem, connect=PATIENCE, stall=PATIENCE)))) from None
    answer = without(secrets, f"{status} {reason}: {said.decode('utf-8', 'replace')}")
    if 300 <= status < 400:
        message = f"the server answered {status} and sends us elsewhere, which is not followed; write the final address"
        raise Failure(message)
    if not 200 <= status < 300:
        message = f"the server answered {answer}"
        raise Failure(message, passing=status >= 500 or status in {408, 425, 429})
    return answer
