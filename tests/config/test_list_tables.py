from __future__ import annotations

from pathlib import Path

import pytest

from config.machine import problems, settled
from mirage_hole.config.describe import as_toml
from mirage_hole.config.settled import ListSettings


def test_a_list_with_wishes_of_its_own(tmp_path):
    toml = f"""
    [[list]]
    url = "https://example.com/a.txt"
    [[list]]
    url = "./mine.txt"
    kind = "allow"
    title = " Mine "
    format = "Hosts"
    refresh_every = "90m"
    sha256 = "{"AB" * 32}"
    enabled = false
    """
    assert settled(tmp_path, toml=toml).lists == (
        ListSettings("https://example.com/a.txt"),
        ListSettings(str(tmp_path / "mine.txt"), "allow", "Mine", "hosts", 5400.0, "ab" * 32, False),
    )


def test_lists_with_wishes_leave_the_others_as_they_are(tmp_path):
    assert settled(tmp_path, toml='[[list]]\nurl = "https://example.com/a.txt"\n').blocklists == ("starter",)


@pytest.mark.parametrize(
    ("line", "what", "instead"),
    [
        ('url = ""', "empty", "a URL"),
        ('url = "ftp://example.com/x"', "not a URL", "https://"),
        ('format = "rtf"', "no format that is read", "hosts"),
        ('refresh_every = "10s"', "less than 60s", "a time from 1m to 365d"),
        ('refresh_every = "soon"', "not a length of time", "5s or 24h"),
        ('sha256 = "abc"', "no SHA-256", "64 hexadecimal digits"),
        (f'title = "{"x" * 101}"', "longer than 100", "a short text"),
    ],
)
def test_a_wish_that_can_not_be_fulfilled_says_where_and_what_to_write(tmp_path, line, what, instead):
    url = "" if line.startswith("url") else 'url = "starter"\n'
    (problem,) = problems(tmp_path, toml=f"[[list]]\n{url}{line}\n")
    assert problem.startswith(f"list[0].{line.partition(' ')[0]}")
    assert what in problem
    assert instead in problem


def test_the_same_list_in_two_tables_is_a_problem(tmp_path):
    (problem,) = problems(tmp_path, toml='[[list]]\nurl = "starter"\n' * 2)
    assert problem.startswith("list[1].url")
    assert "the same list as list[0]" in problem


def test_what_is_shown_has_the_lists_too(tmp_path):
    toml = '[[list]]\nurl = "https://example.com/a.txt"\nrefresh_every = "90m"\n'
    first = settled(tmp_path, toml=toml)
    assert settled(tmp_path, toml=as_toml(first)).lists == first.lists


def test_folders_for_files_are_one_beside_the_configuration_and_one_in_the_state_directory(tmp_path):
    flags = {"server.state_directory": "/srv/hole"}
    assert settled(tmp_path, flags).file_folders == (Path("/srv/hole/files"),)
    assert settled(tmp_path, flags, toml="").file_folders == (tmp_path / "lists", Path("/srv/hole/files"))
    written = settled(tmp_path, flags, toml='[lists]\nfile_folders = ["mine", "/etc/hole"]\n').file_folders
    assert written == (tmp_path / "mine", Path("/etc/hole"))


def test_a_folder_that_is_a_file_is_a_problem(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    (problem,) = problems(tmp_path, toml='[lists]\nfile_folders = ["mine.txt"]\n')
    assert "not a directory" in problem


@pytest.mark.parametrize(("percent", "share"), [("0", 0.0), ("50", 0.5), ("100", 1.0)])
def test_the_shrink_guard_is_a_share_in_percent(tmp_path, percent, share):
    assert settled(tmp_path, {"lists.shrink_guard": percent}).shrink_guard == share


@pytest.mark.parametrize("percent", ["-1", "101"])
def test_a_share_beyond_everything_is_a_problem(tmp_path, percent):
    (problem,) = problems(tmp_path, {"lists.shrink_guard": percent})
    assert "not from 0 to 100" in problem
