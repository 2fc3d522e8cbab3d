from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.lists import unbound
from mirage_hole.lists.line import Found, Problem
from mirage_hole.lists.rule import Action, RichRule, Scope
from tests.lists.reading import read, told


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


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ('local-data: "nas.example A 192.0.2.7"', "-> A 192.0.2.7"),
        ('local-data: "NAS.example. 3600 IN AAAA 2001:db8::7"', "-> AAAA 2001:db8::7"),
        ('local-data: "nas.example CNAME b.example."', "-> CNAME b.example."),
        ('local-data: "nas.example IN MX 10 mail.example."', "-> MX 10 mail.example."),
        ('local-data: "nas.example PTR b.example."', "-> PTR b.example."),
        ('local-data: "nas.example SRV 10 60 8080 b.example."', "-> SRV 10 60 8080 b.example."),
        ("""local-data: 'nas.example TXT "a b" "c"'""", '-> TXT "a b" "c"'),
        ('local-data: "nas.example TXT hello"', '-> TXT "hello"'),
        ('local-data: "nas.example HTTPS 1 . alpn=h2"', '-> HTTPS 1 . alpn="h2"'),
    ],
)
def test_real_data_is_an_answer_of_the_name_s_own(line, rule):
    assert told(line) == [f"BLOCK EXACT nas.example {rule}"]


def test_a_pointer_is_data_of_the_reverse_name():
    assert told('local-data-ptr: "192.0.2.7 60 nas.example"') == [
        "BLOCK EXACT 7.2.0.192.in-addr.arpa -> PTR nas.example."
    ]


@pytest.mark.parametrize("kind", sorted(unbound.REDIRECTING))
def test_data_of_a_zone_that_redirects_is_for_everything_below_it_too(kind):
    text = (
        f'local-zone: "a.example." {kind}\nlocal-data: "A.example A 192.0.2.7"\nlocal-data: "a.example AAAA 2001:db8::7"\n'
        'local-data: "b.example A 192.0.2.7"\nlocal-data: "a.example A 0.0.0.0"'
    )
    assert told(text) == [
        "BLOCK SUBTREE a.example",
        "BLOCK SUBTREE a.example",
        "BLOCK SUBTREE a.example -> A 192.0.2.7",
        "BLOCK SUBTREE a.example -> AAAA 2001:db8::7",
        "BLOCK EXACT b.example -> A 192.0.2.7",
    ]


def test_zones_that_redirect_are_remembered_in_bounded_memory():
    reader = unbound.Reader()
    for number in range(unbound.MAX_REDIRECTING + 10):
        reader.read(f'local-zone: "a{number}.example" redirect', Action.BLOCK)
    (rule,) = reader.read(f'local-data: "a{unbound.MAX_REDIRECTING + 9}.example A 192.0.2.7"', Action.BLOCK)
    assert rule.scope is Scope.SUBTREE
    assert len(reader._redirecting) <= unbound.MAX_REDIRECTING


def test_in_an_allowlist_data_lets_the_name_through():
    assert told('local-data: "nas.example A 192.0.2.7"', Action.ALLOW) == ["ALLOW EXACT nas.example"]


def test_names_without_quotes_are_read():
    assert read("local-zone: ads.example always_nxdomain").texts == ["||ads.example^"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('local-data: "nas.example A nonsense"', "no IPv4 address"),
        ('local-data: "nas.example"', "without a record type"),
        ('local-data: "nas.example NS ns.example."', "no record to answer with"),
        ('local-data: "nas.example A ( 192.0.2.7"', "no record to answer with"),
        ('local-data-ptr: "192.0.2.7"', "not an address, then a name"),
        ('local-data-ptr: "nas.example 192.0.2.7"', "not an address, then a name"),
        ('local-zone: "ads.example" nodefault', "type nodefault"),
        ('local-zone: "." always_null', "every name"),
        ('local-zone: "ads.example"', "none of local-zone: local-data:"),
        ('local-zone: "a b" static', "' '"),
        ('private-domain: "example"', "none of local-zone: local-data:"),
    ],
)
def test_what_does_more_or_less_than_block_is_a_complaint(line, words):
    result = read(line, form="unbound")
    assert result.rules == []
    assert words in result.reason


def test_the_format_is_found_out():
    assert read('server:\nlocal-zone: "a.example" static').parsed.format == "unbound"


@given(st.text(max_size=60) | st.from_regex(r"local-(?:zone|data|data-ptr): .{0,40}", fullmatch=True))
def test_any_line_gives_rules_or_problems(text):
    assert all(isinstance(one, Found | RichRule | Problem) for one in unbound.read(text.strip() or "x", Action.BLOCK))
