"""Replies, held against two other readers: dnspython and dnslib."""

from __future__ import annotations

import struct
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dnslib
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mirage_hole.wire.codes import AD, EdeCode, Rcode
from mirage_hole.wire.query import Malformed, Query, parse_query
from mirage_hole.wire.reply import (
    MAX_EDE_TEXT,
    UDP_PAYLOAD,
    age_ttls,
    build_error,
    build_query,
    build_reply,
    ede_option,
    udp_limit,
)
from tests.wire.samples import (
    OPT,
    host_names,
    names,
    opt,
    option,
    packet,
    queries,
    question,
    raw_record,
    read,
    record,
    soa,
)

ASKED = question("WWW.example.com")
POINTER = b"\xc0\x0c"
EDE = ede_option(EdeCode.BLOCKED, "||example.com^ in A list")

plain_queries = queries().map(lambda message: parse_query(message.to_wire()))
records = st.lists(
    st.one_of(
        st.builds(
            raw_record, st.just(POINTER), st.just(1), st.integers(0, 2**31 - 1), st.binary(min_size=4, max_size=4)
        ),
        st.builds(raw_record, names, st.just(16), st.integers(0, 2**31 - 1), st.just(b"\x04text")),
        st.builds(raw_record, names, st.just(65280), st.integers(0, 2**31 - 1), st.binary(max_size=60)),
    ),
    max_size=6,
)
sections = st.tuples(records, records, records)


def query(*, edns: bool = True, payload: int = 1232, dnssec_ok: bool = False, flags: int = 0x0100) -> Query:
    additional = [opt(payload, dnssec_ok=dnssec_ok)] if edns else []
    parsed = parse_query(packet(flags, ASKED, additional=additional))
    assert isinstance(parsed, Query)
    return parsed


def joined(parts: tuple[list[bytes], list[bytes], list[bytes]]) -> tuple[bytes, tuple[int, int, int]]:
    return b"".join(b"".join(part) for part in parts), (len(parts[0]), len(parts[1]), len(parts[2]))


def opt_of(reply: bytes) -> Any:
    """dnslib's OPT record, or None."""
    found = [record for record in dnslib.DNSRecord.parse(reply).ar if record.rtype == OPT]
    assert len(found) <= 1
    return found[0] if found else None


@given(plain_queries, sections, st.integers(0, 15), st.booleans(), st.sampled_from([0, AD]))
def test_a_reply_says_to_dnspython_what_was_put_in(
    asked: Query, parts: tuple[list[bytes], list[bytes], list[bytes]], rcode: int, ede: bool, flags: int
) -> None:
    octets, counts = joined(parts)
    wire = build_reply(asked, rcode, octets, counts, options=EDE if ede else b"", flags=flags)

    theirs = read(wire)
    assert theirs.id == asked.id
    assert theirs.rcode() == rcode
    assert theirs.opcode() == 0
    wanted = dns.flags.QR | dns.flags.RA | flags | asked.flags & (dns.flags.RD | dns.flags.CD)
    assert theirs.flags & ~0xF == wanted
    assert wire[12 : 12 + len(asked.question)] == asked.question
    assert tuple(map(len, theirs.sections[1:])) == counts
    ttls = [rrset.ttl for section in theirs.sections[1:] for rrset in section]
    assert ttls == [struct.unpack_from(">I", one, ttl_at(one))[0] for part in parts for one in part]
    assert (theirs.edns >= 0) is asked.edns
    assert (theirs.payload, theirs.ednsflags) == ((UDP_PAYLOAD, asked.dnssec_ok << 15) if asked.edns else (0, 0))
    assert [option.otype for option in theirs.options] == ([15] if ede and asked.edns else [])


def ttl_at(one: bytes) -> int:
    if one.startswith(POINTER):
        return 6
    at = 0
    while one[at]:
        at += one[at] + 1
    return at + 5


