"""Upstreams that are slow, gone, useless or lying: the client gets the best there is, in time, and exactly once."""

from __future__ import annotations

import dns.message
import dns.rcode
import pytest

from mirage_hole.observe.record import NO_UPSTREAM
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver import asking
from mirage_hole.resolver.asking import MAX_ATTEMPTS
from mirage_hole.resolver.events import DrainEnded, UpstreamReplied, UpstreamUnreachable
from mirage_hole.resolver.pending import TICK
from tests.make import Conversation, an_engine, answer_to, assert_at_rest, ede, texts

NAME = "www.example.com"
RECORD = "www.example.com 300 A 192.0.2.7"
LIE = "www.example.com 300 A 203.0.113.66"


# -- silence --


def test_an_upstream_that_is_silent_is_followed_by_the_next():
    conversation = Conversation(upstreams=2)
    first = conversation.ask(NAME).ask
    second = conversation.wait(first.patience + 2 * TICK).ask
    assert second.upstream != first.upstream
    assert second.ident != first.ident
    assert texts(conversation.answer(second, RECORD).reply.answer)
    assert_at_rest(conversation.engine)


def test_a_late_answer_is_taken():
    conversation = Conversation(upstreams=2)
    first = conversation.ask(NAME).ask
    second = conversation.wait(1).ask
    said = conversation.answer(first, RECORD)
    assert texts(said.reply.answer)
    assert said.record.subject.upstream == first.upstream
    assert_at_rest(conversation.engine)
    assert conversation.answer(second, LIE).silent


def test_only_one_upstream_is_asked_again_and_again():
    conversation = Conversation()
    conversation.ask(NAME)
    asks = conversation.wait(4.9).asks
    assert len(asks) >= 2
    assert {ask.upstream for ask in asks} == {0}


@pytest.mark.parametrize("timeout", [0.05, 0.3, 1.0, 5.0, 11.0])
@pytest.mark.parametrize("upstreams", [1, 2, 3])
def test_silence_ends_in_servfail_within_the_timeout(timeout, upstreams):
    conversation = Conversation(upstreams=upstreams, timeout=timeout)
    conversation.ask(NAME)
    said = conversation.wait(timeout + 2 * TICK)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    ((code, text),) = ede(said.reply)
    assert code == 22
    assert "192.0.2.1:53: did not answer" in text
    assert said.record.duration <= timeout + 2 * TICK
    assert (said.record.subject.outcome, said.record.subject.rcode) == (Outcome.FAILED, 2)
    assert_at_rest(conversation.engine)


def test_attempts_are_bounded_however_long_the_timeout():
    conversation = Conversation(timeout=600)
    first = conversation.ask(NAME)
    said = conversation.wait(601)
    assert len(first.asks) + len(said.asks) == MAX_ATTEMPTS
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)


def test_all_who_wait_are_told_and_each_once():
    conversation = Conversation()
    conversation.ask(NAME, ticket="a")
    conversation.ask(NAME, ticket="b")
    said = conversation.wait(6)
    assert sorted(said.tickets) == ["a", "b"]
    assert len(said.records) == 2


def test_a_client_that_asks_again_after_servfail_is_asked_for_anew():
    conversation = Conversation()
    conversation.ask(NAME)
    conversation.wait(11)  # five until it fails, and five for which that is remembered (RFC 9520)
    assert conversation.learn(NAME, RECORD).reply.answer


# -- gone --


def test_an_upstream_that_is_gone_is_told_of_at_once():
    conversation = Conversation()
    said = conversation.refuse(conversation.ask(NAME).ask)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(23, "192.0.2.1:53: connection refused")]
    assert said.record.subject.upstream == 0
    assert_at_rest(conversation.engine)


def test_every_upstream_is_tried_before_giving_up_and_all_are_named():
    conversation = Conversation(upstreams=3)
    said = conversation.ask(NAME)
    numbers = []
    while said.asks:
        numbers.append(said.ask.upstream)
        said = conversation.refuse(said.ask, f"reason {said.ask.upstream}")
    assert sorted(numbers) == [0, 1, 2]
    ((code, text),) = ede(said.reply)
    assert code == 23
    for number in numbers:
        assert f"192.0.2.{number + 1}:53: reason {number}" in text


def test_an_ipv6_upstream_is_named_with_brackets():
    engine = an_engine()
    engine.upstreams[0].address = "2001:db8::1"
    conversation = Conversation(engine)
    reply = conversation.refuse(conversation.ask(NAME).ask).reply
    assert ede(reply) == [(23, "[2001:db8::1]:53: connection refused")]


