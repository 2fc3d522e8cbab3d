from __future__ import annotations

import pytest

from mirage_hole.lists.rule import Action
from tests.lists.reading import read


def test_a_wildcard_stands_for_the_name_and_everything_below():
    assert read("*.Example.com\n*.zip\n*.b.example. # why").texts == ["||example.com^", "||zip^", "||b.example^"]


def test_a_wildcard_list_may_hold_plain_names():
    assert read("*.a.example\n*.b.example\nc.example").texts == ["||a.example^", "||b.example^", "c.example"]


def test_a_wildcard_in_an_allowlist_allows():
    assert read("*.a.example", Action.ALLOW).texts == ["@@||a.example^"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("*.", "no name"), ("*.*.example", "'*'"), ("*.a b", "several words")],
)
def test_other_wildcards_are_complaints(text, words):
    result = read(text, form="wildcard")
    assert result.rules == []
    assert words in result.reason
