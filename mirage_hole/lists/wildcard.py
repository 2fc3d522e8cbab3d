"""Wildcard lists: ``*.x`` stands for x and every name below it.

DNS itself reads ``*.x`` as "below x" (RFC 4592), but the publishers of these lists put ``*.x`` *instead of* x and mean
both, and blocky and Technitium read it so. To spare x itself, allow it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirage_hole.lists import foreign
from mirage_hole.lists.line import Findings, Problem, found, without_comment
from mirage_hole.lists.rule import Scope

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Action

SCOPE = Scope.SUBTREE
SIMPLE = re.compile(rb"\*\.((?:[a-z0-9_-]{1,63}+\.)++[a-z][a-z0-9_-]{0,62}+)[ \t\r\n]*+")
"""The commonest lines, with the name as group 1; all others go through :func:`read`."""


def read(text: str, action: Action) -> Findings:
    """The rule of a line that begins with ``*.``."""
    words = without_comment(text).split()
    if len(words) > 1:
        zone = foreign.seems(text.removeprefix("*."))
        return [Problem(zone or "several words, and only one can be a name", text)]
    return [found(words[0][2:], action, SCOPE)]
