"""Rules with wildcards: ``||ads-*.example^``. An Aho-Corasick automaton finds the few that may apply to a name.

Each pattern's most telling run of literal characters is a word of the automaton, so one linear pass over the name finds
the candidates; a candidate is then compared from left to right, which is linear too, since ``*`` is all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import ahocorasick

from mirage_hole.lists.rule import Scope
from mirage_hole.policy.verdict import Match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.policy.order import Step

_DOT = 0x2E
# A dot inside a label is no boundary, and NUL is in no pattern.
_HIDE_DOTS = bytes(0 if octet == _DOT else octet for octet in range(256))


class _Pattern(NamedTuple):
    """A pattern, taken apart at its asterisks. In the names it is compared with, a dot stands before every label."""

    first: str
    """With the dot before its first label."""
    middle: tuple[str, ...]
    last: str
    scope: Scope
    list_id: int
    rule: RichRule
    step: Step

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

    def __init__(self, rules: Sequence[tuple[int, RichRule, Step]]) -> None:
        """Build the automaton of one pattern or more."""
        words: dict[str, list[int]] = {}
        self._patterns = [_read(*one) for one in rules]
        for number, pattern in enumerate(self._patterns):
            words.setdefault(_telling(pattern), []).append(number)
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
                rule = pattern.rule
                bits = (pattern.step, rule.reply, rule.important, rule)
                found.append(Match(pattern.list_id, rule.action, pattern.scope, name[offset:], rule.line, *bits))
        return found


def _read(list_id: int, rule: RichRule, step: Step) -> _Pattern:
    text = rule.subject.removesuffix("|").removesuffix("^")
    scope = Scope.SUBTREE if text.startswith("||") else Scope.EXACT
    first, *middle, last = text.lstrip("|").split("*")
    parts = tuple(part for part in middle if part)
    return _Pattern("." + first, parts, last, scope, list_id, rule, step)


def _telling(pattern: _Pattern) -> str:
    """The literal that the fewest names hold: the longest, dots aside. The last part is often just a top-level domain."""
    parts = [pattern.last, pattern.first, *pattern.middle]
    return max(parts[1:] + parts[:1], key=lambda part: len(part.replace(".", "")))
