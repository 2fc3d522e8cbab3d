"""What upstreams are told of where clients are, and who gets the answers (RFC 7871)."""

from __future__ import annotations

import struct

import dns.edns
import dns.message
import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver import subnets as told
from mirage_hole.resolver.events import LocalChanged
from mirage_hole.resolver.subnets import subnets_of
from mirage_hole.upstream.groups import Group
from tests.local.data import local_data
from tests.make import Conversation, Said, an_engine, an_upstream, answer_to, assert_at_rest, ede, texts

NAME = "www.example.com"
RECORD = f"{NAME} 300 A 192.0.2.7"
OTHER = f"{NAME} 300 A 192.0.2.8"


def ecs(text: str, scope: int = 0) -> dns.edns.ECSOption:
    address, _, length = text.partition("/")
    return dns.edns.ECSOption(address, int(length), scope)


def raw(family: int, length: int, scope: int, prefix: bytes) -> dns.edns.GenericOption:
    return dns.edns.GenericOption(8, struct.pack(">HBB", family, length, scope) + prefix)


def subnet_in(message: dns.message.Message) -> str | None:
    """``203.0.113.0/24/20``: address, source and scope."""
    found = [option for option in message.options if option.otype == dns.edns.OptionType.ECS]
    assert len(found) <= 1
    return f"{found[0].address}/{found[0].srclen}/{found[0].scopelen}" if found else None


def asked_with(ask: object) -> str | None:
    return subnet_in(dns.message.from_wire(ask.wire))


def conversation(setting: str, **how: object) -> Conversation:
    talk = Conversation(**how)
    talk.engine.tell_subnets(subnets_of(setting))
    return talk


def answer(talk: Conversation, ask: object, *records: str, subnet: str | None, scope: int = 0) -> Said:
    """The upstream's answer, with the option as it sends it."""
    message = dns.message.from_wire(answer_to(ask.wire, *records))
    message.use_edns(0, options=[ecs(subnet, scope)] if subnet else None, payload=1232)
    return talk.come(message.to_wire(), ask)


# -- strip --


def test_by_default_nothing_is_told_and_nothing_comes_back():
    """RFC 7871 2, 11.1: off unless somebody wants it. Then the option is one that is not known here."""
    talk = conversation("strip")
    said = talk.ask(NAME, options=[ecs("203.0.113.7/32")])
    assert asked_with(said.ask) is None
    assert subnet_in(talk.answer(said.ask, RECORD).reply) is None
    assert not talk.ask(NAME, options=[ecs("198.51.100.0/24")]).asks


def test_an_option_that_an_upstream_sends_unasked_means_nothing():
    """RFC 7871 7.3."""
    talk = conversation("strip")
    assert subnet_in(answer(talk, talk.ask(NAME).ask, RECORD, subnet="203.0.113.0/24", scope=24).reply) is None
    assert not talk.ask(NAME).asks


MALFORMED = {
    "cut off": dns.edns.GenericOption(8, b"\0\1\x18"),
    "empty": dns.edns.GenericOption(8, b""),
    "of no known family": raw(3, 8, 0, b"\x01"),
    "of family 0 with a length": raw(0, 8, 0, b"\x01"),
    "longer than an IPv4 address": raw(1, 33, 0, bytes(5)),
    "longer than an IPv6 address": raw(2, 129, 0, bytes(17)),
    "too few octets": raw(1, 24, 0, b"\xcb\0"),
    "too many octets": raw(1, 24, 0, b"\xcb\0\x71\0"),
    "bits beyond its length": raw(1, 20, 0, b"\xcb\0\x71"),
    "a scope in a query": raw(1, 24, 24, b"\xcb\0\x71"),
}


@pytest.mark.parametrize("setting", ["strip", "forward", "203.0.113.0/24"])
@pytest.mark.parametrize("what", MALFORMED)
def test_a_subnet_that_makes_no_sense_is_a_format_error(what, setting):
    """RFC 7871 6, whatever becomes of good ones."""
    said = conversation(setting).ask(NAME, options=[MALFORMED[what]])
    assert (said.asks, said.reply.rcode(), said.reply.edns) == ([], dns.rcode.FORMERR, 0)
    assert said.record.subject.outcome is Outcome.MALFORMED