def test_what_the_network_says_of_an_upstream_holds_for_all_its_udp_exchanges():
    conversation = Conversation(upstreams=2)
    asks = [conversation.ask(f"n{number}.example").ask for number in range(50)]
    over_tcp = conversation.answer(asks[0], flags="QR RD RA TC").ask
    gone = [ask for ask in asks[1:] if ask.upstream == over_tcp.upstream]
    said = conversation.tell(UpstreamUnreachable(over_tcp.upstream, None, "no route to host"))
    assert len(said.asks) == len(gone) > 0
    assert {ask.upstream for ask in said.asks} == {1 - over_tcp.upstream}
    assert conversation.answer(over_tcp, "n0.example 60 A 192.0.2.7").reply.answer


def test_a_question_with_two_exchanges_to_one_upstream_fails_once():
    conversation = Conversation()
    first = conversation.ask(NAME).ask
    conversation.wait(1)
    conversation.answer(first, rcode="FORMERR", edns=False)  # late: now it is asked with and without EDNS at once
    said = conversation.tell(UpstreamUnreachable(0, None, "connection refused"))
    assert ede(said.reply) == [(23, "192.0.2.1:53: connection refused")]
    assert len(said.records) == 1
    assert_at_rest(conversation.engine)


def test_what_is_short_on_this_machine_is_not_held_against_the_upstream():
    conversation = Conversation()
    for _ in range(10):
        ask = conversation.ask(NAME).ask
        said = conversation.tell(UpstreamUnreachable(0, ask.ident, "too many open files", ours=True))
        assert ede(said.reply) == [(0, "192.0.2.1:53: too many open files")]
    assert conversation.engine.upstreams[0].failures == 0
    assert conversation.engine.upstreams[0].healthy(conversation.now)


def test_news_of_an_exchange_that_is_over_is_no_news():
    conversation = Conversation(upstreams=2)
    ask = conversation.ask(NAME).ask
    conversation.answer(ask, RECORD)
    assert conversation.refuse(ask).effects == []
    assert conversation.tell(UpstreamUnreachable(0, None, "gone")).effects == []


def test_news_of_an_exchange_that_was_followed_already_changes_nothing():
    conversation = Conversation(upstreams=3)
    first = conversation.ask(NAME).ask
    second = conversation.wait(1).ask
    assert conversation.refuse(first).effects == []
    assert conversation.answer(second, RECORD).reply.answer


# -- useless --


@pytest.mark.parametrize(
    "rcode", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR", "BADVERS", "NOTAUTH", "YXRRSET", "DSOTYPENI"]
)
def test_a_useless_answer_is_followed_by_the_next_upstream(rcode):
    conversation = Conversation(upstreams=2)
    first = conversation.ask(NAME).ask
    said = conversation.answer(first, rcode=rcode)
    if rcode in {"NOTIMP", "FORMERR"}:  # asked without EDNS in between
        said = conversation.answer(said.ask, rcode=rcode, edns=False)
    assert said.ask.upstream != first.upstream
    assert texts(conversation.answer(said.ask, RECORD).reply.answer)


def test_a_servfail_that_says_why_is_passed_on():
    """RFC 8914 3; the resolver that validates knows best what is wrong."""
    conversation = Conversation(upstreams=2)
    first = conversation.ask(NAME).ask
    second = conversation.answer(first, rcode="SERVFAIL", ede=(6, "signature expired")).ask
    said = conversation.answer(second, rcode="SERVFAIL", edns=False)
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert ede(said.reply) == [(6, "signature expired")]
    assert said.record.subject.upstream == first.upstream
    assert_at_rest(conversation.engine)


def test_a_servfail_that_does_not_say_why_is_explained():
    said = Conversation().learn(NAME, rcode="SERVFAIL")
    assert ede(said.reply) == [(22, "192.0.2.1:53: answered SERVFAIL")]


def test_a_late_servfail_is_better_than_none():
    conversation = Conversation(upstreams=2)
    first = conversation.ask(NAME).ask
    second = conversation.wait(1).ask
    assert conversation.answer(first, rcode="SERVFAIL", ede=(6, "bogus")).silent
    assert ede(conversation.refuse(second).reply) == [(6, "bogus")]
    assert_at_rest(conversation.engine)


def test_a_late_servfail_from_the_only_upstream_ends_the_waiting():
    conversation = Conversation()
    first = conversation.ask(NAME).ask
    conversation.wait(1)
    assert conversation.answer(first, rcode="SERVFAIL").reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)


def test_an_upstream_that_was_useless_is_not_asked_again():
    conversation = Conversation(upstreams=2)
    first = conversation.ask(NAME).ask
    second = conversation.answer(first, rcode="REFUSED").ask
    later = conversation.wait(6).asks
    assert later
    assert {ask.upstream for ask in later} == {second.upstream}


