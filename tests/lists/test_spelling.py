from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists.spelling import is_address, printable, read_name, wire_of_simple
from mirage_hole.wire.names import BadName, from_text, labels_of, to_text


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_refused(text):
    try:
        name = read_name(text)
    except BadName:
        return
    assert len(name) <= 255
    assert re.fullmatch(rb"([\x01-\x3f][a-z0-9_-]+)+\0", name, re.DOTALL)
    assert labels_of(name)
    assert from_text(to_text(name)) == name
    assert read_name(to_text(name)) == name


label = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=63)


@given(st.lists(label, min_size=1, max_size=4), st.sampled_from("az"))
def test_the_simple_way_gives_the_same_name(labels, letter):
    text = ".".join([*labels, letter])
    if len(text) <= 253:
        assert wire_of_simple(text.encode()) == read_name(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0", True),
        ("255.255.255.255", True),
        ("256.0.0.1", False),
        ("1.2.3", False),
        ("10.0.0.0/8", True),
        ("::", True),
        ("fe80::1%lo0", True),
        ("2001:db8::/32", True),
        ("a.example", False),
        ("a:b", False),
        ("", False),
    ],
)
def test_addresses_are_told_from_names(text, address):
    assert is_address(text) is address


@given(st.text(max_size=200))
def test_what_is_quoted_is_short_and_printable(text):
    quoted = printable(text)
    assert len(quoted) <= 80
    assert quoted == "" or quoted.isprintable()
