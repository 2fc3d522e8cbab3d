"""Names of special use are answered here and never asked of anybody; what is the user's own passes."""

from __future__ import annotations

import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.upstream.groups import Group
from tests.flow.rich_rules import policy_of, rewrite
from tests.make import Conversation, an_upstream, assert_at_rest, ede, texts


@pytest.mark.parametrize("name", ["localhost", "x.localhost", "LocalHost"])
def test_localhost_is_this_machine(name):
    """RFC 6761 6.3."""
    conversation = Conversation()
    assert texts(conversation.ask(name).reply.answer)[0].endswith("A 127.0.0.1")
    assert texts(conversation.ask(name, "AAAA").reply.answer)[0].endswith("AAAA ::1")
    said = conversation.ask(name, "MX")
    assert (said.reply.rcode(), said.reply.answer) == (dns.rcode.NOERROR, [])
    assert said.reply.authority


@pytest.mark.parametrize(
    "name",
    [
        "x.invalid",  # RFC 6761 6.4
        "invalid",
        "www.test",  # RFC 6761 6.2
        "abcdefghij.onion",  # RFC 7686 2
        "printer.local",  # RFC 6762 22.1
        "nas.home.arpa",  # RFC 8375 4
        "x.alt",  # RFC 9476 3
        "git.corp.internal",
        "1.0.0.10.in-addr.arpa",  # RFC 6303 4.2
        "9.1.20.172.in-addr.arpa",
        "1.1.168.192.in-addr.arpa",
        "1.0.127.100.in-addr.arpa",  # RFC 7793
        "1.2.3.254.169.in-addr.arpa",
        "x.d.f.ip6.arpa",
        "1.8.b.d.0.1.0.0.2.ip6.arpa",
    ],
)
@pytest.mark.parametrize("qtype", ["A", "PTR", "HTTPS"])
def test_a_name_of_special_use_does_not_exist_and_nobody_is_asked(name, qtype):
    said = Conversation().ask(name, qtype)
    assert not said.asks
    assert said.reply.rcode() == dns.rcode.NXDOMAIN
    assert said.record.subject.outcome is Outcome.SPECIAL
    (soa,) = said.reply.authority  # RFC 2308 5: so that it can be remembered
    assert name.lower().endswith(soa.name.to_text(omit_final_dot=True))
    assert ede(said.reply)[0][0] == 29


@pytest.mark.parametrize(
    "name",
    [
        "www.example.com", "xlocalhost", "localhost.example", "notlocal", "xinvalid", "onion.example", "in-addr.arpa",
        "1.1.1.1.in-addr.arpa", "1.15.172.in-addr.arpa", "1.32.172.in-addr.arpa", "1.63.100.in-addr.arpa", "arpa",
        "xhome.arpa", "ipv4only.arpa", "xresolver.arpa", ".",
    ],
)  # fmt: skip
def test_names_that_only_look_alike_are_asked_for(name):
    conversation = Conversation()
    conversation.engine.forward_unqualified = True
    assert conversation.ask(name).asks


@pytest.mark.parametrize("name", ["resolver.arpa", "_dns.resolver.arpa"])
def test_there_is_no_designated_resolver_and_nobody_outside_says_so(name):
    """RFC 9462 4, 6.4: no data, at the apex too."""
    said = Conversation().ask(name, "SVCB")
    assert (said.asks, said.reply.rcode(), said.reply.answer) == ([], dns.rcode.NOERROR, [])


@pytest.mark.parametrize("name", ["10.in-addr.arpa", "home.arpa"])
def test_the_apex_of_an_empty_zone_exists(name):
    """RFC 6303 3."""
    assert Conversation().ask(name).reply.rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("name", ["use-application-dns.net", "mask.icloud.com", "Mask-H2.iCloud.com"])
@pytest.mark.parametrize("qtype", ["A", "AAAA", "HTTPS", "TXT"])
def test_canaries_do_not_exist(name, qtype):
    said = Conversation().ask(name, qtype)
    assert (said.asks, said.reply.rcode()) == ([], dns.rcode.NXDOMAIN)


