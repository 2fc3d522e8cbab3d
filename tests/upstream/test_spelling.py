from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.upstream.spelling import answers_in_another, at_random
from mirage_hole.wire.names import fold, from_text

NAMES = st.lists(st.binary(min_size=1, max_size=30).map(lambda octets: bytes((len(octets),)) + octets), max_size=7).map(
    lambda labels: fold(b"".join(labels) + b"\0")
)
TAIL = b"\0\x41\0\1"  # HTTPS, whose number is a letter's


def a_dice(seed: int):
    generator = random.Random(seed)
    return lambda: generator.getrandbits(16)


@given(NAMES, st.integers(0, 2**32))
def test_only_the_case_of_letters_changes(name: bytes, seed: int) -> None:
    spelt = at_random(name + TAIL, a_dice(seed))
    assert fold(spelt[:-4]) == name
    assert spelt[-4:] == TAIL


@given(NAMES, st.integers(0, 2**32))
def test_an_answer_in_any_spelling_is_known_again(name: bytes, seed: int) -> None:
    reply = b"\1\2\x81\x80\0\1\0\0\0\0\0\0" + at_random(name + TAIL, a_dice(seed))
    assert answers_in_another(reply, name + TAIL)
    assert not answers_in_another(reply[:-1], name + TAIL)


def test_every_letter_takes_both_forms_equally_often() -> None:
    question = from_text("abcdefghijklmnopqrstuvwxyz.example") + TAIL
    dice = a_dice(7)
    seen = [at_random(question, dice) for _ in range(400)]
    for at, octet in enumerate(question[:-4]):
        if chr(octet).isalpha():
            assert 140 < sum(spelt[at] != octet for spelt in seen) < 260


def test_a_name_without_letters_stays_the_very_same() -> None:
    question = b"\0" + TAIL
    assert at_random(question, a_dice(1)) is question


def test_another_name_or_type_is_no_answer() -> None:
    question = from_text("www.example") + TAIL
    head = b"\1\2\x81\x80\0\1\0\0\0\0\0\0"
    assert not answers_in_another(head + from_text("www.examplf") + TAIL, question)
    assert not answers_in_another(head + from_text("www.example") + b"\0\1\0\1", question)
    assert not answers_in_another(b"\1\2\1\0\0\1\0\0\0\0\0\0" + question, question)
