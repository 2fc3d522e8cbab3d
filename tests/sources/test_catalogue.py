"""The catalogue is checked when it is read, and its names are suggested."""

from __future__ import annotations

import pytest

from mirage_hole.lists.formats import FORMATS as READ_FORMATS
from mirage_hole.sources import catalogue
from mirage_hole.sources.catalogue import CatalogueError, data_directory, load_catalogue, nearest, starter_path

GOOD = """
[one]
title = "One"
url = "https://one.example/list.txt"
format = "hosts"
licence = "MIT"
size = "small"
category = "ads"
breaks = "Nothing."
homepage = "https://one.example/"
"""


def load(tmp_path, text):
    path = tmp_path / "catalogue.toml"
    path.write_text(text)
    return load_catalogue(path)


def test_an_entry_is_read(tmp_path):
    (entry,) = load(tmp_path, GOOD).values()
    assert (entry.key, entry.title, entry.format, entry.kind.name) == ("one", "One", "hosts", "BLOCK")


def test_all_problems_of_a_catalogue_are_told_at_once(tmp_path):
    bad = (
        GOOD.replace('"hosts"', '"excel"').replace("https://one.example/list.txt", "ftp://one.example/")
        + 'colour = "red"\n'
    )
    with pytest.raises(CatalogueError) as caught:
        load(tmp_path, bad + '\n[Two]\ntitle = "Two"\n' + "three = 3\n")
    text = str(caught.value)
    assert "[one] format = 'excel' is unknown; write one of hosts, domains, wildcard, adblock" in text
    assert "[one] url = 'ftp://one.example/' is no https address" in text
    assert "[one] colour is unknown" in text
    assert "[Two] has a bad name" in text
    assert "[Two] licence is missing" in text


def test_a_value_that_is_no_table_is_a_problem(tmp_path):
    with pytest.raises(CatalogueError, match=r"\[three\] is no table"):
        load(tmp_path, "three = 3\n" + GOOD)


@pytest.mark.parametrize("text", ["[", '"a" = {', "\x80"])
def test_a_file_that_is_no_toml_is_one_problem(tmp_path, text):
    path = tmp_path / "catalogue.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(CatalogueError, match="not TOML"):
        load_catalogue(path)


def test_a_missing_file_says_to_install_again(tmp_path):
    with pytest.raises(CatalogueError, match="install mirage-hole again"):
        load_catalogue(tmp_path / "none.toml")


def test_the_data_is_found_in_a_wheel_too(tmp_path, monkeypatch):
    package = tmp_path / "mirage_hole"
    (package / "sources").mkdir(parents=True)
    monkeypatch.setattr(catalogue, "__file__", str(package / "sources" / "catalogue.py"))
    with pytest.raises(CatalogueError, match="install mirage-hole again"):
        data_directory()
    (package / "_blocklists").mkdir()
    (package / "_blocklists" / "starter.txt").write_text("||a.example^\n")
    assert starter_path() == package / "_blocklists" / "starter.txt"


def test_the_catalogue_names_no_format_that_is_not_read():
    assert set(catalogue.FORMATS) == set(READ_FORMATS)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("OISD_small", "oisd-small"),
        ("hagezi-pro++", "hagezi-pro-plus"),
        ("stevenblack-gambeling", "stevenblack-gambling"),
        ("steven", "stevenblack"),
        ("tif", "hagezi-tif"),
        ("Peter Lowe", "peter-lowe"),
    ],
)
def test_the_nearest_name_comes_first(written, meant):
    assert nearest(written, load_catalogue())[0] == meant


def test_nothing_near_is_nothing():
    assert nearest("zzzzzzzzz", load_catalogue()) == []
