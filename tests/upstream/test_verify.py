"""A reply is an answer when it repeats the question octet for octet; what else it says is read later."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.upstream.verify import answers, refuses_without_question
from tests.wire.samples import opt, packet, question, record

ASKED = question("www.example.com")


@pytest.mark.parametrize("flags", [0x8000, 0x8180, 0x8583, 0x81B0, 0x8182])
def test_a_response_to_this_very_question_is_an_answer(flags: int) -> None:
    assert answers(packet(flags, ASKED), ASKED)
    assert answers(packet(flags, ASKED, [record("www.example.com", 60, "A", "192.0.2.1")], additional=[opt()]), ASKED)


@pytest.mark.parametrize(
    ("why", "reply"),
    [
        ("a query", packet(0x0100, ASKED)),
        ("another opcode", packet(0x8180 | 4 << 11, ASKED)),
        ("no question", packet(0x8180, b"", questions=0)),
        ("a question it does not count", packet(0x8180, ASKED, questions=0)),
        ("two questions", packet(0x8180, ASKED + ASKED, questions=2)),
        ("another type", packet(0x8180, question("www.example.com", 28))),
        ("another class", packet(0x8180, question("www.example.com", 1, 3))),
        ("another name", packet(0x8180, question("www.example.org"))),
        ("another spelling", packet(0x8180, question("WWW.example.com"))),
        ("a longer name", packet(0x8180, question("a.www.example.com"))),
        ("cut off", packet(0x8180, ASKED)[:-1]),
        ("a header", packet(0x8180, b"")),
        ("nothing", b""),
    ],
)
def test_anything_else_is_no_answer(why: str, reply: bytes) -> None:
    assert not answers(reply, ASKED), why


@given(st.integers(0, 400), st.integers(1, 255))
def test_one_changed_octet_in_the_question_and_it_is_no_answer(place: int, change: int) -> None:
    asked = ASKED
    reply = bytearray(packet(0x8180, asked))
    at = 12 + place % len(asked)
    reply[at] ^= change
    assert not answers(bytes(reply), asked)


@given(st.binary(max_size=80))
def test_noise_is_no_answer(noise: bytes) -> None:
    assert not answers(noise, ASKED)
    assert not refuses_without_question(noise) or len(noise) == 12


@pytest.mark.parametrize("rcode", range(16))
def test_a_bare_header_may_say_that_the_query_was_not_understood(rcode: int) -> None:
    assert refuses_without_question(packet(0x8000 | rcode, b"", questions=0)) is (rcode in {1, 2, 4, 5})


@pytest.mark.parametrize(
    "reply",
    [
        packet(0x0001, b"", questions=0),
        packet(0x8001 | 4 << 11, b"", questions=0),
        packet(0x8001, b"", questions=1),
        packet(0x8001, ASKED),
        packet(0x8001, b"", additional=[opt()], questions=0),
        packet(0x8001, b"", questions=0)[:11],
    ],
)
def test_and_nothing_but_a_bare_header_may(reply: bytes) -> None:
    assert not refuses_without_question(reply)
