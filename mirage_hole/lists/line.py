"""What one line of a list gives: rules and problems; and the cutting of a byte stream into lines, in bounded memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mirage_hole.lists.rule import Reply
from mirage_hole.lists.spelling import read_name
from mirage_hole.wire.names import BadName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mirage_hole.lists.rule import Action, RichRule, Scope

MAX_LINE = 4096
"""Octets. The longest real lines are comments and rules with long modifiers, which are no rules for us."""

_TRAILING_COMMENT = re.compile(r"(?<=\s)#.*", re.DOTALL)


class Found(NamedTuple):
    """A rule of the line, before its line number is known."""

    name: bytes
    action: Action
    scope: Scope
    reply: Reply = Reply.MODE
    important: bool = False


class Problem(NamedTuple):
    """A piece of the line that is no rule."""

    reason: str
    text: str
    costly: bool = False
    """Whether it took as long to find as a rule that is more than a name."""


Findings: TypeAlias = "list[Found | RichRule | Problem]"


def without_comment(text: str) -> str:
    """The text before a ``#``."""
    return text.partition("#")[0]


def without_trailing_comment(text: str) -> str:
    """The text before a ``#`` that follows space, for formats in which ``#`` may be part of a value."""
    return _TRAILING_COMMENT.sub("", text, count=1).rstrip()


def found(
    name: str, action: Action, scope: Scope, reply: Reply = Reply.MODE, *, important: bool = False
) -> Found | Problem:
    """The rule for a name as it is spelled, or why there is none."""
    try:
        return Found(read_name(name), action, scope, reply, important)
    except BadName as problem:
        return Problem(str(problem), name)


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut chunks of octets into lines, without their line feeds.

    A line over ``MAX_LINE`` is cut to ``MAX_LINE + 1`` octets, so that the parser sees that it is too long; memory stays
    bounded by that and one chunk, even for a list without a single line feed.
    """
    rest = b""
    for chunk in chunks:
        lines = chunk.split(b"\n")
        lines[0] = (rest + lines[0])[: MAX_LINE + 1]
        rest = lines.pop()[: MAX_LINE + 1]
        yield from lines if len(chunk) <= MAX_LINE else (line[: MAX_LINE + 1] for line in lines)
    if rest:
        yield rest
