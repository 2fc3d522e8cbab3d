"""Addresses of this machine, as the kernel tells them, by who asks."""

from __future__ import annotations

import struct
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.local.interfaces import Address, of_settings, read_addresses, views

EVERYTHING = (bytes(4), bytes(16))


def octets(text: str) -> bytes:
    return ip_address(text).packed


def an(interface: int, text: str, prefix: int, scope: int = 0) -> Address:
    return Address(interface, octets(text), prefix, scope)


def message(interface: int, text: str, prefix: int, *, scope: int = 0, flags: int = 0, peer: str = "") -> bytes:
    def attribute(kind: int, data: bytes) -> bytes:
        return struct.pack("=HH", 4 + len(data), kind) + data

    own = octets(text)
    body = struct.pack("=BBBBI", 2 if len(own) == 4 else 10, prefix, flags & 255, scope, interface)
    body += attribute(1, octets(peer) if peer else own)
    if len(own) == 4:
        body += attribute(2, own)
    body += attribute(8, struct.pack("=I", flags))
    return struct.pack("=IHHII", 16 + len(body), 20, 2, 1, 0) + body


DONE = struct.pack("=IHHIII", 20, 3, 2, 1, 0, 0)


def test_what_the_kernel_says_is_read():
    said = message(1, "127.0.0.1", 8, scope=254) + message(2, "192.168.1.2", 24) + message(2, "fd00::2", 64) + DONE
    assert read_addresses(said) == (
        [an(1, "127.0.0.1", 8, 254), an(2, "192.168.1.2", 24), an(2, "fd00::2", 64)],
        True,
    )
    assert not read_addresses(message(2, "192.168.1.2", 24))[1]


def test_on_a_line_to_one_peer_the_own_end_counts():
    assert read_addresses(message(3, "10.8.0.1", 32, peer="10.8.0.2"))[0] == [an(3, "10.8.0.1", 32)]


def test_addresses_that_change_or_are_not_ready_are_not_told():
    for flags in (0x01, 0x20, 0x40):
        assert read_addresses(message(2, "fd00::2", 64, flags=flags))[0] == []


@given(st.binary(max_size=120))
def test_no_octets_do_harm(datagram):
    read_addresses(datagram)
    read_addresses(message(2, "192.168.1.2", 24) + datagram)


MACHINE = [
    an(1, "127.0.0.1", 8, 254), an(1, "::1", 128, 254), an(2, "192.168.1.2", 24), an(2, "fd00::2", 64),
    an(2, "fe80::2", 64, 253), an(3, "172.17.0.1", 16),
]  # fmt: skip


def test_a_client_gets_the_addresses_of_its_interface_in_both_families():
    found = views(MACHINE, EVERYTHING, [octets("192.168.1.2")])
    lan = [octets("192.168.1.2"), octets("fd00::2")]
    assert (found["192.168.1.0/24"], found["fd00::/64"]) == (lan, lan)
    assert found["172.17.0.0/16"] == [octets("172.17.0.1")]
    assert found["127.0.0.0/8"] == [octets("127.0.0.1"), octets("::1")]


def test_clients_from_far_away_get_those_that_lead_there():
    assert views(MACHINE, EVERYTHING, [octets("192.168.1.2")])[""] == [octets("192.168.1.2"), octets("fd00::2")]
    assert len(views(MACHINE, EVERYTHING)[""]) == 3


def test_addresses_that_nobody_listens_on_are_not_told():
    found = views(MACHINE, [octets("192.168.1.2")], [octets("192.168.1.2")])
    assert {one for told in found.values() for one in told} == {octets("192.168.1.2")}
    assert views(MACHINE, [octets("127.0.0.1")]) == {
        "127.0.0.0/8": [octets("127.0.0.1")],
        "::1/128": [octets("127.0.0.1")],
    }
    assert views([], EVERYTHING) == {}


def test_what_is_configured_is_for_everybody():
    assert of_settings(["192.168.1.9"]) == {"": [octets("192.168.1.9")]}
