"""Trust anchors: the packaged ones are the root's, and files are read or refused with a reason."""

from __future__ import annotations

import dns.dnssec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.dnssec.anchors import ROOT_TRUST, Mistake, read_anchors
from mirage_hole.dnssec.keys import DS
from mirage_hole.wire.names import from_text
from tests.dnssec.zones import Key, n

# RFC 9718 and https://data.iana.org/root-anchors/root-anchors.xml have the keys; this is KSK-2017 as published in 2017.
KSK_2017 = (
    "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kv"
    "ArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+e"
    "oZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwN"
    "R1AkUTV74bU="
)


def test_the_packaged_anchors_are_the_roots():
    assert [anchor.tag for anchor in ROOT_TRUST.anchors[b"\0"]] == [20326, 38696]
    found, mistakes = read_anchors(f". IN DNSKEY 257 3 8 {KSK_2017}")
    assert not mistakes
    assert found[b"\0"] == ROOT_TRUST.anchors[b"\0"][:1]


def test_ds_and_dnskey_records_are_read_with_class_and_ttl_or_without():
    key = Key().record
    ds = dns.dnssec.make_ds(n("example."), key, "SHA256")
    wanted = DS(ds.key_tag, 13, 2, ds.digest)
    for text in (
        f"example. 3600 IN DS {ds}",
        f"EXAMPLE DS {ds} ; a comment",
        f"example. IN DNSKEY {key}",
        f"example. DNSKEY ( {key} )",
    ):
        assert read_anchors(f"; heading\n\n{text}\n") == ({from_text("example"): (wanted,)}, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no trust anchor in it"),
        (". IN A 192.0.2.1", "no trust anchor; write it as"),
        (". IN DS 20326 8 2", "no trust anchor; write it as"),
        (". IN DS 20326 8 2 E06D", "a digest of type 2 has 64 hexadecimal digits, this one 4"),
        (". IN DS 20326 8 3 " + "ab" * 32, "digest type 3 is not supported"),
        (". IN DS 20326 1 2 " + "ab" * 32, "algorithm 1 is not supported"),
        (". IN DS 99999 8 2 " + "ab" * 32, "'99999' is no number from 0 to 65535"),
        (". IN DS 20326 8 2 hello" + "ab" * 32, "not hexadecimal digits"),
        (". IN DNSKEY 0 3 8 AwEAAQ==", "not a zone key in use"),
        (". IN DNSKEY 385 3 8 AwEAAQ==", "not a zone key in use"),
        (". IN DNSKEY 257 3 8 ????", "not base64"),
        ("a..b IN DS 1 8 2 ab", "a dot at the start, or two in a row"),
        ("x" * 2_000_000, "longer than"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, problem):
    found, (mistake,) = read_anchors(f"; first line\n{text}" if len(text) < 1000 else text)
    assert not found
    assert problem in mistake.problem
    assert mistake.line == (2 if text and len(text) < 1000 else 0)


def test_all_mistakes_are_told_at_once():
    _, mistakes = read_anchors(". IN A 1\nexample. IN DS x\n")
    assert [mistake.line for mistake in mistakes] == [1, 2]
    assert all(type(mistake) is Mistake for mistake in mistakes)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text):
    found, mistakes = read_anchors(text)
    assert found or mistakes


@given(st.text(alphabet=". INDSKEY0123456789abAB=;()\n", max_size=200))
def test_text_that_looks_like_anchors_is_read_or_refused(text):
    found, mistakes = read_anchors(text)
    assert found or mistakes
