from __future__ import annotations

import json
import time
import tracemalloc
from itertools import count

import pytest

from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action
from mirage_hole.runtime.compile_job import CompileJob, ListJob
from mirage_hole.runtime.compiler import compile_job
from mirage_hole.runtime.fingerprints import Fingerprints
from mirage_hole.runtime.list_changes import compare, each_of

OLD = """\
||stays.example^
||goes.example^
||goes.example^
0.0.0.0 alone.example
@@||fine.example^
"""
NEW = """\
! a comment moves every line
alone.example
||stays.example^
||new.example^
||new.example^
||ads-*.example^
@@||finer.example^
"""


def version(text: str):
    def rules():
        parsed = parse(iter(text.encode().splitlines()), Action.BLOCK)
        yield from parsed
        yield from parsed.rich

    return rules


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / "old.txt", tmp_path / "new.txt"
    for path, text in zip(paths, (OLD, NEW), strict=True):
        path.write_text(text)
    return [str(path) for path in paths]


def test_what_was_added_and_removed_is_shown_as_people_write_it(mirage_hole, files):
    ran = mirage_hole("lists", "diff", *files)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"before  {files[0]}: 4 rules",
        f"after   {files[1]}: 5 rules",
        "added   3",
        "removed 2",
        "+ ||new.example^  (line 4)",
        "+ @@||finer.example^  (line 7)",
        "+ ||ads-*.example^  (line 6)",
        "- ||goes.example^  (line 2)",
        "- @@||fine.example^  (line 5)",
    ]


def test_programs_read_the_same(mirage_hole, files):
    said = json.loads(mirage_hole("lists", "diff", "--json", *files).out)
    assert (said["before"]["rules"], said["after"]["rules"]) == (4, 5)
    assert (said["added_count"], said["removed_count"]) == (3, 2)
    assert {"line": 4, "rule": "||new.example^"} in said["added"]
    assert {"line": 2, "rule": "||goes.example^"} in said["removed"]


def test_a_list_does_not_differ_from_itself_in_another_order_and_format(mirage_hole, tmp_path):
    (tmp_path / "a").write_text("0.0.0.0 one.example two.example\n")
    (tmp_path / "b").write_text("two.example\n# comment\none.example\n")
    said = json.loads(mirage_hole("lists", "diff", str(tmp_path / "a"), str(tmp_path / "b"), "--json").out)
    assert (said["added"], said["removed"]) == ([], [])


def test_what_is_shown_is_bounded_unless_all_is_asked_for(mirage_hole, tmp_path):
    (tmp_path / "a").write_text("x.example\n")
    (tmp_path / "b").write_text("".join(f"n{number}.example\n" for number in range(100)))
    arguments = ("lists", "diff", str(tmp_path / "a"), str(tmp_path / "b"))
    some = mirage_hole(*arguments, "--show", "7").out
    assert some.count("\n+ n") == 7
    assert "\n+ 93 more; --all shows them\n" in some
    assert len(json.loads(mirage_hole(*arguments, "--json").out)["added"]) == 20
    everything = mirage_hole(*arguments, "--all").out
    assert everything.count("\n+ n") == 100
    assert "--all" not in everything
    assert len(json.loads(mirage_hole(*arguments, "--all", "--json").out)["added"]) == 100


def test_a_rule_that_answers_otherwise_is_another_rule(mirage_hole, tmp_path):
    (tmp_path / "a.rpz").write_text("$TTL 60\n@ SOA a. b. 1 1 1 1 1\nads.example CNAME .\n")
    (tmp_path / "b.rpz").write_text("$TTL 60\n@ SOA a. b. 1 1 1 1 1\nads.example CNAME *.\n")
    out = mirage_hole("lists", "diff", str(tmp_path / "a.rpz"), str(tmp_path / "b.rpz")).out
    assert "+ ads.example  (NODATA)  (line 3)" in out
    assert "- ads.example  (NXDOMAIN)  (line 3)" in out


def test_both_wrong_arguments_are_told_at_once(mirage_hole, tmp_path):
    ran = mirage_hole("lists", "diff", "oisd-smal", "hagezi-fak")
    assert ran.code == 2
    assert "LIST = 'oisd-smal'" in ran.err
    assert "SOURCE = 'hagezi-fak'" in ran.err


