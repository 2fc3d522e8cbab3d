from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.config.problem import BadValue
from mirage_hole.config.settled import PRIVATE_NETWORKS, Endpoint
from mirage_hole.config.values import (
    format_duration,
    format_size,
    parse_duration,
    parse_endpoint,
    parse_ipv4,
    parse_ipv6,
    parse_network,
    parse_size,
)

PARSERS = (
    parse_size,
    parse_duration,
    lambda text: parse_endpoint(text, 53),
    parse_network,
    parse_ipv4,
    parse_ipv6,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16M", 16 * 2**20),
        ("64MiB", 64 * 2**20),
        ("64mb", 64 * 2**20),
        ("1.5G", 3 * 2**29),
        ("4096", 4096),
        ("4096B", 4096),
        (" 2 KiB ", 2048),
        (7, 7),
    ],
)
def test_a_size_is_read_in_powers_of_1024(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "16 bananas", "-1", -1, "1e9", "16MM", "0x10", "१६M", "9" * 200])
def test_what_is_no_size_is_refused_with_an_example(text):
    with pytest.raises(BadValue) as refused:
        parse_size(text)
    assert "16MiB" in refused.value.instead


@given(st.integers(0, 2**50))
def test_a_size_written_out_reads_back_the_same(size):
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0),
        (5, 5.0),
        (0.25, 0.25),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("10m", 600.0),
        ("24h", 86400.0),
        ("7d", 604800.0),
        ("2W", 1209600.0),
        ("1h30m", 5400.0),
        ("1 h 30 m", 5400.0),
    ],
)
def test_a_duration_is_read_in_its_unit_and_in_seconds_without_one(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "5 parsecs", "-5s", -5, "1e3", "5s5", float("nan"), float("inf"), "५s", "1h,30m"]
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(BadValue) as refused:
        parse_duration(text)
    assert "5s" in refused.value.instead


@given(st.integers(0, 10**10).map(lambda micros: micros / 1e6))
def test_a_duration_written_out_reads_back_the_same(seconds):
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(
    ("seconds", "text"), [(86400.0, "24h"), (5.0, "5s"), (0.5, "500ms"), (90.0, "90s"), (0.0, "0s")]
)
def test_a_duration_is_written_as_people_would(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
        ("::1:5353", ("::1:5353", 53)),
        ("2001:DB8:0::1", ("2001:db8::1", 53)),
        ("fe80::1%eth0", ("fe80::1%eth0", 53)),
        ("[fe80::1%br-lan.10]:5353", ("fe80::1%br-lan.10", 5353)),
        ("::ffff:192.0.2.1", ("192.0.2.1", 53)),
        (" 0.0.0.0 ", ("0.0.0.0", 53)),
    ],
)
def test_an_endpoint_is_read_in_every_spelling(text, endpoint):
    assert parse_endpoint(text, 53) == Endpoint(*endpoint)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("dns.quad9.net", "getent hosts dns.quad9.net"),
        ("dns.quad9.net:53", "getent hosts dns.quad9.net"),
        ("localhost:5353", "127.0.0.1:5353"),
        ("9.9.9.9#5353", "9.9.9.9:5353"),
        ("5353", "127.0.0.1:5353"),
        (":5353", "0.0.0.0:5353"),
        ("https://dns.quad9.net/dns-query", "9.9.9.9"),
        ("tls://9.9.9.9", "9.9.9.9"),
        ("9.9.9.9:0", "9.9.9.9:53"),
        ("9.9.9.9:65536", "9.9.9.9:53"),
        ("9.9.9.9:dns", "9.9.9.9:53"),
        ("9.9.9.9:+53", "9.9.9.9:53"),
        ("[::1", "[::1]"),
        ("[::1]53", "[::1]:5353"),
        ("fe80::1%", "fe80::1%eth0"),
        ("fe80::1%a b", "fe80::1%eth0"),
        ("9.9.9.9%eth0", "9.9.9.9"),
        ("9.9.9.999", "192.168.1.2"),
        ("09.9.9.9", "192.168.1.2"),
        ("", "192.168.1.2"),
        ("x" * 1000, "192.168.1.2"),
    ],
)
def test_what_is_no_endpoint_is_refused_with_what_to_write(text, instead):
    with pytest.raises(BadValue) as refused:
        parse_endpoint(text, 53)
    assert instead in refused.value.instead


addresses = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None).map(str),
    st.from_regex(r"fe80::[1-9a-f]{1,4}%[a-z0-9.]{1,15}", fullmatch=True).map(
        lambda text: str(ip_address(text.partition("%")[0])) + "%" + text.partition("%")[2]
    ),
)


@given(addresses, st.integers(1, 65535), st.integers(1, 65535))
def test_an_endpoint_written_out_reads_back_the_same(address, port, default):
    endpoint = Endpoint(address, port)
    assert parse_endpoint(str(endpoint), default) == endpoint
    assert parse_endpoint(address, default) == Endpoint(address, default)


def test_a_network_is_read_in_canonical_form():
    assert parse_network("192.168.0.0/16") == ("192.168.0.0/16",)
    assert parse_network("203.0.113.7") == ("203.0.113.7/32",)
    assert parse_network("2001:DB8::/32") == ("2001:db8::/32",)
    assert parse_network("10.0.0.0/255.0.0.0") == ("10.0.0.0/8",)


def test_the_word_private_stands_for_the_private_networks():
    assert parse_network("Private") == PRIVATE_NETWORKS


def test_a_network_with_bits_behind_its_prefix_is_refused_with_both_that_may_be_meant():
    with pytest.raises(BadValue, match=r"write 192\.168\.1\.0/24 or 192\.168\.1\.5"):
        parse_network("192.168.1.5/24")


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), st.integers(0, 32))
def test_a_network_reads_back_the_same(address, prefix):
    network = str(ip_network(f"{address}/{prefix}", strict=False))
    assert parse_network(network) == (network,)


def test_sinkhole_addresses_are_of_their_family():
    assert parse_ipv4("192.0.2.1") == "192.0.2.1"
    assert parse_ipv6("2001:DB8::1") == "2001:db8::1"
    for parse, text in (
        (parse_ipv4, "::1"),
        (parse_ipv4, "x"),
        (parse_ipv6, "192.0.2.1"),
        (parse_ipv6, "fe80::1%eth0"),
    ):
        with pytest.raises(BadValue):
            parse(text)


@given(st.one_of(st.text(), st.from_regex(r"[0-9a-f:.%\[\]#/ ]{0,30}", fullmatch=True)))
def test_a_parser_understands_or_refuses_any_text_and_does_nothing_else(text):
    for parse in PARSERS:
        refused = None
        try:
            parse(text)
        except BadValue as bad:
            refused = bad
        assert refused is None or (refused.problem and refused.instead)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_is_parsed_is_an_address_the_standard_library_knows(address):
    parsed = ip_address(parse_endpoint(str(address), 53).address)
    assert parsed in (address, getattr(address, "ipv4_mapped", None))
    assert isinstance(parsed, (IPv4Address, IPv6Address))
