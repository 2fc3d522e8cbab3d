"""One record of local data, and the names of addresses."""

from __future__ import annotations

from typing import Final, NamedTuple

OWN_TTL: Final = 60
"""Seconds, of records about the server itself."""
_IPV4: Final = 4
_NIBBLES: Final = "0123456789abcdef"


class Record(NamedTuple):
    """One record."""

    name: bytes
    """Folded wire form; of a wildcard, the name that it stands right below."""
    rrtype: int
    rdata: bytes
    """Wire form, names in it whole."""
    ttl: int
    """Seconds."""
    networks: tuple[str, ...] = ()
    """The clients that get it, in CIDR notation; none: all."""
    wildcard: bool = False
    """It is for all names below ``name`` that have nothing closer (RFC 4592)."""


def reverse_name(address: bytes) -> bytes:
    """The name that is asked for when an address is looked up (RFC 1035 3.5, RFC 3596 2.5)."""
    if len(address) == _IPV4:
        labels = [str(octet) for octet in reversed(address)]
        zone = b"\7in-addr\4arpa\0"
    else:
        labels = [_NIBBLES[nibble] for octet in reversed(address) for nibble in (octet & 15, octet >> 4)]
        zone = b"\3ip6\4arpa\0"
    return b"".join(bytes((len(label),)) + label.encode() for label in labels) + zone