def test_a_file_that_is_not_there_or_no_list_is_a_failure(mirage_hole, files, tmp_path):
    ran = mirage_hole("lists", "diff", files[0], str(tmp_path / "none.txt"))
    assert (ran.code, ran.out) == (1, "")
    assert f"there is no file {tmp_path}/none.txt" in ran.err
    (tmp_path / "page.html").write_text("<!DOCTYPE html><html></html>")
    ran = mirage_hole("lists", "diff", files[0], str(tmp_path / "page.html"))
    assert (ran.code, ran.out) == (1, "")
    assert "the list is a web page" in ran.err


def test_an_allowlist_of_the_catalogue_is_one_here_too():
    from mirage_hole.cli.sources import catalogue, read_list

    for key, entry in catalogue().items():
        assert read_list("SOURCE", key, allow=False).kind is entry.kind


def test_versions_that_have_nothing_in_common_cost_a_few_octets_a_rule():
    size = 20_000
    old, new = ("".join(f"{which}{number}.example\n" for number in range(size)) for which in "ab")
    tracemalloc.start()
    try:
        changes = compare(version(old), version(new))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (changes.added.size, changes.removed.size) == (size, size)
    # Eight octets and one bit-mark for each of both sides, and the room that 1,024 growing arrays keep.
    assert kept < 2 * size * (8 + 1) + 1024 * 256


def test_each_changed_rule_is_shown_once_each_time():
    changes = compare(version(OLD), version(NEW))
    for _ in range(2):
        assert [one.rule for one in each_of(version(OLD), changes.removed)] == ["||goes.example^", "@@||fine.example^"]


def test_fingerprints_are_counted_as_a_set():
    one, other = Fingerprints(), Fingerprints()
    for value in (1, 2**64 - 1, 257, 1):
        one.add(value)
    other.add(257)
    assert (one.added, one.distinct()) == (4, 3)
    rest = one.without(other)
    assert rest.size == 2
    assert [rest.take(value) for value in (1, 257, 2**64 - 1, 1)] == [True, False, True, False]


@pytest.fixture
def used(tmp_path):
    """A list in use, with flags that configure it; each text that is put becomes its newest version."""
    source = tmp_path / "mine.txt"
    state = tmp_path / "state"
    flags = ["--state", str(state), "--blocklist", str(source)]
    generations = count(1)

    def put(text: str) -> None:
        source.write_text(text)
        job = ListJob(source, "", str(source), "block")
        assert compile_job(CompileJob(state, next(generations), (job,))).ok

    return put, flags


def test_the_newest_version_of_a_list_in_use_is_compared_with_the_one_before(mirage_hole, used):
    put, flags = used
    began = time.time()
    for text in ("||first.example^\n", OLD, OLD, NEW, NEW):
        put(text)
    ran = mirage_hole("lists", "diff", "mine", *flags)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("before  mine.txt: 4 rules, 20")
    assert lines[1].startswith("after   mine.txt: 5 rules, 20")
    assert lines[2:5] == ["added   3", "removed 2", "+ ||new.example^  (line 4)"]
    said = json.loads(mirage_hole("lists", "diff", "mine.txt", "--json", *flags).out)
    assert began <= said["before"]["at"] <= said["after"]["at"] <= time.time()


def test_a_list_that_never_changed_has_nothing_to_be_compared_with(mirage_hole, used):
    put, flags = used
    ran = mirage_hole("lists", "diff", "mine.txt", *flags)
    assert ran.code == 1
    assert "mine.txt is not compiled yet; " in ran.err
    put(OLD)
    put(OLD)
    ran = mirage_hole("lists", "diff", "mine.txt", *flags)
    assert ran.code == 1
    assert "mine.txt has not changed since 20" in ran.err


def test_a_damaged_version_is_none(mirage_hole, used, tmp_path):
    put, flags = used
    put(OLD)
    (before,) = (tmp_path / "state/parsed").glob("*.list")
    put(NEW)
    before.write_bytes(before.read_bytes()[:-9])
    ran = mirage_hole("lists", "diff", "mine.txt", *flags)
    assert ran.code == 1
    assert "mine.txt has not changed since 20" in ran.err


def test_a_list_that_is_not_configured_is_wrong_usage(mirage_hole, used):
    _, flags = used
    ran = mirage_hole("lists", "diff", "mien.txt", *flags)
    assert ran.code == 2
    assert "LIST = 'mien.txt' is no list of this configuration; write 'mine.txt'" in ran.err
