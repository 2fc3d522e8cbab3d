"""Names from outside do not lead into the network (DNS rebinding), types can be switched off, and keys taken out."""

from __future__ import annotations

import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.upstream.groups import Group
from mirage_hole.wire.names import from_text
from tests.make import Conversation, an_upstream, ede, texts


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


# -- types and keys --


def test_a_type_that_is_switched_off_has_no_data_and_says_why():
    """RFC 2308 2.2, RFC 8914 4.18."""
    conversation = Conversation()
    conversation.engine.block_types([28])
    said = conversation.ask("www.example", "AAAA")
    assert (said.asks, said.reply.rcode(), said.reply.answer) == ([], dns.rcode.NOERROR, [])
    assert said.reply.authority
    assert ede(said.reply) == [(17, "type AAAA is switched off here")]
    assert conversation.ask("www.example", "A").asks


def test_the_hints_of_a_type_that_is_switched_off_go_from_https_records():
    conversation = Conversation()
    conversation.engine.block_types([28])
    record = "www.example 60 HTTPS 1 . alpn=h2 ipv4hint=192.0.2.7 ipv6hint=2001:db8::7"
    said = conversation.learn("www.example", record, qtype="HTTPS")
    assert texts(said.reply.answer) == ['www.example. 60 HTTPS 1 . alpn="h2" ipv4hint="192.0.2.7"']


def test_keys_for_encrypted_hellos_can_be_dropped():
    """RFC 9460 2.2; nobody has signed what is left, so AD goes."""
    conversation = Conversation()
    conversation.engine.block_types([], drop_ech=True)
    record = "www.example 60 HTTPS 1 . alpn=h2 ech=AAQAAAAA ipv4hint=192.0.2.7"
    for said in (
        conversation.learn("www.example", record, qtype="HTTPS", flags="QR RD RA AD"),
        conversation.ask("www.example", "HTTPS", flags="RD AD"),
    ):
        assert texts(said.reply.answer) == ['www.example. 60 HTTPS 1 . alpn="h2" ipv4hint="192.0.2.7"']
        assert not said.reply.flags & 0x20


def test_they_stay_where_they_are_otherwise():
    said = Conversation().learn("www.example", "www.example 60 HTTPS 1 . ech=AAQAAAAA", qtype="HTTPS")
    assert "ech" in texts(said.reply.answer)[0]


def test_a_record_that_can_not_do_without_a_dropped_key_goes_whole():
    """RFC 9460 8."""
    conversation = Conversation()
    conversation.engine.block_types([], drop_ech=True)
    records = ("www.example 60 HTTPS 1 . mandatory=ech ech=AAQAAAAA", "www.example 60 HTTPS 2 . alpn=h2")
    said = conversation.learn("www.example", *records, qtype="HTTPS")
    assert texts(said.reply.answer) == ['www.example. 60 HTTPS 2 . alpn="h2"']
