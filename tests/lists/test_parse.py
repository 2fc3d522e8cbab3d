from __future__ import annotations

import re
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.line import MAX_LINE, split_lines
from mirage_hole.lists.parse import MAX_COMPLAINTS, MAX_REASONS, ParsedList, parse
from mirage_hole.lists.rule import Action
from mirage_hole.lists.stored import decode_rich, encode_rich
from mirage_hole.wire.names import from_text, to_text
from tests.lists.reading import SHARED, needs_real_lists, read, slowly

# Pieces that list lines are made of, so that random lines are nearly rules.
SIGNS = ["||", "|", "@@", "^", "^|", "$", "*.", "*", "#", "##", "!", "!#include", ";", "/", "\\", "[", "]", "~", ":"]
WORDS = ["a", "ads", "example", "com", "A", "_", "-", "localhost", "localdomain", "0", "1.2.3.4", "x" * 63, "x" * 64]
FRONTS = ["0.0.0.0 ", "127.0.0.1\t", "::1 ", ":: ", "$important", "\ufeff"]
OTHERS = [".", "..", " ", "\t", "\r", "\u00a0", "ü", "\0", "ß", "²", "。", "\ud800", "\x1c"]
pieces = st.sampled_from([*SIGNS, *WORDS, *FRONTS, *OTHERS])
odd_lines = st.lists(pieces, max_size=12).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass"))
names = st.lists(st.text("ab-_9", min_size=1, max_size=4), min_size=1, max_size=4).map(".".join)
rule_lines = st.builds(
    lambda front, name, back: f"{front}{name}{back}".encode(),
    st.sampled_from(["", "||", "*.", "0.0.0.0 ", "127.0.0.1 ", "::  ", "@@||", "|"]),
    st.one_of(
        names, names.map(lambda name: name + ".com"), st.just("localhost.localdomain"), st.just("x." * 126 + "com")
    ),
    st.sampled_from(
        ["", "^", "^|", " ", "\r", "\t\r", ".", " # x", " CNAME .", "\tIN CNAME *.", " 60 A 192.0.2.1", " CNAME . ; x"]
    ),
)
zone_lines = st.sampled_from(
    [
        b"$ORIGIN rpz.",
        b"$ORIGIN com.rpz.",
        b"$ORIGIN .",
        b"rpz. SOA a. b. 1 2 3 4 5",
        b"@ SOA a b (",
        b"1 2 )",
        b"\tCNAME .",
        b" A 192.0.2.1",
    ]
)
lines = st.one_of(st.binary(max_size=60), odd_lines, rule_lines, zone_lines)
forms = st.sampled_from([None, *FORMATS])


@settings(max_examples=400, deadline=None)
@given(st.lists(lines, max_size=10), st.sampled_from(Action), forms)
def test_any_octets_are_rules_or_complaints_and_never_an_error(raw, kind, form):
    parsed = parse(raw, kind, form)
    rules = list(parsed)
    assert parsed.rules == len(rules) + len(parsed.rich)
    assert parsed.lines == len(raw)
    assert parsed.complaint_count == len(parsed.complaints) == sum(parsed.reasons.values())
    for rule in rules:
        assert re.fullmatch(rb"([\x01-\x3f][a-z0-9_-]+)+\0", rule.name, re.DOTALL)
        assert len(rule.name) <= 255
        assert from_text(to_text(rule.name)) == rule.name
        assert 1 <= rule.line <= len(raw)
        assert rule.action is Action.ALLOW or kind is Action.BLOCK
    for rich in parsed.rich:
        assert rich.text
        assert decode_rich(encode_rich(rich)) == rich
        assert 1 <= rich.line <= len(raw)
        assert rich.action is Action.ALLOW or kind is Action.BLOCK
    for complaint in parsed.complaints:
        assert 1 <= complaint.line <= len(raw)
        assert complaint.reason
        assert len(complaint.text) <= 80
        assert complaint.text == "" or complaint.text.isprintable()


@settings(max_examples=400, deadline=None)
@given(st.lists(lines, max_size=10), st.sampled_from(Action), st.sampled_from(list(FORMATS)))
@example([b"localhost.localdomain", b"||localhost.localdomain^", b"x." * 126 + b"com"], Action.BLOCK, "domains")
def test_the_fast_path_reads_what_the_format_itself_reads(raw, kind, form):
    fast = parse(raw, kind, form)
    slow = ParsedList(iter(raw), kind, slowly(form))
    assert list(fast) == list(slow)
    assert (fast.rules, fast.rich, fast.complaints) == (slow.rules, slow.rich, slow.complaints)


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("hosts", b"0.0.0.0 ads.example.com"),
        ("hosts", b"127.0.0.1\tads.example.com\r"),
        ("hosts", b":: ads.example.com"),
        ("domains", b"ads_9.example.com"),
        ("wildcard", b"*.example.com"),
        ("adblock", b"||ads.example.com^"),
        ("adblock", b"||ads.example.com^|\r\n"),
        ("subtrees", b"ads.example.com"),
        ("dnsmasq", b"server=/ads.example.com/\t# why"),
        ("unbound", b'\tlocal-zone: "ads.example.com." always_null'),
        ("rpz", b"*.ads.example.com IN CNAME ."),
    ],
)
def test_the_commonest_lines_take_the_fast_path(form, line):
    assert FORMATS[form].simple.fullmatch(line)


