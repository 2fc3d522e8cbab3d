from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.sniff import is_html, sniff
from tests.lists.reading import SHARED, needs_real_lists, read


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", "domains"),
        ("# only\n# comments", "domains"),
        ("a.example\nb.example", "domains"),
        ("0.0.0.0 a.example\n0.0.0.0 b.example", "hosts"),
        ("*.a.example\n*.b.example", "wildcard"),
        ("||a.example^\n||b.example^", "adblock"),
        ("[Adblock Plus 2.0]\na.example\nb.example", "adblock"),
        ("a.example\nb.example\nc.example\n||d.example^", "domains"),
        ("example.com##.banner\nexample.org##.ad", "adblock"),
        ("##.banner\n##.ad", "adblock"),
        ("\ufeff0.0.0.0 a.example", "hosts"),
        ("server=/a.example/", "dnsmasq"),
        ('server:\n  local-zone: "a.example" static', "unbound"),
    ],
)
def test_the_format_is_what_most_lines_are_in(text, form):
    assert sniff(text.encode().split(b"\n")).name == form


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_any_lines_are_in_some_format(lines):
    assert sniff(lines).name in FORMATS


MIXED = "a.example\n||b.example^\n*.c.example\n0.0.0.0 d.example e.example\n@@||f.example^\ng.example\nh.example\n"
RULES = [
    "a.example",
    "||b.example^",
    "||c.example^",
    "d.example",
    "e.example",
    "@@||f.example^",
    "g.example",
    "h.example",
]


@pytest.mark.parametrize("form", [None, *(name for name in FORMATS if name not in {"regex", "subtrees"})])
def test_a_mixed_list_loses_nothing_whatever_it_is_taken_for(form):
    result = read(MIXED, form=form)
    assert (result.texts, result.complaints) == (RULES, [])


@pytest.mark.parametrize(
    ("head", "html"),
    [
        (b"<!DOCTYPE html><html>", True),
        (b"\xef\xbb\xbf \r\n<HTML lang=en>", True),
        (b"<!-- generated -->", True),
        (b"# <html>", False),
        (b"", False),
        (b"a.example", False),
    ],
)
def test_a_web_page_is_told_from_a_list(head, html):
    assert is_html(head) is html


@needs_real_lists
@pytest.mark.parametrize("form", ["hosts", "domains", "wildcard"])
def test_real_lists_are_in_the_format_of_their_folder(form):
    for path in (SHARED / form).iterdir():
        assert sniff(path.read_bytes().split(b"\n")[:1000]).name == form


@needs_real_lists
def test_real_adblock_lists_are_seen_as_such():
    for path in (SHARED / "adblock").iterdir():
        expected = "addresses" if path.name == "dandelion-answer-ips.txt" else "adblock"
        assert sniff(path.read_bytes().split(b"\n")[:1000]).name == expected
