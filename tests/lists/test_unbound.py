from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists import unbound
from mirage_hole.lists.line import Found, Problem
from mirage_hole.lists.rule import Action
from tests.lists.reading import read


@pytest.mark.parametrize("kind", sorted(unbound.BLOCKING))
def test_each_type_that_blocks_blocks_the_name_and_everything_below(kind):
    result = read(f'server:\n\tlocal-zone: "Ads.example." {kind}\t# SMALL', form="unbound")
    assert result.rules == [("||ads.example^", 2)]
    assert result.complaints == []


@pytest.mark.parametrize("kind", sorted(unbound.ALLOWING))
def test_each_type_that_lets_through_allows(kind):
    assert read(f'local-zone: "www.example." {kind}').texts == ["@@||www.example^"]


@pytest.mark.parametrize(
    "line",
    [
        'local-data: "ads.example A 0.0.0.0"',
        'local-data: "ads.example. 60 IN A 127.0.0.1"',
        "local-data: 'ads.example IN AAAA ::'",
    ],
)
def test_data_of_a_sinkhole_blocks_that_name_alone(line):
    assert read(line).texts == ["ads.example"]


def test_names_without_quotes_are_read():
    assert read("local-zone: ads.example always_nxdomain").texts == ["||ads.example^"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('local-data: "nas.example A 192.0.2.7"', "gives a name an address"),
        ('local-data: "nas.example TXT hello"', "no address"),
        ('local-zone: "ads.example" nodefault', "type nodefault"),
        ('local-zone: "." always_null', "every name"),
        ('local-zone: "ads.example"', "not local-zone: or local-data:"),
        ('local-zone: "a b" static', "' '"),
        ('private-domain: "example"', "not local-zone: or local-data:"),
    ],
)
def test_what_does_more_or_less_than_block_is_a_complaint(line, words):
    result = read(line, form="unbound")
    assert result.rules == []
    assert words in result.reason


def test_the_format_is_found_out():
    assert read('server:\nlocal-zone: "a.example" static').parsed.format == "unbound"


@given(st.text(max_size=60) | st.from_regex(r"local-(?:zone|data): .{0,40}", fullmatch=True))
def test_any_line_gives_rules_or_problems(text):
    assert all(isinstance(one, Found | Problem) for one in unbound.read(text.strip() or "x", Action.BLOCK))
