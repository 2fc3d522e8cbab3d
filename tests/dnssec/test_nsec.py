"""What NSEC records prove, record by record."""

from __future__ import annotations

import pytest

from mirage_hole.dnssec.denial import Denied
from mirage_hole.dnssec.nsec import Nsec, NsecProof, read_nsec
from mirage_hole.wire.names import from_text

A, NS, CNAME, SOA, MX, AAAA, DNAME, DS = 1, 2, 5, 6, 15, 28, 39, 43


def proof(*records: tuple[str, str, set[int]], zone: str = "example") -> NsecProof:
    return NsecProof(
        from_text(zone),
        [Nsec(from_text(owner), from_text(following), frozenset(types)) for owner, following, types in records],
    )


APEX = ("example", "b.example", {NS, SOA})
LAST = ("y.example", "example", {A})


@pytest.mark.parametrize(
    ("name", "rrtype", "records", "what"),
    [
        ("b.example", AAAA, [("b.example", "d.example", {A})], Denied.TYPE),
        ("b.example", A, [("b.example", "d.example", {A})], Denied.NOTHING),
        ("b.example", AAAA, [("b.example", "d.example", {CNAME})], Denied.NOTHING),
        ("b.example", AAAA, [("b.example", "d.example", {NS, DS})], Denied.NOTHING),
        ("b.example", DS, [("b.example", "d.example", {NS})], Denied.TYPE),
        ("b.example", DS, [("b.example", "d.example", {NS, SOA})], Denied.NOTHING),
        ("c.example", A, [("b.example", "d.example", {A}), APEX], Denied.NAME),
        ("c.example", A, [("b.example", "d.example", {A})], Denied.NOTHING),  # a wildcard might be
        ("c.example", A, [APEX], Denied.NOTHING),
        ("c.example", A, [("b.example", "a.c.example", {A})], Denied.TYPE),  # an empty non-terminal
        ("z.example", A, [LAST, APEX], Denied.NAME),
        ("a.b.example", A, [("b.example", "d.example", {NS}), APEX], Denied.NOTHING),
        ("a.b.example", A, [("b.example", "d.example", {DNAME}), APEX], Denied.NOTHING),
        ("a.b.example", A, [("b.example", "d.example", {A})], Denied.NAME),  # it covers *.b.example as well
        ("c.example", A, [("b.example", "d.example", {A}), ("*.example", "b.example", {MX})], Denied.TYPE),
        ("c.example", A, [("b.example", "d.example", {A}), ("*.example", "b.example", {A})], Denied.NOTHING),
        ("c.example", A, [("b.example", "d.example", {A}), ("*.example", "b.example", {CNAME})], Denied.NOTHING),
        ("c.example", A, [("b.example", "d.example", {A}), ("*.example", "b.example", {NS})], Denied.NOTHING),
        ("c.example", A, [("b.example", "d.test", {A}), APEX], Denied.NOTHING),  # leads out of the zone
        ("c.example", A, [], Denied.NOTHING),
    ],
)
def test_what_is_proven_of_a_name_and_type(name, rrtype, records, what):
    denial = proof(*records).deny(from_text(name), rrtype)
    assert denial.what is what
    assert bool(denial.reason) is (what is Denied.NOTHING)


def test_a_delegation_without_ds_is_told_of():
    assert proof(("b.example", "d.example", {NS})).deny(from_text("b.example"), DS).cut
    assert not proof(("b.example", "d.example", {A})).deny(from_text("b.example"), DS).cut


@pytest.mark.parametrize(
    ("name", "encloser", "records", "what"),
    [
        ("c.example", "example", [("b.example", "d.example", {A})], Denied.NAME),
        ("x.c.example", "example", [("b.example", "d.example", {A})], Denied.NAME),
        ("x.c.example", "example", [("c.example", "d.example", {A})], Denied.NOTHING),  # c.example is nearer
        ("x.c.example", "example", [("b.example", "z.c.example", {A})], Denied.NOTHING),
        ("c.example", "example", [("c.example", "d.example", {A})], Denied.NOTHING),
        ("c.example", "example", [], Denied.NOTHING),
    ],
)
def test_what_a_wildcard_may_stand_for(name, encloser, records, what):
    """RFC 4035 5.3.4."""
    assert proof(*records).expanded(from_text(name), from_text(encloser)).what is what


def test_the_roots_last_record_covers_to_the_end():
    root = NsecProof(
        b"\0", [Nsec(from_text("zw"), b"\0", frozenset({NS, DS})), Nsec(b"\0", from_text("aaa"), frozenset({NS, SOA}))]
    )
    assert root.deny(from_text("zzz"), A).what is Denied.NAME


@pytest.mark.parametrize(
    "data", [b"", b"\3abc", b"\0\0", b"\0\0\0", b"\0\0\x21" + b"x" * 33, b"\0\1\1x\0\1x", b"\xc0\x0c\0\1\x40"]
)
def test_broken_data_is_refused(data):
    assert read_nsec(b"\0", data) is None


def test_data_is_read():
    one = read_nsec(from_text("example"), b"\1B\7Example\0" + bytes([0, 1, 0x40, 1, 1, 0x40]))
    assert one == Nsec(from_text("example"), from_text("b.example"), frozenset({1, 257}))
