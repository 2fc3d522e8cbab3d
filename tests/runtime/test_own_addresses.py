"""Under which addresses others reach this machine."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from mirage_hole.runtime import own_addresses
from mirage_hole.runtime.own_addresses import lan_addresses


def test_who_listens_for_this_machine_alone_is_reached_by_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        own_addresses, "own_views", lambda _: {"": [ip_address("127.0.0.1").packed, ip_address("::1").packed]}
    )
    assert lan_addresses(None) == []  # type: ignore[arg-type]


def test_private_ipv4_comes_first_and_link_local_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["fe80::1", "2001:db8::5", "fd00::2", "192.168.1.2", "203.0.113.9", "192.168.1.2"]
    monkeypatch.setattr(own_addresses, "own_views", lambda _: {"": [ip_address(one).packed for one in texts[:3]], "10.0.0.0/8": [ip_address(one).packed for one in texts[3:]]})  # fmt: skip
    found = lan_addresses(None)  # type: ignore[arg-type]
    assert found[0] == "192.168.1.2"
    assert "fe80::1" not in found
    assert sorted(found) == sorted({"2001:db8::5", "fd00::2", "192.168.1.2", "203.0.113.9"})


def test_the_interface_of_the_default_route_comes_before_bridges_and_tunnels(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, docker, tunnel = (ip_address(one).packed for one in ("192.168.1.20", "172.17.0.1", "10.8.0.1"))
    views = {"": [ours], "192.168.1.0/24": [ours], "172.17.0.0/16": [docker], "10.8.0.0/24": [tunnel]}
    monkeypatch.setattr(own_addresses, "own_views", lambda _: views)
    assert lan_addresses(None) == ["192.168.1.20", "10.8.0.1", "172.17.0.1"]  # type: ignore[arg-type]
