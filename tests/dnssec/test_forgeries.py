"""What an attacker could do with genuine signed records, or with keys of zones that are not in charge."""

from __future__ import annotations

import dns.dnssec
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from mirage_hole.dnssec.outcome import Status
from tests.dnssec.judge import Court
from tests.dnssec.test_chain import EXAMPLE, a_world
from tests.dnssec.zones import Key, World, Zone, n

T = dns.rdatatype


def blank(court: Court, name: str, kind: str = "A", rcode: int = 0) -> dns.message.Message:
    message = court.world.answer(name, kind)
    message.answer, message.authority = [], []
    message.set_rcode(rcode)
    return message


@pytest.fixture(params=["nsec", "nsec3"])
def court(request):
    return Court(a_world(request.param))


def zone_of(court: Court, name: str = "example.") -> Zone:
    return court.world.zones[n(name)]


def proof(zone: Zone, name: str) -> list[dns.rrset.RRset]:
    one = zone.nsec(n(name)) if zone.nsec3 is None else zone.nsec3_of(n(name))
    return zone.with_signatures(one)


def test_another_zones_signature_is_not_enough(court):
    """RFC 4035 5.3.1: the signer is the zone that the records are in; a sister is not."""
    message = blank(court, "www.example.")
    forged = dns.rrset.from_text("www.example.", 300, "IN", "A", "203.0.113.66")
    sister = zone_of(court, "sub.example.")
    message.answer = [forged, dns.rrset.from_rdata(forged.name, 300, sister.sign(forged))]
    assert court.judge("www.example.", "A", message).status is Status.BOGUS


def test_keys_that_nobody_vouches_for_sign_nothing(court):
    evil = Key(13, 66)
    zone = zone_of(court)
    forged = dns.rrset.from_text("www.example.", 300, "IN", "A", "203.0.113.66")
    message = blank(court, "www.example.")
    message.answer = [forged, dns.rrset.from_rdata(forged.name, 300, zone.sign(forged, evil))]

    def smuggle(genuine):
        keys = genuine.answer[0]
        keys.add(evil.record)
        genuine.answer = [keys, dns.rrset.from_rdata(keys.name, 600, zone.sign(keys, evil), *genuine.answer[1])]
        return genuine

    court.altered["example.", "DNSKEY"] = smuggle
    assert court.judge("www.example.", "A", message).status is Status.BOGUS


def test_a_ds_record_that_the_parent_did_not_sign_is_bogus(court):
    evil = Zone("example.", EXAMPLE, key=Key(13, 66))

    def replace(genuine):
        genuine.answer[0] = dns.rrset.from_text("example.", 600, "IN", "DS", evil.ds()[0].split(" ", 3)[3])
        return genuine

    court.altered["example.", "DS"] = replace
    assert court.judge("www.example.").status is Status.BOGUS


def test_a_wildcards_signature_does_not_serve_a_name_that_exists(court):
    """RFC 4035 5.3.4."""
    zone = zone_of(court)
    wild = zone.sets[n("*.wild.example."), T.A]
    for proofs in ([], proof(zone, "here.wild.example."), proof(zone, "x.wild.example."), proof(zone, "www.example.")):
        message = blank(court, "here.wild.example.")
        message.answer = zone.with_signatures(wild, n("here.wild.example."))
        message.authority = proofs
        assert court.judge("here.wild.example.", "A", message).status is Status.BOGUS


def test_a_wildcard_without_the_proof_that_nothing_is_nearer_is_bogus(court):
    message = court.world.answer("x.wild.example.")
    message.authority = []
    result = court.judge("x.wild.example.", "A", message)
    assert (result.status, result.code) == (Status.BOGUS, 12)


def test_the_parents_side_of_a_delegation_does_not_speak_for_the_child(court):
    """RFC 6840 4.1: NSEC with NS and without SOA says nothing of the child's other types."""
    parent = zone_of(court)
    message = blank(court, "sub.example.", "MX")
    message.authority = parent.with_signatures(parent.soa()) + proof(parent, "sub.example.")
    assert court.judge("sub.example.", "MX", message).status is Status.BOGUS


def test_a_delegation_does_not_deny_what_is_below_it(court):
    """RFC 6840 4.1, RFC 5155 8.3: an ancestor delegation's record must not be used for names below."""
    parent = zone_of(court)
    message = blank(court, "www.sub.example.", rcode=3)
    message.authority = parent.with_signatures(parent.soa())
    seen = set()
    for name in ("sub.example.", "www.sub.example.", "*.sub.example.", "*.example.", "example."):
        for one in proof(parent, name):
            if (one.name, one.rdtype) not in seen:
                seen.add((one.name, one.rdtype))
                message.authority.append(one)
    assert court.judge("www.sub.example.", "A", message).status is Status.BOGUS


