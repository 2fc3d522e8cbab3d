"""What a list line means, whatever its format was."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Action(IntEnum):
    BLOCK = 0
    ALLOW = 1


class Scope(IntEnum):
    """Which names a rule's name stands for."""

    EXACT = 0
    """The name alone."""
    SUBTREE = 1
    """The name and every name below it."""


class Rule(NamedTuple):
    """One rule read from one line."""

    name: bytes
    """Folded wire form, root octet included."""
    action: Action
    scope: Scope
    line: int
    """Counted from 1."""


class PatternRule(NamedTuple):
    """One rule with wildcards, read from one line."""

    pattern: str
    """Lower-case letters, digits, ``-``, ``_``, ``.`` and ``*``, which stands for any characters, dots included."""
    action: Action
    scope: Scope
    """``SUBTREE``: the pattern stands for the end of a name, from the beginning of a label on; ``EXACT``: for all of it."""
    line: int
    """Counted from 1."""


class Complaint(NamedTuple):
    """A line, or a part of one, that is no rule; and why."""

    line: int
    reason: str
    """One short sentence for people, without the text."""
    text: str
    """The offending piece, at most 80 characters, printable."""