# -- forward --


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [
        ("203.0.113.0/24", "203.0.113.0/24/0"),
        ("203.0.113.255/32", "203.0.113.0/24/0"),
        ("203.0.0.0/9", "203.0.0.0/9/0"),
        ("2001:db8:1:2ff:4::5/128", "2001:db8:1:200::/56/0"),
        ("2001:db8::/32", "2001:db8::/32/0"),
    ],
)
def test_a_clients_own_subnet_is_passed_on_cut_short(sent, passed_on):
    """RFC 7871 7.1.1, 11.1: no more than /24 and /56."""
    assert asked_with(conversation("forward").ask(NAME, options=[ecs(sent)]).ask) == passed_on


@pytest.mark.parametrize(
    "private",
    ["10.1.2.0/24", "192.168.1.7/32", "172.16.0.0/12", "100.64.0.0/10", "127.0.0.0/8", "fd00::/48", "fe80::/64"],
)
def test_private_networks_are_never_told(private):
    """RFC 7871 11.1. Who sends one has the answer that everybody has."""
    talk = conversation("forward")
    said = talk.ask(NAME, options=[ecs(private)])
    assert asked_with(said.ask) is None
    assert subnet_in(talk.answer(said.ask, RECORD).reply) == f"{ecs(private).address}/{ecs(private).srclen}/0"
    assert not talk.ask(NAME).asks


def test_who_says_nothing_is_not_spoken_for():
    assert asked_with(conversation("forward").ask(NAME, client="10.0.0.7").ask) is None


@pytest.mark.parametrize("none", [raw(1, 0, 0, b""), raw(2, 0, 0, b""), raw(0, 0, 0, b"")])
@pytest.mark.parametrize("setting", ["forward", "203.0.113.0/24", "0.0.0.0/0"])
def test_a_prefix_of_no_length_asks_for_privacy_and_gets_it(none, setting):
    """RFC 7871 7.1.2: nothing is told, and the upstream is told to tell nothing either."""
    talk = conversation(setting)
    said = talk.ask(NAME, options=[none])
    assert asked_with(said.ask) == "0.0.0.0/0/0"
    reply = answer(talk, said.ask, RECORD, subnet="0.0.0.0/0").wire
    assert none.to_wire() in reply


def test_the_clients_option_comes_back_with_the_scope_of_the_answer():
    """RFC 7871 7.2.1: family, address and source as they came, however much of them was passed on."""
    talk = conversation("forward")
    ask = talk.ask(NAME, options=[ecs("203.0.113.77/32")]).ask
    assert subnet_in(answer(talk, ask, RECORD, subnet="203.0.113.0/24", scope=20).reply) == "203.0.113.77/32/20"


def test_an_answer_from_the_cache_has_its_scope_and_each_client_its_own_option():
    talk = conversation("forward")
    ask = talk.ask(NAME, options=[ecs("203.0.113.77/32")]).ask
    answer(talk, ask, RECORD, subnet="203.0.113.0/24", scope=24)
    for sent in ("203.0.113.0/24", "203.0.113.78/32"):
        said = talk.ask(NAME, options=[ecs(sent)])
        assert (said.asks, texts(said.reply.answer)) == ([], [f"{NAME}. 300 A 192.0.2.7"])
        assert subnet_in(said.reply) == f"{sent}/24"
        assert subnet_in(dns.message.from_wire(said.remembered[0].answer)) == f"{sent}/24"


def test_an_upstream_that_knows_no_subnets_has_answers_for_everybody():
    """RFC 7871 7.2.2: without an option, the scope is 0."""
    talk = conversation("forward")
    said = talk.answer(talk.ask(NAME, options=[ecs("203.0.113.0/24")]).ask, RECORD)
    assert subnet_in(said.reply) == "203.0.113.0/24/0"


