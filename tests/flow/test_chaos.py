"""What the server says of itself, and to whom not (RFC 4892)."""

from __future__ import annotations

import dns.edns
import dns.rcode
import dns.rdataclass
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.chaos import texts as what_is_said
from tests.make import Conversation, ede, texts

NAMES = ("version.bind", "version.server", "id.server", "hostname.bind")


def talk_of(version: str = "", identity: str = "", **how: object) -> Conversation:
    talk = Conversation(**how)
    talk.engine.chaos = what_is_said(version, identity)
    return talk


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", NAMES)
def test_version_and_identity_are_told_in_class_chaos(name, transport):
    """RFC 4892 3.1: TXT in class CH."""
    said = talk_of("Mirage Hole", "cellar").ask(name, "TXT", qclass="CH", transport=transport)
    text = "Mirage Hole" if name.startswith("version") else "cellar"
    (rrset,) = said.reply.answer
    assert (rrset.rdclass, texts([rrset])) == (dns.rdataclass.CH, [f'{name}. 0 TXT "{text}"'])
    assert said.record.subject.outcome is Outcome.SPECIAL
    assert not said.asks


def test_the_name_is_compared_without_regard_to_case_and_comes_back_as_it_was_spelt():
    """RFC 4343."""
    reply = talk_of("x").ask("Version.BIND", "TXT", qclass="CH").reply
    assert texts(reply.answer) == ['Version.BIND. 0 TXT "x"']


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_text_is_not_told(name):
    """RFC 4892 3.5: an operator may have reasons to say nothing."""
    said = talk_of().ask(name, "TXT", qclass="CH")
    assert (said.reply.rcode(), ede(said.reply)) == (dns.rcode.REFUSED, [(18, "not told here")])
    assert said.record.subject.outcome is Outcome.REFUSED


def test_one_may_be_told_without_the_other():
    talk = talk_of(identity="cellar")
    assert talk.ask("version.server", "TXT", qclass="CH").reply.rcode() == dns.rcode.REFUSED
    assert texts(talk.ask("hostname.bind", "TXT", qclass="CH").reply.answer) == ['hostname.bind. 0 TXT "cellar"']


@pytest.mark.parametrize(
    ("name", "qtype", "qclass"),
    [
        ("x.version.bind", "TXT", "CH"),
        ("bind", "TXT", "CH"),
        ("authors.bind", "TXT", "CH"),
        ("cachesize.bind", "TXT", "CH"),
        (".", "TXT", "CH"),
        ("version.bind", "A", "CH"),
        ("version.bind", "ANY", "CH"),
        ("version.bind", "TXT", "HS"),
        ("version.bind", "TXT", "ANY"),
    ],
)
def test_nothing_else_is_told_outside_class_in(name, qtype, qclass):
    said = talk_of("Mirage Hole", "cellar").ask(name, qtype, qclass=qclass)
    assert (said.reply.rcode(), ede(said.reply)) == (dns.rcode.REFUSED, [(21, "class IN only")])
    assert not said.asks


def test_in_class_in_they_are_names_like_any_other():
    assert talk_of("Mirage Hole", "cellar").ask("version.bind", "TXT").asks


def test_strangers_are_told_nothing():
    said = talk_of("Mirage Hole", "cellar").ask("version.bind", "TXT", qclass="CH", client="203.0.113.9")
    assert said.silent


def test_the_longest_text_fits():
    reply = talk_of("ü" * 127 + "x").ask("version.bind", "TXT", qclass="CH").reply
    (rrset,) = reply.answer
    assert b"".join(rrset[0].strings).decode() == "ü" * 127 + "x"


def test_it_is_answered_without_rd_too():
    """RFC 4892 2: so monitoring asks, which wants this server's own word."""
    reply = talk_of("Mirage Hole").ask("version.bind", "TXT", qclass="CH", flags="").reply
    assert texts(reply.answer) == ['version.bind. 0 TXT "Mirage Hole"']
