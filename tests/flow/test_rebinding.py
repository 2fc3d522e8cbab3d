"""Names from outside do not lead into the network (DNS rebinding)."""

from __future__ import annotations

import dns.rcode
import pytest

from mirage_hole.observe.record import NO_LIST
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.events import BlockingPaused
from mirage_hole.upstream.groups import Group
from mirage_hole.wire.names import from_text, labels_of
from tests.make import Conversation, Said, an_upstream, ede, texts


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.1.2.3",
        "255.255.255.255",
    ],
)
def test_a_private_ipv4_address_from_outside_is_taken_away(address):
    """RFC 1918, 3927, 6598, 1122 3.2.1.3."""
    said = Conversation().learn("evil.example", f"evil.example 60 A {address}")
    assert (said.reply.rcode(), said.reply.answer) == (dns.rcode.NOERROR, [])
    assert said.reply.authority, "so that it can be remembered (RFC 2308 5)"
    assert address in ede(said.reply)[0][1]
    assert said.record.subject.outcome is Outcome.REBIND


@pytest.mark.parametrize(
    "address",
    [
        "::1",
        "fd00::1",
        "fe80::1",
        "::ffff:192.168.1.1",
        "2002:c0a8:101::1",
        "64:ff9b::a01:203",
        "64:ff9b:1::1",
        "fec0::1",
    ],
)
def test_so_is_a_private_ipv6_address_and_one_that_embeds_an_ipv4_address(address):
    """RFC 4193, 4291 2.5, 3056, 6052, 8215."""
    said = Conversation().learn("evil.example", f"evil.example 60 AAAA {address}", qtype="AAAA")
    assert (said.reply.answer, said.record.subject.outcome) == ([], Outcome.REBIND)


@pytest.mark.parametrize("address", ["192.0.2.7", "0.0.0.0", "172.32.0.1", "100.128.0.1", "9.9.9.9"])
def test_public_addresses_and_the_no_of_a_filter_pass(address):
    said = Conversation().learn("www.example", f"www.example 60 A {address}")
    assert texts(said.reply.answer) == [f"www.example. 60 A {address}"]


def test_one_private_address_among_others_takes_all_of_them_away():
    """The mix is the attack: a browser falls back from the one to the other."""
    said = Conversation().learn("evil.example", "evil.example 60 A 192.0.2.7", "evil.example 60 A 192.168.1.1")
    assert said.reply.answer == []


def test_a_hint_of_an_https_record_counts():
    """RFC 9460 7.3."""
    said = Conversation().learn("evil.example", "evil.example 60 HTTPS 1 . ipv4hint=192.168.1.1", qtype="HTTPS")
    assert (said.reply.answer, said.record.subject.outcome) == ([], Outcome.REBIND)


def test_a_known_answer_is_judged_as_well():
    conversation = Conversation()
    conversation.learn("evil.example", "evil.example 60 A 192.168.1.1")
    conversation.now += 3
    said = conversation.ask("evil.example")
    assert (said.asks, said.record.subject.outcome) == ([], Outcome.REBIND)


def test_names_with_a_route_may_lead_inside():
    groups = [Group(0, "default", [an_upstream(0)]), Group(1, "office", [an_upstream(1)])]
    conversation = Conversation(groups=groups, routes={"corp.example": 1})
    said = conversation.learn("nas.corp.example", "nas.corp.example 60 A 10.0.0.9")
    assert texts(said.reply.answer) == ["nas.corp.example. 60 A 10.0.0.9"]


@pytest.mark.parametrize("name", ["x.plex.direct", "plex.direct"])
def test_allowed_domains_may_lead_inside(name):
    conversation = Conversation()
    conversation.engine.rebinding = frozenset({from_text("plex.direct")})
    assert conversation.learn(name, f"{name} 60 A 192.168.1.9").reply.answer
    assert not conversation.learn("xplex.direct", "xplex.direct 60 A 192.168.1.9").reply.answer


def test_protection_can_be_switched_off():
    conversation = Conversation()
    conversation.engine.rebinding = None
    assert conversation.learn("www.example", "www.example 60 A 192.168.1.9").reply.answer


