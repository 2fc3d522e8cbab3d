"""The state: every change is whole, on the disk, in the audit log, and survives what happens to disks."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from mirage_hole.store import state as state_module
from mirage_hole.store.database import Damaged, open_database
from mirage_hole.store.schema import MIGRATIONS
from mirage_hole.store.state import StateStore, Unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mirage_hole.store.changes import Change


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    store = StateStore(tmp_path, Clock())
    yield store
    store.close()


def rule(text: str, number: int | None = None, **more: Any) -> dict[str, Any]:
    return {"number": number, "text": text, "comment": "", "created": 0.0, "until": None, "enabled": True, **more}


def add(store: StateStore, *texts: str) -> list[dict[str, Any]]:
    return store.change(
        "me", "add rules", "", lambda change: [change.put("rules", rule(text)) for text in texts]
    ).result


def texts(store: StateStore) -> list[str]:
    return [row["text"] for row in store.rows("rules")]


def audit(store: StateStore) -> list[tuple[Any, ...]]:
    return store.read(
        lambda connection: connection.execute("SELECT who, what, target, before, after FROM audit").fetchall()
    )


def test_what_was_changed_is_there_after_a_restart(store: StateStore, tmp_path: Path) -> None:
    assert [row["number"] for row in add(store, "a.example", "b.example")] == [1, 2]
    store.close()
    again = StateStore(tmp_path)
    assert texts(again) == ["a.example", "b.example"]
    again.close()


def test_nobody_else_reads_the_file(store: StateStore) -> None:
    add(store, "a.example")
    store.copy()
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.copy_path.stat().st_mode) == 0o600


def test_the_audit_log_says_who_did_what_and_how_it_was_before_and_after(store: StateStore) -> None:
    add(store, "a.example")
    store.change(
        "you", "change rule", "rule 1", lambda change: change.put("rules", rule("a.example", 1, comment="why"))
    )
    (first, second) = audit(store)
    assert first[:3] == ("me", "add rules", "")
    assert orjson.loads(first[3]) == {"rules": {"1": None}}
    assert second[:3] == ("you", "change rule", "rule 1")
    assert orjson.loads(second[3])["rules"]["1"]["comment"] == ""
    assert orjson.loads(second[4])["rules"]["1"]["comment"] == "why"


def test_what_changes_nothing_is_not_in_the_audit_log(store: StateStore) -> None:
    add(store, "a.example")

    def there_and_back(change: Change) -> None:
        change.put("rules", rule("a.example", 1, enabled=False))
        change.put("rules", rule("a.example", 1))

    done = store.change("me", "nothing", "", there_and_back)
    assert (done.number, done.touched) == (None, frozenset())
    assert len(audit(store)) == 1


def test_a_change_that_fails_half_way_has_changed_nothing(store: StateStore) -> None:
    add(store, "a.example")

    def half(change: Change) -> None:
        change.put("rules", rule("b.example"))
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - its own
        store.change("me", "half", "", half)
    with pytest.raises(sqlite3.IntegrityError):
        store.change("me", "twice", "", lambda change: change.put("rules", rule("a.example", 9)))
    assert texts(store) == ["a.example"]
    assert len(audit(store)) == 1


def test_the_number_of_a_rule_that_is_gone_is_not_given_again(store: StateStore) -> None:
    add(store, "a.example", "b.example")
    store.change("me", "remove", "", lambda change: change.remove("rules", 2))
    assert add(store, "c.example")[0]["number"] == 3


def test_secrets_are_not_in_the_audit_log(store: StateStore) -> None:
    row = {"path": "mail.password", "value": "hunter2"}
    store.change("me", "change settings", "", lambda change: change.put("settings", row, secret=True))
    assert store.row("settings", "mail.password") == row
    assert "hunter2" not in str(audit(store))
    assert "hidden" in str(audit(store))


def test_the_audit_log_is_bounded(store: StateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "MAX_AUDIT", 3)
    for number in range(6):
        add(store, f"n{number}.example")
    assert len(audit(store)) == 3


def test_large_changes_push_out_old_ones_but_the_last_stays(store: StateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "MAX_AUDIT_OCTETS", 25_000)
    for number in range(6):
        comment = rule("x.example", 1, comment=str(number) * 10_000)
        store.change("me", "change rule", str(number), lambda change, row=comment: change.put("rules", row))
    assert [target for _, _, target, _, _ in audit(store)] == ["5"]
    monkeypatch.setattr(state_module, "MAX_AUDIT_OCTETS", 1000)
    store.change("me", "change rule", "6", lambda change: change.put("rules", rule("x.example", 1, comment="y" * 9000)))
    assert [target for _, _, target, _, _ in audit(store)] == ["6"]


def test_the_changes_of_another_process_are_noticed(store: StateStore, tmp_path: Path) -> None:
    other = StateStore(tmp_path)
    before = store.stamp()
    assert store.stamp() == before
    add(other, "a.example")
    assert store.stamp() != before
    before = store.stamp()
    add(store, "b.example")
    assert store.stamp() != before
    assert texts(store) == ["a.example", "b.example"]
    other.close()


def test_a_copy_is_due_after_a_change_and_gives_all(store: StateStore, tmp_path: Path) -> None:
    add(store, "a.example")
    assert store.copy_due
    store.copy()
    assert not store.copy_due
    store.close()
    store.path.unlink()
    again = StateStore(tmp_path)
    assert texts(again) == ["a.example"]
    assert "was gone; taken from state.backup.db" in again.recovered
    again.close()


def tear(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(page * 4096)
        file.write(b"\xa5" * 4096)


def root_of(path: Path, table: str) -> int:
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    connection.close()
    return int(page) - 1


@pytest.mark.parametrize("copied", [True, False])
def test_of_a_damaged_file_all_is_kept_that_can_be_read_and_the_copy_fills_the_gaps(
    tmp_path: Path, copied: bool, caplog: pytest.LogCaptureFixture
) -> None:
    store = StateStore(tmp_path)
    add(store, "a.example")
    if copied:
        store.copy()
    store.change("me", "set", "", lambda change: change.put("settings", {"path": "log.level", "value": "debug"}))
    store.close()
    tear(store.path, root_of(store.path, "rules"))
    again = StateStore(tmp_path)
    assert again.rows("settings") == [{"path": "log.level", "value": "debug"}]
    assert texts(again) == (["a.example"] if copied else [])
    assert "rules" in again.recovered
    assert (tmp_path / "state.db.damaged").exists()
    assert "was damaged" in caplog.text
    add(again, "new.example")
    again.close()
    whole = StateStore(tmp_path)
    assert whole.rows("rules")
    assert whole.recovered == ""
    whole.close()


def test_a_file_that_is_nothing_at_all_costs_only_what_the_copy_has_not(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    add(store, "a.example")
    store.copy()
    store.close()
    store.path.write_bytes(b"rubbish" * 1000)
    again = StateStore(tmp_path)
    assert texts(again) == ["a.example"]
    again.close()


def test_rows_behind_a_broken_page_are_kept(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    add(store, *(f"n{number}.{'x' * 60}.example" for number in range(500)))
    store.close()
    connection = sqlite3.connect(store.path)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    tear(store.path, pages // 2)
    again = StateStore(tmp_path)
    assert len(again.rows("rules")) > 200
    again.close()


def test_on_a_disk_that_is_full_or_read_only_there_is_an_empty_state_until_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    store = StateStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "open_database", full)
        assert store.rows("rules") == []
        assert "No space" in store.trouble
        with pytest.raises(Unwritable, match="No space"):
            add(store, "a.example")
    assert add(store, "a.example")[0]["number"] == 1
    assert store.trouble == ""
    store.close()


def test_a_disk_that_refuses_writes_is_said_so_and_reads_go_on(store: StateStore) -> None:
    add(store, "a.example")
    store.read(lambda connection: connection.execute("PRAGMA query_only = ON"))
    with pytest.raises(Unwritable) as refusal:
        add(store, "b.example")
    assert "read-only" in str(refusal.value.strerror)
    assert texts(store) == ["a.example"]


def test_damage_that_is_found_later_is_said_so(store: StateStore) -> None:
    add(store, "a.example")

    def broken(_: sqlite3.Connection) -> None:
        problem = sqlite3.DatabaseError("database disk image is malformed")
        problem.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise problem

    with pytest.raises(Damaged, match="next start"):
        store.read(broken)


def test_a_file_that_nobody_may_open_is_an_error(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root opens everything")
    (tmp_path / "state.db").touch(0o000)
    with pytest.raises(PermissionError):
        StateStore(tmp_path).open()


RULES = {
    "version": 1,
    "rules": [
        {"id": 1, "text": "a.example", "comment": "why", "created": 5.0, "until": None, "enabled": False},
        {"id": 7, "text": "b.example"},
    ],
}
LISTS = {
    "version": 1,
    "added": [
        {"key": "k", "source": "https://a.example/", "kind": "allow", "title": "T", "format": "", "created": 1.0}
    ],
    "switched": {"oisd-small": False},
}


def test_the_files_of_schema_0_are_taken_over_and_kept(tmp_path: Path) -> None:
    (tmp_path / "own-rules.json").write_bytes(orjson.dumps(RULES))
    (tmp_path / "lists.json").write_bytes(orjson.dumps(LISTS))
    store = StateStore(tmp_path)
    assert [(row["number"], row["text"], row["comment"], row["enabled"]) for row in store.rows("rules")] == [
        (1, "a.example", "why", False),
        (7, "b.example", "", True),
    ]
    assert store.rows("lists")[0]["name"] == "k"
    assert store.rows("list_switches") == [{"name": "oisd-small", "enabled": False}]
    assert orjson.loads((tmp_path / "own-rules.json.migrated").read_bytes()) == RULES
    assert (tmp_path / "lists.json.migrated").exists()
    assert not (tmp_path / "own-rules.json").exists()
    assert add(store, "c.example")[0]["number"] == 8
    store.close()


def test_a_take_over_that_was_cut_off_is_done_again_without_harm(tmp_path: Path) -> None:
    (tmp_path / "own-rules.json").write_bytes(orjson.dumps(RULES))
    store = StateStore(tmp_path)
    store.change("me", "x", "", lambda change: change.put("rules", rule("a.example", 1, comment="newer")))
    store.close()
    (tmp_path / "own-rules.json").write_bytes(orjson.dumps(RULES))
    store.open()
    assert store.row("rules", 1) == rule("a.example", 1, comment="newer")
    store.close()


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"\0", b"", b'{"version": 1, "rules": [{"id": "x"}]}', b'{"version": 2}']
)
def test_a_damaged_file_of_schema_0_is_kept_aside(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "own-rules.json").write_bytes(content)
    store = StateStore(tmp_path)
    assert store.rows("rules") == []
    assert (tmp_path / "own-rules.json.damaged").read_bytes() == content
    assert "is damaged" in caplog.text
    store.close()


def test_the_lists_before_an_editor_spoilt_them_are_taken(tmp_path: Path) -> None:
    (tmp_path / "lists.json").write_text("{")
    (tmp_path / "lists.json.last").write_bytes(orjson.dumps(LISTS))
    store = StateStore(tmp_path)
    assert [row["name"] for row in store.rows("lists")] == ["k"]
    store.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_state_of_every_earlier_schema_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    old = open_database(tmp_path / "state.db", MIGRATIONS[:version], synchronous="FULL")
    old.execute("INSERT INTO rules VALUES (3, 'a.example', '', 0.0, NULL, 1)")
    old.execute("INSERT INTO settings VALUES ('log.level', '\"debug\"')")
    old.close()
    store = StateStore(tmp_path)
    assert texts(store) == ["a.example"]
    assert store.row("settings", "log.level") == {"path": "log.level", "value": "debug"}
    assert store.read(lambda connection: connection.execute("PRAGMA user_version").fetchone()) == (len(MIGRATIONS),)
    store.close()


def test_accounts_of_a_damaged_state_are_kept_and_nothing_refers_to_what_is_lost(tmp_path: Path) -> None:
    store = StateStore(tmp_path)

    def accounts(change: Change) -> None:
        for name in ("ann", "bob"):
            change.connection.execute(
                "INSERT INTO users (name, role, password, handle, created) VALUES (?, 3, '', ?, 0)",
                (name, name.encode()),
            )
        change.connection.executemany("INSERT INTO recovery_codes VALUES (?, ?)", [(1, b"x"), (2, b"y")])
        change.note(None, {"users": ["ann", "bob"]})

    store.change("me", "add users", "", accounts)
    store.close()
    tear(store.path, root_of(store.path, "audit"))
    again = StateStore(tmp_path)
    assert again.read(lambda c: c.execute("SELECT name FROM users").fetchall()) == [("ann",), ("bob",)]
    assert again.read(lambda c: c.execute("SELECT user FROM recovery_codes").fetchall()) == [(1,), (2,)]
    again.close()
    tear(again.path, root_of(again.path, "users"))
    rest = StateStore(tmp_path)
    assert rest.read(lambda c: c.execute("SELECT user FROM recovery_codes").fetchall()) == []
    rest.close()


def test_without_a_directory_there_is_nothing_to_read_or_change(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "none")
    assert store.rows("rules") == []
    with pytest.raises(FileNotFoundError):
        add(store, "a.example")
    (tmp_path / "none").mkdir()
    add(store, "a.example")
    assert texts(store) == ["a.example"]
    store.close()


def test_a_state_that_could_not_be_opened_is_opened_once_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    store = StateStore(tmp_path)
    add(store, "a.example")
    store.close()
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "open_database", full)
        for _ in range(3):
            store.retry()
            store.open()
            assert store.rows("rules") == []
    assert caplog.text.count("can't be opened") == 1
    assert store.rows("rules") == []
    store.retry()
    assert store.trouble == ""
    assert len(store.rows("rules")) == 1
    store.close()


def test_a_state_that_can_only_be_read_is_read_and_says_why_it_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StateStore(tmp_path)
    add(store, "a.example")
    store.close()
    (tmp_path / "own-rules.json").write_bytes(orjson.dumps(RULES))
    with monkeypatch.context() as patch:
        patch.setattr("mirage_hole.store.database._may", lambda _, how: how == os.R_OK)
        assert texts(store) == ["a.example"]
        assert "read-only" in store.trouble
        with pytest.raises(Unwritable, match="read-only"):
            add(store, "b.example")
        assert texts(store) == ["a.example"]
        assert (tmp_path / "own-rules.json").exists()
    assert add(store, "c.example")
    assert texts(store) == ["a.example", "b.example", "c.example"]
    store.close()
