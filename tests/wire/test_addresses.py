"""The addresses that an answer leads to, held against dnspython."""

from __future__ import annotations

import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.wire.addresses import addresses_of
from mirage_hole.wire.scan import scan_reply
from tests.make import address, answer_to, query


def found(*records: str, qtype: str = "A", **sections: list[str]) -> list[tuple[int, bytes]]:
    asked = query("www.example", qtype, edns=False)
    reply = scan_reply(answer_to(asked, *records, **sections), len(asked))
    assert reply is not None
    return addresses_of(reply)


def test_addresses_are_found_in_order_behind_aliases():
    records = ("www.example 9 CNAME cdn.example.", "cdn.example 9 A 192.0.2.1", "cdn.example 9 A 192.0.2.2")
    assert found(*records) == [(1, address("192.0.2.1")), (1, address("192.0.2.2"))]
    assert found("www.example 9 AAAA 2001:db8::1", qtype="AAAA") == [(28, address("2001:db8::1"))]


def test_hints_are_addresses_too():
    record = 'www.example 9 HTTPS 1 . alpn="h2,h3" ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="2001:db8::1"'
    assert found(record, qtype="HTTPS") == [
        (65, address("192.0.2.1")), (65, address("192.0.2.2")), (65, address("2001:db8::1")),
    ]  # fmt: skip
    assert found("www.example 9 SVCB 0 cdn.example.", qtype="SVCB") == []


def test_only_the_answer_section_counts():
    assert found(authority=["x.example 9 A 192.0.2.1"], additional=["x.example 9 A 192.0.2.2"]) == []


@pytest.mark.parametrize("data", [b"", b"\1\2\3", b"\1\2\3\4\5"])
def test_data_of_a_wrong_length_is_no_address(data):
    asked = query("www.example", edns=False)
    wire = asked[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + asked[12:]
    wire += b"\xc0\x0c\0\1\0\1\0\0\0\x09" + len(data).to_bytes(2, "big") + data
    assert scan_reply(wire, len(asked)) is None


@given(st.binary(max_size=80))
def test_a_binding_record_of_any_octets_is_read_to_its_end_and_no_further(data):
    asked = query("www.example", "HTTPS", edns=False)
    wire = asked[:2] + b"\x81\x80\0\1\0\2\0\0\0\0" + asked[12:]
    wire += b"\xc0\x0c\0\x41\0\1\0\0\0\x09" + len(data).to_bytes(2, "big") + data
    wire += b"\xc0\x0c\0\1\0\1\0\0\0\x09\0\4\xc0\0\2\1"
    reply = scan_reply(wire, len(asked))
    assert reply is not None
    *hints, last = addresses_of(reply)
    assert last == (1, address("192.0.2.1"))
    assert all(kind == 65 and octets in data for kind, octets in hints)


def test_hints_agree_with_another_reader():
    rdata = dns.rdata.from_text("IN", "HTTPS", '1 a.b.example. port=8443 ipv4hint="192.0.2.9" ipv6hint="2001:db8::9"')
    told = {octets for _, octets in found(f"www.example 9 HTTPS {rdata}", qtype="HTTPS")}
    assert told == {address(text) for key in (4, 6) for text in rdata.params[key].addresses}
