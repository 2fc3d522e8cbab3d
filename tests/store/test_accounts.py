"""Users, second factors, passkeys, sessions and tokens in ``state.db``."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from mirage_hole.store import accounts, credentials
from mirage_hole.store.account_schema import ACCOUNTS
from mirage_hole.store.accounts import LastAdmin, Stale, Taken, Unknown
from mirage_hole.store.credentials import Lasting
from mirage_hole.store.database import open_database
from mirage_hole.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_800_000_000.0
LASTING = Lasting(idle=100.0, most=1000.0)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A new database with two users."""
    connection = open_database(tmp_path / "state.db", MIGRATIONS, synchronous="NORMAL")
    accounts.add_user(connection, "ada", accounts.ADMIN, "hash", b"a" * 32, NOW)
    accounts.add_user(connection, "vic", 1, "hash", b"v" * 32, NOW)
    yield connection
    connection.close()


def test_the_tables_are_an_own_migration_behind_the_first(tmp_path: Path) -> None:
    assert MIGRATIONS.index(ACCOUNTS) == 1
    path = tmp_path / "state.db"
    open_database(path, MIGRATIONS[:1], synchronous="NORMAL").close()
    migrated = open_database(path, MIGRATIONS, synchronous="NORMAL")
    assert accounts.users(migrated) == []
    assert not accounts.has_users(migrated)
    migrated.close()


def test_a_name_is_found_in_whatever_letters(db: sqlite3.Connection) -> None:
    assert accounts.existing(db, "ADA").name == "ada"
    with pytest.raises(Taken, match="'Ada'"):
        accounts.add_user(db, "Ada", 1, "hash", b"x" * 32, NOW)
    with pytest.raises(Unknown, match="user list"):
        accounts.existing(db, "a%")
    assert [one.name for one in accounts.users(db)] == ["ada", "vic"]


def test_the_last_admin_can_be_neither_removed_nor_lowered(db: sqlite3.Connection) -> None:
    with pytest.raises(LastAdmin):
        accounts.remove_user(db, "ada")
    with pytest.raises(LastAdmin):
        accounts.set_role(db, "ada", 2)
    accounts.set_role(db, "ada", accounts.ADMIN)
    accounts.set_role(db, "vic", accounts.ADMIN)
    accounts.remove_user(db, "ada")
    assert [one.name for one in accounts.users(db)] == ["vic"]


def test_numbers_of_removed_users_are_not_given_again(db: sqlite3.Connection) -> None:
    gone = accounts.remove_user(db, "vic").number
    assert accounts.add_user(db, "vic", 1, "hash", b"w" * 32, NOW).number > gone


def test_a_password_is_not_set_on_what_was_changed_meanwhile(db: sqlite3.Connection) -> None:
    seen = accounts.existing(db, "vic").revision
    accounts.set_password(db, "vic", "new", seen)
    with pytest.raises(Stale):
        accounts.set_password(db, "vic", "newer", seen)
    assert accounts.existing(db, "vic").password == "new"
    number = accounts.existing(db, "vic").number
    accounts.replace_password(db, number, "another", "rehashed")
    assert accounts.existing(db, "vic").password == "new"
    accounts.replace_password(db, number, "new", "rehashed")
    assert accounts.existing(db, "vic").password == "rehashed"


def test_a_time_step_is_used_up_with_all_before_it(db: sqlite3.Connection) -> None:
    number = accounts.existing(db, "vic").number
    assert not accounts.take_totp_step(db, number, 50)
    assert not accounts.confirm_totp(db, number, 50, [])
    assert accounts.begin_totp(db, number, "SECRET")
    assert accounts.confirm_totp(db, number, 50, [b"1", b"2"])
    assert not accounts.begin_totp(db, number, "OTHER")
    assert [accounts.take_totp_step(db, number, step) for step in (49, 50, 51, 51, 52)] == [
        False,
        False,
        True,
        False,
        True,
    ]
    assert [accounts.take_recovery_code(db, number, code) for code in (b"1", b"1", b"3")] == [True, False, False]
    assert accounts.recovery_codes_left(db, number) == 1
    accounts.remove_totp(db, number)
    user = accounts.existing(db, "vic")
    assert (user.totp_secret, user.totp_on, accounts.recovery_codes_left(db, number)) == ("", False, 0)


