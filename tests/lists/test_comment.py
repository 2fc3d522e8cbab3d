from __future__ import annotations

import pytest

from mirage_hole.lists.comment import MAX_TITLE, title_of
from tests.lists.reading import read


@pytest.mark.parametrize("sign", ["#", "!", ";", "##", "# "])
def test_the_title_is_found_in_any_comment(sign):
    for form in ("hosts", "domains", "wildcard", None):
        assert read(f"{sign} comment\n{sign} Title:  Some list \na.example\n", form=form).parsed.title == "Some list"


def test_the_first_title_counts():
    assert read("# Title: one\n# Title: two").parsed.title == "one"


def test_a_list_without_a_title_has_none():
    assert read("# Name: x\na.example").parsed.title == ""


def test_a_title_is_short_and_printable():
    title = title_of("! Title: \x1b[31m" + "x" * 1000)
    assert title is not None
    assert title.startswith("[31mx")
    assert len(title) == MAX_TITLE
    assert title_of("! Title: \x1b \x00") is None
