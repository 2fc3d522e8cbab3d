"""The user's own rules on disk: what was written, and the same compiled for the workers.

``own-rules.json`` is the truth and readable; ``own-rules.compiled.json`` is made of it whenever it changes, so that a worker
needs no parser. Both are replaced as a whole. Every method that writes waits for the disk.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from mirage_hole.lists.own import BadRule, read_own
from mirage_hole.lists.stored import encode_rich
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.runtime.generation import OWN_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mirage_hole.lists.rule import RichRule

log = logging.getLogger(__name__)

WRITTEN: Final = "own-rules.json"
VERSION: Final = 1
MAX_RULES: Final = 10_000
MAX_COMMENT: Final = 500
"""Characters."""
MAX_OCTETS: Final = 32 * 1024 * 1024
"""Of the file: every rule and comment at their longest."""


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

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        """Read what is there. A damaged file is kept aside, and the compiled rules go on serving until the next change."""
        self._directory = directory
        self._clock = clock
        self._rules: dict[int, OwnRule] = {}
        self._next = 1
        self._meanings: dict[str, RichRule] = {}
        """What the texts say: reading a thousand again for each new one would take longer than all the rest."""
        self.path = directory / OWN_RULES
        """What workers read."""
        self.problem = ""
        """What was wrong with the file; empty when nothing was."""
        self._load()

    def all(self) -> list[OwnRule]:
        """In the order in which they were written."""
        return list(self._rules.values())

    def next_end(self) -> float | None:
        """When the next rule ends by itself, in seconds since the epoch."""
        return min((one.until for one in self._rules.values() if one.enabled and one.until is not None), default=None)

    def add(self, texts: Iterable[str], comment: str = "", until: float | None = None) -> list[OwnRule]:
        """Take rules; one that is there already is switched on and gets the new comment and end. All or nothing.

        Raises:
            RefusedRule: some are no rules (each is named), or there are too many.
        """
        if len(comment) > MAX_COMMENT:
            message = f"the comment has {len(comment)} characters; at most {MAX_COMMENT} are kept"
            raise RefusedRule(message)
        problems, wanted = [], []
        for text in texts:
            try:
                wanted.append(self._meaning(text.strip()).text)
            except BadRule as problem:
                problems.append(str(problem))
        if problems:
            raise RefusedRule("\n".join(problems))
        known = {one.text: one for one in self._rules.values()}
        fresh = [text for text in dict.fromkeys(wanted) if text not in known]
        if len(self._rules) + len(fresh) > MAX_RULES:
            message = (
                f"there would be {len(self._rules) + len(fresh)} rules; {MAX_RULES} is the limit: use a list for more"
            )
            raise RefusedRule(message)
        rules, number = dict(self._rules), self._next
        taken = []
        for text in dict.fromkeys(wanted):
            old = known.get(text)
            if old is None:
                one = OwnRule(number, text, comment, self._clock(), until)
                number += 1
            else:
                one = replace(old, comment=comment or old.comment, until=until, enabled=True)
            rules[one.id] = one
            taken.append(one)
        self._save(rules, number)
        return taken

    def remove(self, chosen: Iterable[int | str]) -> list[OwnRule]:
        """Forget rules by number or text; those that are not there are not missed."""
        gone = self._find(chosen)
        if gone:
            self._save({number: one for number, one in self._rules.items() if one not in gone}, self._next)
        return gone

    def switch(self, chosen: Iterable[int | str], *, enabled: bool) -> list[OwnRule]:
        """Switch rules on or off."""
        found = self._find(chosen)
        if found:
            changed = {one.id: replace(one, enabled=enabled) for one in found}
            self._save({**self._rules, **changed}, self._next)
        return [self._rules[one.id] for one in found]

    def replace_all(self, texts: Iterable[str]) -> list[OwnRule]:
        """Have these rules and no others; those that stay keep their number, comment and end. All or nothing.

        Raises:
            RefusedRule: as :meth:`add`.
        """
        before = (self._rules, self._next)
        wanted = [text.strip() for text in texts]
        kept = {number: one for number, one in self._rules.items() if one.text in wanted}
        self._rules = kept
        try:
            self.add(wanted)
        except (RefusedRule, OSError):
            self._rules, self._next = before
            raise
        return self.all()

    def expire(self) -> list[OwnRule]:
        """Forget those whose time is over."""
        now = self._clock()
        return self.remove([one.id for one in self._rules.values() if one.until is not None and one.until <= now])

    def compile(self) -> None:
        """Write the compiled rules anew, as after an upgrade.

        Raises:
            OSError: the disk does not take them.
        """
        self._compile(self._rules)

    def notes(self, rules: Iterable[OwnRule]) -> list[str]:
        """What the owner of these rules should know: those that contradict another one."""
        by_subject: dict[tuple[object, ...], list[OwnRule]] = {}
        for one in self._rules.values():
            read = self._meaning(one.text)
            by_subject.setdefault((read.target, read.subject, read.scope), []).append(one)
        said = []
        for one in rules:
            read = self._meaning(one.text)
            others = by_subject.get((read.target, read.subject, read.scope), ())
            said += [
                f"{one.text} contradicts your rule {other.id}: {other.text}; of two like these, allow wins"
                for other in others
                if other.enabled and other.id != one.id and self._meaning(other.text).action is not read.action
            ]
        return said

    def _meaning(self, text: str) -> RichRule:
        known = self._meanings.get(text)
        if known is None:
            known = read_own(text)
            if len(self._meanings) >= 2 * MAX_RULES:
                self._meanings.clear()
            self._meanings[text] = known
        return known

    def _find(self, chosen: Iterable[int | str]) -> list[OwnRule]:
        by_text = {one.text: one for one in self._rules.values()}
        found = (self._rules.get(one) if isinstance(one, int) else by_text.get(one.strip()) for one in chosen)
        return [one for one in found if one is not None]

    def _load(self) -> None:
        path = self._directory / WRITTEN
        try:
            with path.open("rb") as file:
                data = file.read(MAX_OCTETS + 1)
            if len(data) > MAX_OCTETS:
                message = f"it is larger than {MAX_OCTETS} octets"
                raise ValueError(message)
            rules = [_rule(one) for one in _entries(orjson.loads(data))]
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError) as problem:
            self.problem = f"{path} can't be read ({problem}); it is kept as {path.name}.damaged"
            log.error("%s; the rules that were compiled from it serve until the next change", self.problem)
            try:
                path.replace(path.with_name(f"{path.name}.damaged"))
            except OSError as refusal:
                log.error("%s: %s", path, refusal.strerror)
            return
        self._rules = {one.id: one for one in rules[:MAX_RULES]}
        self._next = max(self._rules, default=0) + 1

    def _save(self, rules: dict[int, OwnRule], number: int) -> None:
        """Write, then believe."""
        document = {"version": VERSION, "rules": [asdict(one) for one in rules.values()]}
        _replace(
            self._directory / WRITTEN, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
        self._compile(rules)
        self._rules, self._next = rules, number

    def _compile(self, rules: dict[int, OwnRule]) -> None:
        now = self._clock()
        stored: list[list[Any]] = []
        for one in rules.values():
            if not one.counts(now):
                continue
            try:
                stored.append([OWN_LIST, *encode_rich(self._meaning(one.text)._replace(line=one.id))])
            except BadRule as problem:  # written by an older version, or by hand
                log.error("your rule %d is not used: %s", one.id, problem)
        _replace(self.path, orjson.dumps(stored))


def _entries(document: object) -> list[Any]:
    if (
        not isinstance(document, dict)
        or document.get("version") != VERSION
        or not isinstance(document.get("rules"), list)
    ):
        message = f"no rules of version {VERSION}"
        raise ValueError(message)
    return list(document["rules"])


def _rule(raw: dict[str, Any]) -> OwnRule:
    until = raw.get("until")
    return OwnRule(
        int(raw["id"]),
        str(raw["text"]),
        str(raw.get("comment", "")),
        float(raw.get("created", 0.0)),
        None if until is None else float(until),
        bool(raw.get("enabled", True)),
    )


def _replace(path: Path, data: bytes) -> None:
    """The whole file or the old one, whatever happens meanwhile."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
