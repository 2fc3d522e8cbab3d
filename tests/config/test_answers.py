"""The section [answers]: domains and types as they are written, every mistake told at its place."""

from __future__ import annotations

import pytest

from config.machine import problems, settled
from mirage_hole.config.describe import as_toml
from mirage_hole.runtime.plan import worker_settings
from mirage_hole.runtime.worker_settings import WorkerSettings


def test_without_a_word_rebinding_is_stopped_and_nothing_else_is_touched(tmp_path):
    result = settled(tmp_path)
    assert (result.rebinding, result.rebinding_allow, result.drop_ech, result.block_types) == (True, (), False, ())


def test_domains_and_types_are_read_however_they_are_written(tmp_path):
    toml = '[answers]\nrebinding_allow = ["Plex.Direct.", "*.corp.example", "plex.direct"]\n'
    toml += 'ech = "drop"\nblock_types = ["aaaa", "TYPE28", "any"]\n'
    result = settled(tmp_path, toml=toml)
    assert result.rebinding_allow == ("plex.direct", "corp.example")
    assert (result.drop_ech, result.block_types) == (True, (28, 255))
    again = settled(tmp_path, toml=as_toml(result))
    assert (again.rebinding_allow, again.drop_ech, again.block_types) == (
        result.rebinding_allow,
        result.drop_ech,
        result.block_types,
    )


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ('rebinding_allow = ["."]', "answers.rebinding_allow"),
        ('rebinding_allow = ["a..b"]', "answers.rebinding_allow"),
        ('block_types = ["AAAAA"]', "answers.block_types"),
        ('block_types = ["OPT"]', "answers.block_types"),
        ('block_types = ["TYPE0"]', "answers.block_types"),
        ('block_types = ["TYPE65536"]', "answers.block_types"),
        ('ech = "maybe"', "answers.ech"),
    ],
)
def test_mistakes_are_told_at_their_place(tmp_path, written, path):
    assert path in str(problems(tmp_path, toml=f"[answers]\n{written}\n"))


def test_workers_are_told_in_plain_values(tmp_path):
    toml = '[answers]\nrebinding_allow = "plex.direct"\nblock_types = "AAAA"\nech = "drop"\n'
    told = worker_settings(settled(tmp_path, toml=toml))
    again = WorkerSettings.from_json(told.to_json())
    assert (again.rebinding, again.rebinding_allow, again.drop_ech, again.block_types) == (
        True,
        ("plex.direct",),
        True,
        (28,),
    )
