"""Plain lists: one name a line, and the rule stands for exactly that name (as in Pi-hole and AdGuard Home), or for its subtree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirage_hole.lists import foreign
from mirage_hole.lists.line import Findings, Problem, found, without_comment
from mirage_hole.lists.rule import Scope
from mirage_hole.lists.spelling import LOCAL_NAMES

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Action

SCOPE = Scope.EXACT
SIMPLE = re.compile(rb"((?:[a-z0-9_-]{1,63}+\.)++[a-z][a-z0-9_-]{0,62}+)[ \t\r\n]*+")
"""The commonest lines, with the name as group 1; all others go through :func:`read`."""


def read_subtrees(text: str, action: Action) -> Findings:
    """The rule of a line with one name that stands for everything below it, too: how Technitium and NextDNS read such lists."""
    return read(text, action, Scope.SUBTREE)


def read(text: str, action: Action, scope: Scope = SCOPE) -> Findings:
    """The rule of a line with one name.

    A name without a dot is refused: in a list of names it is a stray word, and the one query for a bare top-level domain
    that it would stop is not what anyone means. ``||zip^`` says that.
    """
    other = foreign.seems(text)
    if other is not None:
        return [Problem(other, text)]
    words = without_comment(text).split()
    if not words:
        return [Problem("no name", text)]
    if len(words) > 1:
        return [Problem("several words, and the first is no address", text)]
    bare = words[0].removesuffix(".")
    if bare.lower() in LOCAL_NAMES:
        return []
    if bare.isascii() and "." not in bare:
        return [Problem("one word is no domain name; for a whole top-level domain write ||name^", bare)]
    return [found(words[0], action, scope)]
