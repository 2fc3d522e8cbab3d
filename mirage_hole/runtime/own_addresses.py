"""The addresses of this machine, asked of the kernel (rtnetlink(7)); elsewhere than on Linux, those that it sends from."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from mirage_hole.local.interfaces import ASK, Address, of_settings, read_addresses, views

if TYPE_CHECKING:
    from mirage_hole.config.settled import Settled

_WITHIN: Final = 1.0
"""Seconds for the kernel to answer."""
_MAX_DATAGRAM: Final = 65536
_MAX_DATAGRAMS: Final = 256
# Documentation addresses (RFC 5737, RFC 3849): a route to them is the one to far away, and nothing is sent there.
_FAR_AWAY: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def own_views(settled: Settled) -> dict[str, list[bytes]]:
    """The server's addresses by the network that a client is in; see :func:`mirage_hole.local.interfaces.views`."""
    if settled.local.addresses:
        return of_settings(settled.local.addresses)
    listen = {ip_address(end.address.partition("%")[0]).packed for end in settled.listen}
    primary = _primary()
    try:
        addresses = _addresses()
    except OSError:
        addresses = [Address(0, octets, len(octets) * 8, 0) for octets in primary]
    return views(addresses, listen, primary)


def lan_addresses(settled: Settled) -> list[str]:
    """Under which other devices reach the DNS listeners; empty when they listen for this machine alone.

    IPv4 comes first, and of each family the interface of the way to far away: others are often bridges of containers or tunnels.
    """
    found = own_views(settled)
    usual = set(found.get("", ()))
    reached = {ip_address(octets) for several in found.values() for octets in several}
    reached = {one for one in reached if not (one.is_loopback or one.is_link_local or one.is_unspecified)}
    order = sorted(reached, key=lambda one: (one.version, one.packed not in usual, not one.is_private, one.packed))
    return [str(one) for one in order]


def _addresses() -> list[Address]:
    if sys.platform != "linux":
        raise OSError(errno.EAFNOSUPPORT, "no netlink here")
    found: list[Address] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:  # 0: NETLINK_ROUTE
        kernel.settimeout(_WITHIN)
        kernel.bind((0, 0))
        kernel.send(ASK)
        for _ in range(_MAX_DATAGRAMS):
            datagram, sender = kernel.recvfrom(_MAX_DATAGRAM)
            if sender[0] != 0:  # only the kernel is believed
                continue
            told, last = read_addresses(datagram)
            found += told
            if last:
                break
    return found


def _primary() -> set[bytes]:
    found = set()
    for family, address in _FAR_AWAY:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 53))  # a datagram socket's only looks the route up
            found.add(ip_address(sock.getsockname()[0].partition("%")[0]).packed)
    return found
