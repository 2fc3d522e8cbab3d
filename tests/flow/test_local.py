"""Local data: records of this network, its own domain, aliases, wildcards, and answers that depend on who asks."""

from __future__ import annotations

import dns.rcode
import pytest

from mirage_hole.local.store import RR, Own, Split
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.events import LocalChanged, PolicyChanged
from mirage_hole.upstream.groups import Group
from mirage_hole.wire.names import from_text
from tests.flow.rich_rules import policy_of, rewrite
from tests.local.data import local_data
from tests.make import Conversation, address, an_engine, an_upstream, assert_at_rest, ede, policy, texts

NAS = ("nas.lan 60 A 192.168.1.5", "nas.lan 60 AAAA fd00::5")


def conversation(*records: str, domain: str = "lan", own: Own | None = None, **how: object) -> Conversation:
    found = Conversation(**how)
    found.tell(LocalChanged(local_data(records, domain, own)))
    return found


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        ("nas.lan 60 A 192.168.1.5", "A 192.168.1.5"),
        ("nas.lan 60 AAAA fd00::5", "AAAA fd00::5"),
        ("nas.lan 60 TXT hello there", 'TXT "hello there"'),
        ("nas.lan 60 MX 10 mail.lan", "MX 10 mail.lan."),
        ("nas.lan 60 SRV 0 5 443 nas.lan", "SRV 0 5 443 nas.lan."),
        ("nas.lan 60 PTR other.lan", "PTR other.lan."),
        ("nas.lan 60 HTTPS 1 . alpn=h2 ipv4hint=192.168.1.5", 'HTTPS 1 . alpn="h2" ipv4hint="192.168.1.5"'),
        ("nas.lan 60 SVCB 0 other.lan", "SVCB 0 other.lan."),
        ('nas.lan 60 CAA 0 issue "ca.example"', 'CAA 0 issue "ca.example"'),
        ("nas.lan 60 CNAME other.example", "CNAME other.example."),
        (f"nas.lan 60 SSHFP 4 2 {64 * 'a'}", f"SSHFP 4 2 {64 * 'a'}"),
        (f"nas.lan 60 TLSA 3 1 1 {64 * 'a'}", f"TLSA 3 1 1 {64 * 'a'}"),
        ('nas.lan 60 NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:x!" .', 'NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:x!" .'),
        ("nas.lan 60 TYPE65534 \\# 2 00ff", "TYPE65534 \\# 2 00ff"),
    ],
)
def test_a_record_is_answered_and_nobody_is_asked(record, answer):
    """RFC 1035 3.3, RFC 2782, RFC 3597 5, RFC 8659 4.1, RFC 9460 2."""
    said = conversation(record).ask("NAS.lan", answer.split()[0])
    assert not said.asks
    assert [text.lower() for text in texts(said.reply.answer)] == [f"nas.lan. 60 {answer}".lower()]
    assert said.record.subject.outcome is Outcome.LOCAL


def test_several_records_of_one_type_are_answered_together():
    said = conversation("nas.lan 60 A 192.168.1.5", "nas.lan 30 A 192.168.1.6").ask("nas.lan")
    assert texts(said.reply.answer) == ["nas.lan. 60 A 192.168.1.5", "nas.lan. 60 A 192.168.1.6"]


@pytest.mark.parametrize("qtype", ["AAAA", "HTTPS", "MX", "TXT"])
@pytest.mark.parametrize("name", ["nas.lan", "nas.company.example"])
def test_other_types_of_a_local_name_have_no_data_wherever_it_is(name, qtype):
    """RFC 2308 2.2: so A, AAAA and HTTPS never contradict each other."""
    said = conversation(f"{name} 60 A 192.168.1.5").ask(name, qtype)
    assert (said.asks, said.reply.rcode(), said.reply.answer) == ([], dns.rcode.NOERROR, [])
    (soa,) = said.reply.authority
    assert f"{name}.".endswith(soa.name.to_text())
    assert ede(said.reply) == [(29, "local data has no record of this type")]