def test_blocklists_of_mail_senders_go_on_working():
    """RFC 5782 2.1, 2.4: they answer 127.0.0.2 and its like for an address as a name."""
    conversation = Conversation()
    listed = conversation.learn("4.3.2.1.zen.example", "4.3.2.1.zen.example 60 A 127.0.0.4")
    assert texts(listed.reply.answer) == ["4.3.2.1.zen.example. 60 A 127.0.0.4"]
    assert not conversation.learn("4.3.2.1.evil.example", "4.3.2.1.evil.example 60 A 127.0.0.1").reply.answer


def test_neither_an_exception_nor_a_pause_lets_a_name_lead_inside():
    """Allowlists name thousands of domains; leading inside takes a word of one's own (answers.rebinding_allow)."""
    conversation = Conversation(allows=["||evil.example^"])
    said = conversation.learn("www.evil.example", "www.evil.example 60 A 192.168.1.1")
    assert (said.reply.answer, said.record.subject.outcome) == ([], Outcome.REBIND)
    assert said.record.subject.list_id == NO_LIST, "the exception is not why"
    conversation.tell(BlockingPaused(conversation.now + 60))
    said = conversation.learn("two.evil.example", "two.evil.example 60 A 192.168.1.1")
    assert said.record.subject.outcome is Outcome.REBIND


def test_an_exception_for_the_target_of_an_https_record_lets_its_hints_lead_nowhere_else():
    """RFC 9460 7.3: hints are the word of who owns the record, and not of who owns the target."""
    conversation = Conversation(allows=["||cdn.example^"])
    record = "evil.test-shop.example 60 HTTPS 1 www.cdn.example. ipv4hint=192.168.1.1"
    said = conversation.learn("evil.test-shop.example", record, qtype="HTTPS")
    assert (said.reply.answer, said.record.subject.outcome) == ([], Outcome.REBIND)


def test_an_alias_that_leads_inside_is_taken_away_with_its_address():
    """The name that was asked for counts, and not whose address it is in the end."""
    records = ("www.evil.example 60 CNAME nas.home-of.example.", "nas.home-of.example 60 A 10.0.0.9")
    assert Conversation().learn("www.evil.example", *records).record.subject.outcome is Outcome.REBIND


@pytest.mark.parametrize("name", ["nas", "nas.lan", "router.home.arpa", "db.internal"])
def test_names_that_nobody_outside_can_own_may_lead_inside(name):
    """RFC 6762 appendix G, RFC 8375; a router that is the only upstream knows such names."""
    wire = from_text(name)
    assert Conversation().engine.may_lead_inside(wire, labels_of(wire))


def test_an_unqualified_name_leads_inside():
    conversation = Conversation()
    conversation.engine.forward_unqualified = True
    assert conversation.learn("nas", "nas 60 A 192.168.1.9").reply.answer


def beside(address: str, name: str = "_sip._udp.example") -> tuple[Conversation, Said]:
    """An SRV answer with the address of its target in the additional section."""
    conversation = Conversation()
    conversation.engine.rebinding = frozenset({from_text("allowed.example")})
    records = (f"{name} 60 SRV 1 1 5060 sip.example.",)
    return conversation, conversation.learn(name, *records, qtype="SRV", additional=[f"sip.example 60 A {address}"])


def test_a_private_address_beside_an_answer_goes_without_the_answer():
    """RFC 2181 5.4.1: additional data is the least of all; unbound's private-address looks there, too."""
    conversation, said = beside("192.168.1.1")
    for told in (said, conversation.ask("_sip._udp.example", "SRV")):
        assert len(told.reply.answer) == 1
        assert not told.reply.additional


def test_other_addresses_beside_an_answer_stay():
    assert texts(beside("192.0.2.7")[1].reply.additional) == ["sip.example. 60 A 192.0.2.7"]
    assert texts(beside("10.0.0.7", "_sip._udp.allowed.example")[1].reply.additional) == ["sip.example. 60 A 10.0.0.7"]
