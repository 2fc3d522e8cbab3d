"""Slows guessers down, by where they come from and by whose account they try, without locking its owner out.

Whoever has logged in to an account from a network goes on from there however many others guess; from elsewhere the longest delay that strangers
can cause is :data:`LONGEST_OF_ACCOUNT`. Sessions that are open are not touched at all.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv4Address, ip_network
from typing import Final, NamedTuple, TypeVar

from mirage_hole.api.access.visitor import address_of

K = TypeVar("K")
V = TypeVar("V")

FREE: Final = 5
"""Failures from one network before it has to wait: people mistype."""
FREE_OF_ACCOUNT: Final = 20
LONGEST: Final = 300.0
"""Seconds a network waits at most after a failure; they double from 1."""
LONGEST_OF_ACCOUNT: Final = 30.0
FORGET: Final = 86_400.0
"""Seconds after which failures are forgotten."""
MOST: Final = 4096
"""Networks, accounts and known pairs that are remembered, each; those longest without news go first."""


class _Failures(NamedTuple):
    number: int
    last: float
    account: str | None
    """The one account that was tried; None: several."""


class Attempt(NamedTuple):
    """One login that is being checked. It counts as failed until it is known to be good."""

    network: str
    account: str
    before: tuple[_Failures | None, _Failures | None]
    """What was known of the network and the account."""


class Wait(NamedTuple):
    """No login now."""

    seconds: float


def network_of(address: str) -> str:
    """What counts as one visitor: an IPv4 address, or the /56 that a home gets for its IPv6 addresses (RFC 6177)."""
    found = address_of(address)
    if found is None:
        return "local"
    if isinstance(found, IPv4Address):
        return str(found)
    return str(ip_network((found, 56), strict=False))


class Throttle:
    """Bounded memory of who failed. It is told the time, in seconds that only grow."""

    def __init__(self) -> None:
        self._networks: OrderedDict[str, _Failures] = OrderedDict()
        self._accounts: OrderedDict[str, _Failures] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._networks) + len(self._accounts) + len(self._known)

    def begin(self, address: str, account: str, now: float) -> Attempt | Wait:
        """A login is tried. Ten at once count as ten.

        ``account``: empty: of nobody in particular, as with what is too long to be guessed, so that nobody else has to wait for it.
        """
        network, account = network_of(address), account.casefold()
        of_network = _live(self._networks.get(network), now)
        of_account = _live(self._accounts.get(account), now) if account else None
        wait = _left(of_network, FREE, LONGEST, now)
        if (network, account) not in self._known:
            wait = max(wait, _left(of_account, FREE_OF_ACCOUNT, LONGEST_OF_ACCOUNT, now))
        if wait > 0:
            return Wait(wait)
        _put(self._networks, network, _more(of_network, account, now))
        if account:
            _put(self._accounts, account, _more(of_account, account, now))
        return Attempt(network, account, (of_network, of_account))

    def succeeded(self, attempt: Attempt) -> None:
        """It was good: the account's failures are forgotten, and the network's unless it tried other accounts, too."""
        self._accounts.pop(attempt.account, None)
        found = self._networks.get(attempt.network)
        if found is not None and found.account is not None:
            del self._networks[attempt.network]
        elif found is not None:
            self._networks[attempt.network] = found._replace(number=found.number - 1)
        if attempt.account:
            self.remember(attempt.network, attempt.account)

    def withdraw(self, attempt: Attempt) -> None:
        """It neither failed nor was good, such as one without the code of the second factor."""
        of_network, of_account = attempt.before
        for table, key, was in (
            (self._networks, attempt.network, of_network),
            (self._accounts, attempt.account, of_account),
        ):
            found = table.get(key)
            if found is None:
                continue
            if found.number <= 1:
                del table[key]
            else:
                last = found.last if was is None else was.last
                table[key] = found._replace(number=found.number - 1, last=last)

    def remember(self, network: str, account: str) -> None:
        """The account's owner has logged in from there."""
        _put(self._known, (network, account.casefold()), None)


def _live(found: _Failures | None, now: float) -> _Failures | None:
    return found if found is not None and now - found.last < FORGET else None


def _left(found: _Failures | None, free: int, longest: float, now: float) -> float:
    if found is None or found.number < free:
        return 0.0
    delay = min(longest, 2.0 ** min(found.number - free, 30))
    return max(0.0, found.last + delay - now)


def _more(found: _Failures | None, account: str, now: float) -> _Failures:
    if found is None:
        return _Failures(1, now, account)
    return _Failures(found.number + 1, now, account if found.account == account else None)


def _put(table: OrderedDict[K, V], key: K, value: V) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > MOST:
        table.popitem(last=False)
