from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.policy import access as access_module
from mirage_hole.policy.access import Access
from tests.make import address


@pytest.mark.parametrize(
    ("client", "permitted"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("9.255.255.255", False),
        ("fd00::1", True),
        ("fe00::1", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:11.1.2.3", False),
        ("::10.1.2.3", False),
    ],
)
def test_a_client_is_answered_when_a_network_holds_it(client, permitted):
    access = Access(["10.0.0.0/8", "fc00::/7"])
    assert access.permits(address(client)) is permitted
    assert access.permits(address(client)) is permitted  # from memory


def test_without_networks_nobody_is_answered():
    access = Access([])
    assert not access.permits(address("127.0.0.1"))
    assert not access.permits(address("::1"))


def test_everybody_can_be_answered():
    access = Access(["0.0.0.0/0", "::/0"])
    assert access.permits(address("203.0.113.9"))
    assert access.permits(address("2001:db8::9"))


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "lan"])
def test_what_is_no_network_is_refused(text):
    with pytest.raises(ValueError, match=text):
        Access([text])


def test_its_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(access_module, "_REMEMBERED", 100)
    access = Access(["10.0.0.0/8"])
    for number in range(1000):
        access.permits(number.to_bytes(4, "big"))
        assert len(access.known) <= 100


@given(st.sampled_from([4, 16]).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_any_address_has_an_answer(octets):
    access = Access(["128.0.0.0/1", "8000::/1"])
    plain = ipaddress.ip_address(octets)
    mapped = getattr(plain, "ipv4_mapped", None) or plain
    assert access.permits(octets) is (mapped.packed[0] >= 128)
