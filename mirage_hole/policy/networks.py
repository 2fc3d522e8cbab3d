"""Networks and what belongs to them: a dictionary for each prefix length, so a look-up costs the same however many there are."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

_MAPPED_PREFIX: Final = bytes(10) + b"\xff\xff"
_MAPPED_SIZE: Final = 16


def unmapped(address: bytes) -> bytes:
    """The octets of an address; an IPv4-mapped one (RFC 4291 2.5.5.2) becomes the IPv4 address that it stands for."""
    return address[12:] if len(address) == _MAPPED_SIZE and address.startswith(_MAPPED_PREFIX) else address


class Networks(Generic[T]):
    """Values by network. Immutable."""

    __slots__ = ("_by_length",)

    def __init__(self, networks: Iterable[tuple[str, T]]) -> None:
        """``networks``: an address or CIDR notation, and the value; host bits are ignored.

        Raises:
            ValueError: one is no network.
        """
        by_length: dict[int, dict[int, dict[int, list[T]]]] = {4: {}, 16: {}}
        for text, value in networks:
            network = ip_network(text, strict=False)
            octets = network.network_address.packed
            if len(octets) == _MAPPED_SIZE and network.prefixlen >= 96 and octets.startswith(_MAPPED_PREFIX):
                network = ip_network((octets[12:], network.prefixlen - 96))
                octets = octets[12:]
            shift = len(octets) * 8 - network.prefixlen
            known = by_length[len(octets)].setdefault(shift, {})
            known.setdefault(int.from_bytes(octets, "big") >> shift, []).append(value)
        # The smallest shift is the longest prefix.
        self._by_length = {
            size: [
                (shift, {key: tuple(values) for key, values in known.items()}) for shift, known in sorted(one.items())
            ]
            for size, one in by_length.items()
        }

    def around(self, address: bytes) -> list[tuple[int, T]]:
        """(prefix length, value) of every network that holds the address, the longest prefix first."""
        octets = unmapped(address)
        number = int.from_bytes(octets, "big")
        bits = len(octets) * 8
        return [
            (bits - shift, value)
            for shift, known in self._by_length.get(len(octets), ())
            for value in known.get(number >> shift, ())
        ]

    def holds(self, address: bytes) -> bool:
        """Whether any network holds the address."""
        octets = unmapped(address)
        number = int.from_bytes(octets, "big")
        return any(number >> shift in known for shift, known in self._by_length.get(len(octets), ()))
