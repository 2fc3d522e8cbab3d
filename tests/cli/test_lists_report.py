from __future__ import annotations

import json

import pytest

from mirage_hole.runtime.compile_job import CompileJob, ListJob
from mirage_hole.runtime.compiler import compile_job

ADS = "||ads.example^\n||ads.example^\n||both.example^\n##.banner\n"
HOSTS = "0.0.0.0 both.example own.example\n"


@pytest.fixture
def folder(tmp_path):
    """A directory of lists, as people keep them."""
    root = tmp_path / "lists"
    for path, text in {
        "ads.txt": ADS,
        "sub/hosts": HOSTS,
        "allow/fine.txt": "fine.example\n",
        "white.txt": "whiter.example\n",
        "README.md": "Lists\n",
        ".hidden/x.txt": "hidden.example\n",
        "page.txt": "<!DOCTYPE html><html></html>",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
def used(tmp_path, folder):
    """Flags of a state directory with compiled lists, and no server."""
    state = tmp_path / "state"
    jobs = [
        ListJob(folder / name, title, str(folder / name), "block")
        for name, title in (("ads.txt", "Ads"), ("sub/hosts", "Hosts"))
    ]
    assert compile_job(CompileJob(state, 1, tuple(jobs))).ok
    return ["--state", str(state), "--web", "none"]


def test_the_lists_in_use_are_reported_as_they_were_compiled_last(mirage_hole, used):
    ran = mirage_hole("lists", "report", *used)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].split() == [
        "list",
        "kind",
        "format",
        "rules",
        "exact",
        "subtree",
        "duplicates",
        "unique",
        "complaints",
    ]
    assert lines[1].split() == ["Ads", "block", "adblock", "3", "0", "3", "1", "1", "1"]
    assert lines[2].split() == ["Hosts", "block", "hosts", "2", "2", "0", "0", "1", "0"]
    assert lines[3].split() == ["all", "5", "2", "3", "1", "2", "1"]
    assert "3 different names" in ran.out
    assert "Ads:4: ##.banner" in ran.out
    assert ran.out.endswith("note: no server of this configuration answers, so hits and times are not known\n")


def test_programs_read_the_same(mirage_hole, used):
    said = json.loads(mirage_hole("lists", "report", "--json", "--overlap", "--complaints", "3", *used).out)
    assert [(one["title"], one["rules"], one["unique"]) for one in said["lists"]] == [("Ads", 3, 1), ("Hosts", 2, 1)]
    assert said["lists"][0]["first_complaints"][0]["line"] == 4
    assert said["lists"][0]["running"] is None
    assert said["overlap"] == [[2, 1], [1, 2]]
    assert (said["names"], said["reasons"][0]["complaints"]) == (3, 1)


def test_the_overlap_is_shown_when_it_is_asked_for(mirage_hole, used):
    assert "names also in" not in mirage_hole("lists", "report", *used).out
    out = mirage_hole("lists", "report", "--overlap", *used).out
    assert "names also in    1    2\n1 Ads            2  50%\n2 Hosts        50%    2\n" in out


def test_what_a_running_server_says_is_told(mirage_hole, used, folder, monkeypatch):
    told = {"source": str(folder / "ads.txt"), "kind": "block", "decided": 1234, "error": "", "held": "lost 90 %"}
    monkeypatch.setattr("mirage_hole.cli.server_lists.running_lists", lambda _: [told])
    ran = mirage_hole("lists", "report", *used)
    assert ran.out.splitlines()[0].split()[-5:] == ["hits", "last", "change", "next", "look"]
    assert " 1,234 " in ran.out.splitlines()[1]
    assert ran.out.endswith("\nnote: Ads: lost 90 %\n")


def test_without_compiled_lists_it_says_how_to_get_them(mirage_hole, tmp_path):
    ran = mirage_hole("lists", "report", "--state", str(tmp_path / "none"))
    assert ran.code == 1
    assert f"no compiled lists in {tmp_path}/none; start the server once, " in ran.err