@given(host_names, st.lists(st.ip_addresses(v=4), max_size=5), st.sampled_from([0, 2, 3]), st.booleans(), st.booleans())
def test_a_reply_says_to_dnslib_what_was_put_in(name: str, found: list[Any], rcode: int, edns: bool, do: bool) -> None:
    asked = parse_query(packet(0x0110, question(name), additional=[opt(dnssec_ok=do)] * edns))
    assert isinstance(asked, Query)
    octets = b"".join(raw_record(POINTER, 1, 60, address.packed) for address in found) + soa("example", 5, 6)
    wire = build_reply(asked, rcode, octets, (len(found), 1, 0), options=EDE)
    theirs = dnslib.DNSRecord.parse(wire)
    header = theirs.header
    assert (header.id, header.qr, header.rd, header.ra, header.cd, header.rcode) == (0x1234, 1, 1, 1, 1, rcode)
    assert [bytes(part) for part in theirs.q.qname.label] == name.encode().split(b".")
    assert [(str(one.rname), one.ttl, str(one.rdata)) for one in theirs.rr] == [
        (name + ".", 60, str(address)) for address in found
    ]
    assert [one.rtype for one in theirs.auth] == [6]
    if edns:
        assert (opt_of(wire).edns_len, opt_of(wire).edns_do) == (UDP_PAYLOAD, do)
        assert [(one.code, one.data) for one in opt_of(wire).rdata] == [(15, EDE[4:])]
    else:
        assert theirs.ar == []


@given(plain_queries, sections, st.integers(271 + 11, 1500), st.booleans())
def test_whatever_the_limit_the_reply_fits_and_opt_stays(
    asked: Query, parts: tuple[list[bytes], list[bytes], list[bytes]], limit: int, ede: bool
) -> None:
    octets, counts = joined(parts)
    options = EDE if ede else b""
    wire = build_reply(asked, 0, octets, counts, options=options, limit=limit)
    theirs = read(wire)
    assert len(wire) <= limit
    assert (theirs.edns >= 0) is asked.edns
    fixed = 12 + len(asked.question) + 11 * asked.edns
    needed = fixed + sum(map(len, parts[0] + parts[1]))
    # RFC 2181 9: TC says that something required is missing, and only that.
    assert bool(theirs.flags & dns.flags.TC) is (needed > limit)
    kept = tuple(map(len, theirs.sections[1:]))
    if needed > limit:
        assert kept == (0, 0, 0)
    elif fixed + len(octets) > limit:
        assert kept == (*counts[:2], 0)
    else:
        assert kept == counts
    assert bool(theirs.options) is (
        ede and asked.edns and kept == counts and fixed + len(octets) + len(options) <= limit
    )


def test_the_explanation_goes_before_a_record_does() -> None:
    octets = record("www.example.com", 60, "A", "192.0.2.1")
    room = len(build_reply(query(), 0, octets, (1, 0, 0)))
    with_room = build_reply(query(), 0, octets, (1, 0, 0), options=EDE, limit=room + len(EDE))
    assert len(with_room) == room + len(EDE)
    without = read(build_reply(query(), 0, octets, (1, 0, 0), options=EDE, limit=room + len(EDE) - 1))
    assert (len(without.answer), without.options) == (1, ())


@pytest.mark.parametrize("edns", [True, False])
def test_additional_records_go_before_the_answer_does(edns: bool) -> None:
    answer = raw_record(POINTER, 15, 60, b"\0\x0a" + b"\4mail" + POINTER)
    authority = soa("example.com", 60, 60)
    octets = answer + authority + record("mail.www.example.com", 60, "AAAA", "2001:db8::1") * 2
    whole = build_reply(query(edns=edns), 0, octets, (1, 1, 2))
    short = read(build_reply(query(edns=edns), 0, octets, (1, 1, 2), limit=len(whole) - 1))
    assert not short.flags & dns.flags.TC
    assert (len(short.answer), len(short.authority), len(short.additional)) == (1, 1, 0)
    assert (short.edns >= 0) is edns


def test_without_edns_a_long_answer_becomes_tc_and_the_question() -> None:
    octets = b"".join(record("www.example.com", 60, "A", f"192.0.2.{number}") for number in range(40))
    wire = build_reply(query(edns=False), 0, octets, (40, 0, 0), limit=512)
    assert wire[12:] == ASKED
    assert read(wire).flags & dns.flags.TC


def test_no_option_goes_to_a_client_without_edns() -> None:
    assert build_reply(query(edns=False), 2, options=EDE)[12:] == ASKED


@pytest.mark.parametrize(
    ("edns", "payload", "limit"),
    [(False, 0, 512), (True, 0, 512), (True, 900, 900), (True, 1232, 1232), (True, 4096, 1232)],
)
def test_no_datagram_is_longer_than_the_client_or_any_sane_path_takes(edns: bool, payload: int, limit: int) -> None:
    assert udp_limit(query(edns=edns, payload=payload)) == limit


# -- errors --


