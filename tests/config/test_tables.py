from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.machine import problems, reading
from mirage_hole.config.lines import lines_of
from mirage_hole.config.tables import TABLES, fields_of


def test_every_field_is_explained_and_has_a_default_of_its_own_type():
    for name in TABLES:
        for field in fields_of(name).values():
            assert field.doc.endswith(".")
            assert field.write
            if field.default is not msgspec.NODEFAULT:
                assert msgspec.convert(field.default, field.type) == field.default


def test_each_repeated_table_has_lines_of_its_own():
    lines = lines_of('[[list]]\nurl = "a"\n\n[[list]]\ntitle = "t"\n# note\nurl = "b"\n[web]\nlisten = "off"\n')
    assert (lines["list[0]"], lines["list[0].url"]) == (1, 2)
    assert (lines["list[1]"], lines["list[1].title"], lines["list[1].url"]) == (4, 5, 7)
    assert lines["web.listen"] == 9


def test_a_section_with_single_brackets_is_told_to_write_two(tmp_path):
    (problem,) = problems(tmp_path, toml='[list]\nurl = "a"\n')
    assert "config.toml:1" in problem
    assert problem.endswith("write [[list]]")


def test_all_problems_of_all_tables_are_told_with_their_lines(tmp_path):
    toml = '[[list]]\nurl = 7\nkind = "both"\n[[list]]\nenabled = "maybe"\nrefesh_every = "1h"\n'
    found = problems(tmp_path, toml=toml)
    places = [(text.partition(" ")[0], text.partition("config.toml:")[2][0]) for text in found]
    assert places == [
        ("list[0].url", "2"),
        ("list[0].kind", "3"),
        ("list[1].enabled", "5"),
        ("list[1].refesh_every", "6"),
        ("list[1].url", "4"),
    ]
    assert "write refresh_every" in found[3]
    assert "missing" in found[4]


def test_too_many_tables_are_one_problem(tmp_path):
    (problem,) = problems(tmp_path, toml='[[list]]\nurl = "a"\n' * 201)
    assert "write at most 200" in problem


@given(
    st.dictionaries(
        st.sampled_from(["url", "kind", "title", "format", "refresh_every", "sha256", "enabled", "odd"]),
        st.one_of(st.text(max_size=30), st.integers(), st.booleans(), st.floats(), st.lists(st.integers(), max_size=2)),
    )
)
def test_whatever_is_in_a_table_is_a_setting_or_a_problem(table):
    from mirage_hole.config.load import Loaded
    from mirage_hole.config.tables import take_tables

    loaded = Loaded()
    (taken,) = take_tables(loaded, "list", [table])
    assert (taken is None) == bool(loaded.problems)


@pytest.mark.parametrize("written", ["list = 7", 'list = ["a"]', "list = [[1]]"])
def test_a_value_where_tables_belong_is_a_problem(tmp_path, written):
    assert reading(tmp_path, toml=written).settled is None
