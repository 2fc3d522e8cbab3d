"""How many requests a visitor may make: a bucket of tokens for each identity, or for the network of one who is nobody."""

from __future__ import annotations

import time
from collections import OrderedDict
from ipaddress import IPv6Address
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.api.access.visitor import address_of, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from mirage_hole.api.v1.identity import Identity

MOST: Final = 4096
"""Visitors that are remembered; whoever was not seen for longest is forgotten, with a full bucket."""
BURST_SECONDS: Final = 4.0
"""A full bucket holds what this many seconds allow: a page that opens asks for much at once."""


class Allowance(NamedTuple):
    """What a visitor may still do."""

    limit: int
    """Requests in a full bucket."""
    left: int
    """Requests at once from now on."""
    again: float
    """Seconds until the next one is allowed; 0: now."""

    def headers(self) -> dict[str, str]:
        """``RateLimit-*`` as most APIs have them (draft-ietf-httpapi-ratelimit-headers-06)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(ceil(self.again)),
        }


class Rates:
    """A bounded table of buckets."""

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        """``per_second``: requests that each visitor may make; 0: as many as they like."""
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.refused = 0
        """Requests that came too early."""
        self.change(per_second)

    def __len__(self) -> int:
        return len(self._buckets)

    def change(self, per_second: float) -> None:
        """From now on so many (``web.requests_per_second``)."""
        self._rate = per_second
        self._size = max(1.0, per_second * BURST_SECONDS)

    def take(self, key: str) -> Allowance | None:
        """One request of this visitor; None: nothing is limited."""
        if self._rate <= 0 or not key:
            return None
        now = self._clock()
        tokens, at = self._buckets.get(key, (self._size, now))
        tokens = min(self._size, tokens + (now - at) * self._rate)
        fits = tokens >= 1.0
        if fits:
            tokens -= 1.0
        else:
            self.refused += 1
        self._buckets[key] = (tokens, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return Allowance(int(self._size), int(tokens), 0.0 if fits else (1.0 - tokens) / self._rate)


def key_of(request: web.Request, who: Identity | None) -> str:
    """Whose bucket a request takes from; empty: nobody's, as for the control socket.

    Of IPv6 it is the /64, as one machine has all of that (RFC 4291 section 2.5.4).
    """
    if who is not None and who.how == "local":
        return ""
    if who is not None and who.key:
        return f"{who.how} {who.key}"
    address = address_of(client_of(request))
    if isinstance(address, IPv6Address):
        return f"net {int(address) >> 64:x}"
    return f"net {address}"
