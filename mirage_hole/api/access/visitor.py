"""Where a request comes from and how, as far as that can be believed.

Whoever stands in front (``web.trusted_proxies``) has been asked already: what is known of the client is in ``request["client"]`` and
``request["scheme"]``.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web

MAX_AGENT: Final = 200
"""Characters of ``User-Agent`` that are kept with a session, so that its owner recognises it."""


def client_of(request: web.Request) -> str:
    """The address of the client; empty for none, as over a Unix socket."""
    told = request.get("client")
    return str(told) if told is not None else request.remote or ""


def scheme_of(request: web.Request) -> str:
    """``https`` when the visitor's browser speaks TLS, else ``http``."""
    told = request.get("scheme")
    return str(told) if told is not None else request.scheme


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address without its zone, an IPv4-mapped one as the IPv4 address that it is; None: it is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def agent_of(request: web.Request) -> str:
    """What the client calls itself, cut, printable characters alone."""
    text = request.headers.get("User-Agent", "")[:MAX_AGENT]
    return "".join(letter for letter in text if letter.isprintable())


def is_bearer(request: web.Request) -> bool:
    """Whether an API token counts and no cookie does: another scheme is between the browser and a proxy in front of us."""
    return request.headers.get("Authorization", "").partition(" ")[0].lower() == "bearer"
