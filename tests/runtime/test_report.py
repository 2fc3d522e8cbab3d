from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from mirage_hole.runtime.compile_job import CompileJob, ListJob
from mirage_hole.runtime.compiler import compile_job
from mirage_hole.runtime.generation import open_generation
from mirage_hole.runtime.report import FIRST_COMPLAINTS, REPORT, BadReport, Report, read_report

ONE = """\
||both.example^
||both.example^
||both.example^$important
||own.example^
|alone.example^
||*.below.example^
||ads-*.example^
/^ad[0-9]/
||tv.example^$dnstype=AAAA
||tv.example^$dnstype=AAAA
192.0.2.0/24
not a rule!
"""
TWO = "both.example\n@@||own.example^\nother.example\n"


@pytest.fixture
def compiled(tmp_path):
    return compile_texts(tmp_path, ONE, TWO)


def compile_texts(directory: Path, *texts: str) -> Path:
    jobs = []
    for number, text in enumerate(texts):
        path = directory / f"{number}.txt"
        path.write_text(text)
        jobs.append(ListJob(path, f"list {number}", str(path), "block", "adblock"))
    result = compile_job(CompileJob(directory / "state", 1, tuple(jobs)))
    assert result.path is not None
    return result.path


def test_rules_are_counted_by_what_they_are_about(compiled):
    one, _ = read_report(compiled).lists
    assert (one.title, one.kind, one.format, one.rules) == ("list 0", "block", "adblock", 11)
    assert (one.exact, one.subtree, one.below) == (1, 4, 1)
    assert (one.patterns, one.regexes, one.names_with_conditions, one.addresses) == (1, 1, 2, 1)


def test_what_a_list_says_twice_is_counted(compiled):
    assert [one.duplicates for one in read_report(compiled).lists] == [2, 0]


def test_names_are_compared_between_lists_whatever_the_rules_about_them_say(compiled):
    report = read_report(compiled)
    assert report.names == 5
    assert report.overlap == ((4, 2), (2, 3))
    assert [one.unique for one in report.lists] == [2, 1]


def test_complaints_are_counted_by_reason(compiled):
    one, two = read_report(compiled).lists
    assert (one.complaints, two.complaints) == (1, 0)
    assert sum(one.reasons.values()) == 1
    assert [(each.line, each.text) for each in one.first_complaints] == [(12, "not a rule!")]


def test_of_each_reason_there_is_an_example_however_many_complaints_come_before(tmp_path):
    text = "||x.example^\n" + "##.banner\n" * (FIRST_COMPLAINTS + 50) + "https://x.example/path\n"
    (one,) = read_report(compile_texts(tmp_path, text)).lists
    assert len(one.first_complaints) == FIRST_COMPLAINTS + 1
    assert {each.reason for each in one.first_complaints} == set(one.reasons)


def test_time_and_memory_are_told(compiled):
    report = read_report(compiled)
    assert report.seconds >= 0
    assert report.peak_kib > 1000


def test_a_generation_opens_with_its_report_beside_it_and_a_report_reads_as_it_was_written(compiled):
    assert open_generation(compiled).lists
    report = read_report(compiled)
    (compiled / REPORT).write_bytes(report.to_json())
    assert read_report(compiled) == report


def test_more_lists_than_are_compared_have_no_overlap(tmp_path, monkeypatch):
    monkeypatch.setattr("mirage_hole.runtime.report.MAX_COMPARED", 1)
    report = read_report(compile_texts(tmp_path, ONE, TWO))
    assert report.overlap == ()
    assert [one.unique for one in report.lists] == [2, 1]


def test_without_lists_there_is_a_report_of_none(tmp_path):
    assert read_report(compile_texts(tmp_path)).lists == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"lists": [{}]}',
        orjson.dumps({"lists": [], "overlap": [[1]], "names": 1, "seconds": 1, "peak_kib": 1}),
        orjson.dumps({"lists": [], "overlap": [], "names": "x", "seconds": 1, "peak_kib": 1}),
    ],
)
def test_a_damaged_report_says_where_it_is(tmp_path, content):
    (tmp_path / REPORT).write_bytes(content)
    with pytest.raises(BadReport, match=str(tmp_path)):
        read_report(tmp_path)


def test_a_generation_of_an_older_version_has_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_report(tmp_path)


def test_an_empty_report_is_one():
    empty = Report((), (), 0, 0.0, 0)
    assert orjson.loads(empty.to_json())["lists"] == []
