from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.rule import EVERY_REWRITE, Action, Reply, Rewrite, RichRule, Scope, Target
from mirage_hole.lists.stored import CODE_BITS, Bits, decode_bits, decode_rich, encode_bits, encode_rich

texts = st.text(max_size=20)
many = st.lists(texts, max_size=3).map(tuple)
types = st.lists(st.integers(0, 65535), max_size=3).map(tuple)
rewrites = (
    st.none()
    | st.just(EVERY_REWRITE)
    | st.builds(Rewrite, st.integers(0, 15), st.integers(0, 65535), st.binary(max_size=20))
)
rules = st.builds(
    RichRule,
    texts,
    st.sampled_from(Action),
    st.sampled_from(Target),
    texts,
    st.sampled_from(Scope),
    st.integers(0, 2**31),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(Reply),
    types,
    types,
    many,
    many,
    many,
    many,
    many,
    rewrites,
)


@given(rules)
def test_a_rule_comes_back_from_the_disk_as_it_was(rule):
    back = decode_rich(orjson.loads(orjson.dumps(encode_rich(rule))))
    assert back == rule
    assert type(back.action) is Action
    assert type(back.target) is Target
    assert type(back.scope) is Scope
    assert type(back.reply) is Reply


@given(st.sampled_from(Action), st.sampled_from(Scope), st.sampled_from(Reply), st.booleans())
def test_the_bits_of_a_simple_rule_come_back_from_their_code(action, scope, reply, important):
    code = encode_bits(action, scope, reply, important)
    assert 0 <= code < 1 << CODE_BITS
    assert decode_bits(code) == Bits(action, scope, reply, important)


def test_a_rule_that_is_just_a_name_takes_few_octets():
    rule = RichRule("ads.example", Action.BLOCK, Target.NAME, "ads.example")
    assert len(encode_rich(rule)) == 4


@pytest.mark.parametrize(
    "raw",
    [
        [],
        ["x"],
        ["x", 0, 0],
        ["x", 7, 0, "x"],
        ["x", 0, 9, "x"],
        ["x", 0, 0, None],
        [None, 0, 0, "x"],
        ["x", 0, 0, "x", 8],
        ["x", 0, 0, "x", 0, "y"],
        ["x", 0, 0, "x", 0, 1, False, False, False, 99],
        ["x", 0, 0, "x", 0, 1, False, False, False, 0, 5],
        ["x", 0, 0, "x", 0, 1, False, False, False, 0, [], [], [3]],
        ["x", *[0] * 40],
        7,
        None,
    ],
)
def test_what_is_no_rule_is_refused(raw):
    with pytest.raises(ValueError):  # noqa: PT011 - of any wording
        decode_rich(raw)


@pytest.mark.parametrize("code", [3, 6 << 3, 7 << 3])
def test_what_is_no_code_is_refused(code):
    with pytest.raises(ValueError):  # noqa: PT011 - of any wording
        decode_bits(code)
