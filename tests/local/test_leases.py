"""Lease files of three servers, as they write them, and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.local.leases import parse_leases
from mirage_hole.wire.names import from_text, to_text

NOW = 1_795_000_000.0  # 2026-11-18 11:06:40 UTC
LAN = from_text("lan")

DNSMASQ = """\
1795003600 aa:bb:cc:dd:ee:01 192.168.1.7 nas 01:aa:bb:cc:dd:ee:01
0 aa:bb:cc:dd:ee:02 192.168.1.8 tv *
1795003600 aa:bb:cc:dd:ee:03 192.168.1.9 * *
1794990000 aa:bb:cc:dd:ee:04 192.168.1.10 gone *
duid 00:01:00:01:2c:9c:aa:bb:cc:dd:ee:ff
1795003700 1234567 fd00::7 nas 00:01:00:01:aa
"""
DHCPD = """\
# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
server-duid "\\000\\001\\000\\001";

lease 192.168.1.7 {
  starts 3 2026/11/18 10:00:00;
  ends 3 2026/11/18 10:30:00;
  binding state free;
  client-hostname "old";
}
lease 192.168.1.7 {
  starts 3 2026/11/18 11:00:00;
  ends 3 2026/11/18 13:00:00; # an hour and more
  cltt 3 2026/11/18 11:00:00;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet aa:bb:cc:dd:ee:01;
  set vendor-class-identifier = "x";
  on expiry {
    execute ("x");
  }
  client-hostname "nas";
}
lease 192.168.1.8 {
  ends never;
  binding state active;
  client-hostname "tv";
}
lease 192.168.1.9 {
  ends epoch 1794000000; # long ago
  binding state active;
  client-hostname "gone";
}
host static { dynamic; }
ia-na "\\001\\002" {
  cltt 3 2026/11/18 11:00:00;
  iaaddr fd00::7 {
    binding state active;
    preferred-life 375;
    ends 3 2026/11/18 13:00:00;
    set ddns-fwd-name = "nas.example.org";
  }
}
"""
KEA4 = """\
address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
192.168.1.7,aa:bb:cc:dd:ee:01,,3600,1794990000,1,0,0,old,0,,0
192.168.1.7,aa:bb:cc:dd:ee:01,,3600,1795003600,1,0,0,nas.lan.,0,,0
192.168.1.8,aa:bb:cc:dd:ee:02,,4294967295,0,1,0,0,tv,0,,0
192.168.1.9,aa:bb:cc:dd:ee:03,,3600,1795003600,1,0,0,declined,1,,0
192.168.1.10,aa:bb:cc:dd:ee:04,,0,1795003600,1,0,0,released,0,,0
"""
KEA6 = """\
address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state
fd00::7,00:01,3600,1795003600,1,1800,0,1,128,0,0,nas,,0
fd00:1::,00:01,3600,1795003600,1,1800,2,1,64,0,0,prefix,,0
"""
ISC_END = 1_795_006_800.0


def names(text: str, now: float = NOW) -> list[str]:
    parsed = parse_leases(text, now, 60, LAN)
    assert parsed.complaints == ()
    return sorted(f"{to_text(one.name)} {one.rdata.hex()}" for one in parsed.records if one.name.endswith(LAN))


BOTH = [f"nas.lan {192:02x}a80107", f"nas.lan fd{'0' * 29}7", "tv.lan c0a80108"]


@pytest.mark.parametrize(
    ("text", "found"),
    [(DNSMASQ, BOTH), (DHCPD, BOTH), (KEA4, [BOTH[0], BOTH[2]]), (KEA6, [BOTH[1]]), ("", []), ("# nothing\n", [])],
)
def test_who_has_which_address_is_read_from_what_servers_write(text, found):
    assert names(text) == sorted(found)


@pytest.mark.parametrize(("text", "end"), [(DNSMASQ, NOW + 3600), (DHCPD, ISC_END), (KEA4, NOW + 3600)])
def test_leases_end_at_their_time(text, end):
    parsed = parse_leases(text, NOW, 60, LAN)
    assert parsed.ends_at == end
    assert "nas.lan c0a80107" in names(text, end - 1)
    assert names(text, end + 200) == ["tv.lan c0a80108"]


def test_names_count_with_and_without_the_domain():
    records = parse_leases(DNSMASQ, NOW, 60, LAN).records
    assert {to_text(one.name) for one in records} == {"nas", "nas.lan", "tv", "tv.lan"}


@pytest.mark.parametrize("name", ["wpad", "WPAD", "isatap", "localhost", "wpad.lan", "a_b", "-", "xn--", 70 * "a", "8"])
def test_names_that_nobody_may_have_are_not_taken(name):
    """CERT VU#598349: a machine that calls itself wpad would be everybody's proxy."""
    parsed = parse_leases(f"0 aa 192.168.1.7 {name} *", NOW, 60, LAN)
    if name in {"-", "xn--"}:
        return  # odd, and harmless
    assert parsed.records == ()
    assert parsed.complaints[0].line == 1


def test_a_client_is_never_in_another_domain_than_ours():
    assert names("0 aa 192.168.1.7 www.bank.example *") == ["www.lan c0a80107"]


def test_of_several_clients_of_one_name_the_latest_has_it():
    lines = ["1795003600 aa 192.168.1.7 nas *", "1795007200 bb 192.168.1.8 nas *", "1795000100 cc 192.168.1.9 nas *"]
    assert names("\n".join(lines)) == ["nas.lan c0a80108"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1795003600 aa 192.168.1.7 ok *\nnonsense\n", 2),
        ("x aa 192.168.1.7 nas *\n", 1),
        ("0 aa 192.168.1.777 nas *\n", 1),
        ('lease 192.168.1.7 {\n  ends 9 yesterday;\n  client-hostname "x";\n}\n', 1),
        ("lease 192.168.1.7 {\n  ends 3 2026/13/18 10:00:00;\n}\n", 1),
        ("\nlease 192.168.1.7.8 {\n}\n", 2),
        ('lease 192.168.1.7 {\n  client-hostname "x";\n', 1),
        (KEA4 + "192.168.1.11,aa\n", 7),
        (KEA4 + "192.168.1.11,aa,,3600,soon,1,0,0,x,0,,0\n", 7),
        ("0 aa 192.168.1.7 nas *\n" + "x" * 5000 + "\n", 2),
    ],
)
def test_what_makes_no_sense_is_told_with_its_line(text, line):
    assert [complaint.line for complaint in parse_leases(text, NOW, 60, LAN).complaints] == [line]


def test_a_file_that_is_something_else_is_broken():
    assert parse_leases("<html><body>\nLogin please\n</body>", NOW, 60, LAN).is_broken


PIECES = st.sampled_from([*DHCPD.splitlines(), *DNSMASQ.splitlines(), *KEA4.splitlines(), *KEA6.splitlines(), "{", "}"])


@given(st.lists(PIECES | st.text(max_size=40), max_size=30))
def test_no_text_does_harm(lines):
    text = "\n".join(lines)
    parsed = parse_leases(text, NOW, 60, LAN)
    count = len(text.splitlines())
    assert all(1 <= complaint.line <= count for complaint in parsed.complaints)
    for record in parsed.records:
        assert record.name.endswith(LAN) or record.name.count(b"\0") == 1
        assert len(record.rdata) in (4, 16)
    assert parsed.ends_at is None or parsed.ends_at > NOW