def test_what_is_not_there_in_the_own_domain_does_not_exist():
    said = conversation(*NAS).ask("tv.lan")
    assert (said.asks, said.reply.rcode()) == ([], dns.rcode.NXDOMAIN)
    assert said.reply.authority[0].name.to_text() == "lan."


def test_the_own_domain_and_names_above_others_exist():
    """RFC 8020: what has names below it is there."""
    talk = conversation("a.b.lan 60 A 192.168.1.5")
    assert talk.ask("b.lan").reply.rcode() == dns.rcode.NOERROR
    assert talk.ask("lan").reply.rcode() == dns.rcode.NOERROR
    assert talk.ask("c.lan").reply.rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("name", ["xlan", "nas.xlan", "lan.example", "nas.lan.example", "example"])
def test_names_that_only_look_like_the_own_domain_are_asked_for(name):
    talk = conversation(*NAS)
    talk.engine.forward_unqualified = True
    assert talk.ask(name).asks


def test_names_beside_and_above_a_local_name_outside_are_asked_for():
    talk = conversation("nas.company.example 60 A 192.168.1.5")
    assert talk.ask("www.company.example").asks
    assert talk.ask("company.example").asks


def test_a_route_goes_before_the_own_domain_but_not_before_a_record():
    groups = [Group(0, "default", [an_upstream(0)]), Group(1, "router", [an_upstream(1)])]
    talk = conversation(*NAS, groups=groups, routes={"lan": 1})
    assert talk.ask("tv.lan").ask.upstream == 1
    assert not talk.ask("nas.lan").asks


def test_local_data_goes_before_special_names_and_rules():
    talk = conversation("nas.home.arpa 60 A 192.168.1.5", "ads.example 60 A 192.168.1.6", blocks=["||ads.example^"])
    assert texts(talk.ask("nas.home.arpa").reply.answer) == ["nas.home.arpa. 60 A 192.168.1.5"]
    assert texts(talk.ask("ads.example").reply.answer) == ["ads.example. 60 A 192.168.1.6"]
    assert talk.ask("home.arpa").reply.rcode() == dns.rcode.NOERROR


def test_a_rule_of_the_users_own_answers_before_the_own_domain_denies():
    talk = conversation(*NAS, rules=policy_of((), [rewrite("tv.lan", "A 192.168.1.9")]))
    assert texts(talk.ask("tv.lan").reply.answer) == ["tv.lan. 10 A 192.168.1.9"]


def test_a_blocked_name_without_a_dot_is_blocked():
    said = conversation(blocks=["||zip^"]).ask("zip")
    assert said.record.subject.outcome is Outcome.BLOCKED


def test_an_address_leads_back_to_its_name_and_its_network_exists():
    talk = conversation(*NAS)
    assert texts(talk.ask("5.1.168.192.in-addr.arpa", "PTR").reply.answer) == [
        "5.1.168.192.in-addr.arpa. 60 PTR nas.lan."
    ]
    assert talk.ask("1.168.192.in-addr.arpa", "PTR").reply.rcode() == dns.rcode.NOERROR
    assert talk.ask("6.1.168.192.in-addr.arpa", "PTR").reply.rcode() == dns.rcode.NXDOMAIN


def test_a_pointer_that_is_written_counts_more_than_one_that_follows():
    talk = conversation(*NAS, "192.168.1.5 60 PTR other.lan")
    assert texts(talk.ask("5.1.168.192.in-addr.arpa", "PTR").reply.answer)[0].endswith("PTR other.lan.")


def test_a_name_without_a_dot_counts_with_and_without_the_domain():
    talk = conversation("nas 60 A 192.168.1.5")
    assert texts(talk.ask("nas").reply.answer) == ["nas. 60 A 192.168.1.5"]
    assert texts(talk.ask("nas.lan").reply.answer) == ["nas.lan. 60 A 192.168.1.5"]
    assert texts(talk.ask("5.1.168.192.in-addr.arpa", "PTR").reply.answer)[0].endswith("PTR nas.lan.")


