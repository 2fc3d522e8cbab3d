from __future__ import annotations

import dns.exception
import dns.rdata
import dns.rdataclass
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.records import MAX_VALUE, RECORD_TYPES, BadRecord, read_record
from mirage_hole.lists.rule import Rewrite
from mirage_hole.wire.codes import RRType

GOOD = [
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("AAAA", "::ffff:192.0.2.1"),
    ("CNAME", "target.example"),
    ("CNAME", "_acme.target.example."),
    ("MX", "10 mail.example"),
    ("MX", "0 ."),
    ("PTR", "host.example."),
    ("SRV", "10 60 8080 server.example"),
    ("SRV", "0 0 0 ."),
    ("TXT", '"one" "two words"'),
    ("TXT", r'"a \"quote\", a \\ and \195\164"'),
    ("TXT", '""'),
    ("HTTPS", "0 target.example"),
    ("HTTPS", "1 ."),
    ("HTTPS", "1 . alpn=h2,h3 no-default-alpn port=8443"),
    ("HTTPS", '1 svc.example ipv6hint=2001:db8::1,2001:db8::2 ipv4hint="192.0.2.1,192.0.2.2" alpn="h3"'),
    ("HTTPS", "16 . ech=AEj+DQBEAQAgACAdd+scUi0IYFsXnUIU7ko2Nd9+F8M26pAGZVpz/KrWPgAEAAEAAWQVZWNoLXNpdGVzLmV4YW1wbGUubmV0AAA="),
    ("SVCB", "1 . mandatory=port,alpn port=53 alpn=dot"),
    ("SVCB", "1 . key667=hello key668"),
    ("SVCB", r'1 . key667="hello\210qoo"'),
    ("SVCB", r'1 . alpn="f\\\\oo\\,bar,h2"'),
    ("SVCB", "1 . key65534=x"),
]  # fmt: skip


@pytest.mark.parametrize(("rrtype", "value"), GOOD)
def test_record_data_is_what_dnspython_makes_of_it(rrtype, value):
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rrtype, value).to_wire(origin=dns.name.root)
    assert read_record(rrtype, value) == Rewrite(0, RRType[rrtype], rdata)
    assert read_record(rrtype.lower(), f" {value} ".strip()) == Rewrite(0, RRType[rrtype], rdata)


def test_every_type_is_held_against_the_oracle():
    assert {rrtype for rrtype, _ in GOOD} == set(RECORD_TYPES)


def test_names_are_folded_and_internationalised():
    assert read_record("CNAME", "Target.B\u00fccher.EXAMPLE") == read_record("CNAME", "target.xn--bcher-kva.example.")


def test_text_without_quotation_marks_is_one_string_as_it_stands():
    assert read_record("TXT", r"v=spf1 \ -all; x").rdata == b"\x10v=spf1 \\ -all; x"


def test_long_text_without_quotation_marks_is_cut_into_strings():
    rdata = read_record("TXT", "x" * 300).rdata
    assert rdata == b"\xff" + b"x" * 255 + b"\x2d" + b"x" * 45


def test_the_oblivious_gateway_and_the_doh_path_have_names():
    wire = read_record("SVCB", "1 . ohttp dohpath=/q{?dns}").rdata
    assert wire == b"\0\x01\0\0\x07\0\x08/q{?dns}\0\x08\0\0"


