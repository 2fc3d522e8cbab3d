"""What an address is called: by a ``[[client]]`` table first, then by leases and hosts files."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from mirage_hole.policy.networks import Networks
from mirage_hole.wire.codes import RRType
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mirage_hole.config.settled import ClientSettings
    from mirage_hole.local.record import Record

MAX_NAMES: Final = 50_000
_SIZES: Final = {int(RRType.A): 4, int(RRType.AAAA): 16}


def names_of(records: Iterable[Record]) -> dict[bytes, str]:
    """Address octets to the first name that leads there; of several, the earlier record's."""
    names: dict[bytes, str] = {}
    for one in records:
        if len(one.rdata) == _SIZES.get(one.rrtype) and not one.wildcard and one.rdata not in names:
            names[one.rdata] = to_text(one.name)
            if len(names) >= MAX_NAMES:
                break
    return names


class ClientNames:
    """Names of the settings in front of those of files."""

    def __init__(self, clients: Iterable[ClientSettings]) -> None:
        self._networks: Networks[str] = Networks(
            (network, one.name) for one in clients for network in one.addresses if _is_one_household(network)
        )

    def of(self, address: bytes, files: Mapping[bytes, str]) -> str:
        """Of 4 or 16 address octets; empty when nobody says."""
        around = self._networks.around(address)
        return around[0][1] if around else files.get(address, "")


def _is_one_household(text: str) -> bool:
    """A name for a whole network tells no device from another."""
    network = ip_network(text)
    return network.prefixlen >= (32 if network.version == 4 else 64)
