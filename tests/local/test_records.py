"""Records as people write them: names, types and data, to wire form and nothing else."""

from __future__ import annotations

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.presentation import BadRecord
from mirage_hole.local.record import reverse_name
from mirage_hole.local.records import read_data, read_owner, read_type
from mirage_hole.wire.names import from_text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("A", "192.168.1.5"),
        ("AAAA", "fd00::5"),
        ("MX", "10 mail.lan."),
        ("SRV", "0 5 443 nas.lan."),
        ("TXT", '"one" "two"'),
        ("CAA", '128 iodef "mailto:security@example.com"'),
        ("CAA", '0 issue ";"'),
        ("SSHFP", "1 1 " + 40 * "a"),
        ("TLSA", "3 1 1 " + 64 * "0"),
        ("NAPTR", '100 10 "S" "SIP+D2U" "" _sip._udp.example.com.'),
        ("HTTPS", "1 . alpn=h2,h3 port=8443"),
    ],
)
def test_the_octets_are_those_of_others(kind, value):
    theirs = dns.rdata.from_text("IN", kind, value, origin=dns.name.root, relativize=False).to_wire()
    assert read_data(read_type(kind), value) == theirs


def test_octets_stand_for_any_type():
    """RFC 3597 5."""
    assert read_data(read_type("TYPE65280"), r"\# 4 0a00 0001") == b"\x0a\0\0\1"
    assert read_data(read_type("A"), r"\# 4 0a000001") == b"\x0a\0\0\1"
    assert read_data(read_type("LOC"), r"\# 0") == b""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("LOC", "51 30 12.748 N 0 7 39.611 W 0.00m"),
        ("CAA", "0 issue"),
        ("CAA", '256 issue "x"'),
        ("CAA", '0 is-sue "x"'),
        ("SSHFP", "4 2 xyz"),
        ("TLSA", "3 1 1"),
        ("NAPTR", '1 2 "u" "E2U+sip" "!^.*$!sip:x!" . more'),
        ("A", r"\# 4 0a0000"),
        ("A", r"\# x 0a000001"),
        ("A", r"\#"),
        ("A", r"\#4 0a000001"),
        ("CNAME", r"\# 1 00"),
        ("TXT", 5000 * "x"),
        ("A", "nas.lan"),
    ],
)
def test_what_is_no_data_is_refused_in_few_words(kind, value):
    with pytest.raises(BadRecord) as refused:
        read_data(read_type(kind), value)
    assert 0 < len(str(refused.value)) < 200


@pytest.mark.parametrize("kind", ["ANY", "AXFR", "OPT", "TSIG", "TYPE0", "TYPE65536", "", "X"])
def test_what_is_no_type_of_data_is_refused(kind):
    with pytest.raises(BadRecord):
        read_type(kind)


@pytest.mark.parametrize("name", ["", ".", "*", "a.*.lan", "*.*.lan", "a..b", 64 * "a", "192.168.1.5", "fd00::1"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(BadRecord):
        read_owner(name, 1)


def test_names_are_read_as_people_write_them():
    assert read_owner("Nas.LAN.", 1) == (from_text("nas.lan"), False)
    assert read_owner("*.dev.lan", 1) == (from_text("dev.lan"), True)
    assert read_owner("_ldap._tcp.lan", 33) == (from_text("_ldap._tcp.lan"), False)
    assert read_owner("büro.lan", 1) == (from_text("xn--bro-hoa.lan"), False)
    assert read_owner("192.168.1.5", 12) == (from_text("5.1.168.192.in-addr.arpa"), False)


@given(st.ip_addresses())
def test_addresses_are_turned_as_others_do(address):
    assert reverse_name(address.packed) == from_text(address.reverse_pointer)


@given(st.sampled_from(["A", "CAA", "NAPTR", "TLSA", "SSHFP", "SVCB", "TYPE999"]), st.text(max_size=60))
def test_no_text_does_harm(kind, value):
    try:
        octets = read_data(read_type(kind), value)
    except BadRecord:
        return
    assert len(octets) < 65536