# -- wildcards --


def test_a_wildcard_answers_for_what_is_below_it():
    """RFC 4592 2.1, 3.3: any number of labels, and never the name itself."""
    talk = conversation("*.dev.lan 60 A 192.168.1.7")
    for name in ("a.dev.lan", "b.a.dev.lan"):
        assert texts(talk.ask(name).reply.answer) == [f"{name}. 60 A 192.168.1.7"]
    assert talk.ask("dev.lan").reply.answer == []


def test_an_exact_name_keeps_a_wildcard_out_with_all_its_types():
    """RFC 4592 2.2.1."""
    talk = conversation("*.dev.lan 60 A 192.168.1.7", "a.dev.lan 60 TXT hello")
    assert talk.ask("a.dev.lan").reply.answer == []
    assert talk.ask("x.a.dev.lan").reply.rcode() == dns.rcode.NXDOMAIN


def test_a_name_between_keeps_a_wildcard_out():
    """RFC 4592 2.2.2: empty non-terminals exist."""
    talk = conversation("*.dev.lan 60 A 192.168.1.7", "a.b.dev.lan 60 A 192.168.1.8")
    assert (talk.ask("b.dev.lan").reply.rcode(), talk.ask("b.dev.lan").reply.answer) == (dns.rcode.NOERROR, [])
    assert talk.ask("c.b.dev.lan").reply.rcode() == dns.rcode.NXDOMAIN


def test_a_wildcard_outside_the_own_domain_answers_too():
    talk = conversation("*.dev.example 60 A 192.168.1.7")
    assert not talk.ask("a.dev.example").asks
    assert talk.ask("dev.example").asks
    assert talk.ask("a.example").asks


# -- aliases --


def test_an_alias_is_followed_through_local_data():
    talk = conversation("www.lan 60 CNAME web.lan", "web.lan 60 CNAME nas.lan", *NAS)
    assert texts(talk.ask("www.lan", "AAAA").reply.answer) == [
        "www.lan. 60 CNAME web.lan.",
        "web.lan. 60 CNAME nas.lan.",
        "nas.lan. 60 AAAA fd00::5",
    ]


def test_an_alias_that_leads_to_nothing_says_so():
    """RFC 6604 3: the code is that of the last name."""
    reply = conversation("www.lan 60 CNAME gone.lan").ask("www.lan").reply
    assert (reply.rcode(), texts(reply.answer)) == (dns.rcode.NXDOMAIN, ["www.lan. 60 CNAME gone.lan."])
    assert reply.authority[0].name.to_text() == "lan."
    reply = conversation("www.lan 60 CNAME nas.lan", *NAS).ask("www.lan", "MX").reply
    assert (reply.rcode(), texts(reply.answer)) == (dns.rcode.NOERROR, ["www.lan. 60 CNAME nas.lan."])


def test_an_alias_that_leads_out_is_answered_through_an_upstream():
    talk = conversation("www.lan 60 CNAME web.lan", "web.lan 60 CNAME www.example.com")
    asked = talk.ask("WWW.lan")
    said = talk.answer(asked.ask, "www.example.com 300 CNAME edge.example.net.", "edge.example.net 30 A 192.0.2.7")
    expected = [
        "WWW.lan. 60 CNAME web.lan.",
        "web.lan. 60 CNAME www.example.com.",
        "www.example.com. 300 CNAME edge.example.net.",
        "edge.example.net. 30 A 192.0.2.7",
    ]
    assert texts(said.reply.answer) == expected
    assert said.record.subject.outcome is Outcome.LOCAL
    again = talk.ask("WWW.lan")
    assert not again.asks
    assert texts(again.reply.answer) == expected
    assert_at_rest(talk.engine)