@pytest.mark.parametrize(
    ("kept", "told", "good"), [(0, 0, True), (0, 5, True), (5, 6, True), (5, 5, False), (5, 0, False), (5, 4, False)]
)
def test_a_passkeys_counter_grows_or_is_always_zero(db: sqlite3.Connection, kept: int, told: int, good: bool) -> None:
    number = accounts.existing(db, "vic").number
    key = accounts.add_passkey(db, number, "key", "localhost", b"id", b"public", kept, NOW)
    assert accounts.use_passkey(db, key.number, told, NOW) is good
    with pytest.raises(Taken):
        accounts.add_passkey(db, number, "again", "localhost", b"id", b"public", 0, NOW)


def test_a_session_ends_by_rest_and_by_age(db: sqlite3.Connection) -> None:
    number = credentials.add_session(
        db, accounts.existing(db, "vic").number, b"d", "192.0.2.1", "browser", NOW, LASTING
    )
    assert credentials.session(db, b"d", NOW + 99, LASTING) is not None
    assert credentials.session(db, b"d", NOW + 100, LASTING) is None
    assert credentials.session(db, b"e", NOW, LASTING) is None
    for later in range(0, 1000, 50):
        credentials.touch_session(db, number, NOW + later)
    credentials.touch_session(db, number, NOW)
    known = credentials.session(db, b"d", NOW + 999, LASTING)
    assert known is not None
    assert (known.user, known.role, known.last_seen) == ("vic", 1, NOW + 950)
    assert credentials.session(db, b"d", NOW + 1000, LASTING) is None
    credentials.add_session(db, accounts.existing(db, "ada").number, b"e", "", "", NOW + 1000, LASTING)
    assert db.execute("SELECT count(*) FROM sessions").fetchone() == (1,)


def test_what_belongs_to_a_user_goes_with_the_user(db: sqlite3.Connection) -> None:
    number = accounts.existing(db, "vic").number
    credentials.add_session(db, number, b"d", "", "", NOW, LASTING)
    credentials.add_token(db, number, "robot", 1, ["rules"], b"t", NOW, None)
    accounts.add_passkey(db, number, "key", "localhost", b"id", b"public", 0, NOW)
    accounts.begin_totp(db, number, "SECRET")
    accounts.confirm_totp(db, number, 1, [b"1"])
    accounts.remove_user(db, "vic")
    for table in ("sessions", "tokens", "passkeys", "recovery_codes"):
        assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_a_token_has_the_smaller_of_two_roles(db: sqlite3.Connection) -> None:
    number = accounts.existing(db, "ada").number
    credentials.add_token(db, number, "robot", 2, ["rules", "lists"], b"t", NOW, NOW + 5)
    credentials.add_token(db, None, "cron", 3, [], b"c", NOW, None)
    accounts.set_role(db, "vic", 3)
    accounts.set_role(db, "ada", 1)
    robot, cron = credentials.tokens(db)
    assert (robot.role, robot.areas, robot.user, robot.expires) == (1, {"rules", "lists"}, "ada", NOW + 5)
    assert (cron.role, cron.areas, cron.user) == (3, frozenset(), "")
    assert [one.name for one in credentials.tokens(db, "ada")] == ["robot"]
    with pytest.raises(Unknown):
        credentials.revoke_token(db, cron.number, "ada")
    credentials.revoke_token(db, cron.number)
    assert credentials.token(db, b"c") is None


def test_sessions_of_one_user_end_but_for_one(db: sqlite3.Connection) -> None:
    ada, vic = (accounts.existing(db, name).number for name in ("ada", "vic"))
    first, _, other = (
        credentials.add_session(db, user, digest, "", "", NOW, LASTING)
        for user, digest in ((vic, b"1"), (vic, b"2"), (ada, b"3"))
    )
    with pytest.raises(Unknown):
        credentials.end_session(db, other, "vic")
    assert credentials.end_sessions(db, "vic", but=first) == 1
    assert {one.number for one in credentials.sessions(db, NOW, LASTING)} == {first, other}
    assert credentials.end_session(db, other) == "ada"
