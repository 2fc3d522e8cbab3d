from __future__ import annotations

import mmap
import subprocess
import sys

import orjson
import pytest

from mirage_hole.lists.rule import Action, Rule, Scope
from mirage_hole.policy.build import Builder
from mirage_hole.policy.index import ListInfo
from mirage_hole.runtime.generation import (
    CHECKSUMS,
    LINES,
    MANIFEST,
    MORE,
    NAMES,
    SETS,
    BadGeneration,
    checksums,
    directory_name,
    generations_directory,
    newest_generation,
    next_number,
    open_generation,
    remove_old_generations,
    usable_generation,
)
from mirage_hole.wire.names import from_text

NAME = from_text("ads.example.com")
OTHER = from_text("other.example")


def write(state, number=1):
    builder = Builder()
    # Two sets, so that there is a column of them.
    builder.add_list([Rule(NAME, Action.BLOCK, Scope.EXACT, 12), Rule(OTHER, Action.BLOCK, Scope.SUBTREE, 13)])
    built = builder.build()
    info = ListInfo("a title", "a source", "block", "domains", 1, 0)
    directory = generations_directory(state) / directory_name(number)
    directory.mkdir(parents=True)
    built.names.save(str(directory / NAMES))
    for file, data in ((SETS, built.sets), (LINES, built.lines), (MORE, built.more)):
        (directory / file).write_bytes(data)
    (directory / MANIFEST).write_bytes(orjson.dumps(built.manifest(number, 0, [info._asdict()])))
    return sealed(directory)


def sealed(directory):
    (directory / CHECKSUMS).write_bytes(checksums(directory))
    return directory


def flip(file, at=-1):
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


def test_a_generation_is_mapped_and_decides(tmp_path):
    index = open_generation(write(tmp_path, 42), lines=True)
    assert index.generation == 42
    assert index.lists == (ListInfo("a title", "a source", "block", "domains", 1, 0),)
    match = index.decide(NAME, (0, 4, 12))
    assert match is not None
    assert match.line == 12


def test_an_open_generation_survives_its_removal(tmp_path):
    write(tmp_path, 1)
    index = open_generation(newest_generation(tmp_path))
    write(tmp_path, 2)
    write(tmp_path, 3)
    gone = remove_old_generations(tmp_path, keep=2)
    assert [path.name for path in gone] == ["00000001"]
    assert index.decide(NAME, (0, 4, 12)) is not None


def test_the_newest_is_the_highest_number_not_the_latest_date(tmp_path):
    write(tmp_path, 100)
    write(tmp_path, 99)
    assert newest_generation(tmp_path).name == "00000100"
    assert next_number(tmp_path) == 101


def test_what_is_no_complete_generation_does_not_count(tmp_path):
    write(tmp_path, 1)
    directory = generations_directory(tmp_path)
    (directory / ".tmp-00000007").mkdir()
    (directory / "00000008").mkdir()
    (directory / "notes.txt").write_text("x")
    assert newest_generation(tmp_path).name == "00000001"
    assert next_number(tmp_path) == 9


def test_a_state_directory_without_generations_has_none(tmp_path):
    assert newest_generation(tmp_path / "absent") is None
    assert next_number(tmp_path) == 1
    assert remove_old_generations(tmp_path) == []


@pytest.mark.parametrize("file", [MANIFEST, NAMES, SETS, CHECKSUMS])
def test_a_missing_file_is_named(tmp_path, file):
    directory = write(tmp_path)
    (directory / file).unlink()
    with pytest.raises(BadGeneration, match=file):
        open_generation(directory)


@pytest.mark.parametrize("file", [MANIFEST, NAMES, SETS])
@pytest.mark.parametrize("keep", [0, -1])
def test_a_file_cut_short_is_refused(tmp_path, file, keep):
    directory = write(tmp_path)
    data = (directory / file).read_bytes()
    (directory / file).write_bytes(data[:keep])
    with pytest.raises(BadGeneration, match="00000001"):
        open_generation(directory)


@pytest.mark.parametrize("manifest", [b"[]", b"{}", b'"x"', b'{"version": 1}', b"\xff"])
def test_a_manifest_that_is_none_is_refused(tmp_path, manifest):
    directory = write(tmp_path)
    (directory / MANIFEST).write_bytes(manifest)
    sealed(directory)
    with pytest.raises(BadGeneration, match="00000001"):
        open_generation(directory)


@pytest.mark.parametrize("file", [MANIFEST, NAMES, SETS])
def test_a_single_flipped_bit_is_found_before_anything_is_looked_up(tmp_path, file):
    directory = write(tmp_path)
    flip(directory / file, (directory / file).stat().st_size // 2)
    with pytest.raises(BadGeneration, match=f"{file} is damaged"):
        open_generation(directory)


@pytest.mark.parametrize("text", [b"[]", b"{}", b"{", b'{"names.marisa": 1}', b'{"../../etc/passwd": 1}', b"\xff"])
def test_checksums_that_are_none_are_refused(tmp_path, text):
    directory = write(tmp_path)
    (directory / CHECKSUMS).write_bytes(text)
    with pytest.raises(BadGeneration, match="00000001"):
        open_generation(directory)
    assert usable_generation(tmp_path)[0] is None


def test_a_damaged_generation_gives_way_to_the_one_before_it(tmp_path):
    good = write(tmp_path, 1)
    flip(write(tmp_path, 2) / SETS)
    (write(tmp_path, 3) / SETS).unlink()
    found, problems = usable_generation(tmp_path)
    assert found == good
    assert "00000003" in problems[0]
    assert "00000002: sets.bin is damaged" in problems[1]


def test_without_a_usable_generation_there_is_none(tmp_path):
    assert usable_generation(tmp_path) == (None, [])
    flip(write(tmp_path) / NAMES)
    found, problems = usable_generation(tmp_path)
    assert found is None
    assert len(problems) == 1


def test_files_are_mapped_not_read(tmp_path):
    index = open_generation(write(tmp_path))
    assert isinstance(index.index._held, mmap.mmap)


def test_who_only_decides_does_not_even_read_the_line_numbers(tmp_path):
    directory = write(tmp_path)
    (directory / LINES).unlink()
    (directory / MORE).unlink()
    match = open_generation(directory).decide(NAME, (0, 4, 12))
    assert match is not None
    assert match.line == 0


@pytest.mark.parametrize("file", [LINES, MORE])
def test_damaged_line_numbers_are_as_good_as_none(tmp_path, file):
    directory = write(tmp_path)
    (directory / file).write_bytes(b"x" * 13)
    match = open_generation(directory, lines=True).decide(NAME, (0, 4, 12))
    assert match is not None
    assert match.line == 0
    assert usable_generation(tmp_path) == (directory, [])


def test_opening_a_generation_needs_no_parser_and_no_web():
    code = (
        "import sys, mirage_hole.runtime.generation;"
        "print([name for name in sys.modules if name.split('.')[0] in {'aiohttp', 'click', 'msgspec', 'sqlite3', 'idna'}"
        " or name.startswith('mirage_hole.lists.') and name[18:] not in {'rule', 'stored'}])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout.strip() == "[]"
