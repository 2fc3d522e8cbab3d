"""Adblock and AdGuard DNS syntax, as far as it speaks of names.

``||x^`` blocks x and everything below it, ``|x^`` x alone, and ``@@`` in front of either allows. A final ``|`` changes
nothing (list generators write it). ``*`` in either stands for any characters, dots included: ``||ads-*.example^``. A bare
name stands for itself alone, as in AdGuard Home. In an allowlist ``||x^``
allows; in a blocklist ``@@||x^`` allows too. Rules with modifiers, paths or regular expressions are complaints: a rule is
never half applied.
"""

from __future__ import annotations

import re

from mirage_hole.lists import domains, foreign
from mirage_hole.lists.line import Findings, Problem, found
from mirage_hole.lists.rule import Action, RichRule, Scope, Target
from mirage_hole.lists.spelling import is_address
from mirage_hole.wire.names import MAX_NAME

SCOPE = Scope.SUBTREE
SIMPLE = re.compile(rb"\|\|((?:[a-z0-9_-]{1,63}+\.)++[a-z][a-z0-9_-]{0,62}+)\^\|?[ \t\r\n]*+")
"""The commonest lines, with the name as group 1; all others go through :func:`read`."""

MIN_LITERAL = 3
"""Characters that a pattern needs in a row, dots not counted; AdGuard Home refuses shorter ones as too wide as well."""
MAX_WILDCARDS = 8
"""Asterisks a pattern. Lists in use have one or two; ten thousand patterns with a hundred each would take a tenth of a
second of every query for a name that is made to fit."""

_PATTERN = re.compile(r"[A-Za-z0-9_.*-]++")
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
    name = name.removesuffix(end)
    return [_pattern(name, action, scope, line) if "*" in name else found(name, action, scope)]


def _pattern(text: str, action: Action, scope: Scope, line: str) -> RichRule | Problem:
    """The rule for a name with ``*`` in it."""
    if _PATTERN.fullmatch(text) is None:
        return Problem("a pattern may hold letters, digits, hyphens, underscores, dots and *", line)
    if len(text) > MAX_NAME:
        return Problem("longer than any domain name", line)
    if ".." in text or text[0] == "." or text[-1] == ".":
        return Problem("an empty label: no name can match", line)
    if max(len(part.replace(".", "")) for part in text.split("*")) < MIN_LITERAL:
        return Problem(f"a pattern too wide; {MIN_LITERAL} characters in a row are the least", line)
    if text.count("*") > MAX_WILDCARDS:
        return Problem(f"a pattern with more than {MAX_WILDCARDS} wildcards", line)
    return RichRule(line, action, Target.PATTERN, f"{'||' if scope is Scope.SUBTREE else '|'}{text.lower()}^")


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
    if "*" in body and not body.startswith("|"):
        return Problem("a pattern without || in front; write ||name^ with * where anything may stand", line)
    if not body.startswith("|") and body.endswith(("^", "|")):
        return Problem("no || in front: it would match every name that ends so", line)
    return None