@pytest.mark.parametrize("scope", [0, 16, 24, 32])
@pytest.mark.parametrize("other", ["198.51.100.0/24", "203.0.114.0/24", "203.0.112.0/23", "0.0.0.0/0", ""])
def test_an_answer_for_one_subnet_is_for_nobody_else(other, scope):
    """RFC 7871 7.3.1."""
    talk = conversation("forward")
    ask = talk.ask(NAME, options=[ecs("203.0.113.0/24")]).ask
    answer(talk, ask, RECORD, subnet="203.0.113.0/24", scope=scope)
    asking = talk.ask(NAME, options=[ecs(other)] if other else [])
    assert len(asking.asks) == 1
    reply = talk.answer(asking.ask, OTHER).reply
    assert texts(reply.answer) == [f"{NAME}. 300 A 192.0.2.8"]
    assert texts(talk.ask(NAME, options=[ecs("203.0.113.0/24")]).reply.answer) == [f"{NAME}. 300 A 192.0.2.7"]


def test_in_flight_they_do_not_wait_for_each_other():
    talk = conversation("forward")
    first = talk.ask(NAME, options=[ecs("203.0.113.0/24")]).ask
    second = talk.ask(NAME, options=[ecs("198.51.100.0/24")]).ask
    plain = talk.ask(NAME).ask
    assert not talk.ask(NAME, options=[ecs("203.0.113.9/32")]).asks
    assert len(answer(talk, first, RECORD, subnet="203.0.113.0/24", scope=24).replies) == 2
    assert len(answer(talk, second, RECORD, subnet="198.51.100.0/24", scope=24).replies) == 1
    assert len(talk.answer(plain, RECORD).replies) == 1
    assert_at_rest(talk.engine)


@pytest.mark.parametrize(("subnet", "scope"), [("203.0.114.0/24", 24), ("203.0.113.0/23", 23), ("2001:db8::/24", 0)])
@pytest.mark.parametrize("setting", ["forward", "203.0.113.0/24"])
def test_an_answer_for_another_subnet_is_none(subnet, scope, setting):
    """RFC 7871 7.3: it may be forged, so the true one is waited for."""
    talk = conversation(setting)
    ask = talk.ask(NAME, options=[ecs("203.0.113.0/24")]).ask
    said = answer(talk, ask, RECORD, subnet=subnet, scope=scope)
    assert said.silent
    assert talk.engine.mismatched == 1
    assert answer(talk, ask, OTHER, subnet="203.0.113.0/24").reply.answer


def test_an_impossible_scope_is_no_answer_either():
    talk = conversation("forward")
    ask = talk.ask(NAME, options=[ecs("203.0.113.0/24")]).ask
    message = bytearray(answer_to(ask.wire, RECORD))
    message[-2:] = b"\0\x0b"
    assert talk.come(bytes(message) + b"\0\x08\0\x07\0\x01\x18\x21\xcb\0\x71", ask).silent
    assert answer(talk, ask, RECORD, subnet="203.0.113.0/24").reply.answer


def test_over_tcp_the_subnet_goes_along():
    talk = conversation("forward")
    ask = talk.ask(NAME, options=[ecs("203.0.113.0/24")]).ask
    again = talk.answer(ask, flags="QR RD RA TC").ask
    assert (again.over_tcp, asked_with(again)) == (True, "203.0.113.0/24/0")
    reply = answer(talk, again, RECORD, subnet="203.0.114.0/24").reply
    assert (reply.rcode(), subnet_in(reply)) == (dns.rcode.SERVFAIL, "203.0.113.0/24/0")
    assert ede(reply) == [(23, "192.0.2.1:53: answered for another subnet")]


def test_an_upstream_that_can_not_read_edns_is_asked_without():
    """RFC 6891 7."""
    talk = conversation("forward")
    ask = talk.ask(NAME, options=[ecs("203.0.113.0/24")]).ask
    again = talk.answer(ask, rcode="FORMERR", edns=False).ask
    assert dns.message.from_wire(again.wire).edns == -1
    assert subnet_in(talk.answer(again, RECORD, edns=False).reply) == "203.0.113.0/24/0"