def test_a_generation_without_a_report_is_said_to_be_compiled_again(mirage_hole, used, tmp_path):
    (report,) = (tmp_path / "state").rglob("report.json")
    report.unlink()
    ran = mirage_hole("lists", "report", *used)
    assert ran.code == 1
    assert "the report can't be read: " in ran.err


def test_a_directory_is_compiled_as_the_server_would(mirage_hole, folder):
    ran = mirage_hole("lists", "report", "--json", str(folder))
    assert ran.code == 1  # since one of the files is no list
    assert "page.txt" in ran.err
    assert "web page" in ran.err
    said = json.loads(ran.out)
    assert [(one["title"], one["kind"], one["format"]) for one in said["lists"]] == [
        ("ads.txt", "block", "adblock"),
        ("white.txt", "block", "domains"),
        ("allow/fine.txt", "allow", "domains"),
        ("sub/hosts", "block", "hosts"),
    ]
    assert said["notes"] == ["left out, since its name is no list's: README.md"]
    assert said["peak_kib"] > 1000


def test_a_pattern_says_which_lists_are_allowlists(mirage_hole, folder):
    said = json.loads(mirage_hole("lists", "report", "--json", "--allow", "white*", str(folder)).out)
    assert {one["title"]: one["kind"] for one in said["lists"]}["white.txt"] == "allow"


def test_people_also_read_time_and_memory(mirage_hole, folder):
    ran = mirage_hole("lists", "report", str(folder / "ads.txt"), str(folder / "sub"))
    assert ran.code == 0
    assert "\nads.txt" in ran.out
    assert "\nhosts " in ran.out
    assert " s, with " in ran.out.splitlines()[-1]


def test_lists_with_the_same_name_are_told_apart_by_their_paths(mirage_hole, tmp_path):
    paths = [tmp_path / "a/list.txt", tmp_path / "b/list.txt"]
    for path in paths:
        path.parent.mkdir()
        path.write_text("a.example\n")
    said = json.loads(mirage_hole("lists", "report", "--json", *map(str, [*paths, paths[0]])).out)
    assert [one["title"] for one in said["lists"]] == ["list.txt", str(paths[1])]


def test_every_wrong_argument_is_told_at_once(mirage_hole, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    ran = mirage_hole("lists", "report", "oisd-smal", str(tmp_path / "empty"), "ftp://x/")
    assert ran.code == 2
    assert "write oisd-small" in ran.err
    assert "is a directory without a list" in ran.err
    assert "ftp:// is not supported" in ran.err


def test_a_directory_of_anything_is_not_read_to_its_end(mirage_hole, tmp_path, monkeypatch):
    monkeypatch.setattr("mirage_hole.cli.report_lists.MAX_FILES", 2)
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text("a.example\n")
    ran = mirage_hole("lists", "report", str(tmp_path))
    assert ran.code == 2
    assert "with more than 2 files below it" in ran.err


def test_when_no_list_can_be_had_there_is_no_report(mirage_hole, folder):
    ran = mirage_hole("lists", "report", str(folder / "page.txt"))
    assert (ran.code, ran.out) == (1, "")
    assert "web page" in ran.err


def test_a_compiler_that_fails_says_why(mirage_hole, folder, monkeypatch):
    async def fail(job):
        from mirage_hole.runtime.compile_job import CompileResult

        return CompileResult(ok=False, error="the disk is full")

    monkeypatch.setattr("mirage_hole.runtime.compilation.compile_generation", fail)
    ran = mirage_hole("lists", "report", str(folder / "ads.txt"))
    assert (ran.code, ran.err) == (1, "mirage-hole: the disk is full\n")


def test_allow_patterns_are_for_given_lists_only(mirage_hole, used):
    ran = mirage_hole("lists", "report", "--allow", "x", *used)
    assert ran.code == 2
    assert "--allow is for sources that are given" in ran.err
