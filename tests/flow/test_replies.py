"""What a rule with a reply of its own is answered, whatever the mode; and silence."""

from __future__ import annotations

import dns.rcode
import pytest

from mirage_hole.lists.rule import Reply
from mirage_hole.observe.record import NO_UPSTREAM
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.sinkhole import MODES
from tests.flow.rich_rules import block, policy_of, rich
from tests.make import Conversation, ede, texts

TYPES = ("A", "AAAA", "ANY", "HTTPS", "TXT", "MX", "SVCB", "PTR", "CNAME")
NULL = {"A": ["0.0.0.0"], "AAAA": ["::"], "ANY": ["0.0.0.0", "::"]}
ANSWERS = {
    Reply.NULL: ("NOERROR", NULL),
    Reply.NODATA: ("NOERROR", {}),
    Reply.NXDOMAIN: ("NXDOMAIN", {}),
    Reply.REFUSED: ("REFUSED", {}),
}


def conversation(reply: Reply, mode: str = "null", kind: str = "plain") -> Conversation:
    rule = block("ads.example", reply) if kind == "plain" else rich("ads.example", reply=reply)
    return Conversation(rules=policy_of([rule]), mode=mode, ipv4="10.9.9.9", ipv6="fd00::9", ttl=77)


@pytest.mark.parametrize("reply", ANSWERS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("qtype", TYPES)
@pytest.mark.parametrize("kind", ["plain", "rich"])
def test_the_reply_of_a_rule_goes_before_the_mode(reply, mode, qtype, kind):
    said = conversation(reply, mode, kind).ask("x.ads.example", qtype)
    rcode, records = ANSWERS[reply]
    assert dns.rcode.to_text(said.reply.rcode()) == rcode
    assert [str(rdata) for rrset in said.reply.answer for rdata in rrset] == records.get(qtype, [])
    assert all(rrset.ttl == 77 for rrset in said.reply.answer)
    subject = said.record.subject
    assert (subject.outcome, subject.rcode, subject.list_id) == (Outcome.BLOCKED, said.reply.rcode(), 0)
    assert said.remembered


@pytest.mark.parametrize("reply", ANSWERS)
@pytest.mark.parametrize("qtype", ["A", "TXT"])
def test_every_negative_carries_the_soa_of_the_rule(reply, qtype):
    """RFC 2308 5."""
    answer = conversation(reply, "refused").ask("x.ads.example", qtype).reply
    negative = not answer.answer and answer.rcode() != dns.rcode.REFUSED
    assert [(str(soa.name), soa.ttl, soa[0].minimum) for soa in answer.authority] == [
        ("ads.example.", 77, 77)
    ] * negative


@pytest.mark.parametrize("mode", MODES)
def test_a_rule_without_a_reply_is_answered_by_the_mode(mode):
    plain = Conversation(blocks=["||ads.example^"], mode=mode, ipv4="10.9.9.9", ttl=77).ask("ads.example", ident=1)
    assert conversation(Reply.MODE, mode).ask("ads.example", ident=1).reply.answer == plain.reply.answer


@pytest.mark.parametrize("reply", ANSWERS)
def test_the_reason_is_told_whatever_the_reply(reply):
    assert ede(conversation(reply).ask("ads.example").reply) == [(15, "||ads.example^ in Ads")]
    assert ede(conversation(reply, kind="rich").ask("ads.example").reply) == [(15, "the rule for ads.example in Ads")]


def test_a_dropped_name_is_not_answered_over_udp_and_counts_as_blocked():
    said = conversation(Reply.DROP).ask("ads.example", ticket=5)
    assert said.silent
    assert not said.remembered
    assert (said.closed, said.ended) == ([5], [])
    subject = said.record.subject
    assert (subject.outcome, subject.rcode, subject.upstream) == (Outcome.BLOCKED, dns.rcode.REFUSED, NO_UPSTREAM)


def test_a_dropped_name_ends_the_stream_that_asked_for_it():
    said = conversation(Reply.DROP).ask("ads.example", transport="tcp", ticket=5)
    assert said.silent
    assert (said.closed, said.ended) == ([], [5])
    assert said.record.subject.outcome is Outcome.BLOCKED


def test_what_is_dropped_is_asked_of_nobody_and_other_names_are():
    conversation_ = conversation(Reply.DROP)
    assert not conversation_.ask("deep.in.ads.example").asks
    assert conversation_.ask("other.example").asks


def test_the_record_of_a_rule_that_is_more_than_a_name_tells_its_text():
    subject = conversation(Reply.NXDOMAIN, kind="rich").ask("x.ads.example").record.subject
    assert (subject.text, subject.line) == ("the rule for ads.example", 7)
    assert conversation(Reply.NXDOMAIN).ask("x.ads.example").record.subject.text == ""


def test_the_same_octets_come_again_from_memory():
    (memory,) = conversation(Reply.NULL).ask("ads.example").remembered
    assert memory.expires_at == float("inf")
    assert memory.view == b""
    assert texts(conversation(Reply.NULL).ask("ads.example").reply.answer) == ["ads.example. 77 A 0.0.0.0"]
