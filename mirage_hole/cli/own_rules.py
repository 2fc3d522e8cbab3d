"""Changes the user's own rules: through the running server, where they count at once, else in its files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mirage_hole.cli.control import NoServer, Refused, call

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.runtime.own_rules import OwnRule, OwnRules


class Change(NamedTuple):
    """What came of a change."""

    rules: list[dict[str, Any]]
    """Those it was about: id, text, comment, created, until, enabled."""
    notes: list[str]
    live: bool
    """The server answers by them."""
    milliseconds: float
    """Until it did; 0 without a server."""
    server: bool
    """One runs."""


class Rules:
    """The own rules of one state directory. Every method raises :class:`Refused` for what is not done."""

    def __init__(self, state_directory: Path) -> None:
        self._directory = state_directory

    def all(self) -> list[dict[str, Any]]:
        """In the order in which they were written."""
        try:
            found: list[dict[str, Any]] = call(self._directory, "GET", "/rules")["rules"]
        except NoServer:
            return self._on_disk(lambda own: own.all(), reads=True).rules
        return found

    def add(self, texts: list[str], comment: str, seconds: float | None) -> Change:
        """Take rules; ``seconds`` until they end, None: they stay."""
        body: dict[str, Any] = {"rules": texts, "comment": comment}
        if seconds is not None:
            body["seconds"] = seconds
        until = None if seconds is None else time.time() + seconds
        return self._change("POST", body, lambda own: own.add(texts, comment, until))

    def replace(self, texts: list[str]) -> Change:
        """Have these and no others."""
        return self._change("PUT", {"rules": texts}, lambda own: own.replace_all(texts))

    def remove(self, chosen: list[int | str]) -> Change:
        """Forget rules by number or text."""
        return self._change("DELETE", {"rules": chosen}, lambda own: own.remove(chosen))

    def switch(self, chosen: list[int | str], *, enabled: bool) -> Change:
        """Switch rules on or off."""
        body = {"rules": chosen, "enabled": enabled}
        return self._change("PATCH", body, lambda own: own.switch(chosen, enabled=enabled))

    def _change(self, method: str, body: dict[str, Any], action: Callable[[OwnRules], list[OwnRule]]) -> Change:
        try:
            said = call(self._directory, method, "/rules", body)
        except NoServer:
            return self._on_disk(action)
        return Change(said["rules"], said["notes"], said["live"], said["milliseconds"], True)

    def _on_disk(self, action: Callable[[OwnRules], list[OwnRule]], *, reads: bool = False) -> Change:
        from dataclasses import asdict

        from mirage_hole.runtime.own_rules import OwnRules, RefusedRule

        if not self._directory.is_dir():
            if reads:
                return Change([], [], False, 0.0, False)
            message = f"{self._directory} is not there; start the server once, or name its own with --state DIRECTORY"
            raise Refused(message)
        try:
            own = OwnRules(self._directory)
            rules = action(own)
            notes = [] if reads else own.notes(rules)
        except RefusedRule as problem:
            raise Refused(str(problem)) from None
        except PermissionError:
            message = f"{self._directory} is not accessible for this user; run it as the server's user, or with sudo"
            raise Refused(message) from None
        except OSError as problem:
            message = f"{self._directory}: {problem.strerror or problem}; nothing was changed"
            raise Refused(message) from None
        return Change([asdict(one) for one in rules], notes, False, 0.0, False)
