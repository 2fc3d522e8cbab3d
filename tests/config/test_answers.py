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
        ('any = "maybe"', "answers.any"),
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


def test_any_and_what_the_server_tells_of_itself(tmp_path):
    usual = settled(tmp_path)
    assert (usual.any_answer, usual.version_text, usual.identity) == ("hinfo", "Mirage Hole", "")
    toml = '[server]\nversion_text = ""\nidentity = " dns1.lan "\n[answers]\nany = "refuse"\n'
    result = settled(tmp_path, toml=toml)
    assert (result.any_answer, result.version_text, result.identity) == ("refuse", "", "dns1.lan")
    again = settled(tmp_path, toml=as_toml(result))
    assert (again.any_answer, again.version_text, again.identity) == ("refuse", "", "dns1.lan")
    told = WorkerSettings.from_json(worker_settings(result).to_json())
    assert (told.any_answer, told.version_text, told.identity) == ("refuse", "", "dns1.lan")


@pytest.mark.parametrize("text", ["x" * 256, "a\\u0001b", "kühl"])
@pytest.mark.parametrize("key", ["version_text", "identity"])
def test_a_text_that_is_no_character_string_is_told_at_its_place(tmp_path, key, text):
    assert f"server.{key}" in str(problems(tmp_path, toml=f'[server]\n{key} = "{text}"\n'))
    assert settled(tmp_path, toml=f'[server]\n{key} = "{255 * "x"}"\n')
