"""Upstreams that ask us what we asked them: noticed by a probe, and not asked any more."""

from __future__ import annotations

import dns.message
import dns.rcode

from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import AskUpstream, TellLoop
from mirage_hole.resolver.events import LoopFound
from mirage_hole.resolver.loops import SHUT_OUT_FOR
from mirage_hole.resolver.pending import TICK
from tests.make import Conversation, assert_at_rest, ede

SECRET = b"0123456789abcdef"


def talk(upstreams: int) -> Conversation:
    conversation = Conversation(upstreams=upstreams, timeout=2.0)
    conversation.engine.loop_secret = SECRET
    return conversation


def name_of(ask: AskUpstream) -> str:
    return dns.message.from_wire(ask.wire).question[0].name.to_text(omit_final_dot=True)


def probes(asks: list[AskUpstream]) -> list[AskUpstream]:
    return [ask for ask in asks if name_of(ask).endswith(".loopcheck.test")]


def until_probed(conversation: Conversation) -> list[AskUpstream]:
    """Nobody answers, until an upstream falls ill."""
    found: list[AskUpstream] = []
    for number in range(9):
        conversation.ask(f"n{number}.example")
        found += probes(conversation.wait(2.1).asks)
        if found:
            break
    return found


def test_an_upstream_that_answers_gets_no_probe():
    conversation = talk(1)
    for number in range(50):
        assert not probes(conversation.ask(f"n{number}.example").asks)
    assert conversation.engine.upstreams[0].probed_until == 0


def test_an_upstream_that_falls_silent_is_asked_for_its_probe_once():
    found = until_probed(talk(1))
    assert [name_of(ask) for ask in found] == [f"{SECRET.decode()}00.loopcheck.test"]


def test_a_probe_that_comes_back_shuts_its_upstream_out():
    conversation = talk(2)
    for number in range(2):
        conversation.engine.upstreams[number].answered_in(0.01)
    probe = f"{SECRET.decode()}00.loopcheck.test"
    said = conversation.ask(probe.upper(), "TXT", client="10.0.0.1")
    assert said.reply.rcode() == dns.rcode.REFUSED
    assert "loop" in ede(said.reply)[0][1]
    assert said.of(TellLoop) == [TellLoop(0)]
    assert said.record.subject.outcome is Outcome.REFUSED
    assert {conversation.ask(f"n{number}.example").ask.upstream for number in range(80)} == {1}


def test_who_hears_of_a_loop_from_another_worker_asks_no_more_and_tells_nobody():
    conversation = talk(2)
    said = conversation.tell(LoopFound(0))
    assert said.effects == []
    assert {conversation.ask(f"n{number}.example").ask.upstream for number in range(80)} == {1}
    assert conversation.tell(LoopFound(7)).effects == []


def test_when_every_upstream_leads_back_the_answer_says_so_at_once():
    conversation = talk(1)
    conversation.tell(LoopFound(0))
    said = conversation.ask("www.example.com")
    assert said.reply.rcode() == dns.rcode.SERVFAIL
    assert "loop" in ede(said.reply)[0][1]


def test_an_upstream_that_was_shut_out_is_tried_again():
    conversation = talk(1)
    conversation.tell(LoopFound(0))
    conversation.wait(SHUT_OUT_FOR + 2 * TICK)
    assert conversation.ask("www.example.com").ask.upstream == 0
    conversation.wait(3)
    assert_at_rest(conversation.engine)


def test_strangers_and_guesses_shut_nobody_out():
    conversation = talk(2)
    for name in (
        "0123456789abcdee00.loopcheck.test",
        f"{SECRET.decode()}zz.loopcheck.test",
        f"{SECRET.decode()}09.loopcheck.test",
        f"x.{SECRET.decode()}00.loopcheck.test",
        f"{SECRET.decode()}00.loopcheck.example",
    ):
        conversation.ask(name, "TXT")
    conversation.ask(f"{SECRET.decode()}00.loopcheck.test", "TXT", client="203.0.113.9")
    assert all(not upstream.loops_until for upstream in conversation.engine.upstreams)
