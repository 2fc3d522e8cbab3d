"""What a certificate of one's own is for: the names and addresses that people on this network write."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from mirage_hole.runtime.own_addresses import own_views

if TYPE_CHECKING:
    from mirage_hole.config.settled import Settled


def certificate_names(settled: Settled) -> tuple[str, ...]:
    """This machine's names, also in multicast DNS, that of ``local.name``, and its IPv4 addresses.

    IPv6 addresses change by themselves every day (RFC 8981), and each new one would be a new certificate to be warned of.
    """
    full = socket.gethostname().lower().removesuffix(".")
    first = full.partition(".")[0]
    names = [full, first, f"{first}.local"] if first else []
    if settled.local.name:
        names.append(settled.local.name)
    found = {octets for several in own_views(settled).values() for octets in several if len(octets) == 4}
    addresses = sorted(str(IPv4Address(octets)) for octets in found)
    return (*names, "localhost", "127.0.0.1", "::1", *(one for one in addresses if one != "127.0.0.1"))
