"""The settings of DNSSEC validation: files are read with every mistake told, names are names."""

from __future__ import annotations

import pytest

from config.machine import problems, settled
from mirage_hole.config.describe import as_toml
from mirage_hole.config.settled import ROOT_TRUST
from mirage_hole.runtime.plan import worker_settings
from mirage_hole.runtime.worker_settings import WorkerSettings

DIGEST = "e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d"


def test_without_a_word_the_roots_own_anchors_are_trusted(tmp_path):
    assert settled(tmp_path).trust == ROOT_TRUST


def test_anchors_come_from_a_file_beside_the_configuration(tmp_path):
    (tmp_path / "anchors").write_text(f"; mine\ncorp.example. IN DS 20326 8 2 {DIGEST}\n")
    result = settled(tmp_path, toml='[dnssec]\nanchors = "anchors"\n')
    assert result.trust.anchors == (("corp.example", 20326, 8, 2, DIGEST),)
    assert result.trust.file == str(tmp_path / "anchors")
    assert settled(tmp_path, toml=as_toml(result)).trust == result.trust


def test_workers_are_told_of_trust_as_plain_values(tmp_path):
    (tmp_path / "anchors").write_text(f"corp.example. IN DS 20326 8 2 {DIGEST}\n")
    told = worker_settings(settled(tmp_path, toml='[dnssec]\nanchors = "anchors"\nunsigned = "Home.Example."\n'))
    assert told.trust_anchors == (("corp.example", 20326, 8, 2, DIGEST),)
    assert told.unsigned == ("home.example",)
    assert WorkerSettings.from_json(told.to_json()) == told


def test_every_line_that_is_no_anchor_is_a_problem(tmp_path):
    (tmp_path / "anchors").write_text(". IN A 192.0.2.1\n. IN DS 1 8 2 abc\n")
    first, second = problems(tmp_path, toml='[dnssec]\nanchors = "anchors"\n')
    assert "anchors:1" in first
    assert "write it as" in first
    assert "anchors:2" in second


@pytest.mark.parametrize(
    ("content", "what"), [(None, "No such file"), (b"\xff\xfe", "not UTF-8"), (b"", "no trust anchor in it")]
)
def test_a_file_that_holds_no_anchors_is_a_problem(tmp_path, content, what):
    if content is not None:
        (tmp_path / "anchors").write_bytes(content)
    (problem,) = problems(tmp_path, toml='[dnssec]\nanchors = "anchors"\n')
    assert problem.startswith("dnssec.anchors")
    assert what in problem


@pytest.mark.parametrize(
    ("name", "what"), [("a..b", "no domain name"), (".", "the root is above"), ("x" * 64, "63 is the limit")]
)
def test_names_that_are_none_are_problems(tmp_path, name, what):
    (problem,) = problems(tmp_path, toml=f'[dnssec]\nunsigned = ["good.example", "{name}"]\n')
    assert what in problem
