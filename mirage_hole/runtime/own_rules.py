"""The user's own rules on disk: what was written, and the same compiled for the workers.

``state.db`` has the truth; ``own-rules.compiled.json`` is made of it whenever it changes, so that a worker needs no parser. Every
method that writes waits for the disk, and first takes over what another process has written meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from mirage_hole.lists.own import BadRule, read_own
from mirage_hole.lists.rule import Action
from mirage_hole.lists.stored import encode_rich
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.runtime.generation import OWN_RULES
from mirage_hole.runtime.state_files import replace_files
from mirage_hole.store.state import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.store.changes import Change

log = logging.getLogger(__name__)

MAX_RULES: Final = 10_000
MAX_COMMENT: Final = 500
"""Characters."""
MAX_TOLD: Final = 20
"""Problems and notes of one change."""
TABLE: Final = "rules"
LOCAL: Final = "local"
"""Who makes a change unless it is said: whoever may open the file."""
ITSELF: Final = "mirage-hole"
"""Who ends rules at their time."""


class RefusedRule(ValueError):  # noqa: N818 - reads as what it is at the raise
    """A change that is not made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class OwnRule:
    """One rule of the user's own."""

    id: int
    text: str
    comment: str = ""
    created: float = 0.0
    """Seconds since the epoch."""
    until: float | None = None
    """When it ends by itself; None: never."""
    enabled: bool = True

    def counts(self, now: float) -> bool:
        """Whether it applies at this moment."""
        return self.enabled and (self.until is None or now < self.until)