def test_an_alias_may_lead_inside_through_a_route():
    groups = [Group(0, "default", [an_upstream(0)]), Group(1, "office", [an_upstream(1)])]
    talk = conversation("git.lan 60 CNAME git.corp.example", groups=groups, routes={"corp.example": 1})
    asked = talk.ask("git.lan")
    assert asked.ask.upstream == 1
    said = talk.answer(asked.ask, "git.corp.example 30 A 10.1.2.3")
    assert texts(said.reply.answer)[-1] == "git.corp.example. 30 A 10.1.2.3"


def test_an_alias_of_a_name_of_special_use_leads_nowhere_outside():
    said = conversation("x.lan 60 CNAME printer.local").ask("x.lan")
    assert (said.asks, said.reply.rcode()) == ([], dns.rcode.NXDOMAIN)


@pytest.mark.parametrize("records", [["a.lan 60 CNAME a.lan"], ["a.lan 60 CNAME b.lan", "b.lan 60 CNAME a.lan"]])
def test_aliases_in_a_circle_end(records):
    reply = conversation(*records).ask("a.lan").reply
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert "circle" in ede(reply)[0][1]


def test_the_alias_itself_can_be_asked_for():
    assert texts(conversation("www.lan 60 CNAME nas.lan", *NAS).ask("www.lan", "CNAME").reply.answer) == [
        "www.lan. 60 CNAME nas.lan."
    ]


def test_a_new_rule_leaves_an_alias_that_waits_alone():
    talk = conversation("www.lan 60 CNAME www.example.com")
    ask = talk.ask("www.lan").ask
    talk.tell(PolicyChanged(policy(["||www.lan^"])))
    assert texts(talk.answer(ask, "www.example.com 30 A 192.0.2.7").reply.answer)[0] == (
        "www.lan. 60 CNAME www.example.com."
    )
    assert_at_rest(talk.engine)


# -- who asks --

SPLIT = (
    "nas.lan 60 A 192.168.1.5",
    "nas.lan 60 AAAA fd00::5",
    "nas.lan 60 A 10.8.0.5 @10.8.0.0/16",
    "nas.lan 60 A 10.8.9.5 @10.8.9.0/24,::1",
)


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        ("127.0.0.1", "192.168.1.5"),
        ("10.8.1.1", "10.8.0.5"),
        ("10.8.9.1", "10.8.9.5"),
        ("::1", "10.8.9.5"),
        ("::ffff:10.8.1.1", "10.8.0.5"),
    ],
)
def test_the_most_specific_network_of_the_client_decides(client, answer):
    talk = conversation(*SPLIT, allow_from=["127.0.0.0/8", "10.0.0.0/8", "::1", "::ffff:0:0/96"])
    said = talk.ask("nas.lan", client=client)
    assert texts(said.reply.answer) == [f"nas.lan. 60 A {answer}"]
    (packet,) = said.remembered
    assert packet.view == address(client)


def test_records_for_a_network_are_all_that_its_clients_see_of_a_name():
    """An address of one view and one of another would lead to different machines."""
    talk = conversation(*SPLIT)
    assert talk.ask("nas.lan", "AAAA", client="10.8.1.1").reply.answer == []
    assert talk.ask("nas.lan", "AAAA").reply.answer != []


def test_a_name_that_is_local_for_some_is_asked_for_by_others_and_not_replayed_to_them():
    talk = conversation("www.example.com 60 A 10.8.0.5 @10.8.0.0/16")
    assert not talk.ask("www.example.com", client="10.8.1.1").asks
    talk.answer(talk.ask("www.example.com").ask, "www.example.com 30 A 192.0.2.7")
    (packet,) = talk.ask("www.example.com").remembered
    assert packet.view == address("127.0.0.1")


