"""When a list counts as shrunk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.sources.guard import FEWEST_RULES, loss, suspicious
from mirage_hole.sources.shelf import Note


def rules(count: int) -> Note:
    return Note(rules=count, size=count * 20)


@pytest.mark.parametrize(
    ("before", "after", "most", "held"),
    [
        (1000, 499, 0.5, True),
        (1000, 500, 0.5, False),
        (1000, 899, 0.1, True),
        (1000, 900, 0.1, False),
        (1000, 2000, 0.5, False),
        (1000, 1, 0.0, False),
        (1000, 1, 1.0, False),
        (FEWEST_RULES, 1, 0.5, True),
        (FEWEST_RULES - 1, 1, 0.5, False),
    ],
)
def test_a_list_that_loses_more_than_the_share_is_suspicious(before, after, most, held):
    assert suspicious(rules(before), rules(after), most) is held


def test_octets_count_where_rules_were_not_counted():
    assert suspicious(Note(size=10_000), Note(rules=5, size=1000), 0.5)
    assert not suspicious(Note(size=999), Note(rules=5, size=10), 0.5)
    assert str(loss(Note(size=10_000), Note(size=1000))) == "it has lost 90% of its octets (10,000 before, 1,000 now)"


def test_the_loss_is_told_in_rules():
    assert str(loss(rules(12_000), rules(300))) == "it has lost 98% of its rules (12,000 before, 300 now)"
    assert loss(rules(300), rules(12_000)) is None


@given(st.builds(Note, rules=st.integers(0, 10**7), size=st.integers(0, 10**9)),
       st.builds(Note, rules=st.integers(0, 10**7), size=st.integers(0, 10**9)), st.floats(0, 1))  # fmt: skip
def test_what_is_suspicious_has_lost_something_that_can_be_told(before, after, most):
    if suspicious(before, after, most):
        assert 0 < loss(before, after).share <= 1
        assert str(loss(before, after))
