"""Which Host headers are answered. A page of a stranger whose name suddenly resolves to us must not read the statistics.

DNS rebinding needs a *name* under the attacker's control, so names are answered only when we know them; an address in the
header can't be rebound, and is answered when it can be ours.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address


class HostRule:
    """Knows the names and addresses of one web server."""

    __slots__ = ("_any_address", "_bound", "_names")

    def __init__(self, bound: str, names: Iterable[str] = ()) -> None:
        """``bound`` is the address literal the server listens on; at a wildcard any address may be ours."""
        address = ip_address(bound)
        self._any_address = address.is_unspecified
        self._bound = _without_zone(address)
        self._names = frozenset({"localhost", *(name.lower().removesuffix(".") for name in names)})

    def allows(self, header: str) -> bool:
        """Whether a Host header (``name``, ``name:port``, ``[v6]:port``) names this server."""
        host = host_of(header)
        if host is None:
            return False
        try:
            address = ip_address(host)
        except ValueError:
            name = host.lower().removesuffix(".")
            return name in self._names or name.endswith(".localhost")
        return self._any_address or address.is_loopback or _without_zone(address) == self._bound


def own_names() -> tuple[str, ...]:
    """This machine's names: as the kernel knows it, its first label, and that in multicast DNS (RFC 6762)."""
    full = socket.gethostname().lower().removesuffix(".")
    first = full.partition(".")[0]
    return (full, first, f"{first}.local") if first else ()


def host_of(header: str) -> str | None:
    """The host of a Host header, without brackets; None when the header is malformed (RFC 9110 7.2)."""
    if header.startswith("["):
        host, bracket, rest = header[1:].partition("]")
        if not bracket or ":" not in host:
            return None
    else:
        host, colon, port = header.partition(":")
        rest = colon + port
    if rest and not (rest[0] == ":" and rest[1:].isascii() and (rest[1:].isdigit() or rest == ":")):
        return None
    return host or None


def _without_zone(address: IPv4Address | IPv6Address) -> str:
    return str(address).partition("%")[0]