@given(st.binary(min_size=12, max_size=300))
@example(packet(0x0100, ASKED, additional=[opt(version=1)]))
@example(packet(0x2910, ASKED))
def test_an_error_is_readable_and_no_longer_than_what_it_answers(octets: bytes) -> None:
    got = parse_query(octets)
    assume(isinstance(got, Malformed))
    assert isinstance(got, Malformed)
    wire = build_error(got)
    theirs = read(wire)
    assert theirs.id == got.id
    assert theirs.rcode() == got.rcode
    assert theirs.flags & 0x7910 == octets[2] << 8 & 0x7900 | octets[3] & 0x10
    assert theirs.flags & dns.flags.QR
    assert len(wire) <= len(octets)


def test_badvers_tells_the_version_that_is_spoken() -> None:
    got = parse_query(packet(0x0100, ASKED, additional=[opt(version=3)]))
    assert isinstance(got, Malformed)
    wire = build_error(got)
    assert read(wire).rcode() == Rcode.BADVERS
    assert (read(wire).edns, read(wire).payload) == (0, UDP_PAYLOAD)
    assert wire[12 : 12 + len(ASKED)] == ASKED
    assert opt_of(wire).edns_ver == 0


# -- Extended DNS Errors --


@given(st.sampled_from(EdeCode), st.text(max_size=200))
@example(EdeCode.BLOCKED, "\ud800")
@example(EdeCode.BLOCKED, "x" * (MAX_EDE_TEXT - 1) + "ü")
@example(EdeCode.BLOCKED, "\0")
@example(EdeCode.BLOCKED, "\N{PILE OF POO}" * 60)
def test_an_explanation_is_read_back_cut_at_a_whole_character(code: EdeCode, text: str) -> None:
    octets = ede_option(code, text)
    (found,) = read(build_reply(query(), 0, options=octets)).options
    assert isinstance(found, dns.edns.EDEOption)
    assert found.code == code
    said = octets[6:].decode()
    assert (found.text or "") == said.removesuffix("\0")  # RFC 8914 2: a reader takes one NUL at the end for none
    assert len(said.encode()) <= MAX_EDE_TEXT
    readable = text.encode(errors="replace").decode()
    assert readable.startswith(said)
    assert said == readable or len((said + readable[len(said)]).encode()) > MAX_EDE_TEXT


def test_an_explanation_may_be_a_bare_number() -> None:
    assert ede_option(22) == option(15, b"\0\x16")


# -- queries to upstreams --


@pytest.mark.parametrize("dnssec_ok", [False, True])
@pytest.mark.parametrize("checking_disabled", [False, True])
def test_an_upstream_is_asked_with_recursion_and_edns(dnssec_ok: bool, checking_disabled: bool) -> None:
    wire = build_query(4711, ASKED, dnssec_ok=dnssec_ok, checking_disabled=checking_disabled)
    theirs = read(wire)
    assert theirs.id == 4711
    # RFC 6840 5.7: AD asks whether the answer is authentic, which is void with CD.
    assert theirs.flags == dns.flags.RD | (dns.flags.CD if checking_disabled else dns.flags.AD)
    assert (theirs.edns, theirs.payload, theirs.ednsflags) == (0, UDP_PAYLOAD, dnssec_ok << 15)
    assert wire[12:].startswith(ASKED)
    assert isinstance(parse_query(wire), Query)


def test_an_upstream_that_cant_read_edns_is_asked_without() -> None:
    wire = build_query(1, ASKED, dnssec_ok=True, checking_disabled=False, edns=False)
    assert (read(wire).edns, wire[12:]) == (-1, ASKED)


# -- ageing --


@given(records, st.integers(0, 2**31))
def test_every_ttl_falls_by_the_age_and_stops_at_zero(section: list[bytes], age: int) -> None:
    at, offsets = 0, []
    for one in section:
        offsets.append(at + ttl_at(one))
        at += len(one)
    octets = b"".join(section)
    aged = age_ttls(octets, tuple(offsets), age)
    before = read(packet(0x8180, ASKED, section)).answer
    after = read(packet(0x8180, ASKED, [aged], counts=(len(section), 0, 0))).answer
    assert [rrset.ttl for rrset in after] == [max(rrset.ttl - age, 0) for rrset in before]
    assert [(rrset.name, rrset[0]) for rrset in after] == [(rrset.name, rrset[0]) for rrset in before]


def test_what_is_fresh_is_not_copied() -> None:
    octets = record("www.example.com", 60, "A", "192.0.2.1")
    assert age_ttls(octets, (len(octets) - 10,), 0) is octets
