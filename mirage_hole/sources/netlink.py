"""What Linux tells of its network (rtnetlink(7)): addresses, routes and links that come and go. Octets in, changes out.

Messages are in the machine's own byte order. Whatever makes no sense ends the reading; nothing is believed beyond its length.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

GROUPS: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""Multicast groups to join: links, IPv4 addresses and routes, IPv6 addresses and routes."""

MAX_DATAGRAM: Final = 65536
"""Octets; the kernel sends at most half of it at a time."""

_HEADER: Final = struct.Struct("=IHHII")  # length with header, type, flags, sequence number, port
_LINK: Final = struct.Struct("=BxHiII")  # family, type, index, flags, change
_ADDRESS: Final = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, index
_ROUTE: Final = struct.Struct("=BBBBBBBBI")  # family, lengths of two prefixes, TOS, table, protocol, scope, type, flags

_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE = 16, 20, 24
_OVERRUN: Final = 4
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING = 0x1, 0x8, 0x40
_IFA_F_TENTATIVE: Final = 0x40
_SCOPE_LINK: Final = 253
"""This scope and those above it lead nowhere beyond the link."""
_UNICAST: Final = 1


class Change(NamedTuple):
    """One thing that is new."""

    what: str
    """``link``, ``address``, ``route``, or ``overrun``: the kernel had more to tell than there was room for."""
    hopeful: bool
    """Servers that could not be reached may be reachable now."""


def changes(datagram: bytes) -> list[Change]:
    """What a datagram tells of links, addresses and routes that are new; the rest of it is passed over. Never raises."""
    found = []
    start = 0
    while start + _HEADER.size <= len(datagram):
        length, kind, _, _, _ = _HEADER.unpack_from(datagram, start)
        if length < _HEADER.size or start + length > len(datagram):
            break
        change = _change(kind, datagram[start + _HEADER.size : start + length])
        if change is not None:
            found.append(change)
        start += (length + 3) & ~3
    return found


def _change(kind: int, body: bytes) -> Change | None:
    if kind == _OVERRUN:
        return Change("overrun", hopeful=True)
    if kind == _NEW_LINK and len(body) >= _LINK.size:
        flags = _LINK.unpack_from(body)[3]
        return Change("link", flags & (_IFF_UP | _IFF_RUNNING | _IFF_LOOPBACK) == _IFF_UP | _IFF_RUNNING)
    if kind == _NEW_ADDRESS and len(body) >= _ADDRESS.size:
        _, _, flags, scope, _ = _ADDRESS.unpack_from(body)
        # An IPv6 address is told twice: first while the link is asked whether somebody else has it.
        return Change("address", scope < _SCOPE_LINK and not flags & _IFA_F_TENTATIVE)
    if kind == _NEW_ROUTE and len(body) >= _ROUTE.size:
        fields = _ROUTE.unpack_from(body)
        return Change("route", fields[1] == 0 and fields[7] == _UNICAST)
    return None
