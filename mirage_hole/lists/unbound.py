"""unbound's configuration, as far as it blocks: ``local-zone: "x" TYPE`` and ``local-data: "x A 0.0.0.0"``.

A zone stands for x and every name below it, data for x alone (unbound.conf(5)). The transparent types let a name through, so
they allow. What blocked names are answered is the block mode's to say. Data that is a real answer is a complaint.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirage_hole.lists.line import Findings, Problem, found, without_trailing_comment
from mirage_hole.lists.rule import Action, Scope
from mirage_hole.lists.spelling import SINKHOLES

if TYPE_CHECKING:
    from mirage_hole.lists.line import Found

SCOPE = Scope.SUBTREE
SIMPLE = re.compile(
    rb'[ \t]*+local-zone:[ \t]*+"((?:[a-z0-9_-]{1,63}+\.)++[a-z][a-z0-9_-]{0,62}+)\.?"[ \t]++'
    rb"(?:always_null|always_nxdomain|always_nodata|always_refuse|always_deny|static|refuse|deny)"
    rb"[ \t\r\n]*+(?:(?<=[ \t])#.*+)?"
)
"""The commonest lines, with the name as group 1; all others go through :func:`read`."""

BLOCKING = frozenset({
    "always_null", "always_nxdomain", "always_nodata", "always_refuse", "always_deny", "static", "refuse", "deny",
    "redirect", "inform_deny", "inform_redirect",
})  # fmt: skip
ALLOWING = frozenset({"transparent", "typetransparent", "always_transparent", "inform"})

_ZONE = re.compile(r"local-zone:\s*(\"[^\"]*\"|'[^']*'|[^\s\"']\S*)\s+\"?([a-z_]+)\"?", re.IGNORECASE)
_DATA = re.compile(r"local-data:\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_CLAUSE = "server:"


def looks_so(text: str) -> bool:
    """Whether a line is plainly in this format."""
    return text[:11].lower() in {"local-zone:", "local-data:"} or without_trailing_comment(text).lower() == _CLAUSE


def read(text: str, action: Action) -> Findings:
    """The rule of one line; none for the ``server:`` that such files begin with."""
    line = without_trailing_comment(text)
    if line.lower() == _CLAUSE:
        return []
    zone = _ZONE.fullmatch(line)
    if zone is not None:
        return [_zone(zone[1].strip("\"'"), zone[2].lower(), action, line)]
    data = _DATA.fullmatch(line)
    if data is not None:
        return [_data(data[1] or data[2] or "", action, line)]
    return [Problem("an unbound line that is not local-zone: or local-data:", text)]


def _zone(name: str, kind: str, action: Action, line: str) -> Found | Problem:
    if kind in ALLOWING:
        action = Action.ALLOW
    elif kind not in BLOCKING:
        return Problem(f"an unbound zone of the type {kind[:20]}, which neither blocks nor allows", line)
    if name in {"", "."}:
        return Problem("the root: it would be about every name", line)
    return found(name, action, Scope.SUBTREE)


def _data(record: str, action: Action, line: str) -> Found | Problem:
    """``x [TTL] [IN] A 0.0.0.0``."""
    words = record.split()
    if len(words) < 3 or words[-2].upper() not in {"A", "AAAA"}:
        return Problem("unbound data that is no address; only what blocks is read", line)
    if words[-1] not in SINKHOLES:
        return Problem("unbound data that gives a name an address; only what blocks is read", line)
    return found(words[0], action, Scope.EXACT)
