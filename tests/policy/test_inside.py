"""Which addresses belong into a private network, held against what the standard library says of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.policy.inside import is_blocklist_answer, is_inside
from mirage_hole.wire.names import from_text, labels_of
from mirage_hole.wire.scan import INSIDE, scan_reply

# Of what the library calls private: documentation, benchmarks and reserved networks, where no machine of a home is.
NOBODYS = ("192.0.0.", "192.0.2.", "198.18.", "198.19.", "198.51.100.", "203.0.113.")


@given(st.ip_addresses(v=4))
def test_private_addresses_are_inside_and_no_others(address: IPv4Address):
    expected = (
        (address.is_private and not str(address).startswith(NOBODYS) and not address.is_reserved)
        or address in (IPv4Address("255.255.255.255"),)
        or (address.packed[0] == 100 and 64 <= address.packed[1] < 128)
    ) and address != IPv4Address("0.0.0.0")
    assert is_inside(address.packed) == expected


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "::ffff:0:{}", "64:ff9b::{}", "::{}"]))
def test_what_embeds_an_address_is_where_that_is(address: IPv4Address, form: str):
    """RFC 4291 2.5.5, RFC 2765 2.1, RFC 6052 2.1."""
    whole = IPv6Address(form.format(address))
    expected = is_inside(address.packed) or whole == IPv6Address("::1")
    assert is_inside(whole.packed) == expected


@given(st.ip_addresses(v=4))
def test_a_network_behind_a_private_address_is_inside(address: IPv4Address):
    """RFC 3056 2: 6to4."""
    assert is_inside(b"\x20\x02" + address.packed + bytes(9) + b"\1") == is_inside(address.packed)


@pytest.mark.parametrize("address", ["2001:db8::1", "2606:4700::1111", "2a00::1", "ff02::1", "::"])
def test_other_ipv6_addresses_are_outside(address):
    assert not is_inside(ip_address(address).packed)


@given(st.ip_addresses())
def test_nothing_that_is_inside_is_read_over_by_the_scan(address):
    """The scan of a reply looks at two octets alone, so it may see more, and never less."""
    kind = 1 if address.version == 4 else 28
    question = b"\1a\7example\0" + kind.to_bytes(2, "big") + b"\0\1"
    data = address.packed
    record = b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\x3c" + len(data).to_bytes(2, "big") + data
    reply = scan_reply(b"\0\7\x81\x80\0\1\0\1\0\0\0\0" + question + record, 12 + len(question))
    assert reply is not None
    if is_inside(data):
        assert reply.traits & INSIDE


@pytest.mark.parametrize(
    ("name", "address", "is_one"),
    [
        ("2.0.0.127.zen.example", "127.0.0.2", True),
        ("2.0.0.127.zen.example", "127.255.255.254", True),
        ("2.0.0.127.zen.example", "127.0.0.1", False),
        ("2.0.0.127.zen.example", "10.0.0.1", False),
        ("2.0.0.x.zen.example", "127.0.0.2", False),
        ("2.0.0.127", "127.0.0.2", False),
        (".".join("2" * 32) + ".zen.example", "127.0.0.2", True),
        (".".join("2" * 31) + ".zen.example", "127.0.0.2", True),
        (".".join("g" * 32) + ".zen.example", "127.0.0.2", False),
    ],
)
def test_answers_of_lists_of_mail_senders_are_known(name, address, is_one):
    """RFC 5782 2.1 for IPv4, 2.4 for IPv6."""
    wire = from_text(name)
    assert is_blocklist_answer(wire, labels_of(wire), ip_address(address).packed) == is_one
