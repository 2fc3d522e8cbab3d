from __future__ import annotations

import os
import socket
from pathlib import Path

from mirage_hole.config.host import this_host


def test_this_machine_knows_its_own_addresses():
    host = this_host()
    assert not host.is_own("192.0.2.1")
    assert not host.is_own("2001:db8::1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 53))  # nothing is sent; a machine without a route says so
        except OSError:
            return
        assert host.is_own(probe.getsockname()[0])


def test_what_is_no_address_is_not_ours():
    assert not this_host().is_own("fe80::1%no-such-interface")
    assert not this_host().is_own("not an address")


def test_this_account_is_known():
    host = this_host()
    assert host.is_root == (os.geteuid() == 0)
    assert host.user_exists("root")
    assert host.user_exists("0")
    assert not host.user_exists("no-such-user-here")
    assert not host.user_exists("9" * 30)
    if host.user_name:
        assert host.user_exists(host.user_name)


def test_an_account_without_a_home_still_has_a_place(monkeypatch):
    def homeless():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    assert this_host().home == Path("/")
