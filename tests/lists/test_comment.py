from __future__ import annotations

import pytest

from mirage_hole.lists.comment import LONGEST_LIFE, MAX_TITLE, SHORTEST_LIFE, expires_of, title_of
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


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("! Expires: 4 days", 4 * 86400),
        ("! Expires: 1 day (update frequency)", 86400),
        ("# Expires: 12 hours", 12 * 3600),
        ("! expires: 6h", 6 * 3600),
        ("! Expires: 3", 3 * 86400),
        ("! Expires: 1 hours, or so", 3600),
        ("! Expires: 9999 days", LONGEST_LIFE),
        ("! Expires: 0 days", None),
        ("! Expires: tomorrow", None),
        ("! Expires: 12345 days", None),
        ("! Expires: 4 dozen", None),
        ("! It Expires: 4 days", None),
    ],
)
def test_how_long_a_list_holds_is_read_within_bounds(text, seconds):
    assert expires_of(text) == seconds
    assert seconds is None or SHORTEST_LIFE <= seconds <= LONGEST_LIFE


def test_the_first_word_on_how_long_a_list_holds_counts():
    assert read("! Expires: 2 days\n! Expires: 3 days\n||a.example^").parsed.expires == 2 * 86400
    assert read("||a.example^").parsed.expires == 0
