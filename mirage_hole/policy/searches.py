"""Patterns and expressions together: one pass of an Aho-Corasick automaton over a name finds the few that may apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mirage_hole.lists.rule import Target
from mirage_hole.policy.patterns import Pattern, read_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mirage_hole.policy.expressions import Expressions, Group

_DOT = 0x2E
# A dot inside a label is no boundary, and NUL is in no pattern.
_HIDE_DOTS = bytes(0 if octet == _DOT else octet for octet in range(256))

Tried: TypeAlias = "list[tuple[Pattern | Group, tuple[int, ...]]]"
"""What to try, and of a pattern the numbers of the rules that have it."""


class Searches:
    """The rules whose subject is searched for in names. Immutable."""

    __slots__ = ("_everywhere", "_find", "_rules_of", "refused")

    def __init__(self, rules: Iterable[tuple[int, Target, str]]) -> None:
        """``rules``: the number of each, a pattern or an expression, and its subject."""
        patterns: dict[str, list[int]] = {}
        expressions: dict[str, list[int]] = {}
        for number, target, subject in rules:
            (patterns if target is Target.PATTERN else expressions).setdefault(subject, []).append(number)
        words: dict[str, Tried] = {}
        self._everywhere: Tried = []
        for subject, numbers in patterns.items():
            pattern = read_pattern(subject)
            if pattern is not None:
                tried = words.setdefault(pattern.telling, []) if pattern.telling else self._everywhere
                tried.append((pattern, tuple(numbers)))
        self._rules_of: Sequence[Sequence[int]] = list(expressions.values())
        """The numbers of the rules of each expression."""
        self.refused: list[int] = []
        """The numbers of the rules whose expression RE2 does not take."""
        if expressions:
            self._add(_expressions(list(expressions)), words)
        self._find: Any = _automaton(words) if words else None

    def _add(self, compiled: Expressions, words: dict[str, Tried]) -> None:
        self._everywhere += [(group, ()) for group in compiled.everywhere]
        for word, groups in compiled.by_word.items():
            words.setdefault(word, []).extend((group, ()) for group in groups)
        self.refused += [number for at in compiled.refused for number in self._rules_of[at]]

    def fitting(self, name: bytes, labels: tuple[int, ...]) -> list[tuple[int, int]]:
        """(number of a rule that fits, offset of the label from which on it stands), each rule once.

        Args:
            name: folded wire form.
            labels: the offset of each of its labels.
        """
        dotted = bytearray(name.translate(_HIDE_DOTS) if _DOT in name else name)
        for offset in labels:
            dotted[offset] = _DOT
        text = dotted[:-1].decode("latin-1")
        tries = self._everywhere
        if self._find is not None:
            hits = [tried for _, tried in self._find(text)]
            if hits:
                tries = [*tries, *(one for tried in hits for one in tried)]
        if not tries:
            return []
        octets = b""
        found: dict[int, int] = {}
        for one, numbers in tries:
            if isinstance(one, Pattern):
                begins = one.begins_at(text)
                if begins >= 0:
                    offset = one.offset(begins, labels)
                    for number in numbers:
                        found[number] = offset
            else:
                octets = octets or bytes(dotted[1:-1])
                for at in one.fitting(octets):
                    for number in self._rules_of[at]:
                        found[number] = 0
        return list(found.items())


def _automaton(words: dict[str, Tried]) -> Any:
    """What goes over a text and gives the value of each word in it."""
    import ahocorasick  # here: most generations have neither patterns nor expressions

    # The wheel is the Unicode build: its keys are text. Names become Latin-1 text, one character an octet.
    automaton = ahocorasick.Automaton()
    for word, tried in words.items():
        automaton.add_word(word, tried)
    automaton.make_automaton()
    return automaton.iter


def _expressions(expressions: Sequence[str]) -> Expressions:
    from mirage_hole.policy.expressions import Expressions  # here: it loads RE2

    return Expressions(expressions)
