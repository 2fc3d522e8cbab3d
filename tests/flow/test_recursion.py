"""Queries that want nobody to be asked (RD=0) are answered with what is known for all to see, and never start a search."""

from __future__ import annotations

import dns.flags
import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.events import LocalChanged
from tests.flow.rich_rules import policy_of, rewrite
from tests.local.data import local_data
from tests.make import Conversation, ede, query, texts

NAME = "www.example.com"
REFUSAL = [(20, "without RD there are answers for blocked and local names only")]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("flags", ["", "CD", "AD"])
def test_nobody_is_asked_for_a_query_without_rd(flags, transport):
    """RFC 1034 4.3.1; RFC 8914 4.21 names the code for it."""
    said = Conversation().ask(NAME, flags=flags, transport=transport)
    assert (said.asks, said.reply.rcode(), ede(said.reply)) == ([], dns.rcode.REFUSED, REFUSAL)
    assert not said.remembered
    assert said.record.subject.outcome is Outcome.REFUSED


def test_the_cache_does_not_tell_what_others_have_looked_up():
    """Cache snooping: dnsmasq, unbound and Knot Resolver refuse it, too."""
    talk = Conversation()
    talk.learn(NAME, f"{NAME} 300 A 192.0.2.7")
    talk.learn("gone.example", rcode="NXDOMAIN", authority=["example 900 SOA ns.example. h.example. 1 2 3 4 900"])
    for name in (NAME, "gone.example", "never.example"):
        assert ede(talk.ask(name, flags="").reply) == REFUSAL
    talk.ask("asked-now.example")
    assert ede(talk.ask("asked-now.example", flags="").reply) == REFUSAL


def test_such_a_query_does_not_wait_with_those_that_may():
    talk = Conversation()
    ask = talk.ask(NAME).ask
    assert len(talk.ask(NAME, flags="").replies) == 1
    assert len(talk.answer(ask, f"{NAME} 300 A 192.0.2.7").replies) == 1


def test_a_packet_without_rd_is_not_replayed_to_one_with_it():
    talk = Conversation(blocks=["||ads.example^"])
    (memory,) = talk.ask("ads.example", ident=7, flags="").remembered
    assert memory.octets == query("ads.example", ident=7, flags="")[2:]
    assert memory.octets != query("ads.example", ident=7)[2:]


def test_rd_comes_back_as_it_was_sent():
    """RFC 1035 4.1.1: RD is copied; RA says that there would be recursion."""
    for name in ("ads.example", NAME):
        reply = Conversation(blocks=["||ads.example^"]).ask(name, flags="").reply
        assert dns.flags.to_text(reply.flags) == "QR RA"


def test_blocked_names_are_blocked():
    said = Conversation(blocks=["||ads.example^"]).ask("x.ads.example", flags="")
    assert texts(said.reply.answer) == ["x.ads.example. 10 A 0.0.0.0"]
    assert said.record.subject.outcome is Outcome.BLOCKED


@pytest.mark.parametrize(
    ("name", "qtype", "answer"),
    [
        ("nas.lan", "A", ["nas.lan. 60 A 192.168.1.5"]),
        ("nas.lan", "TXT", []),
        ("localhost", "A", ["localhost. 10 A 127.0.0.1"]),
        ("x.internal", "A", []),
        ("alias.lan", "A", ["alias.lan. 60 CNAME nas.lan.", "nas.lan. 60 A 192.168.1.5"]),
        ("out.lan", "A", ["out.lan. 60 CNAME www.example.com."]),
        ("out.lan", "CNAME", ["out.lan. 60 CNAME www.example.com."]),
    ],
)
def test_local_and_special_names_are_answered_as_far_as_they_are_known_here(name, qtype, answer):
    """RFC 1034 4.3.1: without recursion, the answer is what this server has itself."""
    talk = Conversation()
    talk.learn(NAME, f"{NAME} 300 A 192.0.2.7")
    records = ["nas.lan 60 A 192.168.1.5", "alias.lan 60 CNAME nas.lan", f"out.lan 60 CNAME {NAME}"]
    talk.tell(LocalChanged(local_data(records)))
    said = talk.ask(name, qtype, flags="")
    assert (said.asks, texts(said.reply.answer)) == ([], answer)
    assert said.reply.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}


def test_what_a_rule_answers_is_told_and_its_alias_is_not_followed():
    talk = Conversation(
        rules=policy_of([rewrite("nas.example", "CNAME b.example."), rewrite("c.example", "A 192.0.2.9")])
    )
    said = talk.ask("nas.example", flags="")
    assert (said.asks, texts(said.reply.answer)) == ([], ["nas.example. 10 CNAME b.example."])
    assert said.record.subject.outcome is Outcome.LOCAL
    assert ede(said.reply)[0][0] == 4
    assert texts(talk.ask("c.example", flags="").reply.answer) == ["c.example. 10 A 192.0.2.9"]


def test_a_name_that_is_let_through_is_not_asked_for_either():
    talk = Conversation(blocks=["||example.com^"], allows=["||www.example.com^"])
    assert ede(talk.ask(NAME, flags="").reply) == REFUSAL


def test_the_servers_of_the_root_are_the_exception():
    """What ``dig +trace`` begins with: no secret, and the same for everybody."""
    talk = Conversation()
    ask = talk.ask(".", "NS", flags="").ask
    reply = talk.answer(ask, ". 518400 NS a.root-servers.net.").reply
    assert len(reply.answer) == 1
    assert not reply.flags & dns.flags.RD
    assert talk.ask(".", "NS", flags="").reply.answer
    assert talk.ask(".", "SOA", flags="").reply.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("qtype", ["AXFR", "ANY"])
def test_types_that_are_answered_here_are_answered_as_with_rd(qtype):
    assert Conversation().ask(NAME, qtype, flags="").reply.rcode() == Conversation().ask(NAME, qtype).reply.rcode()


def test_strangers_get_nothing():
    assert Conversation(blocks=["||ads.example^"]).ask("ads.example", flags="", client="203.0.113.9").silent
