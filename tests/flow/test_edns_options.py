"""What clients get that ask by an EDNS option: cookies, the server's name, how long a stream may be idle, padding."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from mirage_hole.cache.packets import EVERYBODY
from mirage_hole.policy.limits import ClientLimits, RepeatedAnswers
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.cookies import Cookies
from mirage_hole.resolver.extras import Extras
from mirage_hole.wire.names import from_text
from mirage_hole.wire.options import COOKIE, KEEPALIVE, NSID, PADDING
from tests.make import Conversation, Said, address, assert_at_rest, ede

MINE = bytes(range(1, 9))
HOG = "10.0.0.66"
WAYS = ["blocked", "forwarded", "cached", "refused", "failed", "local"]
"""How a query ends."""


@pytest.fixture
def conversation() -> Conversation:
    found = Conversation(blocks=["||ads.example^"])
    found.engine.extras = Extras(cookies=Cookies([bytes(16)], 1_800_000_000.0), nsid=b"attic", block=468, idle=10.0)
    return found


def option(code: int, content: bytes = b"") -> dns.edns.Option:
    return dns.edns.GenericOption(code, content)


def cookie(content: bytes = MINE) -> list[dns.edns.Option]:
    return [option(COOKIE, content)]


def told(message: dns.message.Message, code: int) -> bytes | None:
    """What an option of a reply holds; None when it is not there."""
    found = [one.to_wire() for one in message.options if one.otype == code]
    assert len(found) <= 1
    return found[0] if found else None


def ended(conversation: Conversation, way: str, **how: object) -> Said:
    """A query that ends in this way."""
    match way:
        case "blocked":
            return conversation.ask("ads.example", **how)
        case "forwarded":
            return conversation.answer(conversation.ask("www.example", **how).ask, "www.example 60 A 192.0.2.9")
        case "cached":
            conversation.learn("www.example", "www.example 60 A 192.0.2.9")
            return conversation.ask("www.example", **how)
        case "refused":
            return conversation.ask("www.example", "AXFR", **how)
        case "failed":
            conversation.ask("www.example", **how)
            return conversation.wait(6)
        case "local":
            return conversation.ask("localhost", **how)
    raise AssertionError(way)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("way", WAYS)
def test_every_reply_brings_a_cookie_that_is_good_the_next_time(conversation, way, transport):
    """RFC 7873 5.2: whatever the answer; RFC 9018 4: version 1, 16 octets behind the client's 8."""
    said = ended(conversation, way, options=cookie(), transport=transport)
    brought = told(said.reply, COOKIE)
    assert brought[:12] == MINE + b"\x01\0\0\0"
    assert len(brought) == 24
    again = conversation.ask("ads.example", options=cookie(brought), transport=transport)
    assert told(again.reply, COOKIE) == brought
    cookies = conversation.engine.extras.cookies
    assert (cookies.unproven, cookies.proven) == (1, 1)
    assert_at_rest(conversation.engine)


@pytest.mark.parametrize("options", [[], [option(NSID)]])
def test_who_brings_no_cookie_gets_none(conversation, options):
    """RFC 7873 5.2.1."""
    assert told(conversation.ask("ads.example", options=options).reply, COOKIE) is None


def test_a_wrong_server_cookie_costs_nobody_his_answer(conversation):
    """RFC 7873 5.2.3, 5.2.4: processed as if there were none, with a good one for the next time."""
    wrong = MINE + b"\x01\0\0\0" + b"\xff" * 12
    said = conversation.ask("ads.example", options=cookie(wrong))
    assert said.record.subject.outcome is Outcome.BLOCKED
    assert told(said.reply, COOKIE) not in {None, wrong}


@pytest.mark.parametrize("length", [0, 7, 9, 15, 41])
@pytest.mark.parametrize("name", ["ads.example", "www.example"])
def test_a_cookie_of_an_impossible_length_is_formerr(conversation, name, length):
    """RFC 7873 5.2.2."""
    said = conversation.ask(name, options=cookie(bytes(length)))
    assert said.reply.rcode() == dns.rcode.FORMERR
    assert said.record.subject.outcome is Outcome.MALFORMED
    assert_at_rest(conversation.engine)


def test_a_reply_with_a_cookie_is_never_replayed_to_another_query(conversation):
    """Cookies change; the answer behind them is kept all the same."""
    assert not ended(conversation, "forwarded", options=cookie()).remembered
    assert conversation.ask("www.example", options=cookie()).reply.answer


def test_cookies_may_be_switched_off(conversation):
    conversation.engine.extras = Extras()
    said = conversation.ask("ads.example", options=cookie())
    assert (said.reply.rcode(), told(said.reply, COOKIE)) == (dns.rcode.NOERROR, None)


# -- the address is proven --


@pytest.fixture
def limited(conversation: Conversation) -> Conversation:
    conversation.engine.limits = ClientLimits(5, 5)
    conversation.engine.limits.turn({address(HOG): 16}, conversation.now)
    return conversation


def test_a_client_over_its_limit_with_a_good_cookie_needs_no_tcp(limited):
    """RFC 7873 1: its address is as sure as a stream's. Twice what it may have is the end all the same."""
    good = told(limited.ask("ads.example", options=cookie(), client=HOG).reply, COOKIE)
    said = [limited.ask("ads.example", options=cookie(good), client=HOG) for _ in range(14)]
    assert [one.record.subject.outcome for one in said[:9]] == [Outcome.BLOCKED] * 9
    assert {one.reply.rcode() for one in said[9:]} == {dns.rcode.REFUSED}
    assert (limited.engine.limits.slipped, limited.engine.limits.refused) == (0, 5)


