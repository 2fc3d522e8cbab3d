from __future__ import annotations

import gc
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists.rule import Action, Reply, Rule, Scope
from mirage_hole.policy.build import Builder
from mirage_hole.policy.index import ALL_LISTS, BadIndex, Index, ListInfo, empty_index
from mirage_hole.policy.order import Step
from mirage_hole.policy.verdict import Match
from mirage_hole.wire.names import from_text, labels_of
from tests.policy.rules import an_index, decide

INFO = ListInfo("t", "s", "block", "domains", 1, 0)


def wire_of(labels: list[bytes]) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def test_an_empty_index_decides_nothing():
    assert decide(empty_index(), "example.com") is None
    assert Index.EMPTY.generation == 0
    assert Index.EMPTY.lists == ()
    assert Index.EMPTY.matches(b"\0", ()) == []


def test_an_exact_rule_stands_for_its_name_alone():
    index = an_index(["ads.example.com"])
    assert decide(index, "ads.example.com") == Match(
        0, Action.BLOCK, Scope.EXACT, from_text("ads.example.com"), 1, Step.BLOCK
    )
    assert decide(index, "x.ads.example.com") is None
    assert decide(index, "example.com") is None


def test_a_subtree_rule_stands_for_its_name_and_everything_below():
    index = an_index(["||example.com^"])
    for name in ("example.com", "a.example.com", "b.a.example.com"):
        match = decide(index, name)
        assert match is not None
        assert match.name == from_text("example.com")
    assert decide(index, "notexample.com") is None
    assert decide(index, "com") is None
    assert decide(index, ".") is None


def test_allow_beats_block_however_deep_the_block_is():
    match = decide(an_index(["||deep.ads.example.com^"], ["@@||example.com^"]), "deep.ads.example.com")
    assert match is not None
    assert (match.action, match.list_id) == (Action.ALLOW, 1)


def test_among_blocks_the_deepest_name_decides():
    match = decide(an_index(["||example.com^"], ["||ads.example.com^"]), "x.ads.example.com")
    assert match is not None
    assert match.list_id == 1


def test_among_allows_the_deepest_name_decides():
    match = decide(an_index(["@@||example.com^", "@@||ads.example.com^"]), "x.ads.example.com")
    assert match is not None
    assert match.line == 2


def test_at_the_same_name_the_earlier_list_decides():
    match = decide(an_index(["x.org"], ["||ads.example.com^"], ["ads.example.com"]), "ads.example.com")
    assert match is not None
    assert match.list_id == 1


def test_the_line_of_each_list_is_known():
    index = an_index(["a.com", "b.com"], ["x.com", "y.com", "b.com"], ["b.com"])
    wire = from_text("b.com")
    assert [(match.list_id, match.line) for match in index.matches(wire, labels_of(wire))] == [(0, 2), (1, 3), (2, 1)]
    for lists, line in ((0b001, 2), (0b010, 3), (0b100, 1)):
        match = decide(index, "b.com", lists=lists)
        assert match is not None
        assert match.line == line


def test_the_first_of_two_equal_lines_is_named():
    match = decide(an_index(["a.com", "b.com", "a.com"]), "a.com")
    assert match is not None
    assert match.line == 1


def test_lists_outside_the_mask_do_not_count():
    index = an_index(["||example.com^"], ["@@||example.com^"])
    blocked = decide(index, "example.com", lists=0b01)
    assert blocked is not None
    assert blocked.action is Action.BLOCK
    assert decide(index, "example.com", lists=0) is None


# A key ends with the length of its first label. "0" is 48, so a label of 48 octets ends its key like a character would.
@pytest.mark.parametrize("length", range(48, 58))
def test_a_length_that_looks_like_a_digit_is_no_label_boundary(length):
    listed = "a" * length + ".com"
    longer = chr(length) + "a" * length  # one label more than `length` octets, whose first character is the length
    index = an_index([f"||{listed}^"])
    assert decide(index, listed) is not None
    assert decide(index, f"x.{listed}") is not None
    assert decide(index, f"{longer}.com") is None
    wire = from_text(f"{longer}.com")
    assert index.matches(wire, labels_of(wire)) == []


def test_a_control_octet_inside_a_label_is_no_label_boundary():
    trap = wire_of([b"x\x03com"])
    index = an_index(["||com^"])
    assert index.decide(trap, labels_of(trap)) is None
    below = wire_of([b"x", b"com"])
    assert index.decide(below, labels_of(below)) is not None


def test_names_may_hold_any_octet():
    name = wire_of([b"a\0b", b"\xff."])
    index = an_index([Rule(name, Action.BLOCK, Scope.SUBTREE, 7)])
    match = index.decide(b"\x01x" + name, labels_of(b"\x01x" + name))
    assert match is not None
    assert (match.name, match.line) == (name, 7)


def test_more_sets_than_sixteen_bits_can_number():
    # Each name is in its own pair of 370 lists: 68,265 names, and as many sets.
    lists = 370
    pairs = list(itertools.combinations(range(lists), 2))
    entries = [[] for _ in range(lists)]
    for line, pair in enumerate(pairs, 1):
        for list_id in pair:
            entries[list_id].append(Rule(b"\x06%06x\0" % line, Action.BLOCK, Scope.EXACT, line))
    builder = Builder()
    for rules in entries:
        builder.add_list(rules)
    built = builder.build()
    assert built.layout.bits == 8 or built.layout.rare
    assert len(built.members) == len(pairs)
    index = built.as_index(1, [INFO] * lists)
    for line in (1, 2, 40_000, 65_536, 65_537, 68_265):
        name = b"\x06%06x\0" % line
        found = index.matches(name, (0,))
        assert [(match.list_id, match.line) for match in found] == [(list_id, line) for list_id in pairs[line - 1]]


