from __future__ import annotations

from types import SimpleNamespace

import pytest

from mirage_hole.cli import report_view as view
from mirage_hole.cli.terminal import Column, aligned, clean, duration, json_text, records


def a_list(title: str, **numbers):
    fields = dict.fromkeys(
        ("rules", "exact", "subtree", "below", "patterns", "regexes", "addresses", "names_with_conditions"), 0
    )
    fields |= {"duplicates": 0, "unique": 0, "covered": 0, "complaints": 0, "reasons": {}, "first_complaints": []}
    return SimpleNamespace(
        title=title, source=f"/{title}", kind="block", format="hosts", sha256="00", **(fields | numbers)
    )


def a_report(*lists, overlap=()):
    return SimpleNamespace(lists=lists, overlap=overlap, names=7, seconds=1.5, peak_kib=2048)


ONE = a_list(
    "one",
    rules=1234,
    exact=1234,
    unique=1000,
    complaints=3,
    reasons={"odd": 2, "bad": 1},
    first_complaints=[(4, "odd", "x[0m")],
)
TWO = a_list("two", rules=10, exact=10, complaints=2, reasons={"odd": 2}, first_complaints=[(9, "odd", "z")])


def test_numbers_stand_at_the_right_and_columns_of_zeroes_are_left_out(capsys):
    view.print_lists(view.joined(a_report(ONE, TWO), None), running=False)
    assert capsys.readouterr().out.splitlines() == [
        "list  kind   format  rules  exact  duplicates  unique  complaints",
        "one   block  hosts   1,234  1,234           0   1,000           3",
        "two   block  hosts      10     10           0       0           2",
        "all                  1,244  1,244           0   1,000           5",
    ]


def test_what_a_server_says_stands_beside_each_list_and_what_it_does_not_know_is_a_dash(capsys):
    running = [{"source": "/one", "kind": "block", "decided": 5, "last_change": 1.0, "next_try": None, "error": "down"}]
    lists = view.joined(a_report(ONE, TWO), running)
    view.print_lists(lists, running=True)
    head, one, two, total = capsys.readouterr().out.splitlines()
    assert head.split()[-5:] == ["hits", "last", "change", "next", "look"]
    assert " days ago" in one
    assert one.split()[8] == "5"
    assert two.split()[8:] == ["-", "-", "-"]
    assert total.split()[-1] == "5"
    assert [one.said("error") for one in lists] == ["down", None]


def test_complaints_of_all_lists_are_counted_by_reason_with_an_example(capsys):
    lists = view.joined(a_report(ONE, TWO), None)
    assert [(one.reason, one.complaints, one.example) for one in view.by_reason(lists)] == [
        ("odd", 4, "one:4: x[0m"),
        ("bad", 1, ""),
    ]
    view.print_complaints(lists, 0)
    assert capsys.readouterr().out.splitlines() == [
        "complaints  reason  for example",
        "         4  odd     one:4: x[0m",
        "         1  bad",
    ]
    view.print_complaints(lists, 1)
    assert capsys.readouterr().out.endswith("one:4: odd: x[0m\ntwo:9: odd: z\n")
    view.print_complaints(view.joined(a_report(a_list("good")), None), 5)
    assert capsys.readouterr().out == "no complaints\n"


def test_few_lists_are_compared_in_a_matrix(capsys):
    overlap = [[200, 50, 1], [50, 50, 0], [1, 0, 1000]]
    view.print_overlap(a_report(ONE, TWO, a_list("three"), overlap=overlap))
    assert capsys.readouterr().out.splitlines() == [
        "names also in     1    2      3",
        "1 one           200  25%    <1%",
        "2 two          100%   50      -",
        "3 three         <1%    -  1,000",
    ]


def test_lists_that_were_not_compared_are_said_to_be_too_many(capsys):
    view.print_overlap(a_report(ONE, TWO))
    assert capsys.readouterr().out == "2 lists are too many to compare each two of them\n"


def test_of_many_lists_each_ones_nearest_are_named(capsys):
    count = view.WIDEST_MATRIX + 1
    overlap = [[100 if row == at else at for at in range(count)] for row in range(count)]
    view.print_overlap(a_report(*(a_list(f"n{number}") for number in range(count)), overlap=overlap))
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == ["list", "names", "also", "in"]
    assert first == "1 n0      100  13: 12%, 12: 11%, 11: 10%, 10: 9%, 9: 8%"


def test_programs_get_every_number_and_the_complaints_they_ask_for():
    report = a_report(ONE, TWO, overlap=[[1, 0], [0, 1]])
    lists = view.joined(report, [{"source": "/two", "kind": "block", "decided": 3}])
    found = view.as_object(report, lists, 1, overlap=False)
    assert (found["names"], found["seconds"], found["peak_kib"]) == (7, 1.5, 2048)
    assert [one["rules"] for one in found["lists"]] == [1234, 10]
    assert [one["names_with_conditions"] for one in found["lists"]] == [0, 0]
    assert found["lists"][0]["first_complaints"] == [{"line": 4, "reason": "odd", "text": "x[0m"}]
    assert found["lists"][0]["running"] is None
    assert found["lists"][1]["running"]["decided"] == 3
    assert "overlap" not in found
    assert view.as_object(report, lists, 0, overlap=True)["overlap"] == [[1, 0], [0, 1]]


def test_a_table_leaves_room_for_wide_letters():
    lines = aligned([Column("name", number=False), Column("n")], [["\u5e7f\u544a", "1"], ["caf\u00e9", "22"]])
    assert lines == ["name   n", "\u5e7f\u544a   1", "caf\u00e9  22"]


def test_where_a_table_has_no_room_each_row_is_a_record():
    columns = [Column("list", number=False), Column("rules"), Column("hits"), Column("empty")]
    assert records(columns, [["ads", "1,234", "5", ""], ["all", "", "", ""]], 15) == [
        "ads",
        "  rules 1,234",
        "  hits 5",
        "all",
    ]
    assert records(columns, [["ads", "1,234", "5", ""]], 80) == ["ads", "  rules 1,234  hits 5"]


@pytest.mark.parametrize("odd", ["\x1b[31m", "\r", "\x9b31m", "\u202e", "\u2066", "\x7f", "\ufeff"])
def test_nothing_that_moves_a_cursor_or_turns_a_line_around_is_printed(odd):
    assert clean(f"a{odd}b").isprintable()
    text = json_text({"text": f"a{odd}b"})
    assert text.replace("\n", "").isprintable()
    import json

    assert json.loads(text) == {"text": f"a{odd}b"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "90 seconds"),
        (120, "2 minutes"),
        (3600, "1 hour"),
        (90000, "25 hours"),
        (86400, "1 day"),
        (14 * 86400, "14 days"),
    ],
)
def test_a_stretch_of_time_is_said_in_one_unit(seconds, words):
    assert duration(seconds) == words
