from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.policy import clients
from mirage_hole.policy.clients import NOBODY, Clients
from mirage_hole.policy.networks import Networks, unmapped


def octets(text: str) -> bytes:
    return ip_address(text).packed


HOUSE = Clients(
    [
        ("House", ["192.168.0.0/16", "2001:db8::/32"], ["home"]),
        ("Kids", ["192.168.1.0/24"], ["child"]),
        ("Tablet", ["192.168.1.20"], ["child", "tablet"]),
    ]
)


@pytest.mark.parametrize(
    ("address", "names", "tags"),
    [
        ("192.168.9.9", {"house"}, {"home"}),
        ("192.168.1.9", {"kids"}, {"child"}),
        ("192.168.1.20", {"tablet"}, {"child", "tablet"}),
        ("::ffff:192.168.1.20", {"tablet"}, {"child", "tablet"}),
        ("2001:db8::7", {"house"}, {"home"}),
        ("10.0.0.1", set(), set()),
    ],
)
def test_the_narrowest_network_says_who_it_is(address, names, tags):
    for _ in range(2):  # the second time from memory
        who = HOUSE.who(octets(address))
        assert (who.names, who.tags) == (names, tags)
        assert who.address == unmapped(octets(address))


def test_two_clients_with_the_same_network_are_both_meant():
    both = Clients([("A", ["10.0.0.0/8"], ["x"]), ("B", ["10.0.0.0/8"], ["y"])]).who(octets("10.1.1.1"))
    assert (both.names, both.tags) == ({"a", "b"}, {"x", "y"})


def test_nobody_has_no_name():
    assert HOUSE.who(b"") == NOBODY


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(clients, "_REMEMBERED", 10)
    house = Clients([("A", ["10.0.0.0/8"], [])])
    for number in range(50):
        assert house.who(bytes((10, 0, 0, number))).names == {"a"}
        assert len(house._known) <= 10
    assert house.who(b"") == NOBODY


networks = st.one_of(
    st.tuples(st.ip_addresses(v=4, network="10.0.0.0/28"), st.integers(24, 32)),
    st.tuples(st.ip_addresses(v=6, network="2001:db8::/124"), st.integers(118, 128)),
).map(lambda two: str(ip_network((two[0], two[1]), strict=False)))


@given(
    st.lists(networks, max_size=12),
    st.one_of(st.ip_addresses(v=4, network="10.0.0.0/27"), st.ip_addresses(v=6, network="2001:db8::/123")),
)
def test_networks_are_found_longest_prefix_first(texts, address):
    known = Networks(list(zip(texts, range(len(texts)), strict=True)))
    around = known.around(address.packed)
    holding = [number for number, text in enumerate(texts) if address in ip_network(text)]
    assert sorted(number for _, number in around) == holding
    lengths = [length for length, _ in around]
    assert lengths == sorted(lengths, reverse=True)
    assert known.holds(address.packed) is bool(holding)


def test_a_network_of_mapped_addresses_is_one_of_ipv4():
    known = Networks([("::ffff:10.0.0.0/104", "ten")])
    assert known.around(octets("10.1.2.3")) == [(8, "ten")]
    assert known.around(octets("::ffff:10.1.2.3")) == [(8, "ten")]
    assert not known.holds(octets("11.0.0.1"))


def test_what_is_no_network_is_refused():
    with pytest.raises(ValueError, match="phone"):
        Networks([("phone", 1)])