labels = st.sampled_from(
    [b"a", b"b", b"com", b"x\x03com", b"\x01a", b"a" * 48, b"0" + b"a" * 48, b"\0", b"\x03com", b".", b"a.b", b"a" * 46]
)
names = st.lists(labels, min_size=1, max_size=4).map(wire_of)
rules = st.builds(
    Rule,
    names,
    st.sampled_from(Action),
    st.sampled_from(Scope),
    st.integers(1, 9),
    st.sampled_from(Reply),
    st.booleans(),
)


def model(lists: list[list[Rule]], name: bytes, mask: int) -> list[Match]:
    """Every applicable rule, the deciding one first: the documented precedence, spelled out."""
    ancestors = {name[offset:] for offset in labels_of(name)}
    found: dict[tuple, tuple[tuple, Match]] = {}
    for list_id, entries in enumerate(lists):
        if not mask >> list_id & 1:
            continue
        for order, (rule_name, action, scope, line, reply, important) in enumerate(entries):
            if scope is not Scope.BELOW if rule_name == name else scope is not Scope.EXACT and rule_name in ancestors:
                step = {
                    (Action.ALLOW, True): Step.IMPORTANT_ALLOW,
                    (Action.BLOCK, True): Step.IMPORTANT_BLOCK,
                    (Action.ALLOW, False): Step.ALLOW,
                    (Action.BLOCK, False): Step.BLOCK,
                }[action, important]
                rank = (step, -len(rule_name), list_id, order)
                match = Match(list_id, action, scope, rule_name, line, step, reply, important)
                found.setdefault((list_id, action, scope, rule_name, reply, important), (rank, match))
    return [match for _, match in sorted(found.values(), key=lambda one: one[0])]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(rules, max_size=8), max_size=4), names, st.integers(0, 15))
def test_an_index_decides_as_the_naive_model_does(lists, name, mask):
    index = an_index(*lists)
    for chosen in (ALL_LISTS, mask):
        expected = model(lists, name, chosen)
        decided = index.decide(name, labels_of(name), chosen)
        assert decided == (expected[0] if expected else None)
    assert index.matches(name, labels_of(name)) == model(lists, name, ALL_LISTS)


def a_manifest() -> tuple[dict, list[bytes]]:
    builder = Builder()
    builder.add_list([Rule(from_text("a.com"), Action.BLOCK, Scope.EXACT, 3)])
    built = builder.build()
    return built.manifest(5, 0, [INFO._asdict()]), [built.names.tobytes(), built.sets, built.lines, built.more]


def test_the_buffers_live_as_long_as_the_index():
    manifest, buffers = a_manifest()
    index = Index.from_buffers(manifest, *(bytearray(buffer) for buffer in buffers))
    del buffers
    gc.collect()
    churn = [bytearray(4096) for _ in range(1000)]
    assert decide(index, "a.com") is not None
    del churn


def test_a_manifest_of_another_version_is_refused():
    manifest, buffers = a_manifest()
    with pytest.raises(BadIndex, match="version 1"):
        Index.from_buffers({**manifest, "version": 1}, *buffers)


@pytest.mark.parametrize("which", range(4))
def test_buffers_that_do_not_belong_together_are_refused(which):
    manifest, buffers = a_manifest()
    buffers[which] = buffers[which] + b"\0" if which else b"no trie at all"
    with pytest.raises(BadIndex):
        Index.from_buffers(manifest, *buffers)


@pytest.mark.parametrize(
    "change",
    [
        {"names": 2},
        {"names": None},
        {"set_bits": 3},
        {"set_bits": 8},
        {"set_bits": 4},
        {"rare_sets": 1},
        {"rare_sets": -1},
        {"rare_sets": None},
        {"line_octets": 2},
        {"line_octets": None},
        {"line_octets": 9},
        {"sets": [[[1, 0, 0]]]},
        {"sets": [[[0, 9, 0]]]},
        {"sets": 7},
        {"lists": [{}]},
        {"lists": None},
    ],
)
def test_a_damaged_manifest_is_refused(change):
    manifest, buffers = a_manifest()
    with pytest.raises(BadIndex):
        Index.from_buffers(manifest | change, *buffers)


def test_without_line_numbers_an_index_decides_the_same():
    manifest, buffers = a_manifest()
    light = Index.from_buffers(manifest, *buffers[:2])
    match = decide(Index.from_buffers(manifest, *buffers), "a.com")
    assert match is not None
    assert match.line == 3
    assert decide(light, "a.com") == match._replace(line=0)


def test_the_line_of_a_rule_is_looked_up_by_its_list_and_name():
    index = an_index([*["x.example"] * 400, "||a.example^"], ["a.example", "||a.example^"])
    name = from_text("a.example")
    assert index.line_of(0, name, Scope.SUBTREE) == 401
    assert [index.line_of(1, name, scope) for scope in Scope] == [1, 2, 0]
    assert index.line_of(0, from_text("b.example"), Scope.EXACT) == 0
    assert index.line_of(7, name, Scope.EXACT) == 0