class OwnRules:
    """Every rule of the user's own, by number."""

    def __init__(
        self, directory: Path, clock: Callable[[], float] = time.time, store: StateStore | None = None
    ) -> None:
        """Read what is there. When the state was lost, the compiled rules go on serving until the next change.

        Args:
            directory: the state directory.
            clock: seconds since the epoch.
            store: the state, if somebody has it open already.

        Raises:
            OSError: the state can't be read.
        """
        self._store = store or StateStore(directory, clock)
        self._clock = clock
        self._rules: dict[int, OwnRule] = {}
        self._meanings: dict[str, RichRule] = {}
        """What the texts say: reading a thousand again for each new one would take longer than all the rest."""
        self._stored: dict[tuple[int, str], list[Any]] = {}
        self.path = directory / OWN_RULES
        """What workers read."""
        self.problem = ""
        """Why there are no rules though there may have been some; empty when all is well, and once a change was made."""
        self._seen = self._store.stamp()
        self._load()
        if not self._rules:
            self.problem = self._store.recovered or self._store.trouble

    def all(self) -> list[OwnRule]:
        """In the order in which they were written."""
        return list(self._rules.values())

    def next_end(self) -> float | None:
        """When the next rule ends by itself, in seconds since the epoch."""
        return min((one.until for one in self._rules.values() if one.enabled and one.until is not None), default=None)

    def add(
        self,
        texts: Iterable[str],
        comment: str = "",
        until: float | None = None,
        *,
        enabled: bool = True,
        who: str = LOCAL,
    ) -> list[OwnRule]:
        """Take rules; one that is there already is switched as wished and gets the new comment and end. All or nothing.

        Raises:
            RefusedRule: some are no rules (each is named), or there are too many.
            OSError: the disk does not take them.
        """
        _check_comment(comment)
        wanted = self._wanted(texts)

        def change() -> list[OwnRule]:
            known = {one.text: one for one in self._rules.values()}
            count = len(self._rules) + sum(text not in known for text in wanted)
            if count > MAX_RULES:
                raise _too_many(count)
            return [
                replace(old, comment=comment or old.comment, until=until, enabled=enabled)
                if (old := known.get(text)) is not None
                else OwnRule(0, text, comment, self._clock(), until, enabled)
                for text in wanted
            ]

        return self._change(who, "add rules", lambda: (change(), []))

    def remove(self, chosen: Iterable[int | str], *, who: str = LOCAL) -> list[OwnRule]:
        """Forget rules by number or text; those that are not there are not missed."""
        gone: list[OwnRule] = []

        def change() -> tuple[list[OwnRule], list[OwnRule]]:
            gone[:] = self._find(chosen)
            return [], gone

        self._change(who, "remove rules", change)
        return gone

    def switch(self, chosen: Iterable[int | str], *, enabled: bool, who: str = LOCAL) -> list[OwnRule]:
        """Switch rules on or off."""
        return self._change(
            who, "switch rules", lambda: ([replace(one, enabled=enabled) for one in self._find(chosen)], [])
        )

    def edit(self, number: int, new: Callable[[OwnRule], OwnRule], *, who: str = LOCAL) -> OwnRule:
        """Change one rule; how it is then.

        Args:
            number: which.
            new: gives the rule as it should be; it may refuse.
            who: for the audit log.

        Raises:
            KeyError: there is none of this number.
            RefusedRule: the text is no rule, or another has it.
        """

        def change() -> list[OwnRule]:
            old = self._rules[number]
            one = replace(new(old), id=number, created=old.created)
            _check_comment(one.comment)
            if one.text != old.text:
                [text] = self._wanted([one.text])
                one = replace(one, text=text)
                for other in self._rules.values():
                    if other.text == text and other.id != number:
                        message = f"your rule {other.id} says that already; change that one"
                        raise RefusedRule(message)
            return [one]

        [one] = self._change(who, "change rule", lambda: (change(), []))
        return one

    def replace_all(self, texts: Iterable[str], *, who: str = LOCAL) -> list[OwnRule]:
        """Have these rules and no others; those that stay keep their number, comment and end. All or nothing.

        Raises:
            RefusedRule: as :meth:`add`.
        """
        wanted = dict.fromkeys(self._wanted(texts))
        if len(wanted) > MAX_RULES:
            raise _too_many(len(wanted))

        def change() -> tuple[list[OwnRule], list[OwnRule]]:
            known = {one.text for one in self._rules.values()}
            kept = [replace(one, enabled=True) for one in self._rules.values() if one.text in wanted]
            new = [OwnRule(0, text, created=self._clock()) for text in wanted if text not in known]
            return [*kept, *new], [one for one in self._rules.values() if one.text not in wanted]

        self._change(who, "replace rules", change)
        return self.all()

    def expire(self) -> list[OwnRule]:
        """Forget those whose time is over."""
        now = self._clock()
        over = [one.id for one in self._rules.values() if one.until is not None and one.until <= now]
        return self.remove(over, who=ITSELF)

    def is_behind(self) -> bool:
        """Whether somebody else has changed the state."""
        return self._store.stamp() != self._seen

    def refresh(self) -> None:
        """Take over what somebody else has changed in the state, and compile it.

        Raises:
            OSError: the state can't be read, or the disk does not take what is compiled.
        """
        self._load()
        self.problem = ""
        self.compile()

    def compile(self) -> None:
        """Write the compiled rules anew, as after an upgrade.

        Raises:
            OSError: the disk does not take them.
        """
        replace_files({self.path: self._compiled(self._rules)})

    def notes(self, rules: Iterable[OwnRule]) -> list[str]:
        """What the owner of these rules should know: those that contradict another one."""
        by_subject: dict[object, list[tuple[OwnRule, RichRule]]] = {}
        for one in self._rules.values():
            with contextlib.suppress(BadRule):
                read = self._meaning(one.text)
                by_subject.setdefault((read.target, read.subject, read.scope), []).append((one, read))
        said = []
        for one in rules:
            if one.id not in self._rules or not one.enabled:
                continue
            read = self._meaning(one.text)
            for other, meaning in by_subject.get((read.target, read.subject, read.scope), ()):
                if other.id != one.id and other.enabled and meaning.action is not read.action:
                    said.append(_contradiction(one, read, other, meaning))
        return said[:MAX_TOLD]

    def _wanted(self, texts: Iterable[str]) -> list[str]:
        """The rules as they are kept, each once.

        Raises:
            RefusedRule: some are none; each is named.
        """
        problems, wanted = [], []
        for text in texts:
            try:
                wanted.append(self._meaning(text.strip()).text)
            except BadRule as problem:
                problems.append(str(problem))
        if problems:
            more = f"\nand {len(problems) - MAX_TOLD} more" if len(problems) > MAX_TOLD else ""
            raise RefusedRule("\n".join(problems[:MAX_TOLD]) + more)
        return list(dict.fromkeys(wanted))

    def _change(self, who: str, what: str, plan: Callable[[], tuple[list[OwnRule], list[OwnRule]]]) -> list[OwnRule]:
        """Write, then believe. ``plan`` says what is there then (number 0: new) and what is gone; the former, with numbers."""
        taken: list[OwnRule] = []
        rules: dict[int, OwnRule] = {}
        compiled = False

        def work(change: Change) -> None:
            nonlocal rules, compiled
            if self.is_behind():
                self._take(change.rows(TABLE))
            new, gone = plan()
            rules = dict(self._rules)
            for one in gone:
                change.remove(TABLE, one.id)
                del rules[one.id]
            for one in new:
                if self._rules.get(one.id) != one:
                    one = _rule(change.put(TABLE, _row(one)))
                rules[one.id] = one
                taken.append(one)
            different = [*gone, *(one for one in taken if self._rules.get(one.id) != one)]
            change.target = f"rule {different[0].id}" if len(different) == 1 else f"{len(different)} rules"
            if different or self.problem:
                compiled = True
                replace_files({self.path: self._compiled(rules)}, derived=self.path)

        try:
            self._store.change(who, what, "", work)
        except BaseException:
            if compiled:  # what is compiled must not say what is not stored
                with contextlib.suppress(OSError):
                    self.compile()
            raise
        self._rules, self.problem = rules, ""
        self._seen = self._store.stamp()
        return taken

    def _meaning(self, text: str) -> RichRule:
        known = self._meanings.get(text)
        if known is None:
            known = read_own(text)
            if len(self._meanings) >= 2 * MAX_RULES:
                self._meanings.clear()
            self._meanings[text] = known
        return known

    def _encoded(self, one: OwnRule) -> list[Any]:
        """As workers read it.

        Raises:
            BadRule: it is none.
        """
        known = self._stored.get((one.id, one.text))
        if known is None:
            known = [OWN_LIST, *encode_rich(self._meaning(one.text)._replace(line=one.id))]
            if len(self._stored) >= 2 * MAX_RULES:
                self._stored.clear()
            self._stored[one.id, one.text] = known
        return known

    def _find(self, chosen: Iterable[int | str]) -> list[OwnRule]:
        by_text = {one.text: one for one in self._rules.values()}
        found = (self._rules.get(one) if isinstance(one, int) else by_text.get(one.strip()) for one in chosen)
        return [one for one in found if one is not None]

    def _load(self) -> None:
        self._seen = self._store.stamp()
        self._take(self._store.rows(TABLE))

    def _take(self, rows: Iterable[dict[str, Any]]) -> None:
        self._rules = {one.id: one for one in map(_rule, rows)}

    def _compiled(self, rules: dict[int, OwnRule]) -> bytes:
        now = self._clock()
        stored: list[list[Any]] = []
        for one in rules.values():
            if not one.counts(now):
                continue
            try:
                stored.append(self._encoded(one))
            except BadRule as problem:  # written by an older version, or by hand
                log.error("your rule %d is not used: %s", one.id, problem)
        return orjson.dumps(stored)


def _contradiction(one: OwnRule, read: RichRule, other: OwnRule, meaning: RichRule) -> str:
    stronger = one if read.important and not meaning.important else other
    if read.important == meaning.important:
        stronger = one if read.action is Action.ALLOW else other
    return f"{one.text} contradicts your rule {other.id}, {other.text}; where both apply, {stronger.text} wins"


def _too_many(count: int) -> RefusedRule:
    return RefusedRule(f"there would be {count} rules; {MAX_RULES} is the limit: use a list for more")


def _check_comment(comment: str) -> None:
    if len(comment) > MAX_COMMENT:
        message = f"the comment has {len(comment)} characters; at most {MAX_COMMENT} are kept"
        raise RefusedRule(message)


def _row(one: OwnRule) -> dict[str, Any]:
    return {
        "number": one.id or None,
        "text": one.text,
        "comment": one.comment,
        "created": one.created,
        "until": one.until,
        "enabled": one.enabled,
    }


def _rule(row: dict[str, Any]) -> OwnRule:
    return OwnRule(row["number"], row["text"], row["comment"], row["created"], row["until"], row["enabled"])
