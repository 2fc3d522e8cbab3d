from __future__ import annotations

import json

import pytest

from mirage_hole.cli.list_hits import BadSearch, search, wanted, wanted_expression
from mirage_hole.lists.rule import Action

ADS = """\
! Title: Ads
! ads.example.com is mentioned here, which is no rule
||example.com^
||ads.example.com^
||more-ads.example.com.evil.test^
@@||fine.ads.example.com^
ads.example.com/is?no=rule
"""
HOSTS = """\
0.0.0.0 other.test ads.example.com
0.0.0.0 com.example.test
"""


def found(text: str, what, limit: int = 100, form: str | None = "adblock"):
    return search([text.encode()], what, Action.BLOCK, form, limit)


@pytest.fixture
def lists(tmp_path):
    """The flags that configure two lists."""
    (tmp_path / "ads.txt").write_text(ADS)
    (tmp_path / "hosts").write_text(HOSTS)
    flags = ["--state", str(tmp_path / "state")]
    for name in ("ads.txt", "hosts"):
        flags += ["--blocklist", str(tmp_path / name)]
    return flags


def test_rules_about_the_name_come_first_then_those_above_it_then_lines_that_hold_it(mirage_hole, lists):
    ran = mirage_hole("lists", "search", "ads.example.com", *lists)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.partition("  (no rule: ")[0].splitlines() == [
        "ads.example.com:",
        "  ads.txt line 4: ||ads.example.com^",
        "  hosts line 1: 0.0.0.0 other.test ads.example.com",
        "example.com:",
        "  ads.txt line 3: ||example.com^",
        "other lines with 'ads.example.com':",
        "  ads.txt line 5: ||more-ads.example.com.evil.test^",
        "  ads.txt line 6: @@||fine.ads.example.com^",
        "  ads.txt line 7: ads.example.com/is?no=rule",
    ]
    assert ran.out.endswith(")\n6 lines: 5 in ads.txt, 1 in hosts\n")


def test_a_part_of_a_name_is_found_in_any_case(mirage_hole, lists):
    ran = mirage_hole("lists", "search", "MORE-A", *lists)
    assert "  ads.txt line 5: ||more-ads.example.com.evil.test^" in ran.out


def test_programs_read_the_same(mirage_hole, lists):
    said = json.loads(mirage_hole("lists", "search", "ads.example.com", "--json", *lists).out)
    assert [(one["title"], one["named"], one["others"]) for one in said["lists"]] == [
        ("ads.txt", 2, 3),
        ("hosts", 1, 0),
    ]
    assert [(one["list"], one["line"], one["name"]) for one in said["hits"][:3]] == [
        ("ads.txt", 4, "ads.example.com"),
        ("hosts", 1, "ads.example.com"),
        ("ads.txt", 3, "example.com"),
    ]


def test_the_number_of_lines_is_for_the_reader_to_choose(mirage_hole, lists):
    ran = mirage_hole("lists", "search", "ads.example.com", "--limit", "2", *lists)
    assert ran.out.count(" line ") == 2
    assert ran.out.endswith("6 lines: 5 in ads.txt, 1 in hosts\nshown: 2; --limit N shows more\n")


def test_of_lines_with_the_text_every_list_shows_some(mirage_hole, lists):
    ran = mirage_hole("lists", "search", "example", "--limit", "2", *lists)
    assert ran.out.count("  ads.txt line ") == ran.out.count("  hosts line ") == 1


def test_one_list_alone_can_be_searched_by_a_part_of_what_it_is_called(mirage_hole, lists):
    ran = mirage_hole("lists", "search", "ads.example.com", "--list", "host", *lists)
    assert ran.out.endswith("1 line: 1 in hosts\n")


def test_a_list_that_is_not_there_is_wrong_usage_and_gets_the_nearest(mirage_hole, lists):
    ran = mirage_hole("lists", "search", "x", "--list", "adds.txt", *lists)
    assert ran.code == 2
    assert "write 'ads.txt'" in ran.err


