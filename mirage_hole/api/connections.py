"""Bounds connections: how many there are, of one client and in all, and how long one may take for a request and its answer.

When there is no room, a connection that rests makes room: one of whoever has the most of them. So idle browsers, and
clients that only open connections or never end what they ask, keep nobody out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final

from mirage_hole.api.access.visitor import address_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.api.limits import Limits

RESTS_AFTER: Final = 2.0
"""Seconds without a request after which a connection may be closed for another one."""
STRANGERS_TIME: Final = 5.0
"""Seconds until a connection is closed that gets a refusal and nothing else."""


class _Open:
    """One open connection."""

    __slots__ = ("client", "deadline", "quiet_since", "stranger", "transport")

    def __init__(self, transport: asyncio.Transport, client: str, now: float, *, stranger: bool) -> None:
        self.transport = transport
        self.client = client
        self.stranger = stranger
        self.quiet_since: float | None = now
        """Since when no request is in work; None: one is."""
        self.deadline: asyncio.TimerHandle | None = None


class Connections:
    """The open connections of one web server, and their deadlines."""

    def __init__(self, limits: Limits, exempt: Callable[[str], bool] = lambda _peer: False) -> None:
        """``exempt``: whether this address may have any number of connections, as a proxy does, which asks for many clients."""
        self._limits = limits
        self._exempt = exempt
        self._open: dict[object, _Open] = {}
        self._clients: Counter[str] = Counter()
        self._requests: Counter[str] = Counter()
        self._strangers = 0
        self.refused = 0
        """Connections closed at once since there were too many."""
        self.displaced = 0
        """Resting connections closed to make room."""

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, transport: asyncio.Transport, *, stranger: bool = False) -> bool:
        """Count a connection in; False, and it is gone, when there are too many. Strangers are only told that they are."""
        peer = str((transport.get_extra_info("peername") or ("",))[0])
        client = network_of(peer)
        if stranger:
            room = self._strangers < max(1, self._limits.connections // 8)
        else:
            room = self._has_room(client, bounded=not self._exempt(peer))
        if not room:
            self.refused += 1
            transport.abort()
            return False
        loop = asyncio.get_running_loop()
        one = self._open[_key(transport)] = _Open(transport, client, loop.time(), stranger=stranger)
        self._strangers += stranger
        self._clients[client] += not stranger
        one.deadline = loop.call_later(STRANGERS_TIME if stranger else self._limits.request_time, transport.abort)
        return True

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """Count a connection out."""
        one = self._open.pop(_key(transport), None)
        if one is None:
            return
        if one.deadline is not None:
            one.deadline.cancel()
        self._strangers -= one.stranger
        self._clients[one.client] -= not one.stranger
        if self._clients[one.client] <= 0:
            del self._clients[one.client]

    def renew(self, transport: asyncio.BaseTransport | None, seconds: float = 0.0) -> None:
        """A request has come: its answer may take ``seconds`` from now on, and never less than ``Limits.request_time``."""
        one = self._find(transport)
        if one is not None:
            self._cancel(one)
            one.quiet_since = None
            after = max(seconds, self._limits.request_time)
            one.deadline = asyncio.get_running_loop().call_later(after, one.transport.abort)

    def expect(self, transport: asyncio.BaseTransport | None) -> None:
        """The rest of the request has to come: until then the connection may make room, as one whose head has not come."""
        one = self._find(transport)
        if one is not None:
            one.quiet_since = asyncio.get_running_loop().time()

    def release(self, transport: asyncio.BaseTransport | None) -> None:
        """The connection has deadlines of its own: a live stream."""
        one = self._find(transport)
        if one is not None:
            self._cancel(one)
            one.quiet_since = None

    def rest(self, transport: asyncio.BaseTransport | None) -> None:
        """The request has its answer. A stream's connection has a deadline again, in case another request follows."""
        one = self._find(transport)
        if one is not None:
            loop = asyncio.get_running_loop()
            one.quiet_since = loop.time()
            if one.deadline is None:
                one.deadline = loop.call_later(self._limits.request_time, one.transport.abort)

    def begin(self, client: str) -> bool:
        """Count a request of this client, who may be behind a proxy; False: it has too many in work."""
        client = network_of(client)
        if self._requests[client] >= self._limits.connections_per_client:
            return False
        self._requests[client] += 1
        return True

    def end(self, client: str) -> None:
        """Its request has an answer."""
        client = network_of(client)
        self._requests[client] -= 1
        if self._requests[client] <= 0:
            del self._requests[client]

    def _has_room(self, client: str, *, bounded: bool) -> bool:
        if bounded and self._clients[client] >= self._limits.connections_per_client:
            return self._displace([one for one in self._open.values() if one.client == client])
        if len(self._open) - self._strangers >= self._limits.connections:
            return self._displace(list(self._open.values()))
        return True

    def _displace(self, among: list[_Open]) -> bool:
        """Close a connection that rests: of whoever has the most, the one that rests longest."""
        before = asyncio.get_running_loop().time() - RESTS_AFTER
        resting = [
            (-self._clients[one.client], one.quiet_since, number)
            for number, one in enumerate(among)
            if one.quiet_since is not None
            and one.quiet_since <= before
            and not one.stranger
            and not one.transport.get_write_buffer_size()
        ]
        if not resting:
            return False
        victim = among[min(resting)[2]]
        self.leave(victim.transport)
        victim.transport.abort()
        self.displaced += 1
        return True

    def _find(self, transport: asyncio.BaseTransport | None) -> _Open | None:
        return self._open.get(_key(transport)) if transport is not None else None

    def _cancel(self, one: _Open) -> None:
        if one.deadline is not None:
            one.deadline.cancel()
            one.deadline = None


def network_of(peer: str) -> str:
    """What counts as one client: an address, of IPv6 the /64, as one machine has all of that (RFC 4291 section 2.5.4)."""
    address = address_of(peer)
    if isinstance(address, IPv6Address):
        return f"{int(address) >> 64:x}"
    return str(address) if address is not None else peer


def _key(transport: asyncio.BaseTransport) -> object:
    """The socket: what TLS puts around a transport has the same one."""
    return transport.get_extra_info("socket") or transport
