"""Where this server is, for whoever asks: its addresses as Linux tells them (rtnetlink(7)), sorted by the networks of clients.

A client gets the addresses of the interface that it is behind, of both families, so that they never contradict each other.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

ASK: Final = struct.pack("=IHHIIBxxxI", 24, 22, 0x301, 1, 0, 0, 0)
"""RTM_GETADDR with NLM_F_REQUEST and NLM_F_DUMP, for every family."""

_HEADER: Final = struct.Struct("=IHHII")  # length with header, type, flags, sequence number, port
_ADDRESS: Final = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, index
_ATTRIBUTE: Final = struct.Struct("=HH")  # length with header, type
_NEW_ADDRESS: Final = 20
_DONE: Final = 3
_ERROR: Final = 2
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_SCOPE_LINK, _SCOPE_HOST = 253, 254
_NOT_FOR_OTHERS: Final = 0x01 | 0x20 | 0x40
"""Temporary (RFC 8981), deprecated, tentative (RFC 4862)."""
_SIZES: Final = (4, 16)
_LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


class Address(NamedTuple):
    """One address of this machine."""

    interface: int
    """The kernel's number."""
    octets: bytes
    prefix: int
    """Bits of its network."""
    scope: int


def read_addresses(datagram: bytes) -> tuple[list[Address], bool]:
    """The addresses that a datagram tells of, and whether it is the last. Never raises; what makes no sense ends the reading."""
    found: list[Address] = []
    start = 0
    while start + _HEADER.size <= len(datagram):
        length, kind, _, _, _ = _HEADER.unpack_from(datagram, start)
        if kind in (_DONE, _ERROR):
            return found, True
        if length < _HEADER.size or start + length > len(datagram):
            return found, True
        address = _read_address(datagram[start + _HEADER.size : start + length]) if kind == _NEW_ADDRESS else None
        if address is not None:
            found.append(address)
        start += (length + 3) & ~3
    return found, False


def _read_address(body: bytes) -> Address | None:
    if len(body) < _ADDRESS.size:
        return None
    _, prefix, flags, scope, interface = _ADDRESS.unpack_from(body)
    told: dict[int, bytes] = {}
    at = _ADDRESS.size
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size or at + length > len(body):
            break
        told[kind] = body[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    octets = told.get(_IFA_LOCAL) or told.get(_IFA_ADDRESS) or b""  # on a line to one peer, IFA_ADDRESS is the peer's
    if len(told.get(_IFA_FLAGS, b"")) == 4:
        flags = int.from_bytes(told[_IFA_FLAGS], "little" if struct.pack("=H", 1)[0] else "big")
    if len(octets) not in _SIZES or prefix > len(octets) * 8 or flags & _NOT_FOR_OTHERS:
        return None
    return Address(interface, octets, prefix, scope)


def views(
    addresses: Iterable[Address], listen: Collection[bytes], primary: Collection[bytes] = ()
) -> dict[str, list[bytes]]:
    """The server's addresses by the network that a client is in; ``""`` for clients in none of them.

    Args:
        addresses: of this machine.
        listen: octets of the addresses that are listened on; all zeros for every one of a family.
        primary: octets of the addresses that packets to far away come from.
    """
    everywhere = {len(one) for one in listen if not any(one)}
    heard = [one for one in addresses if len(one.octets) in everywhere or one.octets in listen]
    itself = [one.octets for one in heard if one.scope == _SCOPE_HOST]
    usable = [one for one in heard if one.scope < _SCOPE_LINK]
    together: dict[int, list[bytes]] = {}
    for one in usable:
        together.setdefault(one.interface, []).append(one.octets)
    first = next((one.interface for one in usable if one.octets in primary), None)
    far = together[first] if first is not None else [one.octets for one in usable]
    found = {network: itself or far for network in _LOOPBACK if itself or far}
    for one in usable:
        network = ip_network((one.octets, one.prefix), strict=False)
        found.setdefault(str(network), together[one.interface])
    if far:
        found[""] = far
    return found


def of_settings(texts: Sequence[str]) -> dict[str, list[bytes]]:
    """Addresses that were written: for everybody."""
    return {"": [ip_address(text).packed for text in texts]}
