"""Who has ever asked: addresses with the times of their first and last query, in a bounded table.

IPv6 hosts change their address every day (RFC 8981), so of IPv6 the /64 counts, and within it the name where one is known. A
link-local address stays, and counts for itself.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_DEVICES: Final = 10_000
MAX_NAME: Final = 64  # characters
LEARNING: Final = 86400.0
"""Seconds after the first start in which everybody is new and nobody is told of."""
_MAPPED: Final = bytes(10) + b"\xff\xff"


class Device(NamedTuple):
    """One of them. Times are seconds since the epoch."""

    key: str
    """``192.168.1.7``, ``fe80::1``, ``2001:db8::/64``, or ``2001:db8::/64 laptop``."""
    address: str
    """That it had last."""
    first_seen: float
    last_seen: float


class Devices:
    """The table. What has changed since it was kept last is gathered for who keeps it."""

    __slots__ = ("_changed", "_gone", "_known", "full", "has_news", "since")

    def __init__(self, since: float, known: Iterable[Device] = ()) -> None:
        """``since``: when the first of all programs that kept this table began."""
        self.since = since
        self.has_news = False
        """Somebody has come or was forgotten since :meth:`take_changes`."""
        self.full = 0
        """Devices that were forgotten since there were too many."""
        self._known = {one.key: one for one in known}
        self._changed: set[str] = set()
        self._gone: set[str] = set()

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Device]:
        return iter(tuple(self._known.values()))

    def see(self, clients: Iterable[bytes], now: float, name_of: Callable[[bytes], str]) -> list[Device]:
        """These have asked; the new ones of them, unless everybody is new. A clock that was set back makes nobody older."""
        self.since = min(self.since, now)
        fresh = []
        for octets in clients:
            plain = octets[12:] if len(octets) == 16 and octets.startswith(_MAPPED) else octets
            address = ip_address(plain)
            if address.is_loopback or address.is_unspecified:
                continue
            key = key_of(address, lambda plain=plain: name_of(plain))  # type: ignore[misc]
            known = self._known.pop(key, None)
            if known is None:
                known = Device(key, str(address), now, now)
                fresh.append(known)
            # Whoever was seen last is the last in the table, so that the first can be forgotten.
            self._known[key] = known._replace(address=str(address), last_seen=max(known.last_seen, now))
            self._changed.add(key)
            self._gone.discard(key)
        while len(self._known) > MAX_DEVICES:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._changed.discard(oldest)
            self._gone.add(oldest)
            self.full += 1
        self.has_news = self.has_news or bool(fresh or self._gone)
        learning = now - self.since < LEARNING or self.full > 0
        return [] if learning else [one for one in fresh if one.key in self._known]

    def clear(self) -> None:
        """Forget everybody."""
        self.has_news = self.has_news or bool(self._known)
        self._gone.update(self._known)
        self._known.clear()
        self._changed.clear()

    def give_back(self, written: Iterable[Device], gone: Iterable[str]) -> None:
        """What was taken could not be kept."""
        self._changed.update(one.key for one in written if one.key in self._known)
        self._gone.update(key for key in gone if key not in self._known)
        self.has_news = True

    def take_changes(self) -> tuple[list[Device], list[str]]:
        """What to write and the keys to remove since the last time."""
        written = [self._known[key] for key in self._changed]
        gone = list(self._gone)
        self.has_news = False
        self._changed.clear()
        self._gone.clear()
        return written, gone


def key_of(address: IPv4Address | IPv6Address, name: Callable[[], str]) -> str:
    """What one device is known by; see :class:`Device`. ``name`` is asked only where it matters."""
    if isinstance(address, IPv4Address) or address.is_link_local:
        return str(address)
    prefix = IPv6Address(int(address) >> 64 << 64)
    called = name()[:MAX_NAME]
    return f"{prefix}/64 {called}" if called else f"{prefix}/64"
