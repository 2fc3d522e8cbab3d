"""The Client Subnet option: read as dnspython writes it, and never more of it than there may be."""

from __future__ import annotations

import ipaddress

import dns.edns
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.reply import build_query
from mirage_hole.wire.subnet import IPV4, IPV6, Subnet, read_subnet, scope_in, with_subnet
from tests.wire.samples import packet, question

ASKED = question("www.example.com")
networks = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), st.tuples(st.ip_addresses(v=6), st.integers(0, 128))
)


def content(address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int, scope: int = 0) -> bytes:
    """By dnspython, which cuts the address itself."""
    return dns.edns.ECSOption(str(address), length, scope).to_wire() or b""


@given(networks)
def test_a_subnet_is_read_as_it_was_written_and_written_as_it_was_read(
    network: tuple[ipaddress.IPv4Address, int],
) -> None:
    address, length = network
    octets = content(address, length)
    read = read_subnet(octets)
    assert isinstance(read, Subnet)
    assert (read.family, read.length) == (IPV4 if address.version == 4 else IPV6, length)
    assert read.address == ipaddress.ip_network((address, length), strict=False).network_address.packed
    assert read.content() == octets
    assert read.content(7) == octets[:3] + b"\x07" + octets[4:]


@given(networks, st.integers(0, 32), st.integers(0, 128))
def test_cut_short_it_is_the_network_around(network: tuple[ipaddress.IPv4Address, int], ipv4: int, ipv6: int) -> None:
    address, length = network
    read = read_subnet(content(address, length))
    assert isinstance(read, Subnet)
    length = min(length, ipv4 if address.version == 4 else ipv6)
    assert read.cut(ipv4, ipv6).content() == content(address, length)


@given(st.binary(max_size=24))
def test_anything_is_a_subnet_that_comes_back_as_it_was_or_wrong(octets: bytes) -> None:
    read = read_subnet(octets)
    assert isinstance(read, str) or read.content() == octets


@pytest.mark.parametrize("dnssec_ok", [False, True])
def test_it_goes_into_a_query_for_dnspython_to_read(dnssec_ok: bool) -> None:
    wire = with_subnet(build_query(7, ASKED, dnssec_ok, False), b"\0\1\x18\0\xcb\0\x71")
    (option,) = dns.message.from_wire(wire).options
    assert option == dns.edns.ECSOption("203.0.113.0", 24, 0)


SENT = b"\0\1\x18\0\xcb\0\x71"


@pytest.mark.parametrize(
    ("came", "scope"),
    [
        (None, 0),
        (SENT, 0),
        (b"\0\1\x18\x10\xcb\0\x71", 16),
        (b"\0\1\x18\x20\xcb\0\x71", 32),
        (b"\0\1\x18\x21\xcb\0\x71", None),
        (b"\0\1\x17\0\xcb\0\x70", None),
        (b"\0\2\x18\0\xcb\0\x71", None),
        (b"\0\1\x18\0\xcb\0\x72", None),
        (b"\0\1\x18\0\xcb\0", None),
        (b"\0", None),
    ],
)
@pytest.mark.parametrize("records", [0, 2])
def test_a_response_tells_its_scope_or_that_it_is_for_somebody_else(
    came: bytes | None, scope: int | None, records: int
) -> None:
    """RFC 7871 7.3."""
    options = b"\0\x0f\0\x02\0\x03" + (b"" if came is None else b"\0\x08" + len(came).to_bytes(2, "big") + came)
    opt = b"\0\0\x29\x04\xd0\0\0\0\0" + len(options).to_bytes(2, "big") + options
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"
    message = packet(0x8180, ASKED, [answer] * records, additional=[answer, opt])
    assert scope_in(message, SENT) == scope
    assert scope_in(packet(0x8180, ASKED, [answer]), SENT) == 0
