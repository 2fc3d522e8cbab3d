"""How much a client may ask, and how often one answer may go to one network outside.

As long as all clients together ask less than one of them may, nobody is over a limit and nobody is counted. Above that,
the edge counts whole batches, some of them for all (``SAMPLED``), and tells the sums here about once a second. A client
that is over its limit is answered by the stage :mod:`mirage_hole.resolver.limited`, and no finished answer is replayed to
it meanwhile; the worst are *floods*, which are best not even read.

A client is an address, of IPv6 too: the 18 quintillion addresses of a /64 are one household, and that is who asks here.
Answers to networks outside, whose addresses may be forged, are counted by /24 and /56 besides (BIND's response rate limiting).
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from mirage_hole.policy.buckets import Buckets
from mirage_hole.policy.inside import is_inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SAMPLED: Final = 8
"""Of so many batches one is counted, for all."""
FLOODS: Final = 4
"""Times what it may ask: a client that asks more is a flood."""
AT_LARGE: Final = 16
"""Times what one may ask: clients over their limit that ask more than this together are floods, the worst first."""
MOST_FLOODS: Final = 64
"""Clients that are stopped at once, the worst ones."""
STOPPED_FOR: Final = 5.0
"""Seconds, from the last time that it was seen to be one."""
SLIP: Final = 2
"""Of so many answers over the rate one is sent, truncated; the others are not."""
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
_MAPPED: Final = bytes(10) + b"\xff\xff"
_REMEMBERED: Final = 16_384
_V4_NETWORK: Final = 3  # octets: a /24
_V6_NETWORK: Final = 7  # a /56
_WINDOW: Final = 5
"""Seconds' worth of one answer that may go out at once."""


def plain(client: bytes) -> bytes:
    """Address octets; those of an IPv4-mapped address as 4."""
    return client[12:] if len(client) == 16 and client.startswith(_MAPPED) else client


class Networks:
    """Whether clients are in one of some networks and in none of others, remembered in a bounded table."""

    __slots__ = ("_inside", "_known", "_outside")

    def __init__(self, inside: Iterable[str], outside: Iterable[str] = ()) -> None:
        """CIDR notation.

        Raises:
            ValueError: not a network.
        """
        self._inside = tuple(ip_network(text) for text in inside)
        self._outside = tuple(ip_network(text) for text in outside)
        self._known: dict[bytes, bool] = {}

    def has(self, client: bytes) -> bool:
        """Of 4 or 16 address octets."""
        known = self._known.get(client)
        if known is None:
            address = ip_address(plain(client))
            known = any(address in one for one in self._inside) and not any(address in one for one in self._outside)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[client] = known
        return known


class RepeatedAnswers:
    """The same answer, over and over, to one network outside: what an attacker has us send who forges its addresses.

    An answer is known by the name it is about, whatever its type: attackers vary what costs them nothing.
    """

    __slots__ = ("_buckets", "_exempt", "names", "over", "rate")

    def __init__(self, rate: float, exempt: Iterable[str] = LOOPBACK) -> None:
        """``rate``: the same answer so many times a second; ``exempt``: networks without a limit besides private ones."""
        self._buckets = Buckets(rate, rate * _WINDOW)
        self.rate = rate
        self._exempt = Networks(exempt)
        self.over = self._buckets.over
        """Keys that are over."""
        self.names: frozenset[bytes] = frozenset()
        """Folded names whose answers must not be replayed."""

    def key(self, client: bytes, name: bytes) -> bytes | None:
        """Under which an answer to this client is counted; None: it is not."""
        octets = plain(client)
        if is_inside(octets) or self._exempt.has(client):
            return None
        return octets[: _V4_NETWORK if len(octets) == 4 else _V6_NETWORK].ljust(8, b"\0") + name

    def turn(self, counts: Mapping[tuple[bytes, bytes], int], seconds: float, now: float) -> None:
        """Some time is over in which clients asked for names so often."""
        sums: dict[bytes, int] = {}
        for (client, name), number in counts.items():
            key = self.key(client, name)
            if key is not None:
                sums[key] = sums.get(key, 0) + number
        self._buckets.turn(sums, seconds, now)
        self.names = frozenset(key[8:] for key in self.over)

    def slips(self, key: bytes) -> bool | None:
        """For one more answer of a key that is over: None: send it; True: send it truncated; False: send nothing."""
        had = self.over[key]
        self.over[key] = had + 1
        over = had - int(self.rate)
        return None if over < 0 else over % SLIP == 0


