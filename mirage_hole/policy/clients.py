"""Who asks, as far as rules speak of it: the names and tags that were configured for an address (``$client``, ``$ctag``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.policy.networks import Networks, unmapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_REMEMBERED: Final = 16_384


class Client(NamedTuple):
    """What is known of one address."""

    address: bytes = b""
    """Octets, 4 or 16; IPv4-mapped ones are 4. Empty: nobody that a rule could mean."""
    names: frozenset[str] = frozenset()
    """Folded: rules do not tell ``Phone`` from ``phone``."""
    tags: frozenset[str] = frozenset()


NOBODY: Final = Client()


class Clients:
    """The configured clients. The most specific network that holds an address says who it is, as in Pi-hole.

    Two clients with the very same network are both meant. What is known of an address is remembered, in a bounded table.
    """

    __slots__ = ("_known", "_networks")

    def __init__(self, clients: Iterable[tuple[str, Sequence[str], Sequence[str]]] = ()) -> None:
        """``clients``: name, addresses or networks in CIDR notation, tags.

        Raises:
            ValueError: not a network.
        """
        self._networks: Networks[tuple[str, frozenset[str]]] = Networks(
            (network, (name.casefold(), frozenset(tags))) for name, networks, tags in clients for network in networks
        )
        self._known: dict[bytes, Client] = {b"": NOBODY}

    def who(self, address: bytes) -> Client:
        """What is known of an address (4 or 16 octets; none is nobody)."""
        known = self._known.get(address)
        if known is not None:
            return known
        around = self._networks.around(address)
        nearest = [value for length, value in around if length == around[0][0]]
        names = frozenset(name for name, _ in nearest)
        client = Client(unmapped(address), names, frozenset().union(*(tags for _, tags in nearest)))
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
            self._known[b""] = NOBODY
        self._known[address] = client
        return client
