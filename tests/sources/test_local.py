"""Texts on this machine: real lists are taken, foreign formats and messages are not."""

from __future__ import annotations

import os

import pytest

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
    local.check_rules(shared_lists / path, source(str(shared_lists / path)))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("regex/mmotti.list", "a regular expression"),
        ("rpz/oisd-small.rpz", "RPZ"),
    ],
)
def test_a_foreign_format_is_refused_by_its_name(shared_lists, path, words):
    with pytest.raises(BadContent, match="holds no rule that can be read") as caught:
        local.check_rules(shared_lists / path, source(str(shared_lists / path)))
    assert words in str(caught.value)


def test_one_rule_behind_much_rubbish_is_enough(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("no rule here!\n" * 1000 + "a.example\n")
    local.check_rules(path, source(str(path)))


def test_rubbish_without_end_is_judged_by_its_first_megabyte(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("no rule here at all, nor there!\n" * 40_000 + "a.example\n")
    with pytest.raises(BadContent):
        local.check_rules(path, source(str(path)))


def test_a_refused_file_leaves_no_descriptor_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - Path.iterdir() would open one itself
    with pytest.raises(Failure, match="no ordinary file"):
        list(local.file_chunks(str(tmp_path)))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


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
    local.check_rules(path, source(str(path)))
