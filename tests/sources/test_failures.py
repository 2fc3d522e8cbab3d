"""Every failure is a sentence that says what to do."""

from __future__ import annotations

import errno

import pytest

from mirage_hole.sources import failures


@pytest.mark.parametrize(
    ("status", "passing"), [(404, False), (403, False), (429, True), (500, True), (522, True), (418, False)]
)
def test_a_status_says_whether_another_try_helps(status, passing):
    failure = failures.from_status(status)
    assert str(failure).startswith(f"the server answered {status} (")
    assert ";" in str(failure)
    assert failure.passing is passing


@pytest.mark.parametrize(("said", "wait"), [("", 0.0), ("30", 30.0), ("9" * 30, 60.0), ("²", 0.0), ("1.5", 0.0)])
def test_a_wait_is_taken_if_it_is_a_number_up_to_a_minute(said, wait):
    assert failures.from_status(503, said).wait == wait


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_that(number):
    assert "the disk is full; free some space" in str(failures.from_disk(OSError(number, "x"), "/state/lists"))


def test_another_disk_problem_keeps_its_own_words():
    assert "Read-only file system" in str(failures.from_disk(OSError(errno.EROFS, "Read-only file system"), "/state"))


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (FileNotFoundError(2, "x"), "there is no file /a; create it"),
        (NotADirectoryError(20, "x"), "there is no file /a"),
        (PermissionError(13, "x"), "chmod a+r"),
        (IsADirectoryError(21, "x"), "is a directory; write the path of one file"),
        (OSError(5, "Input/output error"), "can't be read (Input/output error)"),
    ],
)
def test_a_file_that_can_not_be_read_says_what_to_do(problem, words):
    assert words in str(failures.from_file(problem, "/a"))


def test_a_reason_is_one_short_line():
    assert failures.reason(ValueError("a\n  b" + "c" * 500)) == "a b" + "c" * 197
    assert failures.reason(ValueError()) == "ValueError"