def test_canaries_can_be_switched_off_and_allowed():
    conversation = Conversation()
    conversation.engine.canaries = False
    assert conversation.ask("mask.icloud.com").asks
    assert Conversation(allows=["mask.icloud.com"]).ask("mask.icloud.com").asks
    assert Conversation().ask("x.mask.icloud.com").asks


def test_a_name_with_a_route_is_asked_for():
    groups = [Group(0, "default", [an_upstream(0)]), Group(1, "router", [an_upstream(1)])]
    conversation = Conversation(groups=groups, routes={"home.arpa": 1, "168.192.in-addr.arpa": 1})
    assert conversation.ask("nas.home.arpa").ask.upstream == 1
    assert conversation.ask("7.1.168.192.in-addr.arpa", "PTR").ask.upstream == 1
    assert not conversation.ask("7.0.0.10.in-addr.arpa", "PTR").asks


def test_a_rule_of_the_users_own_answers_first():
    conversation = Conversation(rules=policy_of((), [rewrite("nas.home.arpa", "A 192.168.1.9")]))
    assert texts(conversation.ask("nas.home.arpa").reply.answer) == ["nas.home.arpa. 10 A 192.168.1.9"]
    assert conversation.ask("tv.home.arpa").reply.rcode() == dns.rcode.NXDOMAIN


def test_it_can_be_switched_off():
    conversation = Conversation()
    conversation.engine.special_names = False
    assert conversation.ask("nas.home.arpa").asks


def test_strangers_learn_nothing():
    said = Conversation().ask("localhost", client="203.0.113.9")
    assert not said.replies


@pytest.mark.parametrize("name", ["1.0.0.127.in-addr.arpa", "1" + 31 * ".0" + ".ip6.arpa"])
def test_loopback_leads_back_to_localhost(name):
    """RFC 6303 4.2, 4.3, RFC 1912 4.1."""
    reply = Conversation().ask(name, "PTR").reply
    assert texts(reply.answer) == [f"{name}. 10 PTR localhost."]
    assert Conversation().ask(name).reply.rcode() == dns.rcode.NOERROR


def test_an_empty_zone_has_an_soa():
    """RFC 6303 3."""
    (soa,) = Conversation().ask("168.192.in-addr.arpa", "SOA").reply.answer
    assert soa.name.to_text() == "168.192.in-addr.arpa."


def test_private_reverse_zones_alone_can_be_switched_off():
    conversation = Conversation()
    conversation.engine.private_reverse = False
    assert conversation.ask("1.0.0.10.in-addr.arpa", "PTR").asks
    assert not conversation.ask("nas.home.arpa").asks


def test_private_relay_alone_can_be_let_through():
    conversation = Conversation()
    conversation.engine.private_relay = True
    assert conversation.ask("mask.icloud.com").asks
    assert not conversation.ask("use-application-dns.net").asks


def test_an_exception_for_a_local_name_does_not_tell_the_world_of_it():
    assert not Conversation(allows=["printer.local", "||home.arpa^"]).ask("printer.local").asks
    assert not Conversation(allows=["||home.arpa^"]).ask("nas.home.arpa").asks


@pytest.mark.parametrize("qtype", ["A", "AAAA", "HTTPS", "SVCB", "ANY"])
def test_a_name_without_a_dot_is_not_asked_of_others(qtype):
    """No data and not NXDOMAIN, which would deny what is below (RFC 8020): ``com`` is such a name."""
    said = Conversation().ask("com", qtype)
    assert (said.asks, said.reply.rcode(), said.reply.answer) == ([], dns.rcode.NOERROR, [])
    assert said.reply.authority


@pytest.mark.parametrize("qtype", ["NS", "DS", "DNSKEY", "SOA", "TXT"])
def test_what_is_asked_of_top_level_domains_is_asked_of_others(qtype):
    assert Conversation().ask("com", qtype).asks


def test_a_name_without_a_dot_with_a_route_is_asked_for():
    groups = [Group(0, "default", [an_upstream(0)]), Group(1, "router", [an_upstream(1)])]
    assert Conversation(groups=groups, unqualified=1).ask("nas").ask.upstream == 1
    assert Conversation(groups=groups, routes={"nas": 1}).ask("nas").ask.upstream == 1


def test_such_an_answer_is_replayed():
    conversation = Conversation()
    assert conversation.ask("localhost").remembered
    assert_at_rest(conversation.engine)
