"""EDNS options: read as dnspython writes them, and never more than is there."""

from __future__ import annotations

import dns.edns
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.options import COOKIE, KEEPALIVE, NSID, PADDING, SUBNET, each_option, option, read_options

MANY = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=12)


@given(MANY)
def test_options_are_read_as_they_were_written(written):
    assert list(each_option(b"".join(option(code, content) for code, content in written))) == written


@given(MANY)
def test_whatever_stands_in_options_they_are_read_or_refused(written):
    read = read_options(b"".join(option(code, content) for code, content in written))
    if isinstance(read, str):
        assert "cookie" in read
        assert any(code == COOKIE and len(content) not in {8, *range(16, 41)} for code, content in written)
    else:
        assert read.nsid == any(code == NSID for code, _ in written)
        assert read.padded == any(code == PADDING for code, _ in written)
        assert read.keepalive == any(code == KEEPALIVE for code, _ in written)
        assert read.subnet == next((content for code, content in written if code == SUBNET), None)


def test_an_option_is_written_as_dnspython_reads_it():
    """RFC 6891 6.1.2."""
    wire = option(COOKIE, bytes(range(24)))
    found = dns.edns.option_from_wire(COOKIE, wire, 4, len(wire) - 4)
    assert (found.client, found.server) == (bytes(range(8)), bytes(range(8, 24)))


@pytest.mark.parametrize("length", [8, 16, 24, 40])
def test_a_cookie_has_eight_octets_or_sixteen_to_forty(length):
    """RFC 7873 4."""
    assert read_options(option(COOKIE, bytes(length))).cookie == bytes(length)


@pytest.mark.parametrize("length", [0, 1, 7, 9, 15, 41, 255])
def test_a_cookie_of_any_other_length_is_malformed(length):
    """RFC 7873 5.2.2."""
    assert read_options(option(COOKIE, bytes(length))) == "an EDNS cookie of an impossible length"


def test_of_two_cookies_the_first_counts():
    """RFC 7873 5.2: all others are ignored."""
    assert read_options(option(COOKIE, b"a" * 8) + option(COOKIE, b"b" * 8)).cookie == b"a" * 8
