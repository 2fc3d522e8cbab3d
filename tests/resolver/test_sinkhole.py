from __future__ import annotations

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.rule import Action, Scope
from mirage_hole.policy.order import Step
from mirage_hole.policy.verdict import Match
from mirage_hole.resolver.sinkhole import MODES, Sinkhole, blocked_option
from mirage_hole.wire.names import from_text, to_text
from mirage_hole.wire.query import parse_query
from mirage_hole.wire.reply import build_reply
from tests.make import query, texts


def a_match(name: str, scope: Scope = Scope.SUBTREE) -> Match:
    return Match(0, Action.BLOCK, scope, from_text(name), 1, Step.BLOCK)


def reply_of(sinkhole: Sinkhole, name: str, qtype: str, rule: str) -> dns.message.Message:
    parsed = parse_query(query(name, qtype))
    answer = sinkhole.answer(parsed, a_match(rule))
    return dns.message.from_wire(build_reply(parsed, answer.rcode, answer.records, answer.counts))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_makes_messages_that_can_be_read(mode):
    sinkhole = Sinkhole(mode, 10, "10.9.9.9", "fd00::9")
    for qtype in ("A", "AAAA", "ANY", "HTTPS", "TXT"):
        reply = reply_of(sinkhole, "a.ads.example", qtype, "ads.example")
        assert reply.question[0].to_text() == f"a.ads.example. IN {qtype}"


def test_an_unknown_mode_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"'nul' is no block mode; write one of null, nxdomain, nodata, refused, ip"):
        Sinkhole("nul", 10)


@pytest.mark.parametrize("given", [{"ipv4": "fd00::9"}, {"ipv6": "10.9.9.9"}, {"ipv4": "10.9.9"}])
def test_what_is_no_address_of_the_family_is_refused(given):
    with pytest.raises(ValueError, match=next(iter(given.values()))):
        Sinkhole("ip", 10, **given)


def test_the_soa_names_no_real_zone():
    """``invalid`` is reserved (RFC 6761 6.4), so nobody is sent anywhere."""
    (soa,) = reply_of(Sinkhole("nxdomain", 30), "ads.example", "A", "ads.example").authority
    assert str(soa[0].mname) == "mirage-hole.invalid."
    assert str(soa[0].rname) == "blocked.invalid."


def test_a_rule_for_the_root_has_its_soa_there():
    for name in ("ads.example", "."):
        (soa,) = reply_of(Sinkhole("nodata", 30), name, "A", ".").authority
        assert str(soa.name) == "."


labels = st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=6).filter(
    lambda parts: sum(len(part) + 1 for part in parts) < 255
)


@given(labels, st.data())
def test_the_soas_owner_is_the_rules_name_whatever_the_octets(parts, data):
    depth = data.draw(st.integers(0, len(parts)))
    wire = b"".join(bytes((len(part),)) + part for part in parts) + b"\0"
    rule = b"".join(bytes((len(part),)) + part for part in parts[depth:]) + b"\0"
    packet = bytes(4) + b"\0\1" + bytes(6) + wire + b"\0\x10\0\1"
    parsed = parse_query(packet)
    answer = Sinkhole("nodata", 30).answer(parsed, Match(0, Action.BLOCK, Scope.SUBTREE, rule, 1, Step.BLOCK))
    reply = dns.message.from_wire(build_reply(parsed, answer.rcode, answer.records, answer.counts))
    assert reply.authority[0].name.to_wire() == rule


def test_the_ttl_is_as_configured():
    reply = reply_of(Sinkhole("ip", 3600, "10.9.9.9"), "ads.example", "A", "ads.example")
    assert texts(reply.answer) == ["ads.example. 3600 A 10.9.9.9"]


@pytest.mark.parametrize(
    ("scope", "text"), [(Scope.SUBTREE, "||ads.example^ in My list"), (Scope.EXACT, "ads.example in My list")]
)
def test_the_reason_names_rule_and_list(scope, text):
    option = blocked_option(a_match("ads.example", scope), "My list")
    assert option == b"\0\x0f" + (2 + len(text)).to_bytes(2, "big") + b"\0\x0f" + text.encode()


def test_a_long_title_is_cut_and_not_the_answer():
    option = blocked_option(a_match("ads.example"), "Liste für Werbung " * 100)
    assert len(option) < 200
    option[6:].decode()
    assert to_text(from_text("ads.example")) in option[6:].decode()
