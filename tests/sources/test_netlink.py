"""What the kernel's messages mean, and that octets which are none mean nothing."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.sources.netlink import Change, changes


def message(kind: int, body: bytes) -> bytes:
    length = 16 + len(body)
    return struct.pack("=IHHII", length, kind, 0, 0, 0) + body + bytes(-length % 4)


def link(flags: int) -> bytes:
    return message(16, struct.pack("=BxHiII", 0, 1, 2, flags, 0xFFFFFFFF))


def address(scope: int, flags: int = 0, kind: int = 20) -> bytes:
    return message(kind, struct.pack("=BBBBI", 2, 24, flags, scope, 2) + b"\x08\x00\x01\x00\xc0\x00\x02\x01")


def route(prefix: int, form: int = 1) -> bytes:
    return message(24, struct.pack("=BBBBBBBBI", 2, prefix, 0, 0, 254, 3, 0, form, 0))


@pytest.mark.parametrize(
    ("datagram", "what", "hopeful"),
    [
        (link(0x1 | 0x40), "link", True),
        (link(0x1), "link", False),
        (link(0x1 | 0x40 | 0x8), "link", False),
        (address(0), "address", True),
        (address(200), "address", True),
        (address(253), "address", False),
        (address(254), "address", False),
        (address(0, 0x40), "address", False),
        (route(0), "route", True),
        (route(24), "route", False),
        (route(0, 7), "route", False),
        (message(4, b""), "overrun", True),
    ],
)
def test_an_address_a_default_route_or_a_running_link_gives_hope(datagram, what, hopeful):
    assert changes(datagram) == [Change(what, hopeful)]


@pytest.mark.parametrize(
    "datagram", [address(0, kind=21), message(2, b"\0" * 20), message(3, b""), message(99, b"x"), b""]
)
def test_what_goes_or_is_something_else_is_passed_over(datagram):
    assert changes(datagram) == []


def test_a_datagram_may_hold_several_messages():
    assert [one.what for one in changes(link(0x41) + message(99, b"abc") + address(0) + route(0))] == [
        "link", "address", "route",
    ]  # fmt: skip


@pytest.mark.parametrize("length", [0, 1, 15, 17, 10_000, 0xFFFFFFFF])
def test_a_length_that_can_not_be_ends_the_reading(length):
    assert changes(struct.pack("=I", length) + address(0)[4:20]) == []


@given(st.binary(max_size=400))
def test_any_octets_are_read_in_bounded_time_and_raise_nothing(datagram):
    assert len(changes(datagram)) <= len(datagram) // 16


@given(
    st.lists(st.sampled_from([link(0x41), address(0), route(0), message(99, b"a")]), max_size=5), st.integers(0, 200)
)
def test_a_datagram_that_is_cut_off_gives_what_is_whole(messages, cut):
    whole = b"".join(messages)
    full, part = changes(whole), changes(whole[:cut])
    assert part == full[: len(part)]
