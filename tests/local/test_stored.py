"""Stored local data that is not what it should be is refused, whatever it is."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.local.stored import BadStored, decode, encode
from mirage_hole.wire.names import from_text

GOOD = encode((), b"", (from_text("mirage.hole"),), {"10.0.0.0/8": [b"\x0a\0\0\1"], "": [b"\xc0\0\2\1", bytes(16)]})


def test_the_server_is_where_it_was_stored():
    data = decode(GOOD)
    assert [one.rdata for one in data.of_own(b"\x0a\1\1\1")] == [b"\x0a\0\0\1"]
    assert [one.rrtype for one in data.of_own(b"\xc0\0\2\7")] == [1, 28]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"records": 7},
        {"records": [[]]},
        {"records": [["zz", 1, "", 60, [], False]]},
        {"records": [["00", 1, "", 60, ["10.0.0.0/99"], False]]},
        {"records": [["00", "x", "", 60, [], False]]},
        {"domain": None},
        {"addresses": []},
        {"addresses": {"x": ["00000000"]}},
        {"own": None},
    ],
)
def test_damage_is_told(change):
    with pytest.raises(BadStored):
        decode({**GOOD, **change})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["records", "domain", "own", "addresses"]), JSON, max_size=4))
def test_nothing_else_is_raised_for_any_content(change):
    with contextlib.suppress(BadStored):
        decode({**GOOD, **change})
