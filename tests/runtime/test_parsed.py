from __future__ import annotations

import errno
import os
from pathlib import Path

import orjson
import pytest

from mirage_hole.lists.rule import Action, Rule, Scope
from mirage_hole.policy.packed import Facts, Writer
from mirage_hole.runtime import parsed as module
from mirage_hole.runtime.parsed import ListKey, ParsedLists, name_of, parser_version
from mirage_hole.wire.names import from_text

LIST = ListKey("https://lists.example/a", "block")
OTHER = ListKey("https://lists.example/b", "block")


def text(number):
    return f"{number:064x}"


def put(lists, number, names=1):
    name = name_of(text(number), "block", None)
    draft = lists.draft()
    with draft.open("wb") as file:
        writer = Writer(file)
        writer.add(Rule(from_text(f"n{one}.example"), Action.BLOCK, Scope.EXACT, one) for one in range(1, names + 1))
        writer.finish(Facts(text(number), "block", "domains", "", names, 0, {}, ()))
    lists.keep(draft, name)
    return name


def files(lists):
    return sorted(path.name for path in lists.directory.iterdir())


@pytest.fixture
def lists(tmp_path):
    return ParsedLists(tmp_path)


def test_what_was_kept_is_found_again(lists):
    name = put(lists, 1, names=3)
    packed = lists.open(name)
    assert packed is not None
    assert packed.facts.sha256 == text(1)
    assert len(packed) == 3
    assert files(lists) == [f"{name}.list"]


def test_text_kind_format_and_parsers_all_have_a_say_in_the_name(monkeypatch):
    one = name_of(text(1), "block", None)
    others = {name_of(text(2), "block", None), name_of(text(1), "allow", None), name_of(text(1), "block", "hosts")}
    monkeypatch.setattr(module, "parser_version", lambda: "another")
    others.add(name_of(text(1), "block", None))
    assert len(others - {one}) == 4


def test_the_version_of_the_parsers_changes_with_their_sources(monkeypatch, tmp_path):
    before = parser_version()
    package = tmp_path / "mirage_hole"
    (package / "lists").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(module.mirage_hole, "__file__", str(package / "__init__.py"))
    versions = {before}
    for source in ("x = 1", "x = 2"):
        (package / "lists" / "parse.py").write_text(source)
        parser_version.cache_clear()
        versions.add(parser_version())
    parser_version.cache_clear()
    assert len(versions) == 3


def test_a_file_that_is_not_there_or_damaged_is_none(lists):
    name = put(lists, 1)
    path = lists.directory / f"{name}.list"
    path.write_bytes(path.read_bytes()[:-1])
    assert lists.open(name) is None
    path.write_bytes(b"")
    assert lists.open(name) is None
    path.unlink()
    assert lists.open(name) is None
    path.mkdir()
    assert lists.open(name) is None


def test_the_newest_version_and_the_one_before_stay(lists):
    names = [put(lists, number) for number in range(1, 4)]
    for at, name in enumerate(names):
        put(lists, at + 1)
        lists.note([(LIST, name)], float(at))
    assert files(lists) == sorted([f"{names[1]}.list", f"{names[2]}.list", "lists.json"])
    assert [(packed.facts.sha256, at) for packed, at in lists.versions(*LIST)] == [(text(3), 2.0), (text(2), 1.0)]
    assert lists.versions(*OTHER) == []


def test_a_list_that_stays_the_same_keeps_its_date_and_its_version_before(lists):
    for at, number in enumerate((1, 2, 2, 2)):
        lists.note([(LIST, put(lists, number))], float(at))
    assert [at for _, at in lists.versions(*LIST)] == [1.0, 0.0]


def test_other_parsers_make_no_new_version_of_the_same_text(lists, monkeypatch):
    lists.note([(LIST, put(lists, 1))], 1.0)
    old = put(lists, 2)
    lists.note([(LIST, old)], 2.0)
    monkeypatch.setattr(module, "parser_version", lambda: "another")
    new = put(lists, 2)
    assert new != old
    lists.note([(LIST, new)], 3.0)
    assert [(packed.facts.sha256, at) for packed, at in lists.versions(*LIST)] == [(text(2), 2.0), (text(1), 1.0)]
    assert f"{old}.list" not in files(lists)


def test_what_no_list_needs_is_removed(lists):
    one, two = put(lists, 1), put(lists, 2)
    lists.note([(LIST, one), (OTHER, two)], 1.0)
    (lists.directory / ".tmp-list").write_text("left over")
    lists.note([(LIST, one)], 2.0)
    assert files(lists) == sorted([f"{one}.list", "lists.json"])


def test_beyond_the_bound_versions_before_the_newest_go_first_then_the_largest(lists, monkeypatch):
    small, large, before = put(lists, 1), put(lists, 2, names=2000), put(lists, 3, names=2000)
    lists.note([(LIST, before), (OTHER, small)], 1.0)
    put(lists, 2, names=2000)
    size = {name: (lists.directory / f"{name}.list").stat().st_size for name in (small, large)}
    monkeypatch.setattr(module, "MAX_OCTETS", size[small] + size[large])
    lists.note([(LIST, large), (OTHER, small)], 2.0)
    assert files(lists) == sorted([f"{large}.list", f"{small}.list", "lists.json"])
    monkeypatch.setattr(module, "MAX_OCTETS", size[small])
    lists.note([(LIST, large), (OTHER, small)], 3.0)
    assert files(lists) == sorted([f"{small}.list", "lists.json"])


@pytest.mark.parametrize(
    "history",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"7",
        b"[1]",
        b"\xff",
        orjson.dumps([{"source": "x", "kind": "block", "versions": 7}]),
        orjson.dumps([{"source": "x", "kind": "block", "versions": [["../../etc/passwd", 1.0], [["x"], 1]]}]),
        orjson.dumps([{"source": "x", "kind": "block", "versions": [["0" * 64, "then"]]}]),
    ],
)
def test_a_damaged_history_is_as_good_as_none(lists, history):
    name = put(lists, 1)
    (lists.directory / "lists.json").write_bytes(history)
    assert not any(lists.history().values())
    lists.note([(LIST, name)], 5.0)
    assert [at for _, at in lists.versions(*LIST)] == [5.0]


def test_a_history_that_can_not_be_written_stays_as_it_was(lists, monkeypatch):
    one, two = put(lists, 1), put(lists, 2)
    lists.note([(LIST, one)], 1.0)
    put(lists, 2)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        lists.note([(LIST, two)], 2.0)
    assert [packed.facts.sha256 for packed, _ in lists.versions(*LIST)] == [text(1)]
    assert ".tmp-lists.json" not in files(lists)
