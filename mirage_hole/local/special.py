"""Names of special use: the zones that mean something here or nowhere, and names whose absence tells programs something.

The IANA registry "Special-Use Domain Names", RFC 6303's "Locally-Served DNS Zones", and what browsers ask to find out
whether a network wants its own resolver used.
"""

from __future__ import annotations

from typing import Final

from mirage_hole.wire.names import from_text

LOCALHOST: Final = from_text("localhost")
RESOLVER: Final = from_text("resolver.arpa")
_NOWHERE: Final = {
    "invalid": "RFC 6761 6.4",
    "test": "RFC 6761 6.2",
    "onion": "RFC 7686 2",
    "local": "RFC 6762 22.1",
    "alt": "RFC 9476 3",
    "internal": "the private-use domain of ICANN",
}
_REVERSE: Final = (
    *("0.in-addr.arpa", "10.in-addr.arpa", "127.in-addr.arpa", "254.169.in-addr.arpa", "168.192.in-addr.arpa"),
    *("2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa"),
    *(f"{number}.172.in-addr.arpa" for number in range(16, 32)),
    *(f"{number}.100.in-addr.arpa" for number in range(64, 128)),  # RFC 7793
    ".".join("0" * 32) + ".ip6.arpa",
    "1." + ".".join("0" * 31) + ".ip6.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
    *("c.f.ip6.arpa", "d.f.ip6.arpa", "8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa", "b.e.f.ip6.arpa"),
)
REVERSE_ZONES: Final[dict[bytes, str]] = {from_text(zone): "RFC 6303" for zone in _REVERSE}
"""Reverse zones of addresses that only private networks use, and why they are served here."""
NAMES: Final[dict[bytes, str]] = {
    LOCALHOST: "RFC 6761 6.3",
    RESOLVER: "RFC 9462 6.4",
    from_text("home.arpa"): "RFC 8375 4",
    **{from_text(zone): why for zone, why in _NOWHERE.items()},
}
"""All other zones that are."""
ZONES: Final[dict[bytes, str]] = {**NAMES, **REVERSE_ZONES}
"""Zones that are answered here, with all below them, and why."""
EMPTY_ZONES: Final = frozenset(REVERSE_ZONES) | {from_text("home.arpa")}
"""Those whose apex exists (RFC 6303 3)."""
TOPS: Final = frozenset(zone[zone.rindex(b"\4arpa") :] if zone.endswith(b"\4arpa\0") else zone for zone in ZONES)
"""The last labels of them all."""

LOOPBACK: Final = {b"\x7f\0\0\1", bytes(15) + b"\1"}
"""The addresses of localhost."""

FIREFOX: Final[dict[bytes, str]] = {
    from_text("use-application-dns.net"): "browsers are asked not to go around this resolver",
}
PRIVATE_RELAY: Final[dict[bytes, str]] = {
    from_text("mask.icloud.com"): "iCloud Private Relay would go around this resolver",
    from_text("mask-h2.icloud.com"): "iCloud Private Relay would go around this resolver",
}
CANARIES: Final[dict[bytes, str]] = {**FIREFOX, **PRIVATE_RELAY}
"""Names whose absence tells programs to use the network's resolver, and why they are absent."""