def test_the_childs_apex_does_not_deny_its_own_ds(court):
    """RFC 4035 5.2: a DS is the parent's."""
    child = zone_of(court, "sub.example.")

    def lie(genuine):
        genuine.answer = []
        genuine.authority = child.with_signatures(child.soa()) + child.with_signatures(child.nsec(n("sub.example.")))
        return genuine

    court.altered["sub.example.", "DS"] = lie
    assert court.judge("www.sub.example.").status is Status.BOGUS


@pytest.mark.parametrize("other", ["example.", "www.example.", "dark.example."])
def test_a_signed_delegation_is_not_made_unsigned_by_other_names_denials(court, other):
    parent = zone_of(court)

    def lie(genuine):
        genuine.answer = []
        genuine.authority = parent.with_signatures(parent.soa()) + proof(parent, other)
        return genuine

    court.altered["sub.example.", "DS"] = lie
    result = court.judge("www.sub.example.", "A", court.world.answer("www.sub.example."))
    assert (result.status, result.code) == (Status.BOGUS, 12)


@pytest.mark.parametrize("part", [slice(0, 12), slice(-12, None)])
def test_opting_out_does_not_hide_a_signed_delegation(part):
    court = Court(a_world("opt-out"))
    parent = zone_of(court)

    def lie(genuine):
        genuine.answer = []
        genuine.authority = [
            one for _, name in parent.nsec3_names()[part] for one in parent.with_signatures(parent.nsec3_of(name))
        ]
        return genuine

    court.altered["sub.example.", "DS"] = lie
    assert court.judge("www.sub.example.").status is Status.BOGUS


def test_a_dname_hides_what_is_below_it_only_when_it_is_followed(court):
    """RFC 6840 4.1: the record of a DNAME's owner denies nothing below."""
    zone = zone_of(court)
    message = blank(court, "below.old.example.", rcode=3)
    message.authority = zone.with_signatures(zone.soa())
    seen = set()
    for name in ("old.example.", "below.old.example.", "*.old.example.", "example.", "*.example."):
        for one in proof(zone, name):
            if (one.name, one.rdtype) not in seen:
                seen.add((one.name, one.rdtype))
                message.authority.append(one)
    assert court.judge("below.old.example.", "A", message).status is Status.BOGUS


def test_an_alias_does_not_deny_its_types(court):
    """RFC 6840 4.3: NODATA by a record with the CNAME bit is no NODATA."""
    zone = zone_of(court)
    message = blank(court, "alias.example.")
    message.authority = zone.with_signatures(zone.soa()) + proof(zone, "alias.example.")
    assert court.judge("alias.example.", "A", message).status is Status.BOGUS


def test_an_nsec_record_from_a_wildcard_proves_nothing():
    world = World(Zone(".", []), Zone("example.", ["*.example. 300 TXT x"]))
    court = Court(world)
    zone = zone_of(court)
    record = zone.nsec(n("*.example."))
    message = blank(court, "www.example.", "TXT")
    message.authority = zone.with_signatures(zone.soa()) + zone.with_signatures(record, n("www.example."))
    assert court.judge("www.example.", "TXT", message).status is Status.BOGUS


def test_one_bad_piece_of_an_alias_chain_spoils_it_all(court):
    message = court.world.answer("alias.example.")
    message.answer = [
        dns.rrset.from_text("www.example.", 300, "IN", "A", "203.0.113.66") if one.rdtype == T.A else one
        for one in message.answer
    ]
    assert court.judge("alias.example.", "A", message).status is Status.BOGUS


def test_an_unsigned_piece_does_not_excuse_a_forged_one(court):
    message = court.world.answer("away.example.")
    cname = dns.rrset.from_text("away.example.", 300, "IN", "CNAME", "www.dark.example.")
    message.answer = [cname, *[one for one in message.answer if one.rdtype == T.RRSIG]]
    message.answer.append(dns.rrset.from_text("www.dark.example.", 300, "IN", "A", "203.0.113.66"))
    assert court.judge("away.example.", "A", message).status is Status.BOGUS


def test_aliases_in_a_circle_end():
    world = World(
        Zone(".", []), Zone("example.", ["a.example. 300 CNAME b.example.", "b.example. 300 CNAME a.example."])
    )
    result = Court(world).judge("a.example.")
    assert result.status is Status.INDETERMINATE
    assert "aliases" in result.text