def test_nothing_found_is_said_and_fails_as_with_grep(mirage_hole, lists):
    ran = mirage_hole("lists", "search", "nowhere.test", *lists)
    assert (ran.code, ran.out) == (1, "nowhere.test is in none of 2 lists\n")


def test_an_expression_is_searched_in_each_line(mirage_hole, lists):
    ran = mirage_hole("lists", "search", "--regex", r"[a-z]+\.ads\.", *lists)
    assert [line for line in ran.out.splitlines() if line.startswith("  ")] == [
        "  ads.txt line 6: @@||fine.ads.example.com^"
    ]


@pytest.mark.parametrize("expression", ["(", "(?=x)", "a{2000}"])
def test_an_expression_that_is_none_is_wrong_usage(mirage_hole, lists, expression):
    ran = mirage_hole("lists", "search", "--regex", expression, *lists)
    assert ran.code == 2
    assert "is no regular expression: " in ran.err
    with pytest.raises(BadSearch):
        wanted_expression(expression)


@pytest.mark.parametrize("text", ["", "  ", "x" * 1025])
def test_a_text_that_can_be_no_part_of_a_name_is_wrong_usage(mirage_hole, lists, text):
    assert mirage_hole("lists", "search", text, *lists).code == 2


def test_a_list_that_is_not_downloaded_yet_is_told(mirage_hole, tmp_path):
    flags = ["--state", str(tmp_path / "state"), "--blocklist", "oisd-small"]
    ran = mirage_hole("lists", "search", "example.com", *flags)
    assert ran.code == 1
    assert "note: OISD small was not searched: it is not downloaded yet" in ran.out


def test_a_name_is_not_found_inside_of_longer_names_and_labels():
    text = "||ads.com.test^\n||xads.com^\n||ads.community^\n||ads.com^\n"
    hits = found(text, wanted("ads.com"))
    assert [hit.line for hit in hits.named] == [4]
    assert [hit.line for hit in hits.others] == [1, 2, 3]


def test_an_international_name_is_found_in_both_spellings():
    hits = found("b\u00fccher.example\nxn--bcher-kva.example\n", wanted("b\u00fccher.example"), form="domains")
    assert [hit.line for hit in hits.named] == [1, 2]


@pytest.mark.parametrize(
    "line", ["local=/ads.com/", "0.0.0.0 x.test ads.com", "*.ads.com", 'local-zone: "ads.com." refuse', "|ads.com^"]
)
def test_a_name_is_found_in_every_format(line):
    hits = found(f"# comment\n{line}\n", wanted("www.ads.com"), form=None)
    assert [(hit.line, hit.name) for hit in hits.named] == [(2, "ads.com")]


def test_line_numbers_are_right_wherever_a_list_is_cut():
    text = "".join(f"||n{number}.example^\n" for number in range(100_000)).encode()
    for size in (len(text), 65_536, 1_000_003):
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        hits = search(chunks, wanted("n98765.example"), Action.BLOCK, "adblock", 5)
        assert [hit.line for hit in hits.named] == [98_766]


def test_a_line_without_end_costs_no_memory_and_no_line_number():
    chunks = [b"x" * 65_536] * 64 + [b"\n||ads.example^\n"]
    hits = search(chunks, wanted("ads.example"), Action.BLOCK, "adblock", 5)
    assert [hit.line for hit in hits.named] == [2]


def test_what_is_found_never_moves_the_cursor(mirage_hole, tmp_path):
    path = tmp_path / "hostile.txt"
    path.write_text("||a.example^\na.example\x9b31m\u202e\n")
    for arguments in ((), ("--json",)):
        ran = mirage_hole("lists", "search", "a.example", "--blocklist", str(path), *arguments)
        assert ran.code == 0
        assert all(one.isprintable() or one == "\n" for one in ran.out)
