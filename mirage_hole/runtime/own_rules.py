"""The user's own rules on disk: what was written, and the same compiled for the workers.

``own-rules.json`` is the truth and readable; ``own-rules.compiled.json`` is made of it whenever it changes, so that a worker
needs no parser. Both are replaced as a whole. Every method that writes waits for the disk, and first takes over what another
process has written meanwhile.
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
from mirage_hole.runtime.state_files import keep_aside, one_at_a_time, read_at_most, replace_files, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
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
MAX_TOLD: Final = 20
"""Problems and notes of one change."""
_LAST_ID: Final = 2**31


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
        """Read what is there. A damaged file is kept aside, and the compiled rules go on serving until the next change.

        Raises:
            OSError: the file can't be read.
        """
        self._directory = directory
        self._clock = clock
        self._rules: dict[int, OwnRule] = {}
        self._next = 1
        self._meanings: dict[str, RichRule] = {}
        """What the texts say: reading a thousand again for each new one would take longer than all the rest."""
        self._stored: dict[tuple[int, str], list[Any]] = {}
        self.path = directory / OWN_RULES
        """What workers read."""
        self.problem = ""
        """What was wrong with the file; empty when nothing was, and once a change has replaced it."""
        self._seen = stamp(directory / WRITTEN)
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
        wanted = self._wanted(texts)
        with self._changing():
            return self._add(wanted, comment, until)

    def _add(self, wanted: list[str], comment: str, until: float | None) -> list[OwnRule]:
        known = {one.text: one for one in self._rules.values()}
        count = len(self._rules) + sum(text not in known for text in wanted)
        if count > MAX_RULES:
            raise _too_many(count)
        rules, number = dict(self._rules), self._next
        taken = []
        for text in wanted:
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
        with self._changing():
            gone = self._find(chosen)
            if gone:
                numbers = {one.id for one in gone}
                self._save({number: one for number, one in self._rules.items() if number not in numbers}, self._next)
        return gone

    def switch(self, chosen: Iterable[int | str], *, enabled: bool) -> list[OwnRule]:
        """Switch rules on or off."""
        with self._changing():
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
        wanted = dict.fromkeys(self._wanted(texts))
        if len(wanted) > MAX_RULES:
            raise _too_many(len(wanted))
        with self._changing():
            kept = {one.text: replace(one, enabled=True) for one in self._rules.values() if one.text in wanted}
            rules, number = {one.id: one for one in kept.values()}, self._next
            for text in wanted:
                if text not in kept:
                    rules[number] = OwnRule(number, text, created=self._clock())
                    number += 1
            self._save(rules, number)
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

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with one_at_a_time(self._directory):
            if stamp(self._directory / WRITTEN) != self._seen:
                self._load()
            yield

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
        path = self._directory / WRITTEN
        self._seen = stamp(path)
        try:
            rules = _entries(orjson.loads(read_at_most(path, MAX_OCTETS)))
        except FileNotFoundError:
            rules = {}
        except (ValueError, TypeError, KeyError) as problem:
            self.problem = f"{path} is damaged ({problem}); {keep_aside(path)}"
            log.error("%s; the rules that were compiled from it serve until the next change", self.problem)
            rules, self._seen = {}, None
        self._rules = rules
        self._next = max([self._next - 1, *rules]) + 1

    def _save(self, rules: dict[int, OwnRule], number: int) -> None:
        """Write, then believe."""
        document = {"version": VERSION, "rules": list(rules.values())}
        data = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        written = self._directory / WRITTEN
        replace_files({written: data, self.path: self._compiled(rules)}, derived=self.path)
        self._seen, self.problem = stamp(written), ""
        self._rules, self._next = rules, number

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


def _entries(document: object) -> dict[int, OwnRule]:
    """The rules of a file by number.

    Raises:
        ValueError, TypeError, KeyError: it is none of ours.
    """
    if not isinstance(document, dict) or document.get("version") != VERSION:
        message = f"no rules of version {VERSION}"
        raise ValueError(message)
    rules = {one.id: one for one in map(_rule, document["rules"])}
    if len(rules) != len(document["rules"]) or len(rules) > MAX_RULES:
        message = "numbers that occur twice, or too many rules"
        raise ValueError(message)
    return rules


def _rule(raw: dict[str, Any]) -> OwnRule:
    number, until = int(raw["id"]), raw.get("until")
    if not 0 < number < _LAST_ID:
        message = f"{number} is no number of a rule"
        raise ValueError(message)
    return OwnRule(
        number,
        str(raw["text"]),
        str(raw.get("comment", "")),
        float(raw.get("created", 0.0)),
        None if until is None else float(until),
        bool(raw.get("enabled", True)),
    )
