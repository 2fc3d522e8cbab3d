from __future__ import annotations

import dataclasses

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.policy.policy import empty_policy
from mirage_hole.policy.rich import RichRules, read_stored
from mirage_hole.runtime import own_rules
from mirage_hole.runtime.generation import OWN_RULES
from mirage_hole.runtime.own_rules import MAX_COMMENT, MAX_RULES, OwnRules, RefusedRule
from mirage_hole.wire.names import from_text, labels_of


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def own(tmp_path, clock):
    return OwnRules(tmp_path, clock)


def decide(own: OwnRules, name: str):
    rules = RichRules(read_stored(orjson.loads(own.path.read_bytes())))
    wire = from_text(name)
    match = empty_policy().with_own(rules).decide(wire, labels_of(wire), 1)
    return None if match is None else (match.action.name, match.line)


def texts(own: OwnRules) -> list[str]:
    return [one.text for one in own.all()]


def test_a_rule_counts_once_it_is_added(own):
    [rule] = own.add(["ads.example"])
    assert decide(own, "ads.example") == ("BLOCK", rule.id)
    assert decide(own, "x.ads.example") is None


def test_rules_survive_a_restart_with_their_numbers(own, tmp_path, clock):
    own.add(["ads.example", "@@||good.example^"], comment="why", until=clock.now + 60)
    again = OwnRules(tmp_path, clock)
    assert again.all() == own.all()
    [third] = again.add(["third.example"])
    assert third.id == 3


def test_adding_a_rule_twice_leaves_one(own):
    own.add(["ads.example"])
    own.add([" ads.example ", "ads.example"], comment="now with a reason")
    assert [(one.id, one.text, one.comment) for one in own.all()] == [(1, "ads.example", "now with a reason")]


def test_one_wrong_rule_among_many_changes_nothing_and_all_wrong_ones_are_named(own):
    own.add(["kept.example"])
    with pytest.raises(RefusedRule) as refusal:
        own.add(["fine.example", "two words", "/(/"])
    assert "two words" in str(refusal.value)
    assert "/(/" in str(refusal.value)
    assert texts(own) == ["kept.example"]


def test_a_removed_rule_ends(own):
    own.add(["ads.example", "other.example"])
    assert [one.text for one in own.remove(["ads.example", "never-there.example", 77])] == ["ads.example"]
    assert decide(own, "ads.example") is None
    assert [one.text for one in own.remove([2])] == ["other.example"]


def test_a_rule_that_is_switched_off_is_kept_and_does_not_count(own):
    own.add(["ads.example"])
    own.switch([1], enabled=False)
    assert decide(own, "ads.example") is None
    own.switch(["ads.example"], enabled=True)
    assert decide(own, "ads.example") == ("BLOCK", 1)


def test_a_rule_ends_at_its_time(own, clock):
    own.add(["ads.example"], until=clock.now + 600)
    own.add(["later.example"], until=clock.now + 900)
    assert own.next_end() == clock.now + 600
    clock.now += 600
    assert [one.text for one in own.expire()] == ["ads.example"]
    assert decide(own, "ads.example") is None
    assert decide(own, "later.example") == ("BLOCK", 2)


def test_a_rule_whose_time_was_over_while_nobody_looked_does_not_count_after_a_restart(own, clock, tmp_path):
    own.add(["ads.example"], until=clock.now + 1)
    clock.now += 2
    again = OwnRules(tmp_path, clock)
    again.compile()
    assert decide(again, "ads.example") is None


def test_replacing_all_keeps_what_stays(own, clock):
    own.add(["a.example", "b.example"], comment="first", until=clock.now + 5)
    own.replace_all(["b.example", "c.example"])
    assert [(one.id, one.text, one.comment) for one in own.all()] == [(2, "b.example", "first"), (3, "c.example", "")]


def test_a_wrong_replacement_changes_nothing(own):
    own.add(["a.example"])
    with pytest.raises(RefusedRule):
        own.replace_all(["two words"])
    assert texts(own) == ["a.example"]


def test_contradictions_are_told(own):
    own.add(["||ads.example^"])
    added = own.add(["@@||ads.example^", "@@other.example"])
    [note] = own.notes(added)
    assert "||ads.example^" in note


def test_a_damaged_state_is_kept_aside_and_the_compiled_rules_serve(own, tmp_path, clock):
    own.add(["ads.example"])
    (tmp_path / "state.db").write_bytes(b"{" * 5000)
    (tmp_path / "state.db-wal").unlink()
    again = OwnRules(tmp_path, clock)
    assert "state.db" in again.problem
    assert (tmp_path / "state.db.damaged").read_bytes() == b"{" * 5000
    assert decide(again, "ads.example") == ("BLOCK", 1)
    again.add(["new.example"])
    assert again.problem == ""
    assert decide(again, "ads.example") is None


def test_the_file_of_an_earlier_version_is_taken_over(tmp_path, clock):
    document = {"version": 1, "rules": [{"id": 7, "text": "ads.example", "comment": "why"}]}
    (tmp_path / "own-rules.json").write_bytes(orjson.dumps(document))
    own = OwnRules(tmp_path, clock)
    assert [(one.id, one.text, one.comment, one.enabled) for one in own.all()] == [(7, "ads.example", "why", True)]
    assert (tmp_path / "own-rules.json.migrated").exists()


def test_what_another_process_has_changed_is_taken_over(own, tmp_path, clock):
    own.add(["a.example"])
    other = OwnRules(tmp_path, clock)
    other.add(["b.example"])
    assert own.is_behind()
    own.add(["c.example"])
    assert texts(own) == ["a.example", "b.example", "c.example"]
    assert not own.is_behind()
    other.refresh()
    assert texts(other) == texts(own)


def test_a_rule_is_edited_and_keeps_its_number(own):
    own.add(["a.example", "b.example"])
    one = own.edit(1, lambda old: dataclasses.replace(old, text="||c.example^", comment="why"))
    assert (one.id, one.text, one.comment) == (1, "||c.example^", "why")
    assert decide(own, "x.c.example") == ("BLOCK", 1)
    with pytest.raises(RefusedRule, match="your rule 2 says that already"):
        own.edit(1, lambda old: dataclasses.replace(old, text="b.example"))
    with pytest.raises(KeyError):
        own.edit(9, lambda old: old)


def test_rules_and_comments_are_bounded(own):
    with pytest.raises(RefusedRule, match="the limit"):
        own.add(f"n{number}.example" for number in range(MAX_RULES + 1))
    with pytest.raises(RefusedRule, match="comment"):
        own.add(["a.example"], comment="x" * (MAX_COMMENT + 1))
    with pytest.raises(RefusedRule, match="characters"):
        own.add(["a" * 5000])


def test_a_full_disk_changes_nothing(own, tmp_path, monkeypatch):
    own.add(["kept.example"])

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_rules, "replace_files", full)
    with pytest.raises(OSError, match="No space"):
        own.add(["ads.example"])
    assert texts(own) == ["kept.example"]
    assert decide(own, "kept.example") == ("BLOCK", 1)
    assert orjson.loads((tmp_path / OWN_RULES).read_bytes())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_rule_or_a_refusal(tmp_path_factory, text):
    own = OwnRules(tmp_path_factory.mktemp("own"), Clock())
    try:
        own.add([text])
    except RefusedRule:
        return
    assert len(own.all()) == 1
    RichRules(read_stored(orjson.loads(own.path.read_bytes())))
