"""From a reply to a verdict: good zones are secure, unsigned ones insecure, and everything broken is bogus and says why."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from mirage_hole.dnssec.chain import Need, Validator
from mirage_hole.dnssec.outcome import Status
from tests.dnssec.judge import Court, taken
from tests.dnssec.zones import DAY, NOW, Key, World, Zone, n

EXAMPLE = [
    "www.example. 300 A 192.0.2.1",
    "www.example. 300 A 192.0.2.2",
    "alias.example. 300 CNAME www.example.",
    "away.example. 300 CNAME www.unsigned.",
    "lost.example. 300 CNAME nothing.example.",
    "*.wild.example. 300 A 192.0.2.3",
    "here.wild.example. 300 TXT here",
    "a.b.c.example. 300 A 192.0.2.4",
    "old.example. 300 DNAME www.example.",
    "below.www.example. 300 A 192.0.2.5",
    "mail.example. 300 MX 10 WWW.example.",
    "*.star.example. 300 CNAME www.example.",
]
NSEC3 = {"nsec": None, "nsec3": (0, b"", False), "opt-out": (5, b"salt", True)}


def a_world(nsec3: str = "nsec", **how: object) -> World:
    """root, example. (as told), sub.example., unsigned. and below.unsigned."""
    style = NSEC3[nsec3]
    return World(
        Zone(".", [], nsec3=style if style and not style[2] else None),
        Zone("example.", EXAMPLE, nsec3=style, **how),
        Zone("sub.example.", ["www.sub.example. 300 A 192.0.2.9"], key=Key(15)),
        Zone("dark.example.", ["www.dark.example. 300 A 192.0.2.10"], signed=False),
        Zone("unsigned.", ["www.unsigned. 300 A 192.0.2.11"], signed=False),
    )


@pytest.fixture(params=list(NSEC3))
def style(request):
    return request.param


# -- good --


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("www.example.", "A"),
        ("alias.example.", "A"),
        ("alias.example.", "CNAME"),
        ("example.", "DNSKEY"),
        ("example.", "SOA"),
        ("example.", "DS"),
        ("sub.example.", "DS"),
        ("www.sub.example.", "A"),
        ("mail.example.", "MX"),
        ("below.old.example.", "A"),
        (".", "NS"),
        (".", "DNSKEY"),
    ],
)
def test_signed_answers_are_secure(style, name, kind):
    assert Court(a_world(style)).judge(name, kind) == (Status.SECURE, 0, "", (), -1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nothing.example.", "A"),
        ("a.b.nothing.example.", "A"),
        ("lost.example.", "A"),
        ("x.wild.example.", "A"),
        ("x.y.wild.example.", "A"),
        ("x.wild.example.", "AAAA"),
        ("x.star.example.", "A"),
        ("nothing.", "A"),
        ("unsigned.", "DS"),
        ("nothing.example.", "DS"),
    ],
)
def test_proofs_of_what_is_not_there_and_of_wildcards_are_secure_unless_opted_out(style, name, kind):
    result = Court(a_world(style)).judge(name, kind)
    opted_out = style == "opt-out" and name.endswith("example.")
    assert result.status is (Status.INSECURE if opted_out else Status.SECURE), result


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("www.example.", "AAAA"),
        ("example.", "MX"),
        ("b.c.example.", "A"),
        ("c.example.", "A"),
        ("www.example.", "DS"),
        ("sub.example.", "TXT"),
    ],
)
def test_types_that_are_not_there_are_denied_securely(style, name, kind):
    assert Court(a_world(style)).judge(name, kind).status is Status.SECURE


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("www.unsigned.", "A"),
        ("nothing.unsigned.", "A"),
        ("www.dark.example.", "A"),
        ("www.dark.example.", "AAAA"),
        ("a.b.c.dark.example.", "A"),
        ("away.example.", "A"),
        ("www.example.", "RRSIG"),
    ],
)
def test_answers_of_unsigned_delegations_are_insecure(style, name, kind):
    assert Court(a_world(style)).judge(name, kind).status is Status.INSECURE


def test_a_chain_costs_one_question_a_label_once():
    court = Court(a_world())
    court.judge("www.sub.example.")
    assert court.asked == [
        (".", "DNSKEY"),
        ("example.", "DS"),
        ("example.", "DNSKEY"),
        ("sub.example.", "DS"),
        ("sub.example.", "DNSKEY"),
    ]
    court.judge("www.sub.example.", "AAAA")
    assert court.asked == []
    assert court.last.work.checks == 2  # SOA and NSEC


def test_names_that_are_no_zones_are_remembered_as_such():
    court = Court(a_world())
    message = court.world.answer("a.b.c.example.")
    message.answer = [one for one in message.answer if one.rdtype != dns.rdatatype.RRSIG]
    assert court.judge("a.b.c.example.", "A", message).code == 10
    assert ("b.c.example.", "DS") in court.asked
    court.judge("a.b.c.example.", "A", message)
    assert court.asked == []


@pytest.mark.parametrize("algorithm", [5, 7, 8, 10, 13, 14, 15, 16])
def test_every_algorithm_that_should_be_supported_is(algorithm):
    world = World(Zone(".", []), Zone("example.", EXAMPLE, key=Key(algorithm)))
    assert Court(world).judge("www.example.").status is Status.SECURE


@pytest.mark.parametrize("digest", ["SHA1", "SHA256", "SHA384"])
def test_every_digest_that_should_be_supported_is(digest):
    world = World(Zone(".", []), Zone("example.", EXAMPLE, digests=(digest,)))
    assert Court(world).judge("www.example.").status is Status.SECURE


def test_an_answer_without_its_zones_records_in_the_authority_section_loses_nothing():
    court = Court(a_world())
    message = court.world.answer("www.example.")
    message.authority = [dns.rrset.from_text("example.", 300, "IN", "NS", "ns.elsewhere.")]
    result = court.judge("www.example.", "A", message)
    question_end = 12 + len("www.example.") + 1 + 4
    whole = message.to_wire()
    message.authority = []
    assert result.status is Status.SECURE
    assert result.answer_end == len(message.to_wire()) - question_end - 11 < len(whole)  # 11: OPT


# -- broken --


def broken(message, alter):
    alter(message)
    return message


def without_signatures(message):
    for section in (message.answer, message.authority):
        section[:] = [one for one in section if one.rdtype != dns.rdatatype.RRSIG]
    return message


def forged(message):
    message.answer[0] = dns.rrset.from_text(message.answer[0].name, 300, "IN", "A", "203.0.113.66")
    return message


def test_a_forged_record_is_bogus():
    court = Court(a_world())
    result = court.judge("www.example.", "A", forged(court.world.answer("www.example.")))
    assert (result.status, result.code) == (Status.BOGUS, 6)
    assert result.text == f"A of www.example: the signature is wrong (key {_tag(court)} of example)"


def _tag(court) -> int:
    return dns.dnssec.key_id(court.world.zones[n("example.")].key.record)


@pytest.mark.parametrize(("name", "code"), [("www.example.", 10), ("nothing.example.", 12), ("www.sub.example.", 10)])
def test_an_answer_without_signatures_from_a_signed_zone_is_bogus(style, name, code):
    if style == "opt-out" and name == "nothing.example.":
        pytest.skip("there may be an unsigned delegation")
    court = Court(a_world(style))
    result = court.judge(name, "A", without_signatures(court.world.answer(name)))
    assert (result.status, result.code) == (Status.BOGUS, code)


def test_expired_signatures_are_bogus_and_say_since_when():
    result = Court(a_world(inception=NOW - 9 * DAY, expiration=NOW - 3 * DAY)).judge("www.example.")
    assert (result.status, result.code) == (Status.BOGUS, 7)
    assert result.text == "DNSKEY of example: the signature expired 3 days ago"


def test_signatures_of_the_future_are_bogus():
    result = Court(a_world(inception=NOW + 7200, expiration=NOW + DAY)).judge("www.example.")
    assert (result.status, result.code) == (Status.BOGUS, 8)
    assert result.text.endswith("the signature is valid only in 2 hours")


@pytest.mark.parametrize("shift", [-299, 299])
def test_clocks_may_be_five_minutes_off(shift):
    start, end = (NOW + 299, NOW + DAY) if shift < 0 else (NOW - DAY, NOW - 299)
    assert Court(a_world(inception=start, expiration=end)).judge("www.example.").status is Status.SECURE


@pytest.mark.parametrize(("shift", "code"), [(400 * DAY, 7), (-400 * DAY, 8)])
def test_a_clock_that_is_wrong_is_told_of(shift, code):
    result = Court(a_world(), now=NOW + shift).judge("www.example.")
    assert (result.status, result.code) == (Status.BOGUS, code)
    assert result.text.endswith("; the clock of this machine may be wrong")


def test_a_zone_without_the_key_its_parent_vouches_for_is_bogus():
    world = a_world()
    world.zones[n("example.")].put(dns.rrset.from_rdata(n("example."), 600, Key(13, 1).record))
    result = Court(world).judge("www.example.")
    assert (result.status, result.code) == (Status.BOGUS, 9)
    assert result.text.startswith("no key of example matches its DS records")


def test_a_zone_that_lost_its_keys_is_bogus():
    world = a_world()
    del world.zones[n("example.")].sets[n("example."), dns.rdatatype.DNSKEY]
    result = Court(world).judge("www.example.")
    assert (result.status, result.code) == (Status.BOGUS, 9)


def test_a_key_without_the_zone_bit_signs_nothing():
    result = Court(World(Zone(".", []), Zone("example.", EXAMPLE, key=Key(13, 0, 1)))).judge("www.example.")
    assert (result.status, result.code) == (Status.BOGUS, 11)


def test_a_wrong_anchor_is_bogus():
    anchors = "\n".join(Zone(".", [], key=Key(13, 7)).ds())
    result = Court(a_world(), anchors=anchors).judge("www.example.")
    assert (result.status, result.code) == (Status.BOGUS, 9)


def test_a_broken_zone_is_looked_at_once_a_minute():
    world = a_world(inception=NOW - 9 * DAY, expiration=NOW - 3 * DAY)
    court = Court(world)
    court.judge("www.example.")
    assert court.judge("mail.example.", "MX").code == 7
    assert court.asked == []
    court.now += 61
    court.judge("www.example.")
    assert ("example.", "DNSKEY") in court.asked


def test_a_record_nobody_asked_for_is_bogus():
    court = Court(a_world())
    message = court.world.answer("www.example.")
    message.answer.append(dns.rrset.from_text("bank.example.", 300, "IN", "A", "203.0.113.66"))
    result = court.judge("www.example.", "A", message)
    assert (result.status, result.text) == (Status.BOGUS, "A of bank.example: nobody asked for it")


def test_a_cname_that_contradicts_its_dname_is_bogus():
    court = Court(a_world())
    message = court.world.answer("below.old.example.")
    message.answer = [
        dns.rrset.from_text(one.name, one.ttl, "IN", "CNAME", "evil.example.")
        if one.rdtype == dns.rdatatype.CNAME
        else one
        for one in message.answer
    ]
    assert court.judge("below.old.example.", "A", message).status is Status.BOGUS


@pytest.mark.parametrize(("name", "rcode"), [("www.example.", 3), ("nothing.example.", 0), ("c.example.", 3)])
def test_an_rcode_that_is_not_what_is_proven_is_bogus(name, rcode):
    court = Court(a_world())
    message = court.world.answer(name)
    message.set_rcode(rcode)
    assert court.judge(name, "A", message).status is Status.BOGUS


@pytest.mark.parametrize("name", ["example.", "sub.example."])
@pytest.mark.parametrize("kind", ["DS", "DNSKEY"])
def test_what_cannot_be_had_leaves_it_open(name, kind):
    court = Court(a_world())
    court.altered[name, kind] = lambda message: None
    result = court.judge("www.sub.example.")
    assert (result.status, result.code) == (Status.INDETERMINATE, 5)
    assert f"{kind} of {name.removesuffix('.')}" in result.text


def test_a_missing_ds_must_be_proven():
    court = Court(a_world())

    def strip(message):
        message.answer, message.authority = [], []
        return message

    court.altered["unsigned.", "DS"] = strip
    result = court.judge("www.unsigned.")
    assert (result.status, result.code) == (Status.BOGUS, 12)


# -- not looked at --


@pytest.mark.parametrize("algorithm", [1, 3, 12, 17, 253])
def test_unknown_algorithms_count_as_unsigned(algorithm):
    world = World(Zone(".", []), Zone("example.", ["www.example. 300 A 192.0.2.1"], signed=False))
    world.zones[n(".")].add(f"example. 600 DS 4711 {algorithm} 2 {'ab' * 32}")
    result = Court(world).judge("www.example.")
    assert (result.status, result.code) == (Status.INSECURE, 1)


def test_unknown_digests_count_as_unsigned():
    world = World(Zone(".", []), Zone("example.", ["www.example. 300 A 192.0.2.1"], signed=False))
    world.zones[n(".")].add(f"example. 600 DS 4711 13 3 {'ab' * 32}")
    result = Court(world).judge("www.example.")
    assert (result.status, result.code) == (Status.INSECURE, 2)


def test_too_many_iterations_count_as_unsigned():
    world = World(Zone(".", []), Zone("example.", EXAMPLE, nsec3=(101, b"", False)))
    result = Court(world).judge("nothing.example.")
    assert (result.status, result.code) == (Status.INSECURE, 27)
    assert (
        Court(World(Zone(".", []), Zone("example.", EXAMPLE, nsec3=(100, b"", False)))).judge("nothing.example.").status
        is Status.SECURE
    )


def test_a_negative_trust_anchor_makes_a_zone_insecure():
    world = a_world(inception=NOW - 9 * DAY, expiration=NOW - 3 * DAY)
    assert Court(world, negative=("example.",)).judge("www.example.").status is Status.INSECURE
    assert Court(world, negative=("www.example.",)).judge("www.example.").status is Status.INSECURE
    assert Court(world, negative=("other.",)).judge("www.example.").status is Status.BOGUS
    assert Court(world, negative=("ample.",)).judge("www.example.").status is Status.BOGUS


def test_names_without_an_anchor_above_are_insecure():
    world = a_world()
    court = Court(world, anchors="\n".join(world.zones[n("sub.example.")].ds()))
    assert court.judge("www.example.").status is Status.INSECURE
    assert court.judge("www.sub.example.").status is Status.SECURE


def test_ttls_are_cut_to_what_the_signatures_permit():
    court = Court(a_world(expiration=NOW + 100))
    message = court.world.answer("www.example.")
    result = court.judge("www.example.", "A", message)
    assert result.status is Status.SECURE
    assert {seconds for _, seconds in result.ttls} == {100}
    assert len(result.ttls) == 3  # two addresses and a signature


def test_an_upstream_that_takes_signatures_away_is_told_of():
    court = Court(a_world())
    for name, kind in ((".", "DNSKEY"), ("www.example.", "A")):
        court.altered[name, kind] = without_signatures
    result = court.judge("www.sub.example.")
    assert (result.status, result.code) == (Status.BOGUS, 10)
    assert result.text == "DNSKEY of .: no signature by .; the upstream may take signatures away"


def test_validations_that_wait_for_the_same_keys_check_them_once():
    court = Court(a_world())
    validators = []
    for name in ("www.example.", "www.sub.example.", "nothing.example."):
        question, reply = taken(court.world.answer(name).to_wire(max_size=65535))
        validators.append(Validator(question, reply, court.trust, court.memory))
    steps = [one.step(None, NOW) for one in validators]
    while any(isinstance(step, Need) for step in steps):
        answers = [
            taken(court.lookup(str(dns.name.from_wire(step.name, 0)[0]), dns.rdatatype.to_text(step.rrtype)).to_wire())[
                1
            ]
            if isinstance(step, Need)
            else None
            for step in steps
        ]
        steps = [
            one.step(answer, NOW) if isinstance(step, Need) else step
            for one, step, answer in zip(validators, steps, answers, strict=True)
        ]
    assert [step.status for step in steps] == [Status.SECURE] * 3
    # Keys of three zones once each; the DS of example by each of them, that of sub once; an answer, another, SOA and two proofs.
    assert sum(one.work.checks for one in validators) == 3 + 3 + 1 + 1 + 1 + 3


def test_a_cname_that_a_dname_makes_needs_no_signature_even_when_it_is_asked_for():
    """RFC 6672 5.3.1."""
    court = Court(a_world())
    message = court.world.answer("below.old.example.", "CNAME")
    assert court.judge("below.old.example.", "CNAME", message).status is Status.SECURE
    message.answer[-1] = dns.rrset.from_text("below.old.example.", 300, "IN", "CNAME", "evil.example.")
    assert court.judge("below.old.example.", "CNAME", message).status is Status.BOGUS


@pytest.mark.parametrize("kind", ["A", "CNAME"])
def test_a_cname_that_a_dname_makes_lives_as_long_as_that(kind):
    """RFC 6672 3.1: nobody signs its TTL, so nobody may be told a longer one."""
    court = Court(a_world())
    message = court.world.answer("below.old.example.", kind)
    (at,) = [at for at, rrset in enumerate(message.answer) if rrset.rdtype == dns.rdatatype.CNAME]
    message.answer[at] = dns.rrset.from_rdata(message.answer[at].name, 86_400, message.answer[at][0])
    result = court.judge("below.old.example.", kind, message)
    assert result.status is Status.SECURE
    assert len(result.ttls) == 1
    assert result.ttls[0][1] <= 600