@pytest.mark.parametrize("name", ["ads.example", "localhost"])
def test_what_is_answered_here_is_for_everybody(name):
    said = conversation("forward", blocks=["||ads.example^"]).ask(name, options=[ecs("203.0.113.0/24")])
    assert subnet_in(said.reply) == "203.0.113.0/24/0"


def test_without_rd_nobody_is_asked_with_a_subnet_either():
    talk = conversation("forward")
    talk.tell(LocalChanged(local_data([f"out.lan 60 CNAME {NAME}"])))
    for name, rcode in ((NAME, dns.rcode.REFUSED), ("out.lan", dns.rcode.NOERROR)):
        said = talk.ask(name, flags="", options=[ecs("203.0.113.0/24")])
        assert (said.asks, said.reply.rcode()) == ([], rcode)
        assert subnet_in(said.reply) == "203.0.113.0/24/0"


def test_where_a_local_alias_leads_is_asked_for_with_the_subnet():
    talk = conversation("forward")
    talk.tell(LocalChanged(local_data([f"out.lan 60 CNAME {NAME}"])))
    ask = talk.ask("out.lan", options=[ecs("203.0.113.9/32")]).ask
    assert asked_with(ask) == "203.0.113.0/24/0"
    reply = answer(talk, ask, RECORD, subnet="203.0.113.0/24", scope=24).reply
    assert texts(reply.answer) == [f"out.lan. 60 CNAME {NAME}.", f"{NAME}. 300 A 192.0.2.7"]
    assert subnet_in(reply) == "203.0.113.9/32/24"


def test_options_of_other_kinds_stay_beside_it():
    """RFC 5001: NSID."""
    talk = conversation("forward")
    talk.engine.extras = type(talk.engine.extras)(nsid=b"here")
    talk.engine.tell_subnets(subnets_of("forward"))
    ask = talk.ask(NAME, options=[dns.edns.GenericOption(3, b""), ecs("203.0.113.0/24")]).ask
    reply = answer(talk, ask, RECORD, subnet="203.0.113.0/24", scope=16).reply
    assert subnet_in(reply) == "203.0.113.0/24/16"
    assert [option.to_wire() for option in reply.options if option.otype == 3] == [b"here"]


def test_a_popular_answer_is_renewed_for_its_own_subnet():
    talk = conversation("forward")
    sent = [ecs("203.0.113.0/24")]
    answer(talk, talk.ask(NAME, options=sent).ask, RECORD, subnet="203.0.113.0/24", scope=24)
    talk.ask(NAME, options=sent)
    talk.now += 280
    assert asked_with(talk.ask(NAME, options=sent).ask) == "203.0.113.0/24/0"


def test_an_old_answer_serves_its_own_subnet_alone():
    """RFC 8767 4."""
    talk = conversation("forward")
    sent = [ecs("203.0.113.0/24")]
    answer(talk, talk.ask(NAME, options=sent).ask, RECORD, subnet="203.0.113.0/24", scope=24)
    talk.now += 400
    talk.ask(NAME, options=sent)
    (reply,) = talk.wait(2.0).replies
    assert (subnet_in(reply), ede(reply)[0][0]) == ("203.0.113.0/24/24", 3)
    assert talk.ask(NAME).asks


def test_a_blocked_chain_is_forgotten_for_every_subnet():
    """A, AAAA and HTTPS of a name never contradict each other, wherever the client is."""
    talk = conversation("forward", blocks=["||tracker.example^"])
    sent = [ecs("203.0.113.0/24")]
    talk.answer(talk.ask(NAME, "AAAA", options=sent).ask, f"{NAME} 300 AAAA 2001:db8::7")
    chain = (f"{NAME} 300 CNAME x.tracker.example.", "x.tracker.example 300 A 192.0.2.7")
    said = talk.answer(talk.ask(NAME, options=sent).ask, *chain)
    assert said.forgot
    assert talk.ask(NAME, "AAAA", options=sent).record.subject.outcome is Outcome.BLOCKED


