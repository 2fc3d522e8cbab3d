"""From the rows that there are to those that are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.store.difference import Twice, differences, take
from mirage_hole.store.state import StateStore

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = st.sampled_from(["a", "b", "c", "d"])
RULES = st.lists(
    st.fixed_dictionaries(
        {"text": TEXTS, "comment": TEXTS, "until": st.none() | st.just(5.0), "enabled": st.booleans()}
    ),
    unique_by=lambda row: row["text"],
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "name": TEXTS,
            "type": TEXTS,
            "value": TEXTS,
            "ttl": st.none() | st.integers(0, 9),
            "networks": st.lists(TEXTS),
        }
    ),
    unique_by=lambda row: (row["name"], row["type"], row["value"], tuple(row["networks"])),
)


def without_ours(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(({k: v for k, v in sorted(row.items()) if k not in {"number", "created"}} for row in rows), key=str)


@pytest.mark.parametrize("table", ["rules", "records"])
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_after_the_steps_the_rows_are_those_that_were_wanted(
    table: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rows = RULES if table == "rules" else RECORDS
    store = StateStore(tmp_path_factory.mktemp("state"))
    for wanted in data.draw(st.lists(rows, min_size=1, max_size=3)):
        steps = differences(table, store.rows(table), wanted, 100.0)
        store.change("tester", "apply", "", lambda change, steps=steps: take(change, steps))
        assert without_ours(store.rows(table)) == without_ours(wanted)
        assert differences(table, store.rows(table), wanted, 200.0) == []
    store.close()


def test_a_rule_that_stays_keeps_its_number_and_its_age(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    rule = {"text": "||a.example^", "comment": "", "until": None, "enabled": True}
    steps = differences("rules", [], [rule], 100.0)
    store.change("tester", "apply", "", lambda change: take(change, steps))
    (before,) = store.rows("rules")
    (step,) = differences("rules", [before], [{**rule, "comment": "why"}], 200.0)
    assert step.changed == ("comment",)
    assert step.after is not None
    assert (step.after["number"], step.after["created"]) == (before["number"], 100.0)
    store.close()


def test_the_same_row_twice_is_refused() -> None:
    row = {"path": "blocking.mode", "value": "nxdomain"}
    with pytest.raises(Twice) as caught:
        differences("settings", [], [row, {**row, "value": "nodata"}], 0.0)
    assert (caught.value.number, caught.value.first) == (1, 0)


def test_a_step_says_what_it_is_about() -> None:
    row = {"domains": ["corp.example", "10.in-addr.arpa"], "group": "", "servers": ["10.0.0.1"], "fallback": ""}
    (step,) = differences("routes", [], [row], 0.0)
    assert step.title == "corp.example, 10.in-addr.arpa"
    assert step.changed == ()
