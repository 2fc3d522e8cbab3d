"""The hosts format (hosts(5)): ``0.0.0.0 ads.example.com tracker.example.net  # comment``.

Every name on the line is a rule for exactly that name. The address says nothing: whatever it is, the names are meant to
be blocked, which is how blocky and Pi-hole read such lists too. Lines about the machine itself are skipped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirage_hole.lists.line import Findings, Problem, found, without_comment
from mirage_hole.lists.rule import Scope
from mirage_hole.lists.spelling import LOCAL_NAMES, is_address

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Action

SCOPE = Scope.EXACT
SIMPLE = re.compile(
    rb"(?:0\.0\.0\.0|127\.0\.0\.1|::1?)[ \t]++((?:[a-z0-9_-]{1,63}+\.)++[a-z][a-z0-9_-]{0,62}+)[ \t\r\n]*+"
)
"""The commonest lines, with the name as group 1; all others go through :func:`read`."""


def read(text: str, action: Action) -> Findings:
    """The rules of a line that begins with an address."""
    address, *names = without_comment(text).split()
    if not names:
        return [Problem("an address without a name", address)]
    findings: Findings = []
    for name in names:
        bare = name.removesuffix(".").lower()
        if bare in LOCAL_NAMES or bare == address:  # `0.0.0.0 0.0.0.0` is in most hosts lists
            continue
        findings.append(found(name, action, SCOPE))
    return findings


def is_hosts_line(text: str) -> bool:
    """Whether the first word is an address and another word follows."""
    words = text.split(None, 2)
    return len(words) > 1 and not words[1].startswith("#") and is_address(words[0])
