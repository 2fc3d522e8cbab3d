"""Resolvers written as names: how they are read, and who is asked for their addresses."""

from __future__ import annotations

import pytest

from mirage_hole.config.problem import BadValue
from mirage_hole.config.settled import Endpoint, HostName
from mirage_hole.config.values import parse_server
from tests.config.machine import problems, settled


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("dns.example", HostName("dns.example", 53)),
        ("DNS.Example.", HostName("dns.example", 53)),
        ("dns.example:5353", HostName("dns.example", 5353)),
        ("router", HostName("router", 53)),
        ("dns.example@192.0.2.1", HostName("dns.example", 53, "192.0.2.1")),
        ("dns.example@192.0.2.1:5353", HostName("dns.example", 5353, "192.0.2.1")),
        ("dns.example@[2001:db8::1]:5353", HostName("dns.example", 5353, "2001:db8::1")),
        ("dns.example@2001:db8::1", HostName("dns.example", 53, "2001:db8::1")),
        ("9.9.9.9", Endpoint("9.9.9.9", 53)),
        ("[fd00::1]:5353", Endpoint("fd00::1", 5353)),
    ],
)
def test_names_and_addresses_are_told_apart(text, server):
    assert parse_server(text, 53) == server
    assert parse_server(str(server), 53) == server


@pytest.mark.parametrize(
    "text",
    [
        "", "localhost", "192.168.l.1", "1.2.3", "9.9.9.300", "dns..example", "x" * 64 + ".example", "dns.example:0",
        "dns.example:99999", "dns.example:", "dns.example@", "@192.0.2.1", "a b@192.0.2.1", "dns.example@other.example",
        "https://dns.example", "dns.example#5353", "-" * 101,
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_advice(text):
    with pytest.raises(BadValue, match="write"):
        parse_server(text, 53)


def test_whoever_is_written_is_asked_for_addresses(tmp_path):
    flags = {"upstream.servers": ("dns.example",), "upstream.bootstrap": ("192.0.2.53", "192.0.2.54:5353")}
    assert list(map(str, settled(tmp_path, flags).bootstrap)) == ["192.0.2.53:53", "192.0.2.54:5353"]


def test_else_the_upstreams_with_addresses_are(tmp_path):
    assert settled(tmp_path, {"upstream.servers": ("dns.example", "192.0.2.1")}).bootstrap == (
        Endpoint("192.0.2.1", 53),
    )


def test_else_the_systems_resolvers_are_but_not_this_server(tmp_path):
    found = settled(
        tmp_path, {"upstream.servers": ("dns.example",)}, resolv_conf="nameserver 127.0.0.1\nnameserver 192.0.2.9\n"
    )
    assert found.bootstrap == (Endpoint("192.0.2.9", 53),)


def test_when_nobody_can_be_asked_the_advice_is_what_to_write(tmp_path):
    (found,) = problems(tmp_path, {"upstream.servers": ("dns.example",)}, resolv_conf="nameserver 127.0.0.1\n")
    assert "upstream.bootstrap" in found
    assert "dns.example@192.0.2.1" in found


def test_with_an_address_beside_the_name_nobody_need_be(tmp_path):
    assert settled(tmp_path, {"upstream.servers": ("dns.example@192.0.2.1",)}, resolv_conf="").bootstrap == ()


def test_without_names_nobody_is_asked(tmp_path):
    assert settled(tmp_path, {"upstream.servers": ("9.9.9.9",)}).bootstrap == ()


def test_the_bootstrap_is_never_this_server_nor_a_name(tmp_path):
    flags = {"upstream.servers": ("9.9.9.9",), "upstream.bootstrap": ("127.0.0.1", "dns.example", "0.0.0.0")}
    found = problems(tmp_path, flags)
    assert len(found) == 3
    assert any("this server itself" in line for line in found)


def test_an_address_beside_a_name_is_checked_like_any(tmp_path):
    found = problems(tmp_path, {"upstream.servers": ("dns.example@127.0.0.1", "dns.example@0.0.0.0")})
    assert len(found) == 2


def test_names_in_groups_and_routes_are_taken_and_shown_as_written(tmp_path):
    toml = (
        '[[group]]\nname = "office"\nservers = ["dns.example:5353"]\n'
        '[[route]]\ndomains = ["corp.example"]\nservers = ["ns.corp.example@10.0.0.1"]\n'
    )
    found = settled(tmp_path, toml=toml)
    assert found.groups[0].servers == (HostName("dns.example", 5353),)
    assert found.routes[0].servers == (HostName("ns.corp.example", 53, "10.0.0.1"),)


def test_more_resolvers_than_a_record_can_tell_apart_are_refused(tmp_path):
    toml = "".join(
        f'[[group]]\nname = "g{group}"\nservers = [{", ".join(f"{chr(34)}10.0.{group}.{number}{chr(34)}" for number in range(1, 31))}]\n'
        for group in range(9)
    )
    (found,) = problems(tmp_path, toml=toml)
    assert "271 resolvers in all are too many" in found


@pytest.mark.parametrize(
    ("text", "problem", "instead"),
    [
        ("tls://1.1.1.1", "tls:// is not spoken here", "1.1.1.1"),
        ("https://dns.example/dns-query", "https:// is not spoken here", "dns.example"),
        ("dns.example:dns", "the port is no number", "dns.example:53"),
    ],
)
def test_what_to_write_instead_is_made_of_what_was_written(text, problem, instead):
    with pytest.raises(BadValue, match=problem) as refused:
        parse_server(text, 53)
    assert str(refused.value).endswith(f"write {instead}")
