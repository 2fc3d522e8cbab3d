"""Names spelt at random in questions to upstreams ("0x20", draft-vixie-dnsext-dns0x20): answers must repeat it exactly."""

from __future__ import annotations

import dns.message
import dns.rcode
import pytest

from mirage_hole.resolver.effects import AskUpstream
from mirage_hole.resolver.pending import TICK
from mirage_hole.upstream.health import FOLDS_FOR, MISCASED_IN_A_ROW
from tests.make import Conversation, Said, answer_to, assert_at_rest, texts

NAME = "a-long-name-with-letters.example.com"
RECORD = f"{NAME} 300 A 192.0.2.7"


def talk(upstreams: int = 1, *, keeps_case: bool = True) -> Conversation:
    conversation = Conversation(upstreams=upstreams)
    conversation.engine.random_case = True
    for upstream in conversation.engine.upstreams:
        upstream.keeps_case = keeps_case
    return conversation


def spelt(ask: AskUpstream) -> str:
    return dns.message.from_wire(ask.wire).question[0].name.to_text(omit_final_dot=True)


def fold(conversation: Conversation, ask: AskUpstream, *records: str) -> Said:
    """An answer in lower case, whatever was asked; all octets but the name's as ever."""
    wire = answer_to(ask.wire, *records)
    end = 12 + len(spelt(ask)) + 2
    return conversation.come(wire[:12] + wire[12:end].lower() + wire[end:], ask)


def test_each_question_is_spelt_anew_and_is_the_same_name():
    conversation = talk()
    spellings = set()
    for number in range(20):
        ask = conversation.ask(f"n{number}.{NAME}").ask
        assert spelt(ask).lower() == f"n{number}.{NAME}"
        spellings.add(spelt(ask).partition(".")[2])
    assert len(spellings) == 20


def test_without_the_option_questions_are_in_lower_case():
    assert spelt(Conversation().ask("WWW.Example.COM").ask) == "www.example.com"


def test_an_answer_that_repeats_the_spelling_is_taken_and_the_client_gets_its_own_back():
    conversation = talk()
    said = conversation.answer(conversation.ask("A-Long-Name-With-Letters.example.com").ask, RECORD)
    assert texts(said.reply.answer)
    assert said.reply.question[0].name.to_text() == "A-Long-Name-With-Letters.example.com."
    assert conversation.ask(NAME).reply.answer  # known under every spelling
    assert_at_rest(conversation.engine)


def test_another_spelling_is_asked_for_again_over_tcp_which_nobody_forges():
    conversation = talk()
    said = fold(conversation, conversation.ask(NAME).ask, RECORD)
    assert said.of(AskUpstream)
    assert not said.replies
    assert said.ask.over_tcp
    assert conversation.engine.mismatched == 1
    assert texts(conversation.answer(said.ask, RECORD).reply.answer)
    assert_at_rest(conversation.engine)


def test_two_answers_in_another_spelling_lead_to_one_question_over_tcp():
    conversation = Conversation(upstreams=2, timeout=5.0)
    conversation.engine.random_case = True
    for upstream in conversation.engine.upstreams:
        upstream.keeps_case = True
    first = conversation.ask(NAME).ask
    second = conversation.wait(0.8 + 2 * TICK).ask
    assert fold(conversation, first, RECORD).ask.over_tcp
    assert fold(conversation, second, RECORD).asks == []


def test_an_upstream_that_has_never_kept_a_spelling_is_asked_in_lower_case_from_then_on():
    conversation = talk(keeps_case=False)
    again = fold(conversation, conversation.ask(NAME).ask, RECORD).ask
    assert not again.over_tcp
    assert spelt(again) == NAME
    assert texts(conversation.answer(again, RECORD).reply.answer)
    assert spelt(conversation.ask(f"b.{NAME}").ask) == f"b.{NAME}"


def test_it_is_tried_again_later():
    conversation = talk(keeps_case=False)
    again = fold(conversation, conversation.ask(NAME).ask, RECORD).ask
    conversation.answer(again, RECORD)
    conversation.wait(FOLDS_FOR + 1)
    assert spelt(conversation.ask(f"b.{NAME}").ask) != f"b.{NAME}"


def test_one_that_has_kept_it_is_believed_to_fold_only_after_several_answers_in_a_row():
    conversation = talk()
    for number in range(MISCASED_IN_A_ROW - 1):
        over_tcp = fold(conversation, conversation.ask(f"n{number}.{NAME}").ask).ask
        assert over_tcp.over_tcp
        conversation.answer(over_tcp, rcode="NXDOMAIN")
    in_lower_case = fold(conversation, conversation.ask(f"last.{NAME}").ask).ask
    assert not in_lower_case.over_tcp
    assert spelt(in_lower_case) == f"last.{NAME}"


def test_a_kept_spelling_in_between_starts_the_count_anew():
    conversation = talk()
    for number in range(3 * MISCASED_IN_A_ROW):
        conversation.answer(conversation.ask(f"good{number}.{NAME}").ask, rcode="NXDOMAIN")
        over_tcp = fold(conversation, conversation.ask(f"bad{number}.{NAME}").ask).ask
        assert over_tcp.over_tcp
        conversation.answer(over_tcp, rcode="NXDOMAIN")


@pytest.mark.parametrize("name", [".", "1.2.3"])
def test_a_name_without_letters_proves_nothing(name):
    conversation = talk(keeps_case=False)
    conversation.answer(conversation.ask(name, "NS").ask)
    assert not conversation.engine.upstreams[0].keeps_case


def test_an_answer_to_another_name_is_a_forgery_and_the_true_one_still_comes():
    conversation = talk()
    ask = conversation.ask(NAME).ask
    assert conversation.answer(ask, question="other.example").silent
    assert conversation.engine.mismatched == 1
    assert texts(conversation.answer(ask, RECORD).reply.answer)


def test_an_upstream_that_folds_and_speaks_no_tcp_fails_with_a_reason():
    conversation = talk()
    over_tcp = fold(conversation, conversation.ask(NAME).ask, RECORD).ask
    assert conversation.refuse(over_tcp).reply.rcode() == dns.rcode.SERVFAIL
    assert_at_rest(conversation.engine)


def test_https_questions_keep_their_type():
    conversation = talk()
    asks = [conversation.ask(f"n{number}.{NAME}", "HTTPS").ask for number in range(16)]
    assert {dns.message.from_wire(ask.wire).question[0].rdtype.name for ask in asks} == {"HTTPS"}
