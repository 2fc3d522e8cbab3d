"""The last good copy survives whatever happens to the next one."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from mirage_hole.sources.shelf import UNUSED_FOR, Note, Shelf

TEXT = b"0.0.0.0 a.example\n"
KEY = "list-0123456789"


class Clock:
    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shelf(tmp_path, clock):
    return Shelf(tmp_path / "lists", clock)


def put(shelf: Shelf, text: bytes = TEXT, key: str = KEY, **note):
    with shelf.draft(key) as draft:
        draft.write(text)
        return draft.keep(Note(address="https://x.example/", title="X", fetched_at=5.0, **note))


def files(shelf: Shelf) -> list[str]:
    return sorted(path.name for path in shelf.directory.iterdir())


def test_a_kept_copy_is_found_with_all_that_is_known_of_it(shelf):
    kept = put(shelf, etag='W/"1"', last_modified="Mon")
    found = shelf.find(KEY)
    assert found == kept
    assert found.path.read_bytes() == TEXT
    assert found.note.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert (found.note.size, found.note.etag, found.note.fetched_at) == (len(TEXT), 'W/"1"', 5.0)
    assert files(shelf) == [f"{KEY}.json", f"{KEY}.txt"]


def test_nothing_is_found_where_nothing_was_kept(shelf):
    assert shelf.find(KEY) is None


def test_a_discarded_draft_leaves_the_old_copy_and_no_rubbish(shelf):
    put(shelf)
    with shelf.draft(KEY) as draft:
        draft.write(b"half a li")
    assert shelf.find(KEY).path.read_bytes() == TEXT
    assert files(shelf) == [f"{KEY}.json", f"{KEY}.txt"]


def test_an_error_while_writing_leaves_the_old_copy(shelf):
    put(shelf)
    with pytest.raises(RuntimeError), shelf.draft(KEY) as draft:  # noqa: PT012
        draft.write(b"half")
        raise RuntimeError
    assert shelf.find(KEY).path.read_bytes() == TEXT


def test_a_full_disk_leaves_the_old_copy(shelf, tmp_path):
    """/dev/full is a disk that is always full."""
    put(shelf)
    full = Shelf(shelf.directory, open_file=lambda _: Path("/dev/full").open("wb"))  # noqa: SIM115
    with pytest.raises(OSError, match="No space left") as caught, full.draft(KEY) as draft:  # noqa: PT012
        draft.write(b"x" * 100_000)
        draft.keep(Note())
    assert caught.value.errno == errno.ENOSPC
    assert shelf.find(KEY).path.read_bytes() == TEXT
    assert files(shelf) == [f"{KEY}.json", f"{KEY}.txt"]


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[1, 2]", b"null", b"\xff\xfe", b'{"size": "many", "mtime_ns": true, "etag": 7, "sha256": null}'],
)
def test_a_damaged_note_costs_the_validators_not_the_copy(shelf, damage):
    put(shelf, etag="abc")
    (shelf.directory / f"{KEY}.json").write_bytes(damage)
    found = shelf.find(KEY)
    assert found.path.read_bytes() == TEXT
    assert (found.note.etag, found.note.fetched_at) == ("", 0.0)
    assert found.note.sha256 == hashlib.sha256(TEXT).hexdigest()


def test_a_missing_note_costs_the_validators_not_the_copy(shelf):
    put(shelf, etag="abc")
    (shelf.directory / f"{KEY}.json").unlink()
    assert shelf.find(KEY).note.etag == ""


def test_a_text_changed_from_outside_loses_the_validators_of_the_old_one(shelf):
    put(shelf, etag="abc")
    path = shelf.directory / f"{KEY}.txt"
    path.write_bytes(b"other.example.com\n")
    os.utime(path, ns=(1, 1))
    found = shelf.find(KEY)
    assert (found.note.etag, found.note.fetched_at) == ("", 0.0)
    assert found.note.sha256 == hashlib.sha256(b"other.example.com\n").hexdigest()


def test_an_empty_text_is_no_copy(shelf):
    put(shelf)
    (shelf.directory / f"{KEY}.txt").write_bytes(b"")
    assert shelf.find(KEY) is None


def test_confirming_notes_the_time_and_new_validators(shelf, clock):
    copy = put(shelf, etag="one", last_modified="Mon")
    clock.now = 77.0
    shelf.confirm(copy, etag="two")
    note = shelf.find(KEY).note
    assert (note.fetched_at, note.etag, note.last_modified) == (77.0, "two", "Mon")


def test_copies_go_thirty_days_after_their_list_has_left_the_settings(shelf, clock):
    put(shelf, key="used")
    put(shelf, key="left")
    clock.now = 1_000_000.0
    assert shelf.tidy(["used", "left"]) == []
    clock.now += UNUSED_FOR - 1
    assert shelf.tidy(["used"]) == []
    clock.now += 2
    assert shelf.tidy(["used"]) == ["left"]
    assert files(shelf) == ["used.json", "used.txt"]
    clock.now += UNUSED_FOR - 10
    assert shelf.tidy([]) == []


def test_tidying_does_not_make_the_note_forget_its_text(shelf, clock):
    put(shelf, etag="abc")
    shelf.tidy([KEY])
    assert shelf.find(KEY).note.etag == "abc"


def test_a_draft_that_a_crash_left_behind_goes_after_a_day(shelf, clock):
    put(shelf)
    left = shelf.directory / f".{KEY}.4711.part"
    left.write_bytes(b"half")
    os.utime(left, (clock.now, clock.now))
    shelf.tidy([KEY])
    assert left.exists()
    clock.now += 100_000
    shelf.tidy([KEY])
    assert not left.exists()


def test_a_text_without_a_note_goes_too(shelf, clock):
    put(shelf)
    (shelf.directory / f"{KEY}.json").unlink()
    os.utime(shelf.directory / f"{KEY}.txt", (1.0, 1.0))
    clock.now = UNUSED_FOR + 2
    shelf.tidy([KEY])
    assert files(shelf) == [f"{KEY}.txt"]
    shelf.tidy([])
    assert files(shelf) == []


def test_tidying_an_absent_directory_is_nothing(shelf):
    assert shelf.tidy([]) == []


def test_a_directory_that_can_not_be_made_is_an_error_for_the_caller(tmp_path):
    (tmp_path / "lists").write_text("in the way")
    shelf = Shelf(tmp_path / "lists")
    with pytest.raises(OSError, match="exists"):
        shelf.draft(KEY)
    assert shelf.find(KEY) is None
