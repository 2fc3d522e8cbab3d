"""Rules with wildcards: ``||ads-*.example^``. An Aho-Corasick automaton finds the few that may apply to a name.

Each pattern's most telling run of literal characters is a word of the automaton, so one linear pass over the name finds
the candidates; a candidate is then compared from left to right, which is linear too, since ``*`` is all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import ahocorasick

from mirage_hole.lists.rule import Action, Scope
from mirage_hole.policy.index import ALL_LISTS, BadIndex, Index
from mirage_hole.policy.verdict import Match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.policy.index import StoredPattern

_DOT = 0x2E
# A dot inside a label is no boundary, and NUL is in no pattern.
_HIDE_DOTS = bytes(0 if octet == _DOT else octet for octet in range(256))


class _Pattern(NamedTuple):
    """A pattern, taken apart at its asterisks. In the names it is compared with, a dot stands before every label."""

    first: str
    """With the dot before its first label."""
    middle: tuple[str, ...]
    last: str
    list_id: int
    action: Action
    scope: Scope
    line: int
    text: str

    def begins_at(self, name: str) -> int:
        """Where in the name the pattern begins; -1 when it does not apply.

        The leftmost place for each part leaves the most room for the next, so nothing is ever tried twice.
        """
        if not name.endswith(self.last):
            return -1
        start = name.find(self.first)
        if start < 0 or (start and self.scope is Scope.EXACT):
            return -1
        at = start + len(self.first)
        for part in self.middle:
            at = name.find(part, at)
            if at < 0:
                return -1
            at += len(part)
        return start if at + len(self.last) <= len(name) else -1


class Patterns:
    """Every rule with wildcards of one generation."""

    __slots__ = ("_automaton", "_patterns")

    def __init__(self, stored: Sequence[StoredPattern], lists: int) -> None:
        """Build the automaton of one pattern or more.

        Raises:
            BadIndex: a pattern that no list parser would have let through.
        """
        words: dict[str, list[int]] = {}
        self._patterns: list[_Pattern] = []
        for number, raw in enumerate(stored):
            try:
                pattern = _read(raw, lists)
            except (AttributeError, TypeError, ValueError) as problem:
                message = f"pattern {number} is damaged: {problem}"
                raise BadIndex(message) from problem
            words.setdefault(_telling(pattern), []).append(number)
            self._patterns.append(pattern)
        # The wheel is the Unicode build: its keys are text. Names become Latin-1 text, one character an octet.
        self._automaton: Any = ahocorasick.Automaton()
        for word, numbers in words.items():
            self._automaton.add_word(word, tuple(numbers))
        self._automaton.make_automaton()

    def matches(self, name: bytes, labels: tuple[int, ...]) -> list[Match]:
        """The patterns that apply to a name (folded wire form; the offsets of its labels), in order of list and line."""
        dotted = bytearray(name.translate(_HIDE_DOTS))
        for offset in labels:
            dotted[offset] = _DOT
        text = dotted[:-1].decode("latin-1")
        candidates = {number for _, numbers in self._automaton.iter(text) for number in numbers}
        found = []
        for number in sorted(candidates):
            pattern = self._patterns[number]
            offset = pattern.begins_at(text)
            if offset >= 0:
                rule_name = name[offset:]
                found.append(
                    Match(pattern.list_id, pattern.action, pattern.scope, rule_name, pattern.line, pattern.text)
                )
        return found


class PatternedIndex(Index):
    """An index of a generation that has rules with wildcards, too. They obey the same order as all others.

    What a pattern stands for counts as its name: from the first label that it touches to the end.
    """

    __slots__ = ("_patterns",)

    def __init__(self, patterns: Sequence[StoredPattern], *parts: Any) -> None:
        super().__init__(*parts)
        self._patterns = Patterns(patterns, len(self.lists))

    def decide(self, name: bytes, labels: tuple[int, ...], lists: int = ALL_LISTS) -> Match | None:
        """As :meth:`Index.decide`; at the same name and in the same list a rule without wildcards comes first."""
        named = super().decide(name, labels, lists)
        matches = [match for match in self._patterns.matches(name, labels) if lists >> match.list_id & 1]
        if not matches:
            return named
        return min([named, *matches] if named else matches, key=_order)

    def matches(self, name: bytes, labels: tuple[int, ...]) -> list[Match]:
        """As :meth:`Index.matches`."""
        return sorted([*super().matches(name, labels), *self._patterns.matches(name, labels)], key=_order)


def _order(match: Match) -> tuple[bool, int, int]:
    """Allow beats block; then the deepest name wins, then the earlier list."""
    return match.action is Action.BLOCK, -len(match.name), match.list_id


def _read(raw: StoredPattern, lists: int) -> _Pattern:
    list_id, action, scope, line, text = raw
    if not 0 <= list_id < lists:
        message = f"it speaks of list {list_id}, and there are {lists}"
        raise ValueError(message)
    first, *middle, last = text.split("*")
    parts = tuple(part for part in middle if part)
    return _Pattern("." + first, parts, last, list_id, Action(action), Scope(scope), line, text)


def _telling(pattern: _Pattern) -> str:
    """The literal that the fewest names hold: the longest, dots aside. The last part is often just a top-level domain."""
    parts = [pattern.last, pattern.first, *pattern.middle]
    return max(parts[1:] + parts[:1], key=lambda part: len(part.replace(".", "")))
