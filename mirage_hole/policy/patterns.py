"""Patterns in Adblock syntax, compared with host names: ``||ads-*.example^``, ``|ads``, ``tracker``, ``.example^``.

``||`` begins where a label begins, ``|`` and ``^`` in front begin at the start of the name, ``^``, ``|`` and ``^|`` behind end
at its end, ``*`` stands for any characters, dots included; what has no anchor is found anywhere (AdGuard Home's ways with
each are in docs/rules.md). Comparing goes from left to right and tries nothing twice, since ``*`` is all there is.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum
from typing import NamedTuple

from mirage_hole.lists.rule import Scope

_ENDS = ("^|", "^", "|")


class Start(IntEnum):
    """Where in a name a pattern may begin."""

    ANYWHERE = 0
    LABEL = 1
    NAME = 2


class Pattern(NamedTuple):
    """A pattern, taken apart at its asterisks. In the names it is compared with, a dot stands before every label."""

    start: Start
    ends: bool
    """It ends where the name ends."""
    first: str
    """With the dot before its first label, if it begins where a label does."""
    middle: tuple[str, ...]
    last: str | None
    """None when there is no asterisk."""

    @property
    def scope(self) -> Scope:
        """Which names the part that matched stands for."""
        return Scope.SUBTREE if self.start is Start.LABEL and self.ends else Scope.EXACT

    @property
    def telling(self) -> str:
        """The literal that the fewest names hold: the longest, dots aside. The last part is often just a top-level domain."""
        parts = [self.first, *self.middle, self.last or ""]
        return max(parts, key=lambda part: len(part.replace(".", "")))

    def begins_at(self, name: str) -> int:
        """Where in the name the pattern begins; -1 when it does not apply.

        The leftmost place for each part leaves the most room for the next, so nothing is ever tried twice.
        """
        first = self.first
        if self.last is None and self.ends:
            start = len(name) - len(first)
            least = 1 if self.start is Start.ANYWHERE else 0
            fits = start >= least and name.endswith(first) and (start == 0 or self.start is not Start.NAME)
            return start if fits else -1
        if self.start is Start.NAME:
            start = 0 if name.startswith(first) else -1
        else:
            start = name.find(first, self.start is Start.ANYWHERE)
        if start < 0 or self.last is None:
            return start
        at = start + len(first)
        for part in self.middle:
            at = name.find(part, at)
            if at < 0:
                return -1
            at += len(part)
        if self.ends:
            return start if name.endswith(self.last) and at + len(self.last) <= len(name) else -1
        return start if name.find(self.last, at) >= 0 else -1

    def offset(self, begins: int, labels: tuple[int, ...]) -> int:
        """The offset of the label from which on a match stands: the first that it touches if it holds to the name's end."""
        return labels[bisect_right(labels, begins) - 1] if self.ends and labels else 0


def read_pattern(text: str) -> Pattern | None:
    """The pattern of a rule's subject; None when no host name can match, since it has a separator inside."""
    start = Start.ANYWHERE
    if text.startswith("||"):
        start, text = Start.LABEL, text[2:]
    elif text.startswith(("|", "^")):
        start, text = Start.NAME, text[1:]
    end = next((end for end in _ENDS if text.endswith(end)), "")
    text = text.removesuffix(end)
    if "^" in text or "|" in text:
        return None
    first, *rest = text.split("*")
    if start is not Start.ANYWHERE:
        first = f".{first}"
    if not rest:
        return Pattern(start, bool(end), first, (), None)
    return Pattern(start, bool(end), first, tuple(part for part in rest[:-1] if part), rest[-1])
