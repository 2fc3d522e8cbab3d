"""SQLite files are opened with care, brought up to date step by step, and put aside when they are broken."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from mirage_hole.store.database import (
    APPLICATION_ID,
    Damaged,
    ForeignFile,
    NewerSchema,
    ReadOnly,
    check,
    open_database,
    put_aside,
    statements,
    transaction,
)

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "CREATE TABLE thing (name TEXT NOT NULL UNIQUE) STRICT;"
SECOND = """
-- a comment; with a semicolon
ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
CREATE TABLE part (thing TEXT NOT NULL REFERENCES thing (name)) STRICT;
CREATE TRIGGER tidy AFTER DELETE ON thing BEGIN DELETE FROM part WHERE thing = old.name; SELECT 1; END;
"""


def value(connection: sqlite3.Connection, pragma: str) -> object:
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def unwritable(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    folder.chmod(0o500)


def test_a_new_file_is_private_and_has_the_pragmas_and_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    connection = open_database(path, (FIRST, SECOND), synchronous="FULL")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert value(connection, "journal_mode") == "wal"
    assert value(connection, "synchronous") == 2
    assert value(connection, "foreign_keys") == 1
    assert value(connection, "trusted_schema") == 0
    assert value(connection, "busy_timeout") == 5000
    assert value(connection, "application_id") == APPLICATION_ID
    assert value(connection, "user_version") == 2
    assert stat.S_IMODE((tmp_path / "new.db-wal").stat().st_mode) == 0o600
    connection.close()


def test_only_the_migrations_that_are_missing_run_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = open_database(path, (FIRST,), synchronous="NORMAL")
    old.execute("INSERT INTO thing VALUES ('kept')")
    old.close()
    for _ in range(2):
        new = open_database(path, (FIRST, SECOND), synchronous="NORMAL")
        assert new.execute("SELECT name, size FROM thing").fetchall() == [("kept", 0)]
        new.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "half.db"
    open_database(path, (FIRST,), synchronous="NORMAL").close()
    with pytest.raises(sqlite3.OperationalError):
        open_database(path, (FIRST, "CREATE TABLE one (a); CREATE TABLE thing (b);"), synchronous="NORMAL")
    again = open_database(path, (FIRST,), synchronous="NORMAL")
    assert again.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall() == [("thing",)]
    again.close()


def test_a_file_of_a_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    open_database(path, (FIRST, SECOND), synchronous="NORMAL").close()
    with pytest.raises(NewerSchema, match=r"schema 2, and this version of mirage-hole knows 1.*install that again"):
        open_database(path, (FIRST,), synchronous="NORMAL")


def test_a_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (a)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(ForeignFile, match="another program"):
        open_database(path, (FIRST,), synchronous="NORMAL")
    assert path.read_bytes() == before


def test_a_symbolic_link_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    path = tmp_path / "link.db"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ForeignFile, match="symbolic link"):
        open_database(path, (FIRST,), synchronous="NORMAL")
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_what_is_no_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "torn.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(Damaged, match="is damaged"):
        open_database(path, (FIRST,), synchronous="NORMAL")
    assert check(path)


def test_a_broken_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "torn.db"
    connection = open_database(path, (FIRST,), synchronous="NORMAL")
    with transaction(connection):
        connection.executemany("INSERT INTO thing VALUES (?)", [(f"{number:0200}",) for number in range(500)])
    connection.close()
    assert check(path) == []
    with path.open("r+b") as file:
        file.seek(4096 * 5)
        file.write(b"\xff" * 4096)
    assert check(path)


def test_a_missing_file_is_whole(tmp_path: Path) -> None:
    assert check(tmp_path / "none.db") == []


def test_a_damaged_file_is_put_aside_with_its_log_and_the_next_one_too(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    for expected in ("some.db.damaged", "some.db.damaged.2"):
        path.write_bytes(b"x")
        (tmp_path / "some.db-wal").write_bytes(b"y")
        assert put_aside(path, "damaged").name == expected
        assert (tmp_path / f"{expected}-wal").read_bytes() == b"y"
        assert not path.exists()


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    connection = open_database(tmp_path / "a.db", (FIRST,), synchronous="NORMAL")
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):
        connection.executemany("INSERT INTO thing VALUES (?)", [("a",), ("b",), ("a",)])
    assert connection.execute("SELECT count(*) FROM thing").fetchone() == (0,)
    connection.close()


def test_two_that_open_a_new_file_at_once_get_one_schema(tmp_path: Path) -> None:
    path, failures = tmp_path / "raced.db", []
    start = threading.Barrier(4)

    def race() -> None:
        start.wait()
        try:
            open_database(path, (FIRST, SECOND), synchronous="NORMAL").close()
        except Exception as problem:  # noqa: BLE001 - shown below
            failures.append(problem)

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_where_nothing_can_be_written_it_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    path = folder / "a.db"
    connection = open_database(path, (FIRST,), synchronous="FULL")
    connection.execute("INSERT INTO thing VALUES ('a')")
    connection.close()
    path.chmod(0o400)
    unwritable(folder)
    try:
        reading = open_database(path, (FIRST,), synchronous="FULL")
        assert reading.execute("SELECT name FROM thing").fetchall() == [("a",)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reading.execute("INSERT INTO thing VALUES ('b')")
        reading.close()
        with pytest.raises(ReadOnly, match="schema 1 and needs 2"):
            open_database(path, (FIRST, SECOND), synchronous="FULL")
    finally:
        folder.chmod(0o700)


def test_a_folder_that_is_missing_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_database(tmp_path / "none" / "a.db", (FIRST,), synchronous="NORMAL")


def test_statements_are_split_where_they_end() -> None:
    assert len(list(statements(FIRST + SECOND))) == 4
    assert list(statements("")) == []
