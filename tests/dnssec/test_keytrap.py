"""Zones made to be expensive (CVE-2023-50387, CVE-2023-50868): the work is counted, and ends soon."""

from __future__ import annotations

import dns.dnssec
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from mirage_hole.dnssec import limits
from mirage_hole.dnssec.keys import key_tag
from mirage_hole.dnssec.limits import Work
from mirage_hole.dnssec.outcome import Status, TooMuchWork
from tests.dnssec.judge import Court
from tests.dnssec.test_chain import EXAMPLE
from tests.dnssec.zones import Key, World, Zone, n

T = dns.rdatatype


def twins(key: DNSKEY, count: int) -> list[DNSKEY]:
    """Other keys with the tag of ``key``: the tag is a sum, so octets that trade places keep it."""
    found = []
    octets = bytearray(key.key)
    for at in range(0, len(octets) - 2, 2):
        other = bytearray(octets)
        other[at], other[at + 2] = other[at + 2], other[at]
        one = DNSKEY(key.rdclass, key.rdtype, key.flags, key.protocol, key.algorithm, bytes(other))
        if bytes(other) != bytes(octets) and dns.dnssec.key_id(one) == dns.dnssec.key_id(key):
            found.append(one)
        if len(found) == count:
            break
    assert len(found) == count
    return found


def wrong(signature, number: int):
    octets = bytearray(signature.signature)
    octets[10] ^= number + 1
    return signature.replace(signature=bytes(octets))


def test_many_keys_with_one_tag_are_refused():
    court = Court(World(Zone(".", []), Zone("example.", EXAMPLE, extra_keys=twins(Key().record, 20))))
    result = court.judge("www.example.")
    assert result.status is Status.INDETERMINATE
    assert (
        result.text == f"validation given up: example has more than 4 keys with tag {dns.dnssec.key_id(Key().record)}"
    )
    assert court.last.work.checks <= 2  # the root's keys and the DS


def test_two_keys_with_one_tag_are_an_accident():
    court = Court(World(Zone(".", []), Zone("example.", EXAMPLE, extra_keys=twins(Key().record, 1))))
    assert court.judge("www.example.").status is Status.SECURE


@pytest.mark.parametrize("count", [10, 100])
def test_many_wrong_signatures_are_not_all_tried(count):
    court = Court(World(Zone(".", []), Zone("example.", EXAMPLE)))
    message = court.world.answer("www.example.")
    genuine = message.answer[1][0]
    message.answer[1] = dns.rrset.from_rdata_list(n("www.example."), 300, [wrong(genuine, i) for i in range(count)])
    result = court.judge("www.example.", "A", message)
    assert result.status is Status.INDETERMINATE
    assert court.last.work.checks <= limits.MAX_CHECKS_A_SET + 4


def test_keys_times_signatures_times_records_stay_bounded():
    court = Court(World(Zone(".", []), Zone("example.", EXAMPLE, extra_keys=twins(Key().record, 3))))
    message = court.world.answer("nothing.example.")
    message.authority = [
        dns.rrset.from_rdata_list(one.name, 300, [wrong(one[0], i) for i in range(3)] + [one[0]])
        if one.rdtype == T.RRSIG
        else one
        for one in message.authority
    ]
    result = court.judge("nothing.example.", "A", message)
    assert result.status in {Status.INDETERMINATE, Status.SECURE}
    assert court.last.work.checks <= limits.MAX_CHECKS
    assert court.last.work.failed <= limits.MAX_FAILED + 1


def test_many_ds_records_cost_a_bounded_number_of_digests():
    world = World(Zone(".", []), Zone("example.", EXAMPLE))
    tag = key_tag(Key().record.to_wire())
    for number in range(60):
        world.zones[n(".")].add(f"example. 600 DS {tag} 13 2 {number:064x}")
    court = Court(world)
    result = court.judge("www.example.")
    assert result.status in {Status.SECURE, Status.INDETERMINATE}
    assert court.last.work.digests <= limits.MAX_DIGESTS + 1


def test_more_keys_than_any_zone_has_are_refused():
    key = Key().record
    many = [DNSKEY(key.rdclass, key.rdtype, 256, 3, 13, number.to_bytes(64, "big")) for number in range(100)]
    court = Court(World(Zone(".", []), Zone("example.", EXAMPLE, extra_keys=many)))
    assert court.judge("www.example.").status is Status.INDETERMINATE


def test_hashing_is_bounded_however_long_the_name():
    world = World(Zone(".", []), Zone("example.", EXAMPLE, nsec3=(100, b"x" * 200, False)))
    court = Court(world)
    deep = "a." * 120 + "example."
    result = court.judge(deep)
    assert court.last.work.rounds <= limits.MAX_ROUNDS + limits.MAX_ITERATIONS + 1
    assert result.status is Status.INDETERMINATE
    assert "rounds of NSEC3" in result.text


def test_a_deep_name_without_iterations_is_no_attack():
    court = Court(World(Zone(".", []), Zone("example.", EXAMPLE, nsec3=(0, b"", False))))
    assert court.judge("a." * 120 + "example.").status is Status.SECURE


def test_questions_are_bounded():
    labels = [f"l{number % 10}" for number in range(80)]
    deep = ".".join(labels) + ".example."
    world = World(Zone(".", []), Zone("example.", [f"{deep} 300 A 192.0.2.1"]))
    court = Court(world)
    message = court.world.answer(deep)
    message.answer = message.answer[:1]
    result = court.judge(deep, "A", message)
    assert result.status is Status.INDETERMINATE
    assert len(court.asked) == limits.MAX_QUESTIONS


@pytest.mark.parametrize("count", ["check", "failure", "digest", "question"])
def test_every_bound_is_told_of(count):
    work = Work()

    def go_on():
        for _ in range(1000):
            getattr(work, count)()

    with pytest.raises(TooMuchWork, match="more than"):
        go_on()


def test_an_rrset_of_thousands_of_records_is_not_looked_at():
    records = [f"big.example. 300 A 10.0.{number >> 8}.{number & 255}" for number in range(300)]
    court = Court(World(Zone(".", []), Zone("example.", records)))
    result = court.judge("big.example.")
    assert result.status is Status.INDETERMINATE
    assert result.text == "validation given up: more than 256 records in A of big.example"
