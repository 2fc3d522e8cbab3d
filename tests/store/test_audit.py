"""Every change can be found and taken back, unless something else has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mirage_hole.store.audit import CantUndo, Entry, entries
from mirage_hole.store.changes import Change
from mirage_hole.store.state import StateStore


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore(tmp_path, Clock())
    yield store
    store.close()


def rule(text: str, number: int | None = None, **more: Any) -> dict[str, Any]:
    return {"number": number, "text": text, "comment": "", "created": 0.0, "until": None, "enabled": True, **more}


def put(store: StateStore, row: dict[str, Any], who: str = "me", what: str = "add rules") -> int:
    def work(change: Change) -> None:
        row_then = change.put("rules", row)
        change.target = f"rule {row_then['number']}"

    number = store.change(who, what, "", work).number
    assert number is not None
    return number


def found(store: StateStore, **filters: Any) -> list[Entry]:
    return store.read(lambda connection: entries(connection, limit=100, **filters))


def texts(store: StateStore) -> list[str]:
    return [row["text"] for row in store.rows("rules")]


def test_an_added_rule_is_taken_back_and_put_back(store: StateStore) -> None:
    added = put(store, rule("a.example"))
    undone = store.undo(added, "you")
    assert texts(store) == []
    assert undone.result.number == added
    assert undone.number is not None
    store.undo(undone.number, "you")
    assert store.rows("rules") == [rule("a.example", 1)]
    assert [(one.who, one.what, one.undoes) for one in found(store)] == [
        ("you", "undo", 2),
        ("you", "undo", 1),
        ("me", "add rules", None),
    ]


def test_what_has_changed_since_is_not_overwritten_and_is_named(store: StateStore) -> None:
    added = put(store, rule("a.example"))
    put(store, rule("a.example", 1, comment="mine"))
    with pytest.raises(CantUndo, match="rules 1") as refusal:
        store.undo(added, "me")
    assert refusal.value.since == ("rules 1",)
    assert store.rows("rules") == [rule("a.example", 1, comment="mine")]


def test_a_removed_rule_whose_text_another_has_now_is_not_put_back(store: StateStore) -> None:
    put(store, rule("a.example"))
    removed = store.change("me", "remove rules", "", lambda change: change.remove("rules", 1)).number
    put(store, rule("a.example"))
    assert removed is not None
    with pytest.raises(CantUndo, match="says the same now"):
        store.undo(removed, "me")
    assert store.rows("rules") == [rule("a.example", 2)]


def test_two_texts_that_changed_places_change_back(store: StateStore) -> None:
    def swap(change: Change) -> None:
        for number in (1, 2):
            change.remove("rules", number)
        change.put("rules", rule("a.example", 2))
        change.put("rules", rule("b.example", 3))

    put(store, rule("a.example"))
    put(store, rule("b.example"))
    swapped = store.change("me", "swap", "", swap).number
    assert swapped is not None
    store.undo(swapped, "me")
    assert store.rows("rules") == [rule("a.example", 1), rule("b.example", 2)]


def test_a_change_of_secrets_or_accounts_is_not_undone(store: StateStore) -> None:
    noted = store.change("me", "add user", "ann", lambda change: change.note(None, {"name": "ann"})).number
    assert noted is not None
    with pytest.raises(CantUndo, match="not everything"):
        store.undo(noted, "me")


def test_what_is_checked_may_refuse_an_undo(store: StateStore) -> None:
    added = put(store, rule("a.example"))

    def refuse(_: Change) -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - its own
        store.undo(added, "me", refuse)
    assert texts(store) == ["a.example"]


def test_a_change_that_is_not_there_is_said_so(store: StateStore) -> None:
    with pytest.raises(KeyError):
        store.undo(7, "me")


def test_changes_are_found_by_who_what_target_and_time_page_by_page(store: StateStore) -> None:
    for number in range(6):
        put(store, rule(f"n{number}.example"), who="me" if number % 2 else "you")
    put(store, rule("n0.example", 1, comment="x"), who="you", what="change rule")
    assert [one.number for one in found(store, who="me")] == [6, 4, 2]
    assert [one.number for one in found(store, what="change rule")] == [7]
    assert [one.target for one in found(store, target="RULE 2")] == ["rule 2"]
    assert [one.number for one in found(store, target="%")] == []
    first = found(store)[-1]
    assert [one.number for one in found(store, until=first.at + 1)] == [first.number]
    assert first.number not in [one.number for one in found(store, since=first.at + 1)]
    pages, below = [], None
    while page := store.read(lambda connection, below=below: entries(connection, limit=3, below=below)):
        pages += [one.number for one in page]
        below = page[-1].number
    assert pages == [7, 6, 5, 4, 3, 2, 1]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 4), st.integers(0, 3)),
        st.tuples(st.just("remove"), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("undo"), st.integers(0, 12), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_happens_undo_brings_back_exactly_what_was_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    """A model of the settings as a plain dictionary, with the state before and after each change."""
    store = StateStore(tmp_path_factory.mktemp("model"), Clock())
    model: dict[str, int] = {}
    history: dict[int, tuple[str, int | None, int | None]] = {}
    for action, which, value in steps:
        path = f"a.{which}"
        was = model.get(path)
        if action == "undo":
            if which not in history:
                with pytest.raises(KeyError):
                    store.undo(which, "me")
                continue
            path, before, after = history[which]
            was = model.get(path)
            if was != after:
                with pytest.raises(CantUndo):
                    store.undo(which, "me")
                continue
            done = store.undo(which, "me").number
            now = before
        elif action == "put":
            row = {"path": path, "value": value}
            done = store.change("me", "put", path, lambda change, row=row: change.put("settings", row)).number
            now = value
        else:
            done = store.change("me", "remove", path, lambda change, path=path: change.remove("settings", path)).number
            now = None
        assert (done is None) == (was == now)
        model = {one: kept for one, kept in {**model, path: now}.items() if kept is not None}
        if done is not None:
            history[done] = (path, was, now)
        assert {row["path"]: row["value"] for row in store.rows("settings")} == model
    store.close()
