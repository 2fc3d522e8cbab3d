"""What is counted of each upstream: replies by response code, failures, and how fast it is."""

from __future__ import annotations

import pytest

from mirage_hole.upstream.health import OTHER_RCODE
from mirage_hole.wire.codes import Rcode
from tests.make import Conversation

NAME = "www.example.com"


def counts(conversation: Conversation, number: int = 0) -> dict[int, int]:
    rcodes = conversation.engine.upstreams[number].rcodes
    return {rcode: count for rcode, count in enumerate(rcodes) if count}


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN", "YXDOMAIN", "SERVFAIL", "REFUSED", "NOTAUTH", "BADCOOKIE"])
def test_a_reply_is_counted_by_its_response_code(rcode):
    conversation = Conversation()
    conversation.answer(conversation.ask(NAME).ask, rcode=rcode)
    assert counts(conversation) == {Rcode[rcode]: 1}


def test_codes_that_nobody_assigned_are_counted_together():
    conversation = Conversation()
    conversation.answer(conversation.ask(NAME).ask, rcode="4000")
    assert counts(conversation) == {OTHER_RCODE: 1}


def test_truncated_replies_forgeries_and_silence_are_no_replies():
    conversation = Conversation()
    ask = conversation.ask(NAME).ask
    conversation.come(ask.wire, ask)  # a query is no reply
    again = conversation.answer(ask, flags="QR RD RA TC").ask
    assert again.over_tcp
    assert counts(conversation) == {}
    conversation.answer(again, f"{NAME} 300 A 192.0.2.1")
    assert counts(conversation) == {Rcode.NOERROR: 1}
