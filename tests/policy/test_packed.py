from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.rule import Action, Complaint, Reply, Rewrite, RichRule, Rule, Scope, Target
from mirage_hole.policy import packed as module
from mirage_hole.policy.packed import BadPacked, Facts, Packed, Writer
from mirage_hole.wire.names import fold, from_text

FACTS = Facts("0" * 64, "block", "adblock", "A title", 99, 3, {"odd": 3}, (Complaint(4, "odd", "x"),))
RICH = [
    RichRule("/^ad/", Action.BLOCK, Target.REGEX, "^ad", line=3),
    RichRule("@@||x^$badfilter", Action.ALLOW, Target.NAME, "x", Scope.SUBTREE, 5, badfilter=True),
    RichRule("||y^$dnsrewrite=1.2.3.4", Action.BLOCK, Target.NAME, "y", line=6, rewrite=Rewrite(0, 1, b"\1\2\3\4")),
]
names = st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=4).map(
    lambda labels: fold(b"".join(bytes((len(one),)) + one for one in labels) + b"\0")
)
rules = st.builds(
    Rule,
    names,
    st.sampled_from(Action),
    st.sampled_from(Scope),
    st.integers(1, 0xFFFF_FFFF) | st.integers(1, 300),
    st.sampled_from(Reply),
    st.booleans(),
)


def pack(*batches, facts=FACTS, rich=()):
    file = BytesIO()
    writer = Writer(file)
    for batch in batches:
        writer.add(batch)
    writer.finish(facts, rich)
    return file.getvalue()


def unpack(data):
    return Packed(lambda: BytesIO(data))


@given(st.lists(rules, max_size=40), st.integers(1, 9))
def test_rules_come_back_as_they_were(some, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", size)
        packed = unpack(pack(some))
    assert list(packed.rules()) == some
    assert list(packed.rules()) == some
    assert len(packed) == len(some)
    assert packed.key_octets == sum(max(0, len(rule.name) - 2) for rule in some)


def test_what_else_is_known_comes_back_too():
    packed = unpack(pack([], rich=RICH))
    assert packed.facts == FACTS
    assert packed.rich() == RICH
    assert packed.rich_count == 3
    assert list(packed.blocks()) == []


def test_rules_are_counted_by_their_bits():
    some = [Rule(from_text(f"{n}.example"), Action.BLOCK, Scope.SUBTREE, n) for n in range(1, 9)]
    packed = unpack(pack(some, [Rule(from_text("x"), Action.ALLOW, Scope.EXACT, 9)]))
    assert dict(packed.codes) == {1: 8, 4: 1}


def test_lines_that_follow_each_other_take_an_octet_or_less():
    some = [Rule(from_text(f"{n:06}.example"), Action.BLOCK, Scope.EXACT, n) for n in range(1, 20_001)]
    assert len(pack(some)) < 20_000 * (len("000000.example") + 2) + 1000


@given(st.data())
def test_any_flipped_bit_and_any_missing_end_is_noticed(data):
    good = pack([Rule(from_text("ads.example"), Action.BLOCK, Scope.EXACT, 1)], rich=RICH)
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadPacked):
        unpack(bytes(bad))
    with pytest.raises(BadPacked):
        unpack(good[: data.draw(st.integers(0, len(good) - 1))])


@given(st.binary(max_size=200))
def test_no_garbage_is_taken_for_a_list(garbage):
    with pytest.raises(BadPacked):
        unpack(garbage)


def test_facts_that_are_none_are_refused():
    file = BytesIO()
    writer = Writer(file)
    writer.finish(FACTS._replace(first_complaints=(Complaint(1, "x", "y"),)))
    whole = file.getvalue()
    at = whole.index(b'"sha256"')
    changed = whole[:at] + b'"sha255"' + whole[at + 8 :]
    footer = module._FOOTER.unpack(changed[-module._FOOTER.size :])
    body = changed[: -module._FOOTER.size]
    places = module._PLACES.pack(*footer[:3])
    sealed = body + places + module._SEAL.pack(module.zlib.crc32(places, module.zlib.crc32(body)), footer[4])
    with pytest.raises(BadPacked, match="facts"):
        unpack(sealed)