def test_signatures_are_taken_out_for_who_did_not_ask_for_them():
    """RFC 4035 3.2.1. The name and the type are found in the question, with or without a subnet."""
    talk = conversation("forward")
    rrsig = f"{NAME} 300 RRSIG A 8 3 300 20300101000000 20200101000000 1 example.com. AAAA"
    reply = talk.answer(talk.ask(NAME, options=[ecs("203.0.113.0/24")]).ask, RECORD, rrsig).reply
    assert texts(reply.answer) == [f"{NAME}. 300 A 192.0.2.7"]


def test_more_subnets_than_are_told_apart_are_not_passed_on(monkeypatch):
    monkeypatch.setattr(told, "MOST", 2)
    talk = conversation("forward")
    asks = [talk.ask(NAME, options=[ecs(f"203.0.{number}.0/24")]).ask for number in range(3)]
    assert [asked_with(ask) for ask in asks] == ["203.0.0.0/24/0", "203.0.1.0/24/0", None]
    assert asked_with(talk.ask("other.example", options=[ecs("203.0.1.0/24")]).ask) == "203.0.1.0/24/0"


def test_strangers_do_not_use_them_up(monkeypatch):
    monkeypatch.setattr(told, "MOST", 1)
    talk = conversation("forward")
    assert talk.ask(NAME, options=[ecs("203.0.113.0/24")], client="198.51.100.9").silent
    assert asked_with(talk.ask(NAME, options=[ecs("198.51.100.0/24")]).ask) == "198.51.100.0/24/0"


def test_groups_have_their_own_answers_for_a_subnet():
    groups = [Group(0, "default", [an_upstream(0)]), Group(1, "work", [an_upstream(1)])]
    talk = Conversation(an_engine(groups=groups, routes={"corp.example": 1}))
    talk.engine.tell_subnets(subnets_of("forward"))
    ask = talk.ask("www.corp.example", options=[ecs("203.0.113.0/24")]).ask
    assert (ask.upstream, asked_with(ask)) == (1, "203.0.113.0/24/0")
    assert subnet_in(talk.answer(ask, "www.corp.example 60 A 192.0.2.7").reply) == "203.0.113.0/24/0"


# -- one subnet for all --


@pytest.mark.parametrize("setting", ["203.0.113.0/24", "2001:db8:ff00::/40", "0.0.0.0/0"])
def test_one_subnet_is_told_for_all_and_the_answer_is_everybodys(setting):
    """RFC 7871 11.1 lets a resolver send what it likes."""
    talk = conversation(setting)
    ask = talk.ask(NAME, client="10.0.0.7").ask
    assert asked_with(ask) == f"{setting}/0"
    reply = answer(talk, ask, RECORD, subnet=setting, scope=0).reply
    assert subnet_in(reply) is None
    said = talk.ask(NAME, options=[ecs("198.51.100.0/24")])
    assert (said.asks, subnet_in(said.reply)) == ([], "198.51.100.0/24/0")


def test_its_scope_is_nothing_to_clients():
    talk = conversation("203.0.113.0/24")
    ask = talk.ask(NAME, options=[ecs("198.51.100.0/24")]).ask
    assert subnet_in(answer(talk, ask, RECORD, subnet="203.0.113.0/24", scope=24).reply) == "198.51.100.0/24/0"


def test_what_is_renewed_tells_it_too():
    talk = conversation("203.0.113.0/24")
    answer(talk, talk.ask(NAME).ask, RECORD, subnet="203.0.113.0/24", scope=24)
    talk.ask(NAME)
    talk.now += 280
    assert asked_with(talk.ask(NAME).ask) == "203.0.113.0/24/0"


@pytest.mark.parametrize("setting", ["203.0.113.7/24", "203.0.113.0/33", "house", ""])
def test_a_setting_that_is_none_is_told(setting):
    with pytest.raises(ValueError, match=setting or "does not appear"):
        subnets_of(setting)
