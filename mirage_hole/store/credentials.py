"""Sessions and API tokens, in ``state.db``: only digests of them. Functions of a connection, as in :mod:`mirage_hole.store.accounts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.store.accounts import AccountProblem, Taken, Unknown

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

MOST_TOKENS = 1000
MOST_TOKENS_OF_USER = 100
"""So that no viewer takes all of them."""
MOST_SESSIONS = 100
"""Of one user; the one unused for the longest time ends when there is one more."""


class TooMany(AccountProblem):
    """There is no room for one more."""


class KnownSession(NamedTuple):
    """One session, with the user's role as it is now."""

    number: int
    user_number: int
    user: str
    role: int
    created: float
    last_seen: float
    address: str
    agent: str


class KnownToken(NamedTuple):
    """One API token."""

    number: int
    user: str
    """Who made it; empty: the command line."""
    name: str
    role: int
    """What it has now: never more than its maker has."""
    areas: frozenset[str]
    """Empty: all."""
    created: float
    expires: float | None
    last_used: float | None
    last_address: str


class Lasting(NamedTuple):
    """How long sessions count, in seconds."""

    idle: float
    """After the last request."""
    most: float
    """After the login."""


_SESSION = (
    "SELECT s.number, u.number, u.name, u.role, s.created, s.last_seen, s.address, s.agent "
    "FROM sessions s JOIN users u ON u.number = s.user "
)
_ALIVE = "s.last_seen > ? AND s.created > ? "
_TOKEN_ROW = (
    "SELECT t.number, ifnull(u.name, ''), t.name, min(t.role, ifnull(u.role, t.role)), t.areas, t.created, t.expires, "  # noqa: S105
    "t.last_used, t.last_address FROM tokens t LEFT JOIN users u ON u.number = t.user "
)


def session(db: sqlite3.Connection, digest: bytes, now: float, lasting: Lasting) -> KnownSession | None:
    """The session with this digest that has not ended."""
    row = db.execute(
        f"{_SESSION} WHERE s.digest = ? AND {_ALIVE}", (digest, now - lasting.idle, now - lasting.most)
    ).fetchone()
    return None if row is None else KnownSession._make(row)


def sessions(db: sqlite3.Connection, now: float, lasting: Lasting, user: str = "") -> list[KnownSession]:
    """Those of one user, or of all; the last used first."""
    rows = db.execute(
        f"{_SESSION} WHERE {_ALIVE} AND (? = '' OR u.name = ?) ORDER BY s.last_seen DESC, s.number DESC",
        (now - lasting.idle, now - lasting.most, user, user),
    )
    return [KnownSession._make(row) for row in rows]


def add_session(
    db: sqlite3.Connection, user: int, digest: bytes, address: str, agent: str, now: float, lasting: Lasting
) -> int:
    """One more; its number. What has ended goes, and the one unused for the longest time when there are too many."""
    db.execute("DELETE FROM sessions WHERE last_seen <= ? OR created <= ?", (now - lasting.idle, now - lasting.most))
    db.execute(
        "DELETE FROM sessions WHERE number IN "
        "(SELECT number FROM sessions WHERE user = ? ORDER BY last_seen DESC, number DESC LIMIT -1 OFFSET ?)",
        (user, MOST_SESSIONS - 1),
    )
    added = db.execute(
        "INSERT INTO sessions (user, digest, created, last_seen, address, agent) VALUES (?, ?, ?, ?, ?, ?)",
        (user, digest, now, now, address, agent),
    )
    return int(added.lastrowid or 0)


def touch_session(db: sqlite3.Connection, number: int, now: float) -> None:
    """It is used now."""
    db.execute("UPDATE sessions SET last_seen = max(last_seen, ?) WHERE number = ?", (now, number))


def end_session(db: sqlite3.Connection, number: int, user: str = "") -> str:
    """End one, of that user or of anybody; whose it was.

    Raises:
        Unknown: there is none.
    """
    row = db.execute(f"{_SESSION} WHERE s.number = ? AND (? = '' OR u.name = ?)", (number, user, user)).fetchone()
    if row is None:
        message = f"There is no session {number}; GET /api/v1/sessions shows them"
        raise Unknown(message)
    db.execute("DELETE FROM sessions WHERE number = ?", (number,))
    return KnownSession._make(row).user


def end_sessions(db: sqlite3.Connection, user: str, but: int = 0) -> int:
    """End all of a user's, except one; how many."""
    return db.execute(
        "DELETE FROM sessions WHERE user = (SELECT number FROM users WHERE name = ?) AND number <> ?", (user, but)
    ).rowcount


def token(db: sqlite3.Connection, digest: bytes) -> KnownToken | None:
    """The token with this digest, whether it has expired or not."""
    row = db.execute(f"{_TOKEN_ROW} WHERE t.digest = ?", (digest,)).fetchone()
    return None if row is None else _token(row)


def tokens(db: sqlite3.Connection, user: str = "") -> list[KnownToken]:
    """Those that one user has made, or all; by number."""
    rows = db.execute(f"{_TOKEN_ROW} WHERE ? = '' OR u.name = ? ORDER BY t.number", (user, user))
    return [_token(row) for row in rows]


def add_token(
    db: sqlite3.Connection,
    user: int | None,
    name: str,
    role: int,
    areas: Iterable[str],
    digest: bytes,
    now: float,
    expires: float | None,
) -> KnownToken:
    """One more. ``user``: whose role bounds it; None: nobody's.

    Raises:
        Taken: there is one of that name.
        TooMany: there are a thousand, or a hundred of this user.
    """
    if db.execute("SELECT 1 FROM tokens WHERE name = ?", (name,)).fetchone():
        message = f"There is an API token {name!r} already; choose another name, or revoke it first"
        raise Taken(message)
    if db.execute("SELECT count(*) FROM tokens").fetchone()[0] >= MOST_TOKENS:
        message = f"There are {MOST_TOKENS} API tokens already; revoke some"
        raise TooMany(message)
    own = db.execute("SELECT count(*) FROM tokens WHERE user = ?", (user,)).fetchone()[0]
    if own >= MOST_TOKENS_OF_USER:
        message = f"You have {MOST_TOKENS_OF_USER} API tokens already; revoke some"
        raise TooMany(message)
    db.execute(
        "INSERT INTO tokens (user, name, role, areas, digest, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (user, name, role, " ".join(sorted(areas)), digest, now, expires),
    )
    made = token(db, digest)
    assert made is not None
    return made


def touch_token(db: sqlite3.Connection, number: int, now: float, address: str) -> None:
    """It is used now, from there."""
    db.execute("UPDATE tokens SET last_used = ?, last_address = ? WHERE number = ?", (now, address, number))


def revoke_token(db: sqlite3.Connection, number: int, user: str = "") -> KnownToken:
    """Forget one, of that user or of anybody.

    Raises:
        Unknown: there is none.
    """
    row = db.execute(f"{_TOKEN_ROW} WHERE t.number = ? AND (? = '' OR u.name = ?)", (number, user, user)).fetchone()
    if row is None:
        message = f"There is no API token {number}; GET /api/v1/tokens, or mirage-hole token list, shows them"
        raise Unknown(message)
    db.execute("DELETE FROM tokens WHERE number = ?", (number,))
    return _token(row)


def _token(row: Sequence[object]) -> KnownToken:
    made = KnownToken._make(row)  # the columns are those of _TOKEN_ROW
    return made._replace(areas=frozenset(str(row[4]).split()))
