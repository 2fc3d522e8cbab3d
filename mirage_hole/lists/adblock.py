"""Adblock and AdGuard DNS syntax, as far as it speaks of names.

``||x^`` blocks x and everything below it, ``|x^`` x alone, and ``@@`` in front of either allows. A final ``|`` changes
nothing (list generators write it). A bare name stands for itself alone, as in AdGuard Home. In an allowlist ``||x^``
allows; in a blocklist ``@@||x^`` allows too. Rules with modifiers, paths or regular expressions are complaints: a rule is
never half applied.
"""

from __future__ import annotations

import re

from mirage_hole.lists import domains, foreign
from mirage_hole.lists.line import Findings, Problem, found
from mirage_hole.lists.rule import Action, Scope
from mirage_hole.lists.spelling import is_address

SCOPE = Scope.SUBTREE
SIMPLE = re.compile(rb"\|\|((?:[a-z0-9_-]{1,63}+\.)++[a-z][a-z0-9_-]{0,62}+)\^\|?[ \t\r\n]*+")
"""The commonest lines, with the name as group 1; all others go through :func:`read`."""

_COMMENT = re.compile(r"(?<=\s)[#!].*", re.DOTALL)
_REGEX = re.compile(r"/.+/(?:\$[^/]*)?", re.DOTALL)
_ENDS = ("^|", "^", "|")


def read(text: str, action: Action) -> Findings:
    """The rule of one line in Adblock syntax."""
    line = _COMMENT.sub("", text, count=1).rstrip()
    body = line.removeprefix("@@")
    if body != line:
        action = Action.ALLOW
    problem = _problem(body, line)
    if problem is not None:
        return [problem]
    if not body.startswith("|"):
        return domains.read(body, action)
    scope = Scope.SUBTREE if body.startswith("||") else Scope.EXACT
    name = body.removeprefix("|").removeprefix("|")
    end = next((end for end in _ENDS if name.endswith(end)), None)
    if end is None:
        return [Problem("no ^ at the end: it would match every name that begins so", line)]
    return [found(name.removesuffix(end), action, scope)]


def _problem(body: str, line: str) -> Problem | None:
    """Why a line is no rule about a name, told by its shape alone."""
    if foreign.is_cosmetic(body):
        return Problem("a cosmetic filter: it hides parts of a page, DNS can't", line)
    if _REGEX.fullmatch(body):
        return Problem("a regular expression; they are not read", line)
    if "$" in body:
        return Problem("a rule with modifiers ($...); they are not read", line)
    if "://" in body:
        return Problem("a rule about a URL, DNS sees only names", line)
    if "/" in body and not is_address(body.strip("|^")):
        return Problem("a rule about a path, DNS sees only names", line)
    if "*" in body:
        return Problem("a wildcard inside a rule; only *.name and ||name^ are read", line)
    if not body.startswith("|") and body.endswith(("^", "|")):
        return Problem("no || in front: it would match every name that ends so", line)
    return None
