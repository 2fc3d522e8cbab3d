"""The generation that serves, as the control plane knows it."""

import json

import pytest

from mirage_hole.lists.rule import Scope
from mirage_hole.runtime.compile_job import CompileJob, ListJob
from mirage_hole.runtime.compiler import compile_job
from mirage_hole.runtime.generation import CHECKSUMS, checksums
from mirage_hole.runtime.serving import ServingPolicy
from mirage_hole.wire.names import from_text


@pytest.fixture
def generation(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("ads.example\ntracker.example\n")
    lists = (ListJob(path, "My list", "./list.txt", "block"),)
    return compile_job(CompileJob(tmp_path / "state", 7, lists)).path


def test_it_tells_number_names_and_titles(generation):
    policy = ServingPolicy(generation)
    assert policy.generation()._replace(created=0.0) == (7, 0.0, 2)
    assert policy.titles() == ["My list"]
    assert policy.manifest["lists"][0]["source"] == "./list.txt"
    assert "sets" not in policy.manifest


def test_it_explains_a_name(generation):
    found = ServingPolicy(generation).explain(from_text("ads.example"))
    assert found.outcome == "blocked"


def test_without_a_generation_there_is_nothing_to_tell():
    policy = ServingPolicy()
    assert policy.generation() is None
    assert policy.titles() == []
    assert policy.explain(from_text("ads.example")) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"generation": "x", "created": 1, "names": 1, "lists": []}', "\0"])
def test_a_damaged_manifest_changes_nothing(generation, tmp_path, text, caplog):
    policy = ServingPolicy(generation)
    (tmp_path / "manifest.json").write_text(text)
    assert not policy.take(tmp_path)
    assert policy.generation().number == 7
    assert "can't be used" in caplog.text


def test_a_missing_generation_changes_nothing(generation, tmp_path):
    policy = ServingPolicy(generation)
    assert not policy.take(tmp_path / "nowhere")
    assert policy.directory == generation


def test_names_of_a_generation_that_went_are_not_explained(generation, caplog):
    policy = ServingPolicy(generation)
    manifest = json.loads((generation / "manifest.json").read_text())
    (generation / "manifest.json").write_text(json.dumps(manifest | {"version": 99}))
    (generation / CHECKSUMS).write_bytes(checksums(generation))
    assert policy.explain(from_text("ads.example")) is None
    assert "version 99" in caplog.text


def test_it_knows_the_lines_of_its_own_rules_and_no_others(generation):
    policy = ServingPolicy(generation)
    assert policy.line_of(7, 0, from_text("tracker.example"), Scope.EXACT) == 2
    assert policy.line_of(7, 0, from_text("tracker.example"), Scope.SUBTREE) == 0
    assert policy.line_of(6, 0, from_text("tracker.example"), Scope.EXACT) == 0
    assert ServingPolicy().line_of(7, 0, from_text("tracker.example"), Scope.EXACT) == 0


def test_without_a_readable_index_no_line_is_known(generation, caplog):
    policy = ServingPolicy(generation)
    (generation / "names.marisa").write_bytes(b"x")
    assert policy.line_of(7, 0, from_text("tracker.example"), Scope.EXACT) == 0
    assert policy.line_of(7, 0, from_text("tracker.example"), Scope.EXACT) == 0
    assert caplog.text.count("names.marisa is damaged") == 1
