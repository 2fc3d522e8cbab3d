"""Between the state's rows and a document's entries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from mirage_hole.config.document import ListEntry, RuleEntry, SwitchEntry, read_document, write_json, write_toml
from mirage_hole.runtime.documents import Named, SameTwice, after, document_of, steps_to
from mirage_hole.store.difference import take
from mirage_hole.store.state import StateStore
from mirage_hole.store.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS: dict[str, list[dict[str, Any]]] = {
    "rules": [
        {"text": "||a.example^", "comment": "why", "until": None, "enabled": True},
        {"text": "@@||b.example^", "comment": "", "until": 2_000_000_000.0, "enabled": False},
    ],
    "lists": [
        {"name": "oisd", "source": "oisd", "kind": "block", "title": "", "format": ""},
        {"name": "k1", "source": "https://x.example/l.txt", "kind": "allow", "title": "X", "format": "hosts"},
    ],
    "list_switches": [{"name": "k1", "enabled": False}, {"name": "starter", "enabled": False}],
    "clients": [{"name": "Ann", "addresses": ["10.0.0.2/32"], "tags": ["child"]}],
    "records": [{"name": "nas.lan", "type": "A", "value": "10.0.0.9", "ttl": 300, "networks": []}],
    "groups": [{"name": "corp", "servers": ["10.0.0.1"], "strategy": "strict", "dnssec": True, "fallback": ""}],
    "routes": [{"domains": ["corp.example"], "group": "corp", "servers": [], "fallback": ""}],
    "settings": [{"path": "blocking.mode", "value": "nxdomain"}, {"path": "server.workers", "value": 2}],
}


def called(entry: ListEntry) -> Named:
    return Named("oisd" if entry.source == "oisd" else "k1", entry.source)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    made = StateStore(tmp_path)
    full = {table: [{"number": None, "created": 1.0, **row} for row in rows] for table, rows in ROWS.items()}

    def fill(change: Any) -> None:
        for table, rows in full.items():
            for row in rows:
                change.put(table, {name: row[name] for name in TABLES[table].columns})

    made.change("tester", "fill", "", fill)
    yield made
    made.close()


def present(store: StateStore) -> dict[str, list[dict[str, Any]]]:
    return {table: store.rows(table) for table in TABLES}


@pytest.mark.parametrize("write", [write_toml, write_json])
def test_applying_an_export_changes_nothing(store: StateStore, write: Any) -> None:
    document = read_document(write(document_of(present(store))))
    assert steps_to(document, present(store), called, 5.0) == []


@pytest.mark.parametrize("write", [write_toml, write_json])
def test_an_export_brings_an_empty_server_to_the_same_state(store: StateStore, tmp_path: Path, write: Any) -> None:
    before = document_of(present(store))
    other = StateStore(tmp_path / "other")
    (tmp_path / "other").mkdir()
    steps = steps_to(read_document(write(before)), present(other), called, 5.0)
    other.change("tester", "apply", "", lambda change: take(change, steps))
    assert document_of(present(other)) == before
    other.close()


def test_what_a_document_does_not_mention_stays(store: StateStore) -> None:
    steps = steps_to({"rule": []}, present(store), called, 5.0)
    assert {(step.table, step.after) for step in steps} == {("rules", None)}
    assert len(steps) == 2


def test_a_list_and_whether_it_is_on_are_one_entry(store: StateStore) -> None:
    document = {"list": [ListEntry(source="oisd", enabled=False)]}
    steps = steps_to(document, present(store), called, 5.0)
    told = {(step.table, step.title, step.after is None) for step in steps}
    assert told == {("lists", "k1", True), ("list_switches", "k1", True), ("list_switches", "oisd", False)}


def test_switches_of_configured_lists_are_left_alone_by_the_added_ones(store: StateStore) -> None:
    steps = steps_to({"switch": []}, present(store), called, 5.0)
    assert [(step.table, step.title, step.after) for step in steps] == [("list_switches", "starter", None)]
    steps = steps_to({"switch": [SwitchEntry(list="starter", enabled=False)]}, present(store), called, 5.0)
    assert steps == []


def test_a_rule_written_twice_is_refused_with_both_places(store: StateStore) -> None:
    rule = RuleEntry(text="||a.example^")
    with pytest.raises(SameTwice) as caught:
        steps_to({"rule": [rule, rule]}, present(store), called, 5.0)
    assert (caught.value.part, caught.value.number, caught.value.first) == ("rule", 1, 0)


def test_the_end_of_a_rule_is_kept_to_the_second(store: StateStore) -> None:
    rule = RuleEntry(text="@@||b.example^", until=datetime(2033, 5, 18, 3, 33, 20, tzinfo=UTC), enabled=False)
    steps = steps_to({"rule": [RuleEntry(text="||a.example^", comment="why"), rule]}, present(store), called, 5.0)
    assert steps == []


def test_what_will_be_there_is_known_before_it_is_done(store: StateStore) -> None:
    rows = present(store)
    steps = steps_to({"settings": {"blocking.mode": "nodata"}}, rows, called, 5.0)
    assert after(steps, rows)["settings"] == [{"path": "blocking.mode", "value": "nodata"}]
    assert rows["settings"] != after(steps, rows)["settings"]
