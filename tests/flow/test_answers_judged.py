"""Rules about addresses: every answer that holds one is judged, fresh or known, for each client that waits."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest

from mirage_hole.lists.rule import Action, Reply
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.endings import MOST_ADDRESSES, TOO_MANY_ADDRESSES
from mirage_hole.resolver.events import BlockingPaused, PolicyChanged
from mirage_hole.wire.names import from_text
from tests.flow.rich_rules import address, allow, policy_of, rich, written
from tests.make import Conversation, assert_at_rest, ede, texts

BAD = [address("203.0.113.0/24"), address("2001:db8:bad::/48")]


def conversation(*rules: object, **how: object) -> Conversation:
    return Conversation(rules=policy_of(rules or BAD), ttl=77, **how)


def learned(asking: Conversation, *records: str, qtype: str = "A", **how: object):
    return asking.answer(asking.ask("www.example", qtype, **how).ask, *records)


@pytest.mark.parametrize(
    ("qtype", "record", "instead"),
    [
        ("A", "www.example 60 A 203.0.113.9", ["www.example. 77 A 0.0.0.0"]),
        ("AAAA", "www.example 60 AAAA 2001:db8:bad::9", ["www.example. 77 AAAA ::"]),
        ("HTTPS", 'www.example 60 HTTPS 1 . alpn="h2" ipv4hint="192.0.2.1,203.0.113.9"', []),
        ("HTTPS", 'www.example 60 HTTPS 1 cdn.example. ipv6hint="2001:db8:bad::9"', []),
    ],
)
def test_an_answer_with_a_blocked_address_is_replaced_whole(qtype, record, instead):
    asking = conversation()
    said = learned(asking, "www.example 60 TXT kept-by-nobody", record, qtype=qtype)
    assert texts(said.reply.answer) == instead
    (code, text), *rest = ede(said.reply)
    blocked = "203.0.113.9" if "203" in record else "2001:db8:bad::9"
    rule = "203.0.113.0/24" if "203" in record else "2001:db8:bad::/48"
    assert (code, text, rest) == (15, f"{blocked}: the rule for {rule} in Ads", [])
    subject = said.record.subject
    assert (subject.outcome, subject.list_id, subject.upstream) == (Outcome.BLOCKED, 0, 0)
    assert subject.text == f"the rule for {rule}"
    assert_at_rest(asking.engine)


def test_one_blocked_address_among_others_blocks_them_all():
    said = learned(
        conversation(),
        "www.example 60 CNAME cdn.example.",
        "cdn.example 60 A 192.0.2.1",
        "cdn.example 60 A 203.0.113.9",
    )
    assert texts(said.reply.answer) == ["www.example. 77 A 0.0.0.0"]


@pytest.mark.parametrize("section", ["authority", "additional"])
def test_only_the_answer_itself_is_judged(section):
    asking = conversation()
    said = asking.answer(
        asking.ask("www.example").ask, "www.example 60 A 192.0.2.1", **{section: ["ns.example 60 A 203.0.113.9"]}
    )
    assert texts(said.reply.answer) == ["www.example. 60 A 192.0.2.1"]


def test_an_address_can_not_hide_behind_more_than_are_judged():
    """Nobody has so many; without a limit, one answer would hold up all clients, judged for each that waits for it."""
    decoys = [f"www.example 60 A 198.18.{number >> 8}.{number & 255}" for number in range(MOST_ADDRESSES + 1)]
    said = learned(conversation(), *decoys)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply)[0] == (23, TOO_MANY_ADDRESSES)
    said = learned(conversation(), *decoys[:-1])
    assert said.reply.rcode() == dns.rcode.NOERROR


def test_other_answers_pass():
    said = learned(conversation(), "www.example 60 A 192.0.2.1")
    assert texts(said.reply.answer) == ["www.example. 60 A 192.0.2.1"]
    assert said.record.subject.outcome is Outcome.FORWARDED
    assert not ede(said.reply)


REPLIES = {
    Reply.NULL: ("NOERROR", ["0.0.0.0"]),
    Reply.NODATA: ("NOERROR", []),
    Reply.NXDOMAIN: ("NXDOMAIN", []),
    Reply.REFUSED: ("REFUSED", []),
}


@pytest.mark.parametrize("reply", REPLIES)
def test_the_reply_of_the_rule_is_honoured(reply):
    answer = learned(conversation(address("203.0.113.9/32", reply)), "www.example 60 A 203.0.113.9").reply
    rcode, records = REPLIES[reply]
    assert (dns.rcode.to_text(answer.rcode()), [str(one[0]) for one in answer.answer]) == (rcode, records)
    negative = not records and rcode != "REFUSED"
    assert [str(soa.name) for soa in answer.authority] == ["www.example."] * negative


def test_silence_is_a_reply_too():
    asking = conversation(address("203.0.113.9/32", Reply.DROP))
    udp = asking.ask("www.example", ticket="udp").ask
    asking.ask("www.example", transport="tcp", ticket="tcp")
    said = asking.answer(udp, "www.example 60 A 203.0.113.9")
    assert said.silent
    assert (said.closed, said.ended) == (["udp"], ["tcp"])
    assert [told.subject.outcome for told in said.records] == [Outcome.BLOCKED] * 2


def test_a_known_answer_is_judged_too_and_replayed_no_longer_than_it_is_known():
    asking = conversation()
    learned(asking, "www.example 60 A 203.0.113.9")
    asking.now += 20
    said = asking.ask("www.example")
    assert texts(said.reply.answer) == ["www.example. 77 A 0.0.0.0"]
    assert not said.asks
    assert (said.record.subject.outcome, said.record.subject.upstream) == (Outcome.BLOCKED, 0)
    (memory,) = said.remembered
    assert (memory.expires_at, memory.ttl_offsets) == (asking.now + 40, ())


def test_an_allowed_address_is_protected_and_no_other():
    rules = [*BAD, address("203.0.113.9/32", action=Action.ALLOW)]
    asking = conversation(*rules)
    said = learned(asking, "www.example 60 A 203.0.113.9")
    assert texts(said.reply.answer) == ["www.example. 60 A 203.0.113.9"]
    both = asking.answer(asking.ask("x.example").ask, "x.example 60 A 203.0.113.9", "x.example 60 A 203.0.113.10")
    assert texts(both.reply.answer) == ["x.example. 77 A 0.0.0.0"]


def test_a_name_with_an_exception_is_not_judged_by_its_addresses():
    asking = Conversation(rules=policy_of(BAD, allowed=[allow("example")]))
    said = learned(asking, "www.example 60 A 203.0.113.9")
    assert texts(said.reply.answer) == ["www.example. 60 A 203.0.113.9"]
    assert said.record.subject.list_id == 1


def test_a_pause_switches_it_off_and_its_end_on_again():
    asking = conversation()
    asking.tell(BlockingPaused(asking.now + 30))
    assert texts(learned(asking, "www.example 60 A 203.0.113.9").reply.answer) == ["www.example. 60 A 203.0.113.9"]
    (memory,) = asking.ask("www.example").remembered
    assert memory.expires_at == asking.now + 30
    asking.now += 30
    assert texts(asking.ask("www.example").reply.answer) == ["www.example. 77 A 0.0.0.0"]


def test_each_of_those_who_wait_is_judged_as_the_client_it_is():
    asking = conversation(address("203.0.113.0/24", clients=("127.0.0.1",)))
    ask = asking.ask("www.example", client="127.0.0.1").ask
    assert asking.ask("www.example", client="10.0.0.7").silent
    said = asking.answer(ask, "www.example 60 A 203.0.113.9")
    assert [texts(reply.answer) for reply in said.replies] == [
        ["www.example. 77 A 0.0.0.0"],
        ["www.example. 60 A 203.0.113.9"],
    ]
    assert [told.subject.outcome for told in said.records] == [Outcome.BLOCKED, Outcome.FORWARDED]


def test_a_rule_about_addresses_may_answer_itself():
    """Local data behind an ``rpz-ip`` trigger."""
    asking = conversation(address("203.0.113.0/24", rewrite=written("A 192.0.2.99")))
    said = learned(asking, "www.example 60 A 203.0.113.9")
    assert texts(said.reply.answer) == ["www.example. 77 A 192.0.2.99"]
    assert ede(said.reply) == [(4, "203.0.113.9: the rule for 203.0.113.0/24 in Ads")]
    assert said.record.subject.outcome is Outcome.LOCAL


@pytest.mark.parametrize("known", [False, True])
def test_a_rule_about_addresses_may_lead_elsewhere(known):
    asking = conversation(address("203.0.113.0/24", rewrite=written("CNAME garden.lan.")))
    said = learned(asking, "www.example 60 A 203.0.113.9")
    if known:
        asking.wait(11)  # until its question has failed, and that is forgotten
        said = asking.ask("www.example")
    assert not said.replies
    assert said.ask.wire[12:].startswith(from_text("garden.lan"))
    reply = asking.answer(said.ask, "garden.lan 60 A 203.0.113.77").reply
    assert texts(reply.answer) == ["www.example. 77 CNAME garden.lan.", "garden.lan. 60 A 203.0.113.77"]
    assert_at_rest(asking.engine)


def test_a_rule_about_addresses_that_comes_while_a_question_is_in_flight_judges_its_answer():
    asking = Conversation()
    ask = asking.ask("www.example").ask
    assert not asking.tell(PolicyChanged(policy_of(own=BAD))).replies
    reply = asking.answer(ask, "www.example 60 A 203.0.113.9").reply
    assert texts(reply.answer) == ["www.example. 10 A 0.0.0.0"]
    assert ede(reply) == [(15, "203.0.113.9: the rule for 203.0.113.0/24 in your own rules")]


def test_an_answer_without_addresses_is_passed_on():
    asking = conversation()
    said = asking.answer(asking.ask("www.example", "TXT").ask, 'www.example 60 TXT "203.0.113.9"')
    assert len(said.reply.answer) == 1
    assert not said.reply.flags & dns.flags.TC


def test_a_rule_about_a_name_decides_before_anybody_is_asked():
    asking = conversation(*BAD, rich("www.example", reply=Reply.NXDOMAIN))
    assert not asking.ask("www.example").asks