def test_the_longest_name_fits_the_smallest_datagram_with_its_explanation():
    name = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    conversation = Conversation(upstreams=9)
    conversation.ask(name, payload=512)
    said = conversation.wait(6)
    assert len(said.wire) <= 512
    assert ede(said.reply)[0][1].startswith("192.0.2.1:53: did not answer; 192.0.2.2:53: did not answer; ")


# -- memory of health --


def test_a_dead_upstream_is_not_asked_first_any_more():
    conversation = Conversation(upstreams=2, seed=3)
    for number in range(10):
        said = conversation.ask(f"n{number}.example")
        while said.asks:
            if said.ask.upstream == 0:
                said = conversation.refuse(said.ask)
            else:
                said = conversation.answer(said.ask, f"n{number}.example 60 A 192.0.2.7")
    assert not conversation.engine.upstreams[0].healthy(conversation.now)
    asked = [conversation.ask(f"m{number}.example").ask.upstream for number in range(100)]
    assert asked.count(1) == 100


def test_an_upstream_that_is_well_again_is_found_out():
    conversation = Conversation(upstreams=2)
    for number in range(200):
        said = conversation.ask(f"n{number}.example")
        while said.asks:
            if said.ask.upstream == 0 and number < 20:
                said = conversation.refuse(said.ask)
            else:
                said = conversation.answer(said.ask, f"n{number}.example 60 A 192.0.2.7")
        conversation.now += 5
    assert conversation.engine.upstreams[0].healthy(conversation.now)
    assert conversation.engine.upstreams[0].answered


def test_the_only_upstream_is_asked_however_sick():
    conversation = Conversation()
    for number in range(20):
        conversation.refuse(conversation.ask(f"n{number}.example").ask)
    assert conversation.ask(NAME).asks


# -- lies --


@pytest.mark.parametrize(
    "lie",
    [
        {"ident": 1},
        {"question": "www.example.net"},
        {"flags": "RD"},
    ],
)
def test_a_reply_that_answers_something_else_is_ignored_and_counted(lie):
    """RFC 5452 9.1: ID, question and direction must fit, octet for octet."""
    conversation = Conversation()
    ask = conversation.ask(NAME).ask
    assert conversation.answer(ask, LIE, **lie).effects == []
    assert conversation.engine.mismatched == 1
    assert texts(conversation.answer(ask, RECORD).reply.answer) == ["www.example.com. 300 A 192.0.2.7"]


def test_a_reply_from_another_upstream_is_ignored():
    conversation = Conversation(upstreams=2)
    ask = conversation.ask(NAME).ask
    assert conversation.come(answer_to(ask.wire, LIE), ask, upstream=1 - ask.upstream).effects == []
    assert conversation.engine.mismatched == 1


def test_a_reply_by_another_transport_is_ignored():
    conversation = Conversation()
    ask = conversation.ask(NAME).ask
    assert conversation.come(answer_to(ask.wire, LIE), ask, over_tcp=True).effects == []


@pytest.mark.parametrize("wire", [b"", b"\0", b"\xff" * 11, bytes(12), b"\xff" * 600])
def test_noise_is_ignored(wire):
    conversation = Conversation()
    conversation.ask(NAME)
    assert conversation.tell(UpstreamReplied(wire, 0, False)).effects == []
    assert conversation.engine.mismatched == 1


def test_a_question_of_the_wrong_type_or_class_is_another_question():
    conversation = Conversation()
    ask = conversation.ask(NAME).ask
    wire = bytearray(answer_to(ask.wire, LIE))
    end = 12 + len("www.example.com") + 2
    for place, octet in ((end + 1, 28), (end + 3, 3)):
        other = wire.copy()
        other[place] = octet
        assert conversation.come(bytes(other), ask).effects == []


def test_an_upstream_that_answers_twice_is_heard_once():
    conversation = Conversation()
    ask = conversation.ask(NAME).ask
    conversation.answer(ask, RECORD)
    assert conversation.answer(ask, LIE).effects == []
    assert texts(conversation.ask(NAME).reply.answer) == ["www.example.com. 300 A 192.0.2.7"]


def test_a_malformed_answer_is_followed_by_the_next_upstream():
    conversation = Conversation(upstreams=2)
    first = conversation.ask(NAME).ask
    second = conversation.come(answer_to(first.wire, RECORD)[:-15], first).ask
    assert second.upstream != first.upstream
    assert conversation.engine.mismatched == 1
    assert ede(conversation.come(answer_to(second.wire, RECORD)[:-15], second).reply)[0][0] == 23


