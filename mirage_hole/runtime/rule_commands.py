"""The user's own rules as the API and the command line change them. Refusals are problem documents."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.api.problems import Refusal
    from mirage_hole.runtime.own_rules import OwnRule, OwnRules
    from mirage_hole.runtime.own_service import OwnRuleService, Taken

LOCAL = "local"


class RuleCommands:
    """See :class:`mirage_hole.api.v1.rules.Rules`."""

    def __init__(self, own: OwnRuleService, clock: Callable[[], float] = time.time) -> None:
        self._own = own
        self._clock = clock

    async def all(self) -> list[dict[str, Any]]:
        """In the order in which they were written."""
        try:
            return await self._own.read(lambda own: [rule_object(one) for one in own.all()])
        except OSError as problem:
            raise unreadable(problem) from None

    async def add(
        self, texts: list[str], comment: str, seconds: float | None, *, enabled: bool = True, who: str = LOCAL
    ) -> dict[str, Any]:
        """Take rules; ``seconds`` until they end."""
        until = self._until(seconds)
        return await self._change(
            lambda own: (taken := own.add(texts, comment, until, enabled=enabled, who=who), own.notes(taken))
        )

    async def replace(self, texts: list[str], *, who: str = LOCAL) -> dict[str, Any]:
        """Have these and no others."""
        return await self._change(lambda own: (own.replace_all(texts, who=who), []))

    async def remove(self, chosen: list[int | str], *, who: str = LOCAL) -> dict[str, Any]:
        """Forget rules, by number or text."""
        return await self._change(lambda own: (own.remove(chosen, who=who), []))

    async def switch(self, chosen: list[int | str], *, enabled: bool, who: str = LOCAL) -> dict[str, Any]:
        """Switch rules on or off."""
        return await self._change(lambda own: (own.switch(chosen, enabled=enabled, who=who), []))

    async def edit(self, number: int, fields: dict[str, Any], *, who: str = LOCAL) -> dict[str, Any]:
        """Change one rule: ``text``, ``comment``, ``enabled``, ``seconds`` from now until it ends (None: never)."""
        if "seconds" in fields:
            fields = {**fields, "until": self._until(fields["seconds"])}
            del fields["seconds"]

        def edit(own: OwnRules) -> tuple[list[OwnRule], list[str]]:
            taken = [own.edit(number, lambda old: replace(old, **fields), who=who)]
            return taken, own.notes(taken)

        try:
            return await self._change(edit)
        except KeyError:
            raise refused(404, f"There is no rule {number}.") from None

    def _until(self, seconds: float | None) -> float | None:
        return None if seconds is None else self._clock() + seconds

    async def _change(self, action: Callable[[OwnRules], tuple[list[OwnRule], list[str]]]) -> dict[str, Any]:
        from mirage_hole.runtime.own_rules import RefusedRule

        try:
            (rules, notes), taken = await self._own.change(action)
        except RefusedRule as problem:
            raise refused(400, str(problem)) from None
        except OSError as problem:
            why = f"your own rules can't be written: {problem.strerror or problem}; nothing was changed"
            raise refused(503, why) from None
        return _changed(rules, notes, taken)


def rule_object(one: OwnRule) -> dict[str, Any]:
    """A rule as JSON knows it."""
    return {
        "id": one.id,
        "text": one.text,
        "comment": one.comment,
        "created": one.created,
        "until": one.until,
        "enabled": one.enabled,
    }


def _changed(rules: list[OwnRule], notes: list[str], taken: Taken) -> dict[str, Any]:
    return {
        "rules": [rule_object(one) for one in rules],
        "notes": notes,
        "live": taken.served,
        "milliseconds": round(taken.seconds * 1000, 1),
    }


def unreadable(problem: OSError) -> Refusal:
    """The state can't be read."""
    return refused(503, f"The state can't be read: {problem.strerror or problem}.")


def refused(status: int, detail: str) -> Refusal:
    """A refusal; loaded late, as it brings the web framework."""
    from mirage_hole.api.problems import Refusal

    return Refusal(status, detail)
