"""NSEC3: hashes as the RFC has them, records read, and the proofs that no zone of the other tests needs."""

from __future__ import annotations

import base64

import pytest

from mirage_hole.dnssec.denial import Denied
from mirage_hole.dnssec.limits import Work
from mirage_hole.dnssec.nsec3 import Nsec3, Nsec3Proof, hash_of, read_nsec3
from mirage_hole.wire.names import from_text

SALT = bytes.fromhex("aabbccdd")
ZONE = from_text("example")
A, NS, SOA, DS = 1, 2, 6, 43


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"),
        ("ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"),
        ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ("xx.example", "t644ebqk9bibcna874givr6joj62mlhv"),
    ],
)
def test_hashes_are_those_of_rfc_5155_appendix_a(name, text):
    assert base64.b32hexencode(hash_of(from_text(name), SALT, 12)).decode().lower() == text


def owner(text: str) -> bytes:
    return bytes((len(text),)) + text.encode() + ZONE


GOOD = owner("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom")
DATA = b"\1\1\0\x0c\4" + SALT + b"\x14" + bytes(20) + b"\0\1\x40"


def test_data_is_read():
    one = read_nsec3(GOOD, ZONE, DATA)
    assert one == Nsec3(hash_of(ZONE, SALT, 12), bytes(20), True, 12, SALT, frozenset({1}))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (GOOD, b"\2" + DATA[1:]),  # RFC 5155 8.1: a hash that nobody knows
        (GOOD, b"\1\2" + DATA[2:]),  # 8.2: flags that nobody knows
        (GOOD, DATA[:20]),
        (GOOD, DATA[:4]),
        (GOOD, DATA[:9] + b"\x13" + DATA[10:]),
        (GOOD, DATA + b"\0"),
        (owner("0p9mhaveqvm6t7vbl5lop2u3t2rp3to"), DATA),
        (owner("zp9mhaveqvm6t7vbl5lop2u3t2rp3tom"), DATA),
        (b"\1a" + GOOD, DATA),
    ],
)
def test_what_is_broken_or_unknown_is_left_out(name, data):
    assert read_nsec3(name, ZONE, data) is None


def record(name: str, types: set[int], *, until: str | None = None, opt_out: bool = False) -> Nsec3:
    """Matches ``name``; covers nothing beyond, or up to the hash of ``until``."""
    own = hash_of(from_text(name), b"", 0)
    following = hash_of(from_text(until), b"", 0) if until else _plus(own, 1)
    return Nsec3(own, following, opt_out, 0, b"", frozenset(types))


def cover(name: str, *, opt_out: bool = False) -> Nsec3:
    middle = hash_of(from_text(name), b"", 0)
    return Nsec3(_plus(middle, -1), _plus(middle, 1), opt_out, 0, b"", frozenset({A}))


def _plus(digest: bytes, number: int) -> bytes:
    return (int.from_bytes(digest, "big") + number).to_bytes(20, "big")


APEX = record("example", {NS, SOA})


@pytest.mark.parametrize(
    ("name", "rrtype", "records", "what"),
    [
        ("a.example", A, [APEX, cover("a.example"), cover("*.example")], Denied.NAME),
        ("a.example", A, [APEX, cover("a.example")], Denied.NOTHING),
        ("a.example", A, [cover("a.example"), cover("*.example")], Denied.NOTHING),
        ("a.example", A, [APEX, cover("*.example")], Denied.NOTHING),
        ("a.example", A, [APEX, cover("a.example", opt_out=True), cover("*.example")], Denied.OPTED_OUT),
        ("a.example", DS, [APEX, cover("a.example", opt_out=True)], Denied.OPTED_OUT),
        ("a.example", DS, [APEX, cover("a.example")], Denied.NOTHING),
        ("b.a.example", A, [APEX, cover("a.example"), cover("*.example")], Denied.NAME),
        ("b.a.example", A, [APEX, cover("b.a.example"), cover("*.example")], Denied.NOTHING),  # not the next closer
        ("b.a.example", A, [record("a.example", {NS}), cover("b.a.example"), cover("*.a.example")], Denied.NOTHING),
        ("a.example", A, [APEX, cover("a.example"), record("*.example", {DS})], Denied.TYPE),
        ("a.example", A, [APEX, cover("a.example"), record("*.example", {A})], Denied.NOTHING),
        ("a.example", A, [record("a.example", set())], Denied.TYPE),  # an empty non-terminal
        ("a.example", DS, [record("a.example", {NS})], Denied.TYPE),
        ("a.example", DS, [record("a.example", {NS, SOA})], Denied.NOTHING),
        ("a.example", A, [record("a.example", {NS})], Denied.NOTHING),
    ],
)
def test_what_is_proven_of_a_name_and_type(name, rrtype, records, what):
    assert Nsec3Proof(ZONE, records, Work()).deny(from_text(name), rrtype).what is what


def test_a_zone_with_one_hash_covers_everything_but_that():
    alone = record("example", {NS, SOA}, until="example")
    assert Nsec3Proof(ZONE, [alone], Work()).deny(from_text("a.example"), A).what is Denied.NAME


def test_records_with_another_salt_do_not_help():
    salted = cover("a.example")._replace(salt=b"x")
    assert (
        Nsec3Proof(ZONE, [APEX, salted, cover("*.example")], Work()).deny(from_text("a.example"), A).what
        is Denied.NOTHING
    )


@pytest.mark.parametrize(("opt_out", "what"), [(False, Denied.NAME), (True, Denied.OPTED_OUT)])
def test_a_wildcard_stands_for_names_whose_next_closer_is_covered(opt_out, what):
    """RFC 5155 8.8."""
    proof = Nsec3Proof(ZONE, [cover("a.example", opt_out=opt_out)], Work())
    assert proof.expanded(from_text("b.a.example"), ZONE).what is what
    assert proof.expanded(from_text("b.c.example"), ZONE).what is Denied.NOTHING