def test_lines_are_counted_as_editors_count_them():
    assert read("# one\n\n a.example\r\n||b.example^\n\n0.0.0.0 c.example").rules == [
        ("a.example", 3),
        ("||b.example^", 4),
        ("c.example", 6),
    ]


def test_an_unknown_format_is_refused():
    with pytest.raises(KeyError):
        parse([], Action.BLOCK, "excel")


def test_a_line_that_is_too_long_is_a_complaint_and_the_next_one_is_read():
    result = read(b"a.example\n" + b"x" * (MAX_LINE + 1) + b"\nb.example\n" + b"# " + b"y" * MAX_LINE)
    assert result.texts == ["a.example", "b.example"]
    assert [line for line, _ in result.complaints] == [2, 4]
    assert "more than 4096 octets" in result.complaints[0][1]


def test_a_simple_rule_behind_too_many_spaces_is_too_long_as_well():
    line = b"a.example" + b" " * MAX_LINE
    assert read(line, form="domains").rules == []
    assert read(line, form="adblock").rules == []


def test_binary_lines_are_complaints():
    result = read(b"a.example\nb\0.example\n\xff\xfe\xfd.example\nc.example")
    assert result.texts == ["a.example", "c.example"]
    assert "binary" in result.complaints[0][1]
    assert "internationalised" in result.complaints[1][1]


def test_comments_need_not_be_utf8():
    result = read(b"# caf\xe9\na.example # caf\xe9\n! \xff\xfe")
    assert (result.texts, result.complaints) == (["a.example"], [])


def test_complaints_are_counted_beyond_those_that_are_kept():
    parsed = parse((b"a b" for _ in range(MAX_COMPLAINTS + 500)), Action.BLOCK, "domains")
    assert list(parsed) == []
    assert len(parsed.complaints) == MAX_COMPLAINTS
    assert parsed.complaint_count == MAX_COMPLAINTS + 500


def test_reasons_are_bounded():
    parsed = parse((f"a{chr(number)}.example".encode() for number in range(0x21, 0x7F)), Action.BLOCK, "domains")
    list(parsed)
    long_labels = parse((b"a" * length + b".example" for length in range(64, 400)), Action.BLOCK, "domains")
    list(long_labels)
    assert len(long_labels.reasons) == MAX_REASONS + 1
    assert sum(long_labels.reasons.values()) == 336


def test_ten_megabytes_without_a_line_feed_are_one_complaint_in_little_memory():
    tracemalloc.start()
    try:
        parsed = parse(split_lines(b"x" * 65_536 for _ in range(160)), Action.BLOCK)
        assert list(parsed) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert parsed.complaint_count == 1
    assert peak < 2_000_000


# What each real list is known to hold: (file, rules, complaints).
REAL = [
    ("hosts/blocklistproject-basic.txt", 76_036, 0),
    ("hosts/blocklistproject-tiktok.txt", 3_725, 0),
    ("domains/blocklistproject-tracking.txt", 143_876, 0),
    ("domains/stevenblack-2022.txt", 140_626, 0),
    ("wildcard/adaway-2022.txt", 4_456, 0),
    ("adblock/oisd-small.txt", 57_170, 0),
    ("adblock/blocklistproject-tracking.txt", 143_876, 0),
    ("adblock/adguarddns-2022.txt", 82_473, 0),
    ("allow/anudeepnd-whitelist.txt", 191, 0),
    ("rpz/oisd-small.rpz", 114_340, 0),
]


@needs_real_lists
@pytest.mark.parametrize(("file", "rules", "complaints"), REAL)
def test_real_lists_are_read_whole(file, rules, complaints):
    with (SHARED / file).open("rb") as text:
        parsed = parse(split_lines(iter(lambda: text.read(65_536), b"")), Action.BLOCK)
        assert sum(1 for _ in parsed) == rules
    assert parsed.complaint_count == complaints


@needs_real_lists
@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("dnsmasq/blocklistproject-redirect.conf", "dnsmasq"),
        ("dnsmasq/oisd-small.conf", "dnsmasq"),
        ("unbound/easylist-2022.conf", "unbound"),
        ("unbound/oisd-small.conf", "unbound"),
    ],
)
def test_real_configurations_of_resolvers_are_read_without_a_complaint(file, form):
    names = (SHARED / file).read_bytes().count(b"=/" if form == "dnsmasq" else b"local-zone:")
    with (SHARED / file).open("rb") as text:
        parsed = parse(split_lines(iter(lambda: text.read(65_536), b"")), Action.BLOCK)
        assert sum(1 for _ in parsed) == names > 50_000
    assert (parsed.format, parsed.complaint_count) == (form, 0)
