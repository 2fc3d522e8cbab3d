"""Regular expressions, searched for in linear time by RE2, many at once; a literal that they need says which to try.

An expression that holds a telling literal (``literals.py``) is tried only on names with that literal, which an
Aho-Corasick automaton finds for all of them in one pass; the rest are tried on every name. Measured on 15,000 names not
asked before, with expressions made of words from real lists, microseconds a name, searching alone: 500 expressions 9 in one
``re2.Set``, 5 in sets of 100; 3,000 expressions 250 (64 MB) to 570 (8 MB) in one set, whose automaton grows with nearly every
name, 50 in sets of 100. With literals, all of ``RichRules`` included, beside 850,000 plain names: 3 for 500, 5 for 3,000; about
400 without literals, 10. RE2's own ``FilteredRE2`` took 2 to 3 and 5 to 7, searching alone, and did not compile 20,000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mirage_hole.policy.literals import telling_literals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_EXPRESSIONS: Final = 50_000
"""Different ones; further ones are refused."""
_TOGETHER: Final = 64  # expressions a set: more make automata that grow with every name, fewer make more calls
_MEMORY: Final = 256 << 20  # octets that all sets together may come to use
_LEAST, _MOST = 16 << 10, 128 << 10  # octets an expression
_LARGE: Final = 1 << 19  # octets for one that does not fit into its share; the parsers let no larger one through
_MAX_LARGE: Final = 128
_PROBE: Final = b"\x01\x01\x01"  # in no expression, and in no name that anybody asks for


class Group:
    """Expressions that are searched for together."""

    __slots__ = ("_match", "_numbers", "_probe")

    def __init__(self, found: Any, numbers: Sequence[int]) -> None:
        self._match = found.Match
        self._numbers = numbers
        self._probe = len(numbers)

    def fitting(self, name: bytes) -> list[int]:
        """The numbers of the expressions that are found in a name."""
        found = self._match(name)
        if found is None:
            return []
        return [self._numbers[at] for at in found if at != self._probe]


class Expressions:
    """Every expression of one generation, or of the user's own rules, by number. Immutable, safe between threads."""

    __slots__ = ("_large", "_share", "by_word", "everywhere", "refused")

    def __init__(self, expressions: Sequence[str]) -> None:
        """``expressions``: RE2's syntax, each once; their places are their numbers."""
        self.refused: list[int] = []
        """The numbers of those that RE2 does not take, or that there is no room for; they match nothing."""
        self.by_word: dict[str, list[Group]] = {}
        """What to try on names that hold a word."""
        self.everywhere: list[Group] = []
        """What to try on every name."""
        self._large = 0
        self._share = min(_MOST, max(_LEAST, _MEMORY // max(1, len(expressions))))
        by_words: dict[frozenset[str] | None, list[tuple[int, bytes]]] = {}
        for number, expression in enumerate(expressions):
            if number < MAX_EXPRESSIONS:
                known = by_words.setdefault(telling_literals(expression), [])
                known.append((number, expression.encode("latin-1", "replace")))
            else:
                self.refused.append(number)
        for words, members in by_words.items():
            for at in range(0, len(members), _TOGETHER):
                for group in self._grouped(members[at : at + _TOGETHER]):
                    if words is None:
                        self.everywhere.append(group)
                    else:
                        for word in words:
                            self.by_word.setdefault(word, []).append(group)

    def _grouped(self, members: Sequence[tuple[int, bytes]]) -> Iterator[Group]:
        """The members in as few sets as there is memory for; those that fit nowhere are refused."""
        found = _compiled([expression for _, expression in members], self._share * len(members))
        if found is None and len(members) == 1 and self._large < _MAX_LARGE:
            self._large += 1
            found = _compiled([members[0][1]], _LARGE)
        if found is not None:
            yield Group(found, [number for number, _ in members])
        elif len(members) == 1:
            self.refused.append(members[0][0])
        else:
            half = len(members) // 2
            yield from self._grouped(members[:half])
            yield from self._grouped(members[half:])


def _compiled(expressions: Sequence[bytes], memory: int) -> Any | None:
    """A set of expressions that needs no more than ``memory`` octets; None when there is none.

    A set without memory for a few states of its automaton compiles all the same, and then finds nothing and says nothing,
    which is what the probe is for. With those few it forgets states and makes them anew, but finds everything.
    """
    import re2  # here: most generations have no expressions

    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    options.never_capture = True
    options.encoding = re2.Options.Encoding.LATIN1  # an octet is a character
    found = re2.Set.SearchSet(options)
    try:
        for expression in (*expressions, _PROBE):
            found.Add(expression)
        found.Compile()
    except re2.error:
        return None
    matched = found.Match(_PROBE)
    return found if matched is not None and len(expressions) in matched else None
