"""What a hostile publisher may send: bounded time, bounded memory, and a report that is still useful."""

from __future__ import annotations

import tracemalloc

import pytest

from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.line import MAX_LINE, split_lines
from mirage_hole.lists.masterfile import MAX_RECORD
from mirage_hole.lists.parse import MAX_COMPLAINTS, MAX_REASONS, MAX_RICH, ParsedList, parse
from mirage_hole.lists.rule import Action
from tests.lists.reading import read

CHUNK = b"x" * 65_536


def read_to_the_end(parsed: ParsedList) -> tuple[int, int]:
    """(rules, octets of memory at the peak)."""
    tracemalloc.start()
    try:
        rules = sum(1 for _ in parsed)
        return rules, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", [None, "rpz", "regex"])
def test_a_gigabyte_without_a_line_feed_is_one_complaint_in_little_memory(form):
    parsed = parse(split_lines(CHUNK for _ in range(16_384)), Action.BLOCK, form)
    rules, peak = read_to_the_end(parsed)
    assert (rules, parsed.complaint_count, parsed.lines) == (0, 1, 1)
    assert peak < 2_000_000


def test_a_million_complaints_are_counted_and_a_thousand_kept():
    parsed = parse((b"\0" for _ in range(1_000_000)), Action.BLOCK, "domains")
    assert list(parsed) == []
    assert (parsed.complaint_count, len(parsed.complaints)) == (1_000_000, MAX_COMPLAINTS)
    assert dict(parsed.reasons) == {"binary data; lists are UTF-8 text": 1_000_000}


def test_complaints_of_every_kind_take_bounded_memory():
    text = (f"{number}.example CNAME b{chr(0x21 + number % 90)}{number}. x".encode() for number in range(5000))
    parsed = parse(text, Action.BLOCK, "rpz")
    _, peak = read_to_the_end(parsed)
    assert len(parsed.reasons) <= MAX_REASONS + 1
    assert sum(parsed.reasons.values()) == parsed.complaint_count
    assert peak < 4_000_000


def test_a_hundred_thousand_alternatives_are_one_complaint():
    line = b"^(" + b"|".join(b"a%d" % number for number in range(100_000)) + b")$"
    result = read(line + b"\n^ads[0-9]", form="regex")
    assert result.complaints == [(1, f"a line of more than {MAX_LINE} octets")]
    assert len(result.parsed.rich) == 1
    longest = b"^(" + b"|".join(b"a%d" % number for number in range(150)) + b")$"
    assert read(longest, form="regex").complaints == []


@pytest.mark.parametrize(
    "line",
    [b"(a+)+$", b"((a*)*)*b", b"(.*)*x", b"(x+x+)+y", b"([a-z]+)*[0-9]", b"(a|aa)+$", b"^(([a-z])+.)+[A-Z]([a-z])+$"],
)
@pytest.mark.parametrize(("front", "back"), [(b"", b""), (b"/", b"/"), (b"address=/:", b":/0.0.0.0")])
def test_nested_quantifiers_are_ordinary_expressions(front, back, line):
    result = read(front + line + back, form="regex")
    assert (len(result.parsed.rich), len(result.complaints)) == (1, 0)


def test_rules_that_are_more_than_a_name_are_bounded_and_so_is_the_work_on_them():
    rich = b"^ads[0-9]\n" * MAX_RICH
    costly = b"^(b[^a]{1,300}){1,4}\n/(c[^a]{1,300}){1,4}/\nlocal=/:^(d[^a]{1,300}){1,4}:/\n198.51.100.7\n" * 5000
    parsed = parse(split_lines([rich, costly, b"||a.example^\n"]), Action.BLOCK, "regex")
    assert sum(1 for _ in parsed) == 1
    assert len(parsed.rich) == MAX_RICH
    assert dict(parsed.reasons) == {f"more than {MAX_RICH} rules that are more than a name": 20_000}


def test_expressions_that_are_refused_late_count_as_work_too():
    wide = b"([a-z.]{0,9}[0-9.]{0,9}){0,9}\n"
    parsed = parse(split_lines([wide * (MAX_RICH + 10), b"||a.example^\n"]), Action.BLOCK, "regex")
    assert sum(1 for _ in parsed) == 1
    assert parsed.reasons[f"more than {MAX_RICH} rules that are more than a name"] == 10


def test_a_parenthesis_that_is_never_closed_holds_little_memory():
    text = (b"x CNAME .\n" * 2000 for _ in range(10))
    parsed = parse(split_lines([b"@ SOA a b ( 1 2\n", *text]), Action.BLOCK, "rpz")
    rules, peak = read_to_the_end(parsed)
    assert parsed.complaint_count == 1
    assert rules > 20_000 - MAX_RECORD
    assert peak < 4_000_000


@pytest.mark.parametrize("form", FORMATS)
def test_contradictory_rules_are_all_kept_for_the_policy_to_decide(form):
    result = read("||a.example^\n@@||a.example^\n" * 50, form=form)
    assert (len(result.rules), result.complaints) == (100, [])
