from __future__ import annotations

from pathlib import Path

import pytest

from config.machine import problems, settled, warnings
from mirage_hole.config.settled import PRIVATE_NETWORKS, Endpoint, Settled


def test_without_any_configuration_everything_has_a_default(tmp_path):
    home = tmp_path / "home"
    assert settled(tmp_path) == Settled(
        listen=(Endpoint("0.0.0.0", 53), Endpoint("::", 53)),
        web=Endpoint("127.0.0.1", 8080),
        web_anywhere=False,
        blocklists=("starter",),
        allowlists=(),
        upstreams=(Endpoint("9.9.9.9", 53),),
        timeout=5.0,
        cache_bytes=16 * 2**20,
        block_mode="null",
        block_ipv4="",
        block_ipv6="",
        block_ttl=10,
        workers=1,
        allow_from=PRIVATE_NETWORKS,
        refresh_every=86400.0,
        state_directory=home / ".local/state/mirage-hole",
        user=None,
        log_level="INFO",
        log_format="text",
        config_file=None,
        file_folders=(home / ".local/state/mirage-hole/files",),
    )


def test_every_setting_of_a_file_arrives(tmp_path):
    result = settled(
        tmp_path,
        toml="""
[server]
listen = ["192.168.1.2", "[fd00::2]:5454"]
port = 5353
workers = 4
user = "dns"
allow_from = ["10.0.0.0/8"]
state_directory = "/srv/hole"
[web]
listen = "0.0.0.0:9000"
anywhere = true
[lists]
block = ["https://example.org/hosts", "starter"]
allow = "./allow.txt"
refresh_every = "1h"
[upstream]
servers = ["9.9.9.9", "[2620:fe::fe]:5353"]
timeout = 1.5
[cache]
size = 1048576
[blocking]
mode = "ip"
ipv4 = "192.168.1.2"
ipv6 = "fd00::2"
ttl = 60
[log]
level = "warning"
format = "json"
""",
        is_root=True,
    )
    assert result == Settled(
        listen=(Endpoint("192.168.1.2", 5353), Endpoint("fd00::2", 5454)),
        web=Endpoint("0.0.0.0", 9000),
        web_anywhere=True,
        blocklists=("https://example.org/hosts", "starter"),
        allowlists=(str(tmp_path / "allow.txt"),),
        upstreams=(Endpoint("9.9.9.9", 53), Endpoint("2620:fe::fe", 5353)),
        timeout=1.5,
        cache_bytes=2**20,
        block_mode="ip",
        block_ipv4="192.168.1.2",
        block_ipv6="fd00::2",
        block_ttl=60,
        workers=4,
        allow_from=("10.0.0.0/8",),
        refresh_every=3600.0,
        state_directory=Path("/srv/hole"),
        user="dns",
        log_level="WARNING",
        log_format="json",
        config_file=tmp_path / "config.toml",
        file_folders=(tmp_path / "lists", Path("/srv/hole/files")),
    )


def test_all_problems_of_all_places_are_reported_at_once(tmp_path):
    flags = {"server.port": "70000", "upstream.servers": ("dns..example", "9.9.9.9:99999"), "cache.size": "3 bananas"}
    environ = {"MIRAGE_HOLE_UPSTREAM__TIMEOUT": "300", "MIRAGE_HOLE_WEB": "0.0.0.0:0"}
    toml = "[server]\nprot = 1\nlisten = ['::',\n'eth0']\n[blocking]\nmode = 'ip'\nttl = '1.5s'\n"
    found = problems(tmp_path, flags, environ, toml)
    assert [line.partition(": ")[0] for line in found] == [
        "server.prot (DIR/config.toml:2)",
        "server.port = 70000 (--port)",
        "server.listen = 'eth0' (DIR/config.toml:4)",
        "blocking.mode = 'ip' (DIR/config.toml:6)",
        "web.listen = '0.0.0.0:0' (MIRAGE_HOLE_WEB)",
        "upstream.servers = 'dns..example' (--upstream)",
        "upstream.servers = '9.9.9.9:99999' (--upstream)",
        "upstream.timeout = '300' (MIRAGE_HOLE_UPSTREAM__TIMEOUT)",
        "cache.size = '3 bananas' (--cache-size)",
        "blocking.ttl = '1.5s' (DIR/config.toml:7)",
    ]


@pytest.mark.parametrize(
    ("path", "text", "problem"),
    [
        ("upstream.timeout", "99ms", "less than 100ms; write a time from 100ms to 60s, such as 5s"),
        ("upstream.timeout", "61s", "more than 60s"),
        ("upstream.timeout", "soon", "not a length of time"),
        ("lists.refresh_every", "59s", "less than 60s; write a time from 1m to 365d"),
        ("lists.refresh_every", "366d", "more than 365d"),
        ("cache.size", "63K", "less than 64KiB; write a size from 64KiB to 64GiB"),
        ("cache.size", "65G", "more than 64GiB"),
        ("cache.size", "-1", "not a size"),
        ("blocking.ttl", "500ms", "whole seconds"),
        ("blocking.ttl", "2d", "more than 24h"),
        ("server.workers", "0", "not from 1 to 64"),
        ("server.workers", "65", "not from 1 to 64"),
        ("server.port", "0", "not a port"),
        ("server.port", "65536", "not a port"),
        ("blocking.ipv4", "::1", "not an IPv4 address"),
        ("blocking.ipv6", "192.0.2.1", "not an IPv6 address"),
    ],
)
def test_a_value_out_of_its_range_is_refused_with_the_range(tmp_path, path, text, problem):
    (found,) = problems(tmp_path, {path: text})
    assert problem in found
    assert found.startswith(f"{path} = ")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("upstream.timeout", "100ms"),
        ("upstream.timeout", "60"),
        ("lists.refresh_every", "1m"),
        ("lists.refresh_every", "365d"),
        ("cache.size", "64KiB"),
        ("cache.size", "64GiB"),
        ("blocking.ttl", "0"),
        ("blocking.ttl", "1d"),
        ("server.workers", "1"),
        ("server.workers", "64"),
        ("server.port", "1"),
        ("server.port", "65535"),
    ],
)
def test_the_ends_of_a_range_belong_to_it(tmp_path, path, text):
    assert problems(tmp_path, {path: text}) == []


def test_mode_ip_needs_an_address_and_one_is_enough(tmp_path):
    (found,) = problems(tmp_path, {"blocking.mode": "ip"})
    assert "--block-ipv4" in found
    assert settled(tmp_path, {"blocking.mode": "ip", "blocking.ipv6": "FD00::2"}).block_ipv6 == "fd00::2"


def test_a_wrong_address_in_mode_ip_is_one_problem_and_not_two(tmp_path):
    assert len(problems(tmp_path, {"blocking.mode": "ip", "blocking.ipv4": "x"})) == 1


def test_an_address_without_mode_ip_is_said_to_have_no_effect(tmp_path):
    (found,) = warnings(tmp_path, {"blocking.ipv4": "192.0.2.1"})
    assert "has no effect in mode null" in found
    assert "--block-mode ip" in found