def test_a_client_over_its_limit_that_knows_cookies_is_told_badcookie_with_a_new_one(limited):
    """RFC 7873 5.2.3, 5.2.4; BADCOOKIE is 23, of which OPT has the upper bits (RFC 6891 6.1.3)."""
    for _ in range(5):
        limited.ask("ads.example", options=cookie(), client=HOG)
    said = limited.ask("ads.example", options=cookie(), client=HOG)
    assert said.reply.rcode() == dns.rcode.BADCOOKIE
    assert not said.reply.answer
    assert not said.reply.flags & dns.flags.TC
    assert said.record.subject.outcome is Outcome.LIMITED
    again = limited.ask("ads.example", options=cookie(told(said.reply, COOKIE)), client=HOG)
    assert again.record.subject.outcome is Outcome.BLOCKED


def test_a_client_with_a_good_cookie_is_no_victim_of_forged_queries():
    """Answers that go to one network too often are for those in it who did not ask; this one did."""
    victim = "198.51.100.7"
    conversation = Conversation(blocks=["||ads.example^"], allow_from=("0.0.0.0/0",))
    conversation.engine.extras = Extras(cookies=Cookies([bytes(16)], 0.0))
    limits = conversation.engine.limits = ClientLimits(1000, 1000, repeated=RepeatedAnswers(4))
    good = told(conversation.ask("ads.example", options=cookie(), client=victim).reply, COOKIE)
    limits.turn({}, conversation.now, {(address(victim), from_text("ads.example")): 200})
    forged = [conversation.ask("ads.example", client=victim) for _ in range(20)]
    assert Outcome.LIMITED in {one.record.subject.outcome for one in forged}
    honest = [conversation.ask("ads.example", options=cookie(good), client=victim) for _ in range(20)]
    assert {one.record.subject.outcome for one in honest} == {Outcome.BLOCKED}


# -- NSID --


@pytest.mark.parametrize("way", WAYS)
def test_who_asks_for_the_name_of_the_server_gets_it(conversation, way):
    """RFC 5001 2.1, 2.3."""
    assert told(ended(conversation, way, options=[option(NSID)]).reply, NSID) == b"attic"


def test_a_name_that_is_not_set_is_told_to_nobody(conversation):
    conversation.engine.extras = Extras()
    assert told(conversation.ask("ads.example", options=[option(NSID)]).reply, NSID) is None


def test_a_reply_with_the_servers_name_is_replayed_to_whoever_asks_alike(conversation):
    (kept,) = conversation.ask("ads.example", options=[option(NSID)]).remembered
    assert kept.view == EVERYBODY
    assert told(dns.message.from_wire(kept.answer), NSID) == b"attic"


# -- keepalive --


def test_over_tcp_a_client_learns_how_long_it_may_be_idle(conversation):
    """RFC 7828 3.1: in units of 100 milliseconds."""
    said = conversation.ask("ads.example", options=[option(KEEPALIVE)], transport="tcp")
    assert told(said.reply, KEEPALIVE) == (100).to_bytes(2, "big")


def test_over_udp_the_option_is_ignored(conversation):
    """RFC 7828 3.2.1, 3.3.2."""
    assert told(conversation.ask("ads.example", options=[option(KEEPALIVE)]).reply, KEEPALIVE) is None


# -- padding --


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("block", [468, 128, 1])
def test_a_padded_query_over_tcp_gets_a_padded_reply(conversation, way, block):
    """RFC 7830 4, RFC 8467 4.1: to a multiple of 468 octets; with zeros."""
    conversation.engine.extras = Extras(block=block)
    said = ended(conversation, way, options=[option(PADDING, bytes(20))], transport="tcp")
    assert len(said.wire) % block == 0
    assert not any(told(said.reply, PADDING))


@pytest.mark.parametrize(("block", "transport"), [(468, "udp"), (0, "tcp")])
def test_over_udp_or_switched_off_nothing_is_padded(conversation, block, transport):
    """RFC 7830 6: a small query with a forged source must not get a large reply."""
    conversation.engine.extras = Extras(block=block)
    said = conversation.ask("ads.example", options=[option(PADDING, bytes(20))], transport=transport)
    assert told(said.reply, PADDING) is None


# -- room --


def test_a_reply_without_room_loses_its_records_before_its_cookie(conversation):
    """RFC 6891 7: OPT stays in a truncated reply, and with it what proves the client's address when it asks again."""
    records = [f"www.example 60 A 192.0.2.{number}" for number in range(1, 40)]
    asked = conversation.ask("www.example", options=cookie(), payload=512)
    said = conversation.answer(asked.ask, *records)
    assert said.reply.flags & dns.flags.TC
    assert not said.reply.answer
    assert told(said.reply, COOKIE)[:8] == MINE
    assert len(said.wire) <= 512


def test_why_a_name_is_blocked_goes_before_the_cookie_does(conversation):
    said = conversation.ask("ads.example", options=[*cookie(), option(NSID)])
    assert ede(said.reply)
    assert told(said.reply, COOKIE)[:8] == MINE


@pytest.mark.parametrize("count", range(25, 32))
def test_padding_stops_where_the_message_ends(conversation, count):
    """65,535 octets is all that a stream's message can have (RFC 1035 4.2.2)."""
    conversation.engine.extras = Extras(block=4096)
    asked = conversation.ask("www.example", "TXT", options=[option(PADDING)], transport="tcp")
    text = " ".join('"' + "x" * 250 + '"' for _ in range(8))
    said = conversation.answer(asked.ask, *(f"www.example 60 TXT {text} {number}" for number in range(count)))
    assert len(said.wire) <= 65535
    assert len(said.wire) % 4096 == 0 or len(said.wire) == 65535
    assert len(said.reply.answer[0]) == count
