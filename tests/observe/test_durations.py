from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.durations import BOUNDS, Durations


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 5))))
def test_each_bucket_counts_what_is_not_slower_than_its_bound(answers: list[tuple[float, int]]) -> None:
    durations = Durations()
    for seconds, number in answers:
        durations.add(seconds, number)
    rows = durations.cumulative()
    assert [bound for bound, _ in rows] == [*map(str, BOUNDS), "+Inf"]
    for bound, total in rows:
        assert total == sum(number for seconds, number in answers if seconds <= float(bound))


def test_a_duration_on_a_bound_belongs_to_that_bound() -> None:
    durations = Durations()
    durations.add(0.001)
    assert dict(durations.cumulative())["0.001"] == 1
    assert dict(durations.cumulative())["0.0005"] == 0
