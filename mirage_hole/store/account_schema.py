"""The tables about who may, as one migration of ``state.db``."""

from __future__ import annotations

from typing import Final

ACCOUNTS: Final = """
CREATE TABLE users (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 3),
    password TEXT NOT NULL,
    handle BLOB NOT NULL UNIQUE,
    totp_secret TEXT NOT NULL DEFAULT '',
    totp_on INTEGER NOT NULL DEFAULT 0,
    totp_step INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 1,
    created REAL NOT NULL
) STRICT;
CREATE TABLE recovery_codes (
    user INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    PRIMARY KEY (user, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    digest BLOB NOT NULL UNIQUE,
    created REAL NOT NULL,
    last_seen REAL NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user, last_seen);
CREATE TABLE tokens (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER REFERENCES users (number) ON DELETE CASCADE,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 3),
    areas TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    created REAL NOT NULL,
    expires REAL,
    last_used REAL,
    last_address TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX tokens_of_user ON tokens (user);
CREATE TABLE passkeys (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER NOT NULL REFERENCES users (number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    credential BLOB NOT NULL UNIQUE,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    created REAL NOT NULL,
    last_used REAL
) STRICT;
CREATE INDEX passkeys_of_user ON passkeys (user);
"""