@pytest.mark.parametrize(
    ("rrtype", "value", "words"),
    [
        ("NS", "ns.example", "no record type"),
        ("TYPE1", "192.0.2.1", "no record type"),
        ("", "", "no record type"),
        ("A", "2001:db8::1", "no IPv4"),
        ("A", "192.0.2.256", "no IPv4"),
        ("A", "192.0.2.01", "no IPv4"),
        ("A", "192.0.2.1 192.0.2.2", "looks so"),
        ("A", "", "looks so"),
        ("AAAA", "192.0.2.1", "no IPv6"),
        ("AAAA", "fe80::1%eth0", "a zone"),
        ("CNAME", "a..example", "empty label"),
        ("CNAME", "a/b", "'/'"),
        ("CNAME", "192.0.2.1", "an address"),
        ("CNAME", "x" * 64 + ".example", "label of 64"),
        ("CNAME", ".", "the root"),
        ("PTR", ".", "the root"),
        ("MX", "mail.example", "looks so"),
        ("MX", "65536 mail.example", "preference"),
        ("MX", "-1 mail.example", "preference"),
        ("MX", "\u0661 mail.example", "preference"),
        ("SRV", "1 2 server.example", "looks so"),
        ("SRV", "1 2 65536 server.example", "port"),
        ("TXT", "", "without text"),
        ("TXT", '"x', "other half"),
        ("TXT", '"' + "x" * 256 + '"', "255 octets"),
        ("TXT", r'"\256"', "above 255"),
        ("TXT", r'"\25"', "three"),
        ("TXT", "x" * (MAX_VALUE + 1), "more than 4096"),
        ("HTTPS", "1", "looks so"),
        ("HTTPS", "0 a.example alpn=h2", "an alias"),
        ("HTTPS", "1 . colour=red", "no parameter"),
        ("HTTPS", "1 . key65535=x", "no parameter"),
        ("HTTPS", "1 . key01=x", "no parameter"),
        ("HTTPS", "1 . alpn=h2 alpn=h3", "twice"),
        ("HTTPS", "1 . key1=h2", "by its name"),
        ("HTTPS", "1 . alpn", "needs a value"),
        ("HTTPS", "1 . alpn=h2,,h3", "empty name"),
        ("HTTPS", "1 . alpn=" + "x" * 256, "255 octets"),
        ("HTTPS", "1 . no-default-alpn", "needs alpn"),
        ("HTTPS", "1 . alpn=h2 no-default-alpn=x", "has no value"),
        ("HTTPS", "1 . port=http", "a number"),
        ("HTTPS", "1 . ipv4hint=2001:db8::1", "no IPv4"),
        ("HTTPS", "1 . ipv6hint=2001:db8::1,", "no IPv6"),
        ("HTTPS", "1 . ech=%%%", "base64"),
        ("HTTPS", "1 . ech=AAAA", "configurations"),
        ("HTTPS", "1 . mandatory=alpn", "not there"),
        ("HTTPS", "1 . mandatory=alpn,alpn alpn=h2", "once"),
        ("HTTPS", "1 . mandatory=mandatory", "itself"),
    ],
)
def test_bad_data_is_refused_with_a_short_reason(rrtype, value, words):
    with pytest.raises(BadRecord, match=words) as caught:
        read_record(rrtype, value)
    assert len(str(caught.value)) < 160


@given(st.sampled_from(RECORD_TYPES), st.text(max_size=200))
def test_any_text_is_data_or_refused(rrtype, value):
    try:
        rewrite = read_record(rrtype, value)
    except BadRecord:
        return
    dns.rdata.from_wire(dns.rdataclass.IN, int(rewrite.rrtype), rewrite.rdata, 0, len(rewrite.rdata))


@given(
    st.sampled_from(["HTTPS", "SVCB"]),
    st.lists(
        st.sampled_from(
            ["alpn=h2", r"alpn=a\\,b", "no-default-alpn", "port=1", "ipv4hint=192.0.2.1", "ipv6hint=::", "key9=\\000",
             "key300", "mandatory=port", "mandatory=alpn,port", "ech=AAQAAAAA", "ech=AAAA", 'key11="a b"', "key4=x", "key0=port"]
        ),
        max_size=5,
    ),
)  # fmt: skip
def test_service_parameters_agree_with_dnspython(rrtype, parameters):
    value = " ".join(["1 a.example.", *parameters])
    try:
        expected = dns.rdata.from_text(dns.rdataclass.IN, rrtype, value).to_wire(origin=dns.name.root)
    except dns.exception.DNSException:
        with pytest.raises(BadRecord):
            read_record(rrtype, value)
        return
    assert read_record(rrtype, value).rdata == expected
