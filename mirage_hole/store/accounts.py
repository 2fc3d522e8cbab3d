"""Users and what proves them, in ``state.db``: passwords, second factors, recovery codes, passkeys.

Functions of a connection: whoever calls them has the transaction, and waits for the disk in a thread. Passwords come and go as argon2
encodes them; the secret of a second factor is needed as it is, so the file is its owner's alone (mode 0600).
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ADMIN = 3
"""The role (``api/v1/identity.py``) that one user must keep."""
NAME = r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$"
"""What a user's name looks like; nobody is called as a token is in the audit log, ``token robot``."""
MAX_NAME = 64
RESERVED = frozenset({"local", "setup", "nobody"})
"""Whoever reads the audit log must know who did something."""


class AccountProblem(Exception):  # noqa: N818 - reads as what it is at the raise
    """A change that can't be made; the message says why and what to do."""


class Taken(AccountProblem):
    """There is one of that name already."""


class Unknown(AccountProblem):
    """There is none."""


class LastAdmin(AccountProblem):
    """Nobody could change the server any more."""


class Stale(AccountProblem):
    """It has changed since it was looked at."""


class User(NamedTuple):
    """One user."""

    number: int
    name: str
    role: int
    password: str
    """As argon2 encodes it."""
    handle: bytes
    """What passkeys know the user by: random, so that they tell no names."""
    totp_secret: str
    """Base32; empty: none. It counts only when ``totp_on``."""
    totp_on: bool
    totp_step: int
    """The last time step whose code was taken; none up to it is taken again."""
    revision: int
    """Grows with every change that somebody else may overwrite."""
    created: float


class Passkey(NamedTuple):
    """One passkey of a user."""

    number: int
    user: int
    name: str
    host: str
    """The relying party's id: the host name at which it was made, and works."""
    credential: bytes
    public_key: bytes
    """COSE."""
    sign_count: int
    created: float
    last_used: float | None


_USER = "number, name, role, password, handle, totp_secret, totp_on, totp_step, revision, created"
_PASSKEY = "number, user, name, host, credential, public_key, sign_count, created, last_used"


def users(db: sqlite3.Connection) -> list[User]:
    """All, by name."""
    return [_user(row) for row in db.execute(f"SELECT {_USER} FROM users ORDER BY name")]


