"""The first user: made with a token that is shown to whoever started the server, and to nobody else. There is no default password."""

from __future__ import annotations

import hmac
import secrets


class SetupToken:
    """Lives in memory: new at every start, gone once there is a user."""

    def __init__(self) -> None:
        self._token = ""

    def issue(self) -> str:
        """A new one; the one before counts no longer."""
        self._token = secrets.token_urlsafe(24)
        return self._token

    def end(self) -> None:
        """There is a user now."""
        self._token = ""

    @property
    def value(self) -> str:
        """To be shown on the console; empty: none counts."""
        return self._token

    def matches(self, told: str) -> bool:
        """In a time that says nothing of how much of it is right."""
        return hmac.compare_digest(told.encode(), self._token.encode()) and self._token != ""
