from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.api.hosts import HostRule, host_of, own_names


@pytest.mark.parametrize(
    "header",
    [
        "localhost",
        "LocalHost:8080",
        "localhost.",
        "dash.localhost:1",
        "127.0.0.1:8080",
        "127.9.9.9",
        "[::1]:8080",
        "192.168.1.2",
        "192.168.1.2:80",
    ],
)
def test_loopback_and_the_own_address_are_answered(header: str) -> None:
    assert HostRule("192.168.1.2").allows(header)


@pytest.mark.parametrize(
    "header",
    ["evil.example", "evil.example:8080", "192.168.1.3", "localhost.evil.example", "xlocalhost", "", ":80", "[::2]", "[::1", "localhost:80:80",
     "localhost:http", "localhost@evil.example", "192.168.1.2.evil.example", "127.0.0.1x", "[localhost]", "2130706433", "0x7f.1", "evil.example#localhost"],
)  # fmt: skip
def test_other_names_and_addresses_are_not(header: str) -> None:
    assert not HostRule("192.168.1.2").allows(header)


def test_configured_names_are_answered_in_any_spelling() -> None:
    rule = HostRule("127.0.0.1", ["Hole.Home.Arpa."])
    assert rule.allows("hole.home.arpa:8080")
    assert rule.allows("HOLE.home.arpa.")
    assert not rule.allows("x.hole.home.arpa")


def test_at_a_wildcard_any_address_may_be_ours_but_no_unknown_name() -> None:
    for wildcard in ("0.0.0.0", "::"):
        assert HostRule(wildcard).allows("192.168.1.3:8080")
        assert HostRule(wildcard).allows("[2001:db8::1]:8080")
        assert not HostRule(wildcard).allows("evil.example")


def test_a_zone_is_no_part_of_the_address() -> None:
    assert HostRule("fe80::1%eth0").allows("[fe80::1]:80")


@given(st.text(max_size=30))
def test_any_header_is_answered_or_not_and_breaks_nothing(header: str) -> None:
    assert HostRule("127.0.0.1").allows(header) in {True, False}
    assert host_of(header) != ""


def test_the_machine_answers_to_its_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for told, names in (
        ("Pi.home.arpa.", ("pi.home.arpa", "pi", "pi.local")),
        ("pi", ("pi", "pi", "pi.local")),
        ("", ()),
    ):
        monkeypatch.setattr("socket.gethostname", lambda told=told: told)
        assert own_names() == names
    monkeypatch.setattr("socket.gethostname", lambda: "pi.home.arpa")
    rule = HostRule("192.168.1.2", own_names())
    assert rule.allows("pi:8080")
    assert rule.allows("pi.local")
    assert not rule.allows("pi.evil.example")
