"""The last good copy survives whatever happens to the next one."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from mirage_hole.sources.shelf import UNUSED_FOR, Damaged, Note, Shelf

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


def test_a_list_that_is_seen_again_unchanged_keeps_the_time_of_its_last_change(shelf, clock):
    first = clock.now
    copy = put(shelf)
    clock.now += 100.0
    shelf.confirm(copy)
    assert shelf.find(KEY).note.changed_at == first
    put(shelf, TEXT + b"0.0.0.0 b.example\n")
    assert shelf.find(KEY).note.changed_at == clock.now


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


@pytest.mark.parametrize("same_time", [False, True])
def test_a_text_that_is_not_the_one_that_was_kept_is_not_used(shelf, same_time):
    kept = put(shelf, etag="abc")
    before = kept.path.stat().st_mtime_ns
    kept.path.write_bytes(TEXT.replace(b"a.", b"b."))
    if same_time:
        os.utime(kept.path, ns=(before, before))
    with pytest.raises(Damaged, match="is damaged: its SHA-256 is not the one noted; it is fetched again"):
        shelf.find(KEY)
    with pytest.raises(Damaged):
        shelf.verify(kept)


def test_a_text_that_was_only_touched_or_restored_keeps_its_validators(shelf):
    kept = put(shelf, etag="abc")
    os.utime(kept.path, ns=(1, 1))
    assert shelf.find(KEY).note.etag == "abc"
    shelf.verify(kept)


def test_a_power_cut_between_text_and_note_costs_neither(shelf, monkeypatch):
    put(shelf, etag="old")
    replace = Path.replace

    def replace_texts_only(self, target):
        if target.suffix == ".json":
            raise OSError(5, "the power is gone")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_texts_only)
    put(shelf, b"0.0.0.0 new.example\n", etag="new")
    monkeypatch.undo()
    found = shelf.find(KEY)
    assert (found.path.read_bytes(), found.note.etag) == (b"0.0.0.0 new.example\n", "new")


def test_a_note_that_can_not_be_written_takes_the_old_one_along(shelf, monkeypatch):
    put(shelf, etag="old")
    monkeypatch.setattr("mirage_hole.sources.shelf._write", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    put(shelf, b"0.0.0.0 new.example\n", etag="new")
    found = shelf.find(KEY)
    assert (found.path.read_bytes(), found.note.etag) == (b"0.0.0.0 new.example\n", "")


def hold(shelf: Shelf, text: bytes, **note):
    with shelf.draft(KEY) as draft:
        draft.write(text)
        return draft.hold(Note(fetched_at=6.0, **note))


def test_what_is_put_aside_leaves_the_copy_alone_until_it_is_promoted(shelf):
    put(shelf, etag="good")
    hold(shelf, b"0.0.0.0 little.example\n", etag="odd")
    assert shelf.find(KEY).note.etag == "good"
    assert shelf.find_held(KEY).note.etag == "odd"
    promoted = shelf.promote(KEY)
    assert promoted == shelf.find(KEY)
    assert (promoted.path.read_bytes(), promoted.note.etag) == (b"0.0.0.0 little.example\n", "odd")
    assert shelf.find_held(KEY) is None
    assert files(shelf) == [f"{KEY}.json", f"{KEY}.txt"]


def test_nothing_put_aside_can_not_be_promoted(shelf):
    put(shelf)
    with pytest.raises(FileNotFoundError):
        shelf.promote(KEY)
    assert shelf.find(KEY)


def test_what_is_put_aside_and_damaged_is_forgotten(shelf):
    put(shelf)
    hold(shelf, b"0.0.0.0 little.example\n").path.write_bytes(b"other")
    assert shelf.find_held(KEY) is None
    assert files(shelf) == [f"{KEY}.json", f"{KEY}.txt"]


def test_what_is_put_aside_stays_as_long_as_its_list_is_used(shelf, clock):
    put(shelf)
    hold(shelf, b"0.0.0.0 little.example\n")
    for path in shelf.directory.iterdir():
        os.utime(path, (clock.now, clock.now))
    clock.now += UNUSED_FOR + 1
    assert shelf.tidy([KEY]) == []
    assert shelf.find_held(KEY)
    clock.now += UNUSED_FOR + 1
    assert sorted(shelf.tidy([])) == [KEY, f"{KEY}.held"]
    assert files(shelf) == []


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
