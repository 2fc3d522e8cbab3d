"""How much a client may ask: token buckets that are looked at once a second, and only when somebody could be over one.

As long as all clients together ask less than one of them may, nobody is over a limit and nobody is counted. Above that,
the edge counts whole batches, some of them for all (``SAMPLED``), and tells the sums here at the end of each second. A client
whose bucket is empty is *over* until it has asked less than it may for a second: its queries then pass the stage
:mod:`mirage_hole.resolver.limited`, and no finished answer is replayed to it meanwhile.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SAMPLED: Final = 4
"""Of so many batches one is counted, for all."""
MOST_BUCKETS: Final = 16_384
FLOODS: Final = 8
"""Times what it may ask: a client that asks more is a flood, which is best stopped before it is read."""
MOST_FLOODS: Final = 32
"""Clients that are stopped so at once, the worst ones."""
_MAPPED: Final = bytes(10) + b"\xff\xff"


class ClientLimits:
    """Buckets by client address. ``now`` is in seconds, of any clock that only goes forward."""

    __slots__ = ("_buckets", "_exempt", "_exempt_known", "_turned_at", "burst", "flooding", "limited", "over", "rate")

    def __init__(self, rate: float, burst: float, exempt: Iterable[str] = ("127.0.0.0/8", "::1/128")) -> None:
        """``rate``: queries a second; ``burst``: as many at once after a time of silence.

        Raises:
            ValueError: a network that is none, or no positive numbers.
        """
        if rate <= 0 or burst < rate:
            message = f"a rate of {rate:g} and a burst of {burst:g}; the burst is at least the rate, which is over 0"
            raise ValueError(message)
        self.rate = rate
        self.burst = burst
        self._exempt = tuple(ip_network(text) for text in exempt)
        self._exempt_known: dict[bytes, bool] = {}
        self._buckets: dict[bytes, float] = {}
        self._turned_at = 0.0
        self.over: dict[bytes, int] = {}
        """Clients over their limit, and how many queries they have had in this second."""
        self.flooding: tuple[bytes, ...] = ()
        """Those of them that ask so much that they are better not read at all, the worst first."""
        self.limited = 0
        """Queries that were not answered as they would have been."""

    def is_exempt(self, client: bytes) -> bool:
        """Whether this client, 4 or 16 address octets, has no limit."""
        known = self._exempt_known.get(client)
        if known is None:
            octets = client[12:] if client.startswith(_MAPPED) and len(client) == 16 else client
            address = ip_address(octets)
            known = any(address in network for network in self._exempt)
            if len(self._exempt_known) >= MOST_BUCKETS:
                self._exempt_known.clear()
            self._exempt_known[client] = known
        return known

    def turn(self, counts: Mapping[bytes, int], now: float) -> list[bytes]:
        """A second is over in which clients asked so much; the clients that are over their limit since now.

        Args:
            counts: queries by client; who is not there asked next to nothing.
            now: seconds.
        """
        seconds = min(now - self._turned_at, self.burst / self.rate) if self._turned_at else 1.0
        self._turned_at = now
        buckets, rate = self._buckets, self.rate
        earned = rate * seconds
        for client in [client for client in buckets if client not in counts]:
            buckets[client] += earned
            if buckets[client] >= self.burst:
                del buckets[client]
                self.over.pop(client, None)
            elif buckets[client] > 0:
                self.over.pop(client, None)
        new: list[bytes] = []
        floods: list[tuple[int, bytes]] = []
        for client, number in counts.items():
            if self.is_exempt(client):
                continue
            left = min(buckets.get(client, self.burst) + earned, self.burst) - number
            if client not in buckets and len(buckets) >= MOST_BUCKETS:
                continue  # strangers that come in such numbers are forged, one by one
            buckets[client] = max(left, -rate)  # nobody pays for long for what is over
            if left < 0:
                if client not in self.over:
                    new.append(client)
                self.over[client] = 0
                if number > rate * FLOODS * seconds:
                    floods.append((number, client))
            elif client in self.over and number <= earned:
                del self.over[client]
        for client in self.over:
            self.over[client] = 0
        floods.sort(reverse=True)
        self.flooding = tuple(client for _, client in floods[:MOST_FLOODS])
        return new
