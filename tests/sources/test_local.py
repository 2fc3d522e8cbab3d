"""Texts on this machine: real lists are taken, foreign formats and messages are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mirage_hole.lists.rule import Action
from mirage_hole.sources import local
from mirage_hole.sources.catalogue import load_catalogue
from mirage_hole.sources.content import BadContent
from mirage_hole.sources.failures import Failure
from mirage_hole.sources.source import Location, Source, parse_source

from .serving import source


@pytest.mark.parametrize(
    "path",
    [
        "adblock/adguarddns-2022.txt",
        "adblock/dandelion-nordic-adguardhome.txt",
        "adblock/oisd-small.txt",
        "allow/anudeepnd-whitelist.txt",
        "domains/stevenblack-2022.txt",
        "hosts/blocklistproject-basic.txt",
        "wildcard/adaway-2022.txt",
    ],
)
def test_a_real_list_is_taken(shared_lists, path):
    local.judge(shared_lists / path, source(str(shared_lists / path)))


@pytest.mark.parametrize(
    ("line", "words"),
    [("example.com##.banner", "a cosmetic filter"), ("https://example.com/a", "a URL")],
)
def test_a_foreign_format_is_refused_by_its_name(tmp_path, line, words):
    path = tmp_path / "list.txt"
    path.write_text(f"{line}\n" * 30)
    with pytest.raises(BadContent, match="holds no rule that can be read") as caught:
        local.judge(path, source(str(path)))
    assert words in str(caught.value)


def test_the_rules_of_a_small_text_are_counted(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("! Expires: 2 days\n\n# comment\n||a.example^\n||b.example^\nrubbish here\n||c.example^")
    assert local.judge(path, source(str(path))) == (2 * 86400, 3)


def test_the_rules_of_a_large_text_are_estimated_and_comments_do_not_count(tmp_path):
    path = tmp_path / "list.txt"
    rules = "".join(f"name-{number}.example\n" for number in range(50_000))
    path.write_text(rules + "# no rule of any kind\n" * 50_000)
    assert local.judge(path, source(str(path))).rules == pytest.approx(50_000, rel=0.01)


@given(st.lists(st.sampled_from([b"a.example", b"# x", b"", b"  ", b" b.example", b"! c", b"x" * 3000]), max_size=30))
@example([b" " * 2000 + b"x"])
def test_lines_are_counted_alike_however_the_text_is_cut(lines):
    text = b"\n".join(lines)
    whole, cut = local._LineCount(), local._LineCount()
    whole.feed(text)
    for start in range(0, len(text), 7):
        cut.feed(text[start : start + 7])
    expected = sum(bool(line.strip()) and line.lstrip()[:1] not in b"#!;" for line in lines)
    assert (whole.lines, cut.lines) == (expected, expected)


@pytest.fixture
def folders(tmp_path):
    inside = tmp_path / "lists"
    (inside / "deeper").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("0.0.0.0 a.example\n")
    (inside / "mine.txt").write_text("0.0.0.0 a.example\n")
    (inside / "deeper" / "more.txt").write_text("0.0.0.0 b.example\n")
    return inside


@pytest.mark.parametrize("path", ["mine.txt", "deeper/more.txt", "deeper/../mine.txt"])
def test_a_file_in_an_allowed_folder_is_allowed(folders, path):
    assert local.allowed(str(folders / path), [folders]) is None
    assert b"".join(local.file_chunks(str(folders / path), [str(folders)]))


def test_a_link_within_the_folder_is_followed(folders):
    (folders / "link.txt").symlink_to(folders / "deeper" / "more.txt")
    assert local.allowed(str(folders / "link.txt"), [folders]) is None


def ways_out(folders):
    (folders / "link.txt").symlink_to("../secret.txt")
    (folders / "up").symlink_to("..")
    sibling = folders.with_name("lists-of-others")
    sibling.mkdir()
    (sibling / "x.txt").write_text("0.0.0.0 a.example\n")
    return [
        folders / "../secret.txt", folders / "link.txt", folders / "up/secret.txt", sibling / "x.txt", "/etc/passwd",
        "/proc/self/environ", f"{folders}/mine.txt\0", folders / ("x/" * 3000),
    ]  # fmt: skip


def test_no_way_leads_out_of_the_allowed_folders(folders):
    for path in ways_out(folders):
        problem = local.allowed(str(path), [folders])
        assert problem is not None, path
        with pytest.raises(Failure):
            list(local.file_chunks(str(path), [str(folders)]))
    assert "not in a folder for lists" in local.allowed("/etc/passwd", [folders]).problem
    assert str(folders) in local.allowed("/etc/passwd", [folders]).instead


def test_what_is_no_ordinary_file_or_too_large_is_not_allowed(folders):
    os.mkfifo(folders / "pipe")
    assert "no ordinary file" in local.allowed(str(folders / "pipe"), [folders]).problem
    assert local.allowed(str(folders / "deeper"), [folders])
    assert local.allowed(str(folders / "gone.txt"), [folders])
    assert "is larger than" in local.allowed(str(folders / "mine.txt"), [folders], max_bytes=5).problem
    assert "no absolute path" in local.allowed("mine.txt", [folders]).problem


def test_a_file_that_becomes_a_link_after_it_was_allowed_is_not_read(folders):
    path = folders / "mine.txt"
    assert local.allowed(str(path), [folders]) is None
    path.unlink()
    path.symlink_to(folders.parent / "secret.txt")
    with pytest.raises(Failure, match="not in a folder for lists"):
        list(local.file_chunks(str(path), [str(folders)]))


def test_one_rule_behind_much_rubbish_is_enough(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("no rule here!\n" * 1000 + "a.example\n")
    local.judge(path, source(str(path)))


def test_rubbish_without_end_is_judged_by_its_first_megabyte(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("no rule here at all, nor there!\n" * 40_000 + "a.example\n")
    with pytest.raises(BadContent):
        local.judge(path, source(str(path)))


def test_a_refused_file_leaves_no_descriptor_open(tmp_path):
    with pytest.raises(Failure, match="no ordinary file"):
        list(local.file_chunks(str(tmp_path)))
    assert not [entry for entry in Path("/proc/self/fd").iterdir() if os.path.realpath(entry) == str(tmp_path)]


def test_the_embedded_copy_is_the_same_at_each_look():
    starter = parse_source("starter", Action.BLOCK, load_catalogue())
    assert local.embedded_copy(starter) == local.embedded_copy(starter)


def test_a_damaged_installation_is_a_failure(tmp_path):
    gone = Source("starter", Action.BLOCK, Location.EMBEDDED, "T", str(tmp_path / "gone.txt"), "starter")
    with pytest.raises(Failure, match="there is no file"):
        local.embedded_copy(gone)


def test_a_list_of_nothing_but_wildcards_is_a_list(tmp_path):
    path = tmp_path / "patterns.txt"
    path.write_text("||ads-*.example^\n")
    local.judge(path, source(str(path)))
