"""Addresses that belong into somebody's own network, and have no business in answers from outside.

DNS rebinding makes a page from outside talk to machines inside by an answer that leads there. The networks are those of
unbound's ``private-address`` examples and dnsmasq's ``--stop-dns-rebind``, and what embeds an IPv4 address of them.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TYPE_CHECKING, Final

from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Collection

_PRIVATE_V4: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # "this network", which Linux takes for itself
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "255.255.255.255/32",
    )
)
_PRIVATE_V6: Final = tuple(ip_network(text) for text in ("::1/128", "fc00::/7", "fe80::/10", "fec0::/10"))
_NAT64: Final = ip_network("64:ff9b::/96")
_NAT64_LOCAL: Final = ip_network("64:ff9b:1::/48")
_COMPATIBLE: Final = ip_network("::/96")
PRIVATE_NAMES: Final = frozenset(
    from_text(name)
    for name in ("corp", "home", "home.arpa", "internal", "intranet", "lan", "local", "localdomain", "private", "test")
)
"""Domains that only private networks use: what is asked of them leads inside, and nobody outside can own one."""
_NOBODY: Final = (bytes(4), bytes(16))
_LOOPBACK: Final = b"\x7f\0\0\1"


@lru_cache(maxsize=4096)
def is_inside(address: bytes) -> bool:
    """Whether an address of 4 or 16 octets is one of a private network, of this machine, or embeds such a one.

    0.0.0.0 and :: are not: they lead nowhere, and are how filters say no.
    """
    if address in _NOBODY:
        return False
    if len(address) == 4:
        return any(IPv4Address(address) in network for network in _PRIVATE_V4)
    whole = IPv6Address(address)
    if any(whole in network for network in (*_PRIVATE_V6, _NAT64_LOCAL)):
        return True
    # RFC 4291 2.5.5, RFC 3056 2 (6to4), RFC 6052 2.1
    embedded = whole.ipv4_mapped or whole.sixtofour
    if embedded is None and (whole in _NAT64 or whole in _COMPATIBLE):
        embedded = IPv4Address(address[12:])
    return embedded is not None and embedded.packed not in _NOBODY and is_inside(embedded.packed)


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
