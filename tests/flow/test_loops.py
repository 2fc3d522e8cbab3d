"""Upstreams that ask us what we asked them: noticed by a probe, and not asked any more."""

from __future__ import annotations

import dns.message
import dns.rcode
import pytest

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import AskUpstream, TellLoop
from mirage_hole.resolver.events import LoopFound, ProbesDue
from mirage_hole.resolver.loops import PROBE_EVERY, SHUT_OUT_FOR
from mirage_hole.resolver.pending import TICK
from tests.make import Conversation, assert_at_rest, ede

TOKENS = (b"0123456789abcdef", b"fedcba9876543210", b"00112233445566ff")


def talk(upstreams: int) -> Conversation:
    conversation = Conversation(upstreams=upstreams, timeout=2.0)
    conversation.engine.loop_tokens = {token: number for number, token in enumerate(TOKENS[:upstreams])}
    return conversation


def probe_of(number: int) -> str:
    return f"{TOKENS[number].decode()}.loopcheck.example"


def name_of(ask: AskUpstream) -> str:
    return dns.message.from_wire(ask.wire).question[0].name.to_text(omit_final_dot=True)


def probes(asks: list[AskUpstream]) -> list[AskUpstream]:
    return [ask for ask in asks if name_of(ask).endswith(".loopcheck.example")]


def until_probed(conversation: Conversation) -> list[AskUpstream]:
    """Nobody answers, until an upstream falls ill."""
    found: list[AskUpstream] = []
    for number in range(9):
        conversation.ask(f"n{number}.example")
        found += probes(conversation.wait(2.1).asks)
        if found:
            break
    return found


def asked_of(conversation: Conversation) -> set[int]:
    """Who is asked for eighty names."""
    return {conversation.ask(f"n{number}.example").ask.upstream for number in range(80)}


def test_at_the_start_each_upstream_is_asked_for_a_name_of_its_own():
    asks = talk(3).tell(ProbesDue()).asks
    assert {ask.upstream: name_of(ask) for ask in asks} == {number: probe_of(number) for number in range(3)}
    assert [dns.message.from_wire(ask.wire).question[0].rdtype.name for ask in asks] == ["TXT"] * 3


def test_and_now_and_then_once_more():
    conversation = talk(2)
    conversation.tell(ProbesDue())
    conversation.wait(PROBE_EVERY)
    assert len(conversation.tell(ProbesDue()).asks) == 2


def test_questions_of_clients_bring_no_probes_as_long_as_they_are_answered():
    conversation = talk(1)
    for number in range(50):
        assert not probes(conversation.ask(f"n{number}.example").asks)


def test_what_an_upstream_says_to_its_probe_counts_as_nothing_and_a_second_reply_as_a_forgery():
    conversation = talk(1)
    ask = conversation.tell(ProbesDue()).ask
    assert conversation.answer(ask, rcode="NXDOMAIN").effects == []
    assert conversation.engine.mismatched == 0
    conversation.answer(ask, rcode="NXDOMAIN")
    assert conversation.engine.mismatched == 1
    assert_at_rest(conversation.engine)


def test_an_upstream_that_falls_silent_is_asked_for_its_probe_once():
    found = until_probed(talk(1))
    assert [name_of(ask) for ask in found] == [probe_of(0)]


def test_without_tokens_nobody_is_probed():
    conversation = Conversation(upstreams=1, timeout=2.0)
    assert conversation.tell(ProbesDue()).effects == []
    assert until_probed(conversation) == []


@pytest.mark.parametrize("number", [0, 1])
def test_a_probe_that_comes_back_shuts_its_upstream_out_and_no_other(number):
    conversation = talk(2)
    for one in conversation.engine.upstreams:
        one.answered_in(0.01)
    said = conversation.ask(probe_of(number).upper(), "TXT", client="10.0.0.1")
    assert said.reply.rcode() == dns.rcode.REFUSED
    assert "loop" in ede(said.reply)[0][1]
    assert said.of(TellLoop) == [TellLoop(number)]
    assert said.record.subject.outcome is Outcome.REFUSED
    assert asked_of(conversation) == {1 - number}


def test_a_probe_that_comes_back_many_times_is_told_once():
    conversation = talk(2)
    told = [effect for _ in range(5) for effect in conversation.ask(probe_of(0), "TXT").of(TellLoop)]
    assert told == [TellLoop(0)]


def test_who_hears_of_a_loop_from_another_worker_asks_no_more_and_tells_nobody():
    conversation = talk(2)
    said = conversation.tell(LoopFound(0))
    assert said.effects == []
    assert asked_of(conversation) == {1}
    assert conversation.tell(LoopFound(7)).effects == []


def test_when_every_upstream_leads_back_the_answer_says_so_at_once():
    conversation = talk(1)
    conversation.tell(LoopFound(0))
    said = conversation.ask("www.example.com")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert "loop" in ede(said.reply)[0][1]


def test_an_upstream_that_was_shut_out_is_probed_and_tried_again():
    conversation = talk(1)
    conversation.tell(LoopFound(0))
    asks = conversation.wait(SHUT_OUT_FOR + 2 * TICK).asks
    assert [name_of(ask) for ask in asks] == [probe_of(0)]
    assert conversation.ask("www.example.com").ask.upstream == 0
    conversation.wait(3)
    assert_at_rest(conversation.engine)


@pytest.mark.parametrize(
    ("name", "client"),
    [
        ("0123456789abcdee.loopcheck.example", "10.0.0.1"),
        (f"{TOKENS[0].decode()}0.loopcheck.example", "10.0.0.1"),
        (f"x.{probe_of(0)}", "10.0.0.1"),
        (f"{TOKENS[0].decode()}.loopcheck.other", "10.0.0.1"),
        (f"{TOKENS[0].decode()}.loopcheck.example.com", "10.0.0.1"),
        (".", "10.0.0.1"),
        (probe_of(0), "203.0.113.9"),
    ],
    ids=["another token", "longer", "below it", "another domain", "longer domain", "root", "a stranger"],
)
def test_strangers_and_guesses_shut_nobody_out(name, client):
    conversation = talk(2)
    conversation.ask(name, "TXT", client=client)
    assert all(not upstream.loops_until for upstream in conversation.engine.upstreams)