def test_another_answer_over_tcp_is_the_only_one_there_will_be():
    conversation = Conversation()
    over_tcp = conversation.answer(conversation.ask(NAME).ask, flags="QR RD RA TC").ask
    said = conversation.answer(over_tcp, LIE, question="www.example.net")
    assert ede(said.reply) == [(23, "192.0.2.1:53: answered another question")]


# -- bounds --


def test_without_upstreams_what_is_unknown_fails_at_once():
    conversation = Conversation(blocks=["||ads.example^"], upstreams=0)
    said = conversation.ask(NAME)
    assert ede(said.reply) == [(22, "no upstream is known by address")]
    assert (said.record.subject.outcome, said.record.subject.upstream) == (Outcome.FAILED, NO_UPSTREAM)
    assert conversation.ask("ads.example").record.subject.outcome == Outcome.BLOCKED


def test_too_many_questions_in_flight_are_told_so():
    conversation = Conversation(max_in_flight=3)
    asks = [conversation.ask(f"n{number}.example").ask for number in range(3)]
    said = conversation.ask("one.more.example")
    assert ede(said.reply) == [(0, "too many questions wait for upstreams")]
    assert said.record.subject.outcome == Outcome.FAILED
    assert conversation.ask("n0.example").effects == []  # joins one that is in flight
    conversation.answer(asks[0], "n0.example 60 A 192.0.2.7")
    assert conversation.ask("one.more.example").asks


def test_all_who_wait_are_bounded_whatever_they_wait_for():
    conversation = Conversation(max_in_flight=10)
    asks = [conversation.ask(f"n{number}.example").ask for number in range(10)]
    for number in range(10):
        assert conversation.ask(f"n{number}.example").effects == []
    assert ede(conversation.ask("n0.example").reply) == [(0, "too many clients wait for answers")]
    assert len(conversation.answer(asks[3], "n3.example 60 A 192.0.2.7").replies) == 2
    for _ in range(2):
        assert conversation.ask("n0.example").effects == []
    assert conversation.ask("n0.example").replies
    assert len(conversation.wait(6).replies) == 20
    assert_at_rest(conversation.engine)


def test_ids_never_run_out(monkeypatch):
    """Each attempt takes an ID until its question is answered; with dead upstreams that adds up."""
    monkeypatch.setattr(asking, "MAX_EXCHANGES", 40)
    conversation = Conversation(max_in_flight=1000, timeout=60)
    for number in range(30):
        conversation.ask(f"n{number}.example")
    conversation.wait(1)
    assert len(conversation.engine.exchanges) == 40
    assert ede(conversation.ask(NAME).reply) == [(0, "too many questions wait for upstreams")]
    said = conversation.wait(61)
    assert len(said.replies) == 30
    assert_at_rest(conversation.engine)


def test_an_id_that_is_free_again_belongs_to_its_new_question():
    """A question that ends must not take along the exchange of another that drew an ID it had used before."""
    conversation = Conversation()
    idents = iter([5, 6, 5, 7])
    conversation.engine.dice = lambda: next(idents)
    first = conversation.ask("one.example").ask
    over_tcp = conversation.answer(first, flags="QR RD RA TC").ask
    second = conversation.ask("two.example").ask
    assert (first.ident, over_tcp.ident, second.ident) == (5, 6, 5)
    conversation.answer(over_tcp, "one.example 60 A 192.0.2.7")
    assert conversation.answer(second, "two.example 60 A 192.0.2.7").reply.answer
    assert_at_rest(conversation.engine)


def test_an_id_in_flight_is_not_drawn_again():
    conversation = Conversation()
    idents = iter([5, 5, 5, 9])
    conversation.engine.dice = lambda: next(idents)
    assert conversation.ask("one.example").ask.ident == 5
    assert conversation.ask("two.example").ask.ident == 9


def test_more_upstreams_than_a_record_can_tell_apart_are_refused():
    with pytest.raises(ValueError, match="255"):
        an_engine(upstreams=256)
    assert len(an_engine(upstreams=255).upstreams) == 255


# -- the end --


def test_at_the_end_everyone_who_waits_is_told():
    conversation = Conversation(upstreams=2)
    conversation.ask("one.example", ticket=1)
    conversation.ask("one.example", ticket=2)
    conversation.ask("two.example", ticket=3, transport="tcp")
    said = conversation.tell(DrainEnded())
    assert sorted(said.tickets) == [1, 2, 3]
    assert {ede(reply)[0] for reply in said.replies} == {(0, "the resolver is stopping")}
    assert len(said.records) == 3
    assert_at_rest(conversation.engine)
    assert conversation.tell(DrainEnded()).effects == []
