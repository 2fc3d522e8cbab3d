"""Addresses that belong into somebody's own network, and have no business in answers from outside.

DNS rebinding makes a page from outside talk to machines inside by an answer that leads there. The networks are those of
unbound's ``private-address`` examples and dnsmasq's ``--stop-dns-rebind``, and what embeds an IPv4 address of them.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Collection

_V4_BITS: Final = (1 << 32) - 1


def _numbers(*networks: str) -> tuple[tuple[int, int], ...]:
    """(mask, what is under it) of each network. Addresses as numbers: a hostile answer has 16,000 of them to look at."""
    found = [ip_network(text) for text in networks]
    return tuple((int(one.netmask), int(one.network_address)) for one in found)


_PRIVATE_V4: Final = _numbers(
    "0.0.0.0/8",  # "this network", which Linux takes for itself
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "255.255.255.255/32",
)
_PRIVATE_V6: Final = _numbers("::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "64:ff9b:1::/48")
_EMBEDDING: Final = (
    (_numbers("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"), 0),  # in the last 32 bits
    (_numbers("2002::/16"), 80),
)
"""Networks whose addresses hold one of IPv4, and how many bits stand behind it: IPv4-compatible and IPv4-mapped (RFC 4291
2.5.5), IPv4-translated (RFC 2765 2.1), NAT64 (RFC 6052 2.1), 6to4 (RFC 3056 2)."""
PRIVATE_NAMES: Final = frozenset(
    from_text(name)
    for name in ("corp", "home", "home.arpa", "internal", "intranet", "lan", "local", "localdomain", "private", "test")
)
"""Domains that only private networks use: what is asked of them leads inside, and nobody outside can own one."""
_LOOPBACK: Final = b"\x7f\0\0\1"


def is_inside(address: bytes) -> bool:
    """Whether an address of 4 or 16 octets is one of a private network, of this machine, or embeds such a one.

    0.0.0.0 and :: are not: they lead nowhere, and are how filters say no.
    """
    number = int.from_bytes(address, "big")
    if not number:
        return False
    if len(address) == 4:
        return _is_in(number, _PRIVATE_V4)
    if _is_in(number, _PRIVATE_V6):
        return True
    for networks, behind in _EMBEDDING:
        if _is_in(number, networks):
            embedded = number >> behind & _V4_BITS
            return embedded != 0 and _is_in(embedded, _PRIVATE_V4)
    return False


def _is_in(number: int, networks: tuple[tuple[int, int], ...]) -> bool:
    return any(number & mask == network for mask, network in networks)


def is_at_home(name: bytes, labels: tuple[int, ...], allowed: Collection[bytes]) -> bool:
    """Whether a name may lead inside without a route of its own: nobody outside can own it, or it is in ``allowed``.

    ``allowed``: domains, folded wire form, each with all below it.
    """
    if len(labels) < 2:
        return True
    return any(name[at:] in allowed or name[at:] in PRIVATE_NAMES for at in labels)


def is_blocklist_answer(name: bytes, labels: tuple[int, ...], address: bytes) -> bool:
    """Whether this is how a DNS blocklist of mail senders answers: 127.0.0.x for an address as a name (RFC 5782 2.1, 2.4).

    127.0.0.1 is not: it is no answer of such a list, and what an attacker would want.
    """
    if len(address) != 4 or address[0] != 127 or address == _LOOPBACK:
        return False
    first = [name[at + 1 : at + 1 + name[at]] for at in labels[:32]]
    return (all(part.isdigit() and len(part) <= 3 for part in first[:4]) and len(first) > 4) or (
        len(first) == 32 and all(len(part) == 1 and part in b"0123456789abcdef" for part in first)
    )
