"""The secrets that are given out: sessions, API tokens, recovery codes. Of each only its SHA-256 is kept.

They are drawn at random and long, so that a fast digest is enough: there is nothing to guess (unlike with passwords).
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Final

SESSION_COOKIE: Final = "mirage_session"
TOKEN_PREFIX: Final = "mh_"  # noqa: S105 - what every token begins with; scanners of repositories find them by it
_TOKEN: Final = re.compile(r"mh_[A-Za-z0-9_-]{43}", re.ASCII)
_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of recovery codes: none that are taken for another."""
RECOVERY_CODES: Final = 10


def new_session() -> str:
    """256 random bits, as the cookie has them."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """An API token: ``mh_`` and 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def new_recovery_codes() -> list[str]:
    """Ten codes of 14 letters, 69 bits each: ``abcd-efghj-kmnpq``."""
    drawn = ("".join(secrets.choice(_LETTERS) for _ in range(14)) for _ in range(RECOVERY_CODES))
    return [f"{one[:4]}-{one[4:9]}-{one[9:]}" for one in drawn]


def digest_of(secret: str) -> bytes:
    """What is kept."""
    return sha256(secret.encode()).digest()


def digest_of_code(code: str) -> bytes:
    """Of a recovery code, however it was typed."""
    return digest_of("".join(letter for letter in code.lower() if letter in _LETTERS))


def is_session(text: str) -> bool:
    """Whether it can be one of ours; others are not looked up."""
    return _SESSION.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """Whether it can be one of ours."""
    return _TOKEN.fullmatch(text) is not None
