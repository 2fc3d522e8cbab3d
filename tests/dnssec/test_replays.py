"""Genuine records, put together at will: whatever is called secure is what the zones say of the question."""

from __future__ import annotations

from functools import cache

import dns.message
import dns.name
import dns.rdatatype
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mirage_hole.dnssec.outcome import Status
from tests.dnssec.judge import Court
from tests.dnssec.test_chain import a_world
from tests.dnssec.zones import n

NAMES = [
    "example.", "www.example.", "below.www.example.", "alias.example.", "lost.example.", "x.wild.example.", "wild.example.",
    "here.wild.example.", "y.here.wild.example.", "*.wild.example.", "x.y.wild.example.", "c.example.", "b.c.example.",
    "a.b.c.example.", "x.b.c.example.", "old.example.", "x.old.example.", "x.star.example.", "star.example.",
    "nothing.example.", "x.nothing.example.", "sub.example.", "www.sub.example.", "no.sub.example.", "dark.example.",
    "www.dark.example.", "unsigned.", "www.unsigned.", "nothing.", ".",
]  # fmt: skip
KINDS = ["A", "AAAA", "DS", "NS", "CNAME", "TXT", "SOA", "DNSKEY", "DNAME"]
question = st.tuples(st.sampled_from(NAMES), st.sampled_from(KINDS))


@cache
def court(style: str) -> Court:
    return Court(a_world(style))


@cache
def genuine(style: str, name: str, kind: str) -> dns.message.Message:
    return court(style).world.answer(name, kind)


def facts(message: dns.message.Message) -> set:
    """What the answer says; CNAMEs that a DNAME makes say nothing of their own."""
    return {
        (rrset.name, int(rrset.rdtype), rdata.to_digestable())
        for rrset in message.answer
        if rrset.rdtype != dns.rdatatype.RRSIG
        and not (rrset.rdtype == dns.rdatatype.CNAME and rrset.name.is_subdomain(n("old.example.")))
        for rdata in rrset
    }


@pytest.mark.parametrize("style", ["nsec", "nsec3", "opt-out"])
@settings(max_examples=300, deadline=None)
@given(
    asked=question,
    sources=st.lists(question, min_size=1, max_size=5),
    answers=st.lists(st.integers(0, 30), max_size=4),
    leave_out=st.sets(st.integers(0, 12), max_size=3),
    rcode=st.sampled_from([0, 3]),
)
def test_nothing_false_is_secure(style, asked, sources, answers, leave_out, rcode):
    """Replay attacks on denials and wildcards (RFC 4035 5.4, RFC 5155 12.1.1, RFC 6840 4)."""
    truth = genuine(style, *asked)
    pieces = [genuine(style, *one) for one in sources]
    message = dns.message.make_response(dns.message.make_query(asked[0], asked[1], want_dnssec=True))
    message.set_rcode(rcode)
    offered = _pairs([rrset for piece in pieces for rrset in piece.answer])
    chosen = [offered[at % len(offered)] for at in answers] if offered else []
    message.answer = _each_once([rrset for pair in chosen for rrset in pair])
    proofs = _pairs([rrset for piece in pieces for rrset in (*piece.authority, *piece.answer)])
    kept = [rrset for at, pair in enumerate(proofs) if at not in leave_out for rrset in pair]
    message.authority = _each_once([rrset for rrset in kept if rrset.rdtype in _DENIALS or _covers(rrset) in _DENIALS])
    result = court(style).judge(*asked, message=message)
    if result.status is Status.SECURE:
        assert (rcode, facts(message)) == (truth.rcode(), facts(truth))


_DENIALS = {dns.rdatatype.NSEC, dns.rdatatype.NSEC3, dns.rdatatype.SOA}


def _covers(rrset):
    return rrset[0].type_covered if rrset.rdtype == dns.rdatatype.RRSIG else None


def _pairs(rrsets):
    """Each RRset with its signatures."""
    pairs: dict = {}
    for rrset in rrsets:
        kind = _covers(rrset) or rrset.rdtype
        pair = pairs.setdefault((rrset.name, kind), {})
        pair[int(rrset.rdtype)] = rrset
    return [list(pair.values()) for pair in pairs.values()]


def _each_once(rrsets):
    once: dict = {}
    for rrset in rrsets:
        once.setdefault((rrset.name, rrset.rdtype, _covers(rrset)), rrset)
    return list(once.values())


@pytest.mark.parametrize("style", ["nsec", "nsec3"])
@settings(max_examples=200, deadline=None)
@given(asked=question, other=question)
def test_an_answer_is_not_true_of_another_name(style, asked, other):
    """The whole answer to one question, given to another."""
    assume(asked != other)
    source, truth = genuine(style, *other), genuine(style, *asked)
    message = dns.message.make_response(dns.message.make_query(asked[0], asked[1], want_dnssec=True))
    message.answer, message.authority = list(source.answer), list(source.authority)
    message.set_rcode(source.rcode())
    result = court(style).judge(*asked, message=message)
    if result.status is Status.SECURE:
        assert (message.rcode(), facts(message)) == (truth.rcode(), facts(truth))


@pytest.mark.parametrize("style", ["nsec", "nsec3"])
def test_what_is_true_is_secure(style):
    """So that the tests above have something to find."""
    for name in NAMES:
        for kind in KINDS:
            truth = genuine(style, name, kind)
            unsigned = (n("dark.example."), n("unsigned."))
            below = [zone for zone in unsigned if n(name).is_subdomain(zone) and (kind != "DS" or n(name) != zone)]
            wanted = Status.INSECURE if below else Status.SECURE
            assert court(style).judge(name, kind, truth).status is wanted, (name, kind)
