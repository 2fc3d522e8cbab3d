"""Who is answered. An open resolver is a weapon in other people's hands (RFC 5358), so the default is private networks."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAPPED_PREFIX: Final = bytes(10) + b"\xff\xff"
_REMEMBERED: Final = 16_384


class Access:
    """The networks whose clients are answered. The answer for a client is remembered, in a bounded table."""

    __slots__ = ("_networks", "known")

    def __init__(self, networks: Iterable[str]) -> None:
        """``networks``: CIDR notation.

        Raises:
            ValueError: not a network.
        """
        self._networks = tuple(ip_network(text) for text in networks)
        self.known: dict[bytes, bool] = {}
        """What was found out about clients. To be read only; callers on the hot path do so themselves."""

    def permits(self, client: bytes) -> bool:
        """Whether a client with these address octets (4 or 16) is answered. IPv4-mapped addresses count as IPv4."""
        known = self.known.get(client)
        if known is not None:
            return known
        octets = client[12:] if len(client) == 16 and client.startswith(_MAPPED_PREFIX) else client
        address = ip_address(octets)
        permitted = any(address in network for network in self._networks)
        if len(self.known) >= _REMEMBERED:
            self.known.clear()
        self.known[client] = permitted
        return permitted