def test_everybody_shares_answers_while_nothing_depends_on_who_asks():
    talk = conversation(*NAS)
    assert talk.ask("nas.lan").remembered[0].view == b""
    assert not talk.engine.tells_apart
    talk.tell(LocalChanged(local_data(SPLIT)))
    assert talk.engine.tells_apart
    talk.tell(LocalChanged(local_data(NAS)))
    assert not talk.engine.tells_apart


# -- the server itself --


def own() -> Own:
    def rr(text: str) -> RR:
        octets = address(text)
        return RR(1 if len(octets) == 4 else 28, 60, octets)

    views = {"127.0.0.0/8": (rr("127.0.0.1"),), "10.8.0.0/16": (rr("10.8.0.1"), rr("fd08::1"))}
    return Own(frozenset({from_text("mirage.hole")}), Split(views, (rr("192.168.1.2"),)))


@pytest.mark.parametrize(
    ("client", "answer"), [("127.0.0.1", "127.0.0.1"), ("10.8.3.4", "10.8.0.1"), ("10.9.0.1", "192.168.1.2")]
)
def test_the_servers_name_leads_to_it_from_wherever_one_asks(client, answer):
    talk = conversation(own=own())
    said = talk.ask("Mirage.Hole", client=client)
    assert texts(said.reply.answer) == [f"Mirage.Hole. 60 A {answer}"]
    assert said.record.subject.outcome is Outcome.SPECIAL
    assert ede(said.reply) == [(29, "the name of this server")]
    assert not said.remembered  # another client's would be wrong
    assert not talk.engine.tells_apart


def test_the_servers_name_has_no_other_data():
    talk = conversation(own=own())
    said = talk.ask("mirage.hole", "HTTPS")
    assert (said.asks, said.reply.rcode(), said.reply.answer) == ([], dns.rcode.NOERROR, [])
    assert talk.ask("mirage.hole", "AAAA").reply.answer == []


def test_a_record_of_ones_own_counts_more_than_the_servers_name():
    talk = conversation("mirage.hole 60 A 192.168.1.99", own=own())
    assert texts(talk.ask("mirage.hole").reply.answer) == ["mirage.hole. 60 A 192.168.1.99"]


# -- changes --


def test_a_change_holds_at_once_for_those_who_wait():
    talk = Conversation()
    ask = talk.ask("nas.company.example").ask
    said = talk.tell(LocalChanged(local_data(["nas.company.example 60 A 192.168.1.5"])))
    assert said.forgot
    assert texts(said.reply.answer) == ["nas.company.example. 60 A 192.168.1.5"]
    assert not talk.answer(ask, "nas.company.example 60 A 192.0.2.1").replies
    assert_at_rest(talk.engine)


def test_those_who_wait_for_something_else_wait_on():
    talk = Conversation()
    ask = talk.ask("www.example.com").ask
    assert not talk.tell(LocalChanged(local_data(NAS))).replies
    assert talk.answer(ask, "www.example.com 60 A 192.0.2.1").reply.answer


def test_a_local_answer_is_replayed_and_survives_a_pause():
    talk = conversation(*NAS)
    talk.engine.paused_until = talk.now + 100
    assert talk.ask("nas.lan").remembered


def test_a_large_answer_comes_over_tcp():
    talk = conversation(*(f"many.lan 60 A 192.168.{number >> 8}.{number & 255}" for number in range(300)))
    assert talk.ask("many.lan").reply.flags & 0x0200  # TC
    assert len(texts(talk.ask("many.lan", transport="tcp").reply.answer)) == 300


def test_any_gets_one_type():
    """RFC 8482 4.1."""
    talk = conversation(*NAS)
    assert texts(talk.ask("nas.lan", "ANY").reply.answer) == ["nas.lan. 60 A 192.168.1.5"]


def test_strangers_learn_nothing_of_it():
    talk = Conversation(an_engine(allow_from=["127.0.0.0/8"]))
    talk.tell(LocalChanged(local_data(NAS, "lan")))
    assert not talk.ask("nas.lan", client="203.0.113.9").replies
