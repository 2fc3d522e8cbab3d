from __future__ import annotations

import pytest

from mirage_hole.config.describe import as_toml
from mirage_hole.config.group_tables import zones_of
from mirage_hole.config.values import BadValue
from mirage_hole.runtime.forwarding import forwarding
from mirage_hole.runtime.plan import worker_settings
from tests.config.machine import problems, settled

OFFICE = """
[upstream]
servers = ["9.9.9.9", "1.1.1.1"]
strategy = "hedged"
fallback = "office"
[[group]]
name = "office"
servers = ["10.0.0.1", "9.9.9.9:53"]
strategy = "strict"
dnssec = true
[[route]]
domains = ["Corp.Example", "10.1.0.0/16", "unqualified"]
group = "office"
[[route]]
domains = "*.lab.example"
servers = "10.0.0.7:5353"
fallback = "default"
"""


def test_groups_and_routes_are_told_to_workers_in_numbers(tmp_path):
    told = worker_settings(settled(tmp_path, toml=OFFICE))
    assert told.upstreams == (("9.9.9.9", 53), ("1.1.1.1", 53), ("10.0.0.1", 53), ("10.0.0.7", 5353))
    assert told.groups == (
        ("default", (0, 1), "hedged", False, 1),
        ("office", (2, 0), "strict", True, -1),
        ("lab.example", (3,), "hedged", False, 0),
    )
    assert told.routes == (("corp.example", 1), ("1.10.in-addr.arpa", 1), ("lab.example", 2))
    assert told.unqualified == 1


def test_without_groups_there_is_one(tmp_path):
    plan = forwarding(settled(tmp_path, toml='[upstream]\nservers = ["9.9.9.9"]\n'))
    assert plan.groups == (("default", (0,), "fastest", False, -1),)
    assert not plan.routes


def test_what_is_printed_settles_to_the_same(tmp_path):
    first = settled(tmp_path, toml=OFFICE)
    second = settled(tmp_path, toml=as_toml(first))
    assert (second.groups, second.routes) == (first.groups, first.routes)
    assert forwarding(second) == forwarding(first)


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        ("Corp.Example.", ("corp.example",)),
        ("*.corp.example", ("corp.example",)),
        (".", (".",)),
        ("unqualified", ("unqualified",)),
        ("192.168.0.0/16", ("168.192.in-addr.arpa",)),
        ("192.168.4.0/23", ("4.168.192.in-addr.arpa", "5.168.192.in-addr.arpa")),
        ("10.0.0.0/8", ("10.in-addr.arpa",)),
        ("192.168.1.7/32", ("7.1.168.192.in-addr.arpa",)),
        ("fd00::/8", ("d.f.ip6.arpa",)),
        ("fc00::/7", ("c.f.ip6.arpa", "d.f.ip6.arpa")),
        ("0.0.0.0/0", ("in-addr.arpa",)),
    ],
)
def test_a_network_stands_for_its_reverse_zones(text, zones):
    """RFC 1035 3.5, RFC 3596 2.5."""
    assert zones_of(text) == zones


@pytest.mark.parametrize("text", ["a..b", "10.0.0.0/99", "x" * 64])
def test_what_is_neither_domain_nor_network_is_refused(text):
    with pytest.raises(BadValue):
        zones_of(text)


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ('[[group]]\nname = ""\nservers = ["10.0.0.1"]', "group[0].name"),
        ('[[group]]\nname = "default"\nservers = ["10.0.0.1"]', "[upstream] is the group default"),
        ('[[group]]\nname = "a"\nservers = []', "a group of nobody"),
        ('[[group]]\nname = "a"\nservers = ["0.0.0.0"]', "no resolver has this address"),
        ('[[group]]\nname = "a"\nservers = ["10.0.0.1"]\nfallback = "a"', "the group itself"),
        ('[[group]]\nname = "a"\nservers = ["10.0.0.1"]\nfallback = "b"', "no such group"),
        ('[upstream]\nservers = ["9.9.9.9"]\nfallback = "b"', "no such group"),
        ('[[route]]\ndomains = ["x.example"]', "neither a group nor servers"),
        ('[[route]]\ndomains = []\nservers = ["10.0.0.1"]', "a route for nothing"),
        (
            '[[route]]\ndomains = ["x.example", "X.example."]\nservers = ["10.0.0.1"]',
            "route[0].domains[0] has x.example",
        ),
        ('[[route]]\ndomains = ["x.example"]\ngroup = "b"', "no such group"),
        ('[[route]]\ndomains = ["x.example"]\ngroup = "default"\nservers = ["10.0.0.1"]', "both a group and servers"),
        (
            '[[route]]\ndomains = ["x.example"]\ngroup = "default"\nfallback = "default"',
            "write fallback in the [[group]]",
        ),
    ],
)
def test_each_mistake_is_named_with_what_to_write_instead(tmp_path, toml, problem):
    assert any(problem in told for told in problems(tmp_path, toml=toml))
