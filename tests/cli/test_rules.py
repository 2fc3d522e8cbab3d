from __future__ import annotations

import json

import orjson
import pytest

from mirage_hole.runtime.generation import read_own_rules
from mirage_hole.wire.names import from_text, labels_of


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "state"
    directory.mkdir()
    return directory


@pytest.fixture
def rules(mirage_hole, state):
    def run(command, *arguments):
        return mirage_hole("rules", command, *arguments, "--state", str(state))

    return run


def decides(state, name):
    wire = from_text(name)
    matches = read_own_rules(state / "own-rules.compiled.json").matches(wire, labels_of(wire), 1)
    return [match.action.name for match in matches]


def test_a_rule_that_is_added_is_listed_and_compiled_for_the_next_start(rules, state):
    ran = rules("add", "ads.example", "--comment", "they are slow")
    assert (ran.code, ran.out) == (0, "1  ads.example\n")
    assert "next start" in ran.err
    assert "they are slow" in rules("list").out
    assert decides(state, "ads.example") == ["BLOCK"]


def test_names_are_blocked_and_allowed_alone_or_with_all_below(rules, state):
    assert rules("block", "a.example", "b.example.").code == 0
    assert rules("block", "tree.example", "--subtree").code == 0
    assert rules("allow", "c.example").code == 0
    assert rules("allow", "wood.example", "--subtree").code == 0
    assert decides(state, "b.example") == ["BLOCK"]
    assert decides(state, "x.b.example") == []
    assert decides(state, "x.tree.example") == ["BLOCK"]
    assert decides(state, "c.example") == ["ALLOW"]
    assert decides(state, "x.c.example") == []
    assert decides(state, "x.wood.example") == ["ALLOW"]


@pytest.mark.parametrize("name", ["||x^", "/x/", "a b", "x*", "@@x", ""])
def test_block_takes_names_only_and_says_what_takes_the_rest(rules, name, capfd):
    with pytest.raises(SystemExit) as ended:
        rules("block", name)
    assert ended.value.code == 2
    assert "rules add" in capfd.readouterr().err


def test_every_wrong_rule_is_named_and_none_is_taken(rules):
    ran = rules("add", "fine.example", "two words", "/(/")
    assert ran.code == 1
    assert "two words" in ran.err
    assert "/(/" in ran.err
    assert "no rules of your own" in rules("list").out


def test_rules_are_removed_by_number_or_text_and_missing_ones_are_told(rules):
    rules("add", "a.example", "b.example", "c.example")
    assert rules("remove", "2").code == 0
    assert rules("remove", "c.example").code == 0
    ran = rules("remove", "7", "nobody.example")
    assert ran.err == "mirage-hole: 2 of 2 rules are not there; see: rules list\n"
    assert ran.code == 1
    assert "2 of 2" in ran.err
    assert [one["text"] for one in json.loads(rules("list", "--json").out)] == ["a.example"]


def test_a_rule_is_switched_off_and_on(rules, state):
    rules("add", "a.example")
    assert rules("disable", "1").code == 0
    assert decides(state, "a.example") == []
    assert "off" in rules("list").out
    assert rules("enable", "a.example").code == 0
    assert decides(state, "a.example") == ["BLOCK"]


def test_a_rule_lasts_as_long_as_is_said(rules):
    rules("add", "a.example", "--for", "1h")
    [one] = json.loads(rules("list", "--json").out)
    assert one["until"] - one["created"] == pytest.approx(3600, abs=1)


@pytest.mark.parametrize("lasting", ["soon", "0", "-1h", "100000h"])
def test_a_time_that_is_none_is_refused_with_what_to_write(rules, lasting):
    ran = rules("add", "a.example", f"--for={lasting}")
    assert ran.code == 2
    assert "such as" in ran.err


def test_rules_come_from_a_file_and_go_to_one(rules, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("! comment\n# another\n||a.example^\n\n@@b.example\n")
    assert rules("import", str(path)).code == 0
    assert rules("export").out == "||a.example^\n@@b.example\n"
    path.write_text("c.example\n")
    assert rules("import", str(path), "--replace").code == 0
    assert rules("export").out == "c.example\n"


def test_an_empty_file_is_no_import(rules, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("! nothing\n")
    assert rules("import", str(path)).code == 2


def test_a_rule_cannot_disturb_the_terminal(rules, state):
    document = {"version": 1, "rules": [{"id": 1, "text": "a.example\x1b[2J", "comment": "\x1b]0;x\x07"}]}
    (state / "own-rules.json").write_bytes(orjson.dumps(document))
    assert "\x1b" not in rules("list").out + rules("list", "--json").out


def test_without_a_state_directory_there_is_nothing_to_change(mirage_hole, tmp_path):
    ran = mirage_hole("rules", "add", "a.example", "--state", str(tmp_path / "none"))
    assert ran.code == 1
    assert "--state" in ran.err