def has_users(db: sqlite3.Connection) -> bool:
    """Whether there is any."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM users)").fetchone()[0])


def user_named(db: sqlite3.Connection, name: str) -> User | None:
    """Small and capital letters are the same."""
    row = db.execute(f"SELECT {_USER} FROM users WHERE name = ?", (name,)).fetchone()
    return None if row is None else _user(row)


def user_numbered(db: sqlite3.Connection, number: int) -> User | None:
    """The user with this number."""
    row = db.execute(f"SELECT {_USER} FROM users WHERE number = ?", (number,)).fetchone()
    return None if row is None else _user(row)


def existing(db: sqlite3.Connection, name: str) -> User:
    """The user of that name.

    Raises:
        Unknown: there is none.
    """
    user = user_named(db, name)
    if user is None:
        message = f"There is no user {name!r}; GET /api/v1/users, or mirage-hole user list, shows all"
        raise Unknown(message)
    return user


def add_user(db: sqlite3.Connection, name: str, role: int, password: str, handle: bytes, now: float) -> User:
    """One more.

    Raises:
        Taken: there is a user of that name.
    """
    if user_named(db, name) is not None:
        message = f"There is a user {name!r} already; choose another name"
        raise Taken(message)
    db.execute(
        "INSERT INTO users (name, role, password, handle, created) VALUES (?, ?, ?, ?, ?)",
        (name, role, password, handle, now),
    )
    return existing(db, name)


def remove_user(db: sqlite3.Connection, name: str) -> User:
    """With sessions, tokens and passkeys.

    Raises:
        Unknown, LastAdmin: see there.
    """
    user = existing(db, name)
    if user.role == ADMIN and _admins(db) == 1:
        message = f"{user.name} is the last admin; make another user admin first"
        raise LastAdmin(message)
    db.execute("DELETE FROM users WHERE number = ?", (user.number,))
    return user


def set_role(db: sqlite3.Connection, name: str, role: int) -> User:
    """It counts from the next request on.

    Raises:
        Unknown, LastAdmin: see there.
    """
    user = existing(db, name)
    if user.role == ADMIN and role != ADMIN and _admins(db) == 1:
        message = f"{user.name} is the last admin; make another user admin first"
        raise LastAdmin(message)
    db.execute("UPDATE users SET role = ?, revision = revision + 1 WHERE number = ?", (role, user.number))
    return user


def set_password(db: sqlite3.Connection, name: str, password: str, revision: int | None = None) -> User:
    """Sessions are not ended by this.

    Raises:
        Unknown, Stale: see there.
    """
    user = _checked(db, name, revision)
    db.execute("UPDATE users SET password = ?, revision = revision + 1 WHERE number = ?", (password, user.number))
    return user


def replace_password(db: sqlite3.Connection, number: int, old: str, new: str) -> None:
    """The same password with other parameters, unless it was changed meanwhile."""
    db.execute("UPDATE users SET password = ? WHERE number = ? AND password = ?", (new, number, old))


# -- the second factor --


def begin_totp(db: sqlite3.Connection, number: int, secret: str) -> bool:
    """Keep a secret that does not count yet; False when one counts already."""
    found = db.execute(
        "UPDATE users SET totp_secret = ?, totp_step = 0 WHERE number = ? AND totp_on = 0", (secret, number)
    )
    return found.rowcount == 1


def confirm_totp(db: sqlite3.Connection, number: int, step: int, codes: Sequence[bytes]) -> bool:
    """From now on it counts, beside these recovery codes; False when one counts already or none was begun."""
    found = db.execute(
        "UPDATE users SET totp_on = 1, totp_step = ?, revision = revision + 1 "
        "WHERE number = ? AND totp_on = 0 AND totp_secret <> ''",
        (step, number),
    )
    if found.rowcount != 1:
        return False
    db.execute("DELETE FROM recovery_codes WHERE user = ?", (number,))
    db.executemany("INSERT INTO recovery_codes (user, digest) VALUES (?, ?)", [(number, code) for code in codes])
    return True


def remove_totp(db: sqlite3.Connection, number: int) -> None:
    """The password alone is enough again."""
    db.execute(
        "UPDATE users SET totp_secret = '', totp_on = 0, totp_step = 0, revision = revision + 1 WHERE number = ?",
        (number,),
    )
    db.execute("DELETE FROM recovery_codes WHERE user = ?", (number,))


def take_totp_step(db: sqlite3.Connection, number: int, step: int) -> bool:
    """Use up a time step; False when it, or a later one, was used before (RFC 6238 section 5.2)."""
    found = db.execute(
        "UPDATE users SET totp_step = ? WHERE number = ? AND totp_on = 1 AND totp_step < ?", (step, number, step)
    )
    return found.rowcount == 1


def take_recovery_code(db: sqlite3.Connection, number: int, digest: bytes) -> bool:
    """Use one up; False when there is none such (any more)."""
    found = db.execute("DELETE FROM recovery_codes WHERE user = ? AND digest = ?", (number, digest))
    return found.rowcount == 1


def recovery_codes_left(db: sqlite3.Connection, number: int) -> int:
    """How many there are."""
    return int(db.execute("SELECT count(*) FROM recovery_codes WHERE user = ?", (number,)).fetchone()[0])


# -- passkeys --


def passkeys(db: sqlite3.Connection, user: int) -> list[Passkey]:
    """Of one user, the oldest first."""
    sql = f"SELECT {_PASSKEY} FROM passkeys WHERE user = ? ORDER BY number"
    return [Passkey._make(row) for row in db.execute(sql, (user,))]


def passkey(db: sqlite3.Connection, credential: bytes) -> Passkey | None:
    """By what the authenticator calls it."""
    sql = f"SELECT {_PASSKEY} FROM passkeys WHERE credential = ?"
    row = db.execute(sql, (credential,)).fetchone()
    return None if row is None else Passkey._make(row)


def add_passkey(
    db: sqlite3.Connection,
    user: int,
    name: str,
    host: str,
    credential: bytes,
    public_key: bytes,
    count: int,
    now: float,
) -> Passkey:
    """One more.

    Raises:
        Taken: it is known already.
    """
    try:
        db.execute(
            "INSERT INTO passkeys (user, name, host, credential, public_key, sign_count, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (user, name, host, credential, public_key, count, now),
        )
    except sqlite3.IntegrityError:
        message = "This passkey is known already; remove it first, or use another"
        raise Taken(message) from None
    found = passkey(db, credential)
    assert found is not None
    return found


def use_passkey(db: sqlite3.Connection, number: int, count: int, now: float) -> bool:
    """Note a login; False when the counter did not grow, so that there may be a copy (WebAuthn section 6.1.1)."""
    found = db.execute(
        "UPDATE passkeys SET sign_count = ?, last_used = ? "
        "WHERE number = ? AND ((sign_count = 0 AND ? = 0) OR sign_count < ?)",
        (count, now, number, count, count),
    )
    return found.rowcount == 1


def remove_passkey(db: sqlite3.Connection, user: int, number: int) -> Passkey:
    """Forget it.

    Raises:
        Unknown: the user has none with this number.
    """
    for one in passkeys(db, user):
        if one.number == number:
            db.execute("DELETE FROM passkeys WHERE number = ?", (number,))
            return one
    message = f"There is no passkey {number} of yours; GET /api/v1/passkeys shows them"
    raise Unknown(message)


def _checked(db: sqlite3.Connection, name: str, revision: int | None) -> User:
    user = existing(db, name)
    if revision is not None and revision != user.revision:
        message = f"{user.name} was changed meanwhile; look again (GET) and send the new ETag as If-Match"
        raise Stale(message)
    return user


def _admins(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM users WHERE role = ?", (ADMIN,)).fetchone()[0])


def _user(row: Sequence[object]) -> User:
    user = User._make(row)  # the columns are those of _USER
    return user._replace(totp_on=bool(user.totp_on))
