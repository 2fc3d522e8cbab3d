"""Tables of counts: what is said of a key stays true through cuts and sums, and octets come back as they were."""

from __future__ import annotations

import contextlib
import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.observe.durations import FINE, percentiles
from mirage_hole.observe.rollup import (
    BOUNDS,
    DAY,
    HOUR,
    MINUTE,
    BadUnit,
    Counts,
    Facet,
    Unit,
    decode,
    encode,
    heaviest,
    pair_key,
    total,
)

KEYS = st.integers(0, 12)
PARTS = st.lists(st.lists(KEYS, max_size=30), max_size=6)
TABLES = st.dictionaries(
    st.sampled_from(list(Facet)),
    st.builds(
        Counts,
        st.dictionaries(st.integers(0, 2**63), st.integers(1, 2**40), max_size=20),
        st.integers(0, 1000),
        st.integers(0, 1000),
    ),
)


def table_of(keys: list[int], most: int) -> Counts:
    table = Counts()
    for key in keys:
        table.add({key: 1})
    table.cut(most)
    return table


@given(TABLES)
def test_tables_come_back_from_octets_as_they_were(tables: dict[Facet, Counts]) -> None:
    assert decode(encode(tables)) == tables


@given(TABLES, st.data())
def test_octets_that_were_altered_are_refused_and_nothing_else_happens(
    tables: dict[Facet, Counts], data: st.DataObject
) -> None:
    octets = bytearray(encode(tables))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(BadUnit):
        assert decode(bytes(octets)) == tables  # a bit that deflate does not look at


@given(st.binary(max_size=200))
def test_any_other_octets_are_no_unit(octets: bytes) -> None:
    with pytest.raises(BadUnit):
        decode(octets)
    with pytest.raises(BadUnit):
        decode(zlib.compress(b"\2" + octets))


@pytest.mark.parametrize("inside", [b"\x01\x10", b"\x01\x10" + b"\xff" * 20, b""])
def test_a_table_that_is_cut_short_is_refused(inside: bytes) -> None:
    with pytest.raises(BadUnit):
        decode(zlib.compress(inside))


def test_a_unit_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(BadUnit):
        decode(zlib.compress(bytes(64 << 20)))


@given(PARTS, st.integers(1, 8), st.integers(1, 8))
def test_what_a_table_says_of_each_key_holds_through_cuts_and_sums(
    parts: list[list[int]], most: int, last: int
) -> None:
    truth = Counter(key for part in parts for key in part)
    summed = Counts()
    for part in parts:
        summed.merge(table_of(part, most))
        summed.cut(last)
    for key in range(13):
        if key in summed.counts:
            assert summed.counts[key] <= truth[key] <= summed.counts[key] + summed.slack
        else:
            assert truth[key] <= summed.floor


@given(PARTS, st.integers(1, 14))
def test_a_top_list_says_how_far_off_each_number_may_be(parts: list[list[int]], most: int) -> None:
    truth = Counter(key for part in parts for key in part)
    rows, exact = heaviest([table_of(part, most) for part in parts], 100)
    for row in rows:
        assert row.times <= truth[int(row.key)] <= row.times + row.uncertainty
    if exact:
        assert {row.key: row.times for row in rows} == dict(truth)
        assert all(row.uncertainty == 0 for row in rows)
    assert exact == all(len(set(part)) <= most for part in parts)


@given(st.permutations(range(5)), PARTS)
def test_sums_do_not_depend_on_the_order(order: list[int], parts: list[list[int]]) -> None:
    units = []
    for number in range(5):
        unit = Unit(number * MINUTE)
        keys = parts[number] if number < len(parts) else []
        unit.queries = len(keys)
        unit.of(Facet.NAME).add(dict(Counter(keys)))
        units.append(unit)
    one, other = total(0, units), total(0, [units[number] for number in order])
    assert (one.queries, one.counts(Facet.NAME)) == (other.queries, other.counts(Facet.NAME))


def test_queries_that_were_not_counted_by_key_are_owned_up_to() -> None:
    table = Counts({1: 5})
    table.missed(3)
    rows, exact = heaviest([table], 5)
    assert (rows[0].times, rows[0].uncertainty, exact) == (5, 3, False)


@pytest.mark.parametrize("step", [MINUTE, HOUR, DAY])
def test_a_unit_is_bounded_whatever_is_asked(step: int) -> None:
    unit = Unit(0)
    unit.of(Facet.NAME).add(dict.fromkeys(range(20_000), 1))
    unit.of(Facet.CLIENT_NAME).add({pair_key(1, name): 1 for name in range(20_000)})
    unit.of(Facet.TYPE).add(dict.fromkeys(range(20_000), 1))
    unit.cut(step)
    assert len(unit.counts(Facet.NAME)) == len(unit.counts(Facet.CLIENT_NAME)) == BOUNDS[step]
    assert len(unit.counts(Facet.TYPE)) <= 4096
    assert len(encode(unit.facets)) < 100_000


def test_ties_of_a_top_list_are_in_a_fixed_order() -> None:
    rows, _ = heaviest([Counts({3: 1, 1: 1, 2: 2})], 3)
    assert [row.key for row in rows] == [2, 1, 3]


@given(st.lists(st.floats(0, 8.0), min_size=1, max_size=200), st.floats(0, 1))
def test_a_percentile_is_in_the_bucket_of_the_true_one(seconds: list[float], share: float) -> None:
    from bisect import bisect_left
    from math import ceil

    buckets = Counter(bisect_left(FINE, one) for one in seconds)
    found = percentiles(buckets, [share])
    assert found is not None
    true = sorted(seconds)[max(ceil(share * len(seconds)) - 1, 0)]
    place = bisect_left(FINE, true)
    assert (FINE[place - 1] if place else 0.0) <= found[0] <= FINE[place]


def test_percentiles_of_nothing_are_none_and_of_slow_answers_the_last_bound() -> None:
    assert percentiles({}, [0.5]) is None
    assert percentiles({len(FINE): 3}, [0.5]) == [FINE[-1]]
