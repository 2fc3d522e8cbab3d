from __future__ import annotations

from array import array
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mirage_hole.policy import columns
from mirage_hole.policy.columns import Layout, opened, pack


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """As of many names: the smallest."""
    monkeypatch.setattr(columns, "WORTH", 0)


def column(numbers: list[int]) -> tuple[Layout, bytes, list[int]]:
    """Numbers renamed so that the commonest comes first, as the builder does."""
    order = [one for one, _ in Counter(numbers).most_common()]
    renamed = [order.index(one) for one in numbers]
    layout, data = pack(array("I", renamed), [renamed.count(one) for one in range(len(order))])
    return layout, data, renamed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 3) | st.integers(0, 400), max_size=600))
def test_every_number_is_read_as_it_was_written(numbers):
    layout, data, renamed = column(numbers)
    at = opened(layout, data, len(renamed), range(max(renamed, default=0) + 1))
    assert [at(key_id) for key_id in range(len(renamed))] == renamed
    assert len(data) == layout.size(len(renamed))


def test_with_one_set_there_is_no_column():
    assert column([7] * 1000)[:2] == (Layout(0, 0), b"")


def test_a_few_sets_take_half_an_octet():
    assert column(list(range(16)) * 100)[0] == Layout(4, 0)


def test_rare_sets_do_not_make_the_column_wider():
    layout, data, renamed = column([0] * 10_000 + list(range(1, 30)))
    assert layout == Layout(4, 15)
    assert len(data) < 6000
    at = opened(layout, data, len(renamed), range(30))
    assert [at(key_id) for key_id in range(len(renamed))] == renamed


def test_of_few_names_the_column_is_the_fastest(monkeypatch):
    monkeypatch.setattr(columns, "WORTH", 1 << 19)
    assert column([0] * 10_000 + list(range(1, 30)))[0] == Layout(8, 0)
    assert column([0] * 10_000 + list(range(1, 300)))[0] == Layout(16, 0)


@pytest.mark.parametrize(("sets", "bits"), [(200, 8), (256, 8), (5000, 16)])
def test_many_common_sets_make_it_wider(sets, bits):
    layout, data, renamed = column(list(range(sets)) * 10)
    assert layout == Layout(bits, 0)
    at = opened(layout, data, len(renamed), range(sets))
    assert [at(key_id) for key_id in range(len(renamed))] == renamed


def test_more_sets_than_sixteen_bits_can_number_are_all_found():
    numbers = array("I", range(70_000))
    layout, data = pack(numbers, [1] * 70_000)
    assert layout == Layout(16, 70_000 - 65_535)
    at = opened(layout, data, 70_000, range(70_000))
    assert [at(key_id) for key_id in (0, 65_534, 65_535, 65_536, 69_999)] == [0, 65_534, 65_535, 65_536, 69_999]


@pytest.mark.parametrize(
    ("layout", "octets", "count", "values"),
    [
        (Layout(3, 0), 3, 8, 2),
        (Layout(8, 0), 7, 8, 2),
        (Layout(8, 0), 9, 8, 2),
        (Layout(8, 1), 8, 8, 300),
        (Layout(8, -1), 0, 8, 2),
        (Layout(0, 0), 0, 8, 0),
    ],
)
def test_what_does_not_fit_is_refused(layout, octets, count, values):
    with pytest.raises(ValueError, match=r"sets|beyond"):
        opened(layout, bytes(octets), count, range(values))


def test_a_rare_number_that_stands_for_nothing_is_refused():
    data = b"\xff" + (0).to_bytes(4, "little") + (300).to_bytes(4, "little")
    with pytest.raises(ValueError, match="beyond the 300"):
        opened(Layout(8, 1), data, 1, range(300))


def test_a_big_endian_machine_writes_the_same(monkeypatch):
    expected = columns.little(array("H", [1, 256]))
    monkeypatch.setattr(columns.sys, "byteorder", "big")
    swapped = array("H", [1, 256])
    swapped.byteswap()
    assert columns.little(swapped) == expected
