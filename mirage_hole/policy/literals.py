"""The literal that every match of a regular expression holds, if there is one. It tells which expressions to try at all.

It reads RE2's syntax, and only as much of it as is sure: a class, an escape or a flag that it does not know counts as
anything, which costs time and never a match.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST: Final = 4
"""Characters, dots aside, that a telling literal has: ``.com`` is in half of all names."""
MOST: Final = 16
"""Alternatives of one expression; more are not told apart from anything."""

_TOKEN = re.compile(
    r"""
      (?P<quote> \\Q .*? (?: \\E | $ ) )
    | (?P<edge> \\[AbBz] | [\^$] )
    | (?P<octet> \\x[0-9A-Fa-f]{2} | \\x\{[0-9A-Fa-f]{1,6}\} | \\[0-7]{1,3} | \\[pP]\{\^?\w+\} | \\[pP]\w )
    | (?P<escape> \\. )
    | (?P<class> \[ \^? \]? (?: \[:\^?[a-z]*:\] | \\. | [^\]\\] )* \] )
    | (?P<flags> \(\?[imsU-]+\) )
    | (?P<open> \( (?: \?P?<\w+> | \?[imsU-]*: )? )
    | (?P<close> \) )
    | (?P<either> \| )
    | (?P<repeat> (?: [*+?] | \{[0-9]+(?:,[0-9]*)?\} ) \?? )
    | (?P<plain> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_FEW: Final = 4  # members of a class that are worth being tried one by one


class _Known(NamedTuple):
    """What is known of the text that a part of an expression matches."""

    all: frozenset[str] | None
    """Everything that it can be, if that is little."""
    some: frozenset[str] | None
    """One of these is in it; the most telling that were found."""


_ANYTHING: Final = _Known(None, None)
_NOTHING: Final = _Known(frozenset({""}), None)


def telling_literals(expression: str) -> frozenset[str] | None:
    """Words of which each lower-case text that the expression is found in holds at least one; None when there are none."""
    known = _Reader(expression).read()
    found = _better(known.some, known.all)
    if found is None or _worth(found) < LEAST:
        return None
    words = {word.lower() for word in found}
    return frozenset(word for word in words if not any(other in word and other != word for other in words))


class _Reader:
    """Reads an expression from left to right; groups that are open wait on a stack."""

    def __init__(self, expression: str) -> None:
        self._tokens = _TOKEN.finditer(expression)

    def read(self) -> _Known:
        alternatives: list[list[list[_Known]]] = [[[]]]  # of each open group: its alternatives, of each: its parts
        for token in self._tokens:
            kind, text = token.lastgroup, token[0]
            if kind == "open":
                alternatives.append([[]])
            elif kind == "close":
                if len(alternatives) == 1:
                    return _ANYTHING
                group = alternatives.pop()
                alternatives[-1][-1].append(_either(map(_joined, group)))
            elif kind == "either":
                alternatives[-1].append([])
            elif kind == "repeat":
                parts = alternatives[-1][-1]
                if parts:
                    parts[-1] = _repeated(parts[-1], text)
            elif kind == "flags":
                if "U" in text:
                    return _ANYTHING
            else:
                alternatives[-1][-1] += _read(kind, text)
        if len(alternatives) > 1:
            return _ANYTHING
        return _either(map(_joined, alternatives[0]))


def _read(kind: str | None, text: str) -> list[_Known]:
    if kind == "plain":
        return [_ANYTHING if text == "." else _only(text)]
    if kind == "edge":
        return [_NOTHING]
    if kind == "quote":
        return [_only(one) for one in text[2:].removesuffix("\\E")]
    if kind == "escape" and not text[1].isalnum():
        return [_only(text[1])]
    if kind == "class":
        members = text[1:-1]
        if members and len(members) <= _FEW and members.isascii() and not set(members) & set("\\^-[]"):
            return [_Known(frozenset(members), None)]
    return [_ANYTHING]


def _only(text: str) -> _Known:
    return _Known(frozenset({text}), None)


def _repeated(known: _Known, how: str) -> _Known:
    how = how.removesuffix("?") if len(how) > 1 else how
    if how == "?":
        return _ANYTHING if known.all is None else _Known(known.all | {""}, None)
    least = how[1:-1].partition(",")[0] if how.startswith("{") else ""
    if how == "+" or (least and int(least) > 0):
        return _Known(known.all if how == "{1}" else None, _better(known.some, known.all))
    return _NOTHING if how == "{0}" else _ANYTHING


def _joined(parts: Iterable[_Known]) -> _Known:
    """Of parts one after another."""
    some: frozenset[str] | None = None
    run: frozenset[str] = frozenset({""})
    broken = False
    for part in parts:
        joined = None
        if part.all is not None and len(part.all) * len(run) <= MOST:
            joined = frozenset(before + after for before in run for after in part.all)
        if joined is not None:
            run = joined
            continue
        some = _better(_better(some, run), part.some)
        run = part.all if part.all is not None and len(part.all) <= MOST else frozenset({""})
        broken = True
    return _Known(None, _better(some, run)) if broken else _Known(run, some)


def _either(alternatives: Iterable[_Known]) -> _Known:
    """Of one part or another."""
    ways = list(alternatives)
    if len(ways) == 1:
        return ways[0]
    everything: frozenset[str] | None = frozenset()
    some: frozenset[str] | None = frozenset()
    for way in ways:
        everything = None if everything is None or way.all is None else everything | way.all
        best = _better(way.some, way.all)
        some = None if some is None or best is None else some | best
    if everything is not None and len(everything) > MOST:
        everything = None
    if some is not None and len(some) > MOST:
        some = None
    return _Known(everything, some)


def _better(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """Which of two sets of words is the more telling."""
    return max(one, other, key=_worth) if one is not None and other is not None else one if other is None else other


def _worth(words: frozenset[str]) -> int:
    """Characters of the least telling word, dots aside."""
    return min((len(word.replace(".", "")) for word in words), default=0)
