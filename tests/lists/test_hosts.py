from __future__ import annotations

import pytest

from mirage_hole.lists.rule import Action
from tests.lists.reading import read


def test_every_name_on_the_line_is_a_rule():
    assert read("0.0.0.0 a.example b.example\tC.example.  # d.example").texts == ["a.example", "b.example", "c.example"]


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "127.0.0.1", "::", "::1", "192.168.1.9", "2001:db8::1", "fe80::1%lo0", "255.255.255.255"]
)
def test_whatever_the_address_is_the_names_are_meant(address):
    assert read(f"{address} ads.example.com").texts == ["ads.example.com"]
    assert read(f"{address}\t ads.example.com \r").texts == ["ads.example.com"]


LOCAL = """\
127.0.0.1 localhost
127.0.0.1 localhost.localdomain
127.0.0.1 local
255.255.255.255 broadcasthost
::1 localhost
::1 ip6-localhost ip6-loopback
fe80::1%lo0 localhost
ff00::0 ip6-localnet
ff00::0 ip6-mcastprefix
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
ff02::3 ip6-allhosts
0.0.0.0 0.0.0.0
127.0.0.1 LocalHost. LOCALHOST.localdomain
"""


def test_lines_about_the_machine_itself_are_neither_rules_nor_complaints():
    for form in ("hosts", "domains", "adblock", None):
        result = read(LOCAL, form=form)
        assert (result.rules, result.complaints) == ([], [])


def test_a_local_name_beside_others_takes_none_of_them_with_it():
    assert read("127.0.0.1 localhost ads.example.com").texts == ["ads.example.com"]


def test_names_without_a_dot_are_read_in_hosts_lines():
    assert read("0.0.0.0 wpad").texts == ["wpad"]


def test_an_address_without_a_name_is_a_complaint():
    assert read("0.0.0.0\n", form="hosts").complaints == [(1, "an address without a name")]
    assert read("0.0.0.0 # nothing", form="hosts").rules == []


def test_only_the_bad_name_of_a_line_is_a_complaint():
    result = read("0.0.0.0 a.example b..example 1.2.3.4 c.example d_e.example f$.example")
    assert result.texts == ["a.example", "c.example", "d_e.example"]
    assert [reason for _, reason in result.complaints] == [
        "an empty label: a dot in front, or two dots in a row",
        "an address where a name should be",
        "'$' can't be in a domain name",
    ]


def test_a_comment_may_stick_to_the_name():
    assert read("0.0.0.0 a.example#comment").texts == ["a.example"]


def test_a_hosts_list_may_allow():
    assert read("0.0.0.0 a.example", Action.ALLOW).texts == ["@@a.example"]