class ClientLimits:
    """Buckets by client address. ``now`` is in seconds, of any clock that only goes forward."""

    __slots__ = (
        "_clients", "_exempt", "_stopped", "_stops_floods", "_turned_at", "burst", "busy", "dropped", "flooding", "over", "rate", "refused",
        "repeated", "slipped",
    )  # fmt: skip

    def __init__(
        self,
        rate: float,
        burst: float,
        exempt: Iterable[str] = LOOPBACK,
        enforced: Iterable[str] = (),
        repeated: RepeatedAnswers | None = None,
        *,
        stops_floods: bool = True,
    ) -> None:
        """Limit every client that is not exempt.

        Args:
            rate: queries a second.
            burst: as many at once after a time of silence.
            exempt: networks without a limit, in CIDR notation.
            enforced: networks within those that have one all the same.
            repeated: limits of the same answers; None: there are none.
            stops_floods: False for streams, which can be made to wait.

        Raises:
            ValueError: a network that is none, or numbers that make no limit.
        """
        self._clients = Buckets(rate, burst)
        self.rate = rate
        self.burst = burst
        self.repeated = repeated
        self._stops_floods = stops_floods
        self._exempt = Networks(exempt, enforced)
        self._turned_at: float | None = None
        self.over = self._clients.over
        """Clients over their limit, and how many queries of this second were answered."""
        self.busy = False
        """Somebody or something is over a limit."""
        self._stopped: dict[bytes, tuple[int, float]] = {}
        self.flooding: tuple[bytes, ...] = ()
        """Clients that ask so much that they are better not read at all, the worst first."""
        self.slipped = 0
        """Answers that were truncated instead."""
        self.refused = 0
        """Queries that were refused."""
        self.dropped = 0
        """Answers that were not sent, since the same went there too often."""

    def is_exempt(self, client: bytes) -> bool:
        """Whether this client, 4 or 16 address octets, has no limit."""
        return self._exempt.has(client)

    def turn(
        self, counts: Mapping[bytes, int], now: float, names: Mapping[tuple[bytes, bytes], int] | None = None
    ) -> list[bytes]:
        """Some time is over, a second or less; the clients that are over their limit since now.

        Args:
            counts: queries by client; who is not there asked next to nothing.
            now: seconds.
            names: queries by client and folded name, as far as answers are limited.
        """
        seconds = 1.0 if self._turned_at is None else min(now - self._turned_at, self.burst / self.rate)
        self._turned_at = now
        new = self._clients.turn(counts, seconds, now, self.is_exempt)
        if self.repeated is not None:
            self.repeated.turn(names or {}, seconds, now)
        if self._stops_floods:
            self._stop_floods(counts, seconds, now)
        self.busy = bool(self.over) or (self.repeated is not None and bool(self.repeated.over))
        return new

    def take(self, client: bytes, wanted: int) -> int:
        """How many more of ``wanted`` queries a client that is over its limit may have answered in this second."""
        return self._clients.take(client, wanted)

    def holds_back(self, client: bytes, octets: bytes) -> bool:
        """Whether an answer must not be replayed: to ``octets``, a query without its ID, to this client."""
        if client in self.over:
            return True
        return self.repeated is not None and name_in(octets) in self.repeated.names

    def _stop_floods(self, counts: Mapping[bytes, int], seconds: float, now: float) -> None:
        stopped, over = self._stopped, self.over
        if not over and not stopped:
            self.flooding = ()
            return
        asked = sorted(((counts[client], client) for client in over if client in counts), reverse=True)
        together = sum(number for number, _ in asked)
        for number, client in asked:
            if number <= self.rate * FLOODS * seconds and together <= self.rate * AT_LARGE * seconds:
                break
            together -= number
            stopped[client] = (number, now + STOPPED_FOR)
        for client in [client for client, (_, until) in stopped.items() if until <= now]:
            del stopped[client]
            if client not in self._clients:
                over.pop(client, None)
        worst = sorted(((number, client) for client, (number, _) in stopped.items()), reverse=True)[:MOST_FLOODS]
        self.flooding = tuple(client for _, client in worst)
        for client in self.flooding:
            over[client] = max(
                over.get(client, 0), int(self.rate)
            )  # what is read of it all the same is worth no answer


def name_in(octets: bytes) -> bytes:
    """The folded name that a query without its ID is about, if it is one."""
    at, size = 10, len(octets)
    while at < size and octets[at]:
        at += octets[at] + 1
    return octets[10 : at + 1].lower()
