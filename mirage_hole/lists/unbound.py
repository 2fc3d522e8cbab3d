"""unbound's configuration, as far as it says what is answered: ``local-zone: "x" TYPE`` and ``local-data: "x A 192.0.2.1"``.

A zone stands for x and every name below it, data for x alone, unless x is a zone that redirects (unbound.conf(5)). The
transparent types let a name through, so they allow. What blocked names are answered is the block mode's to say, since one
list is published as ``always_null``, ``always_nxdomain`` and ``always_refuse`` alike; only real data is an answer of its own.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from mirage_hole.lists.line import Findings, Found, Problem, found, without_trailing_comment
from mirage_hole.lists.local_data import local_data
from mirage_hole.lists.masterfile import BadLine, MasterFile
from mirage_hole.lists.rule import Action, RichRule, Scope

SCOPE = Scope.SUBTREE
SIMPLE = re.compile(
    rb'[ \t]*+local-zone:[ \t]*+"((?:[a-z0-9_-]{1,63}+\.(?!"))++[a-z][a-z0-9_-]{0,62}+)\.?"[ \t]++'
    rb"(?:always_null|always_nxdomain|always_nodata|always_refuse|always_deny|static|refuse|deny)"
    rb"[ \t\r\n]*+(?:(?<=[ \t])#.*+)?"
)
"""The commonest lines, with the name as group 1; all others go through a :class:`Reader`."""

REDIRECTING = frozenset({"redirect", "inform_redirect"})
BLOCKING = REDIRECTING | {
    "always_null", "always_nxdomain", "always_nodata", "always_refuse", "always_deny", "static", "refuse", "deny",
    "inform_deny",
}  # fmt: skip
ALLOWING = frozenset({"transparent", "typetransparent", "always_transparent", "inform"})

MAX_REDIRECTING = 20_000
"""Zones remembered until their data comes; as many as a list may have rules with answers of their own."""

_ZONE = re.compile(r"local-zone:\s*(\"[^\"]*\"|'[^']*'|[^\s\"']\S*)\s+\"?([a-z_]+)\"?", re.IGNORECASE)
_DATA = re.compile(r"local-data(-ptr)?:\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)')", re.IGNORECASE)
_CLAUSE = "server:"


def looks_so(text: str) -> bool:
    """Whether a line is plainly in this format."""
    start = text[:15].lower()
    return start.startswith(("local-zone:", "local-data:", "local-data-ptr:")) or (
        start.startswith(_CLAUSE) and without_trailing_comment(text).lower() == _CLAUSE
    )


def read(text: str, action: Action) -> Findings:
    """The rule of one line that stands alone."""
    return Reader().read(text, action)


class Reader:
    """Reads the lines of one file, in order: data of a zone that redirects is the answer for everything below it, too."""

    __slots__ = ("_redirecting",)

    plain = True

    def __init__(self) -> None:
        self._redirecting: set[bytes] = set()

    def wants(self, text: str) -> bool:  # noqa: ARG002
        """No line goes on with the one before."""
        return False

    def passed(self, name: bytes) -> None:
        """Simple lines are about zones that do not redirect."""

    def end(self) -> Findings:
        """Nothing can be missing."""
        return []

    def read(self, text: str, action: Action) -> Findings:
        """The rule of one line; none for the ``server:`` that such files begin with."""
        line = without_trailing_comment(text.strip())
        if line.lower() == _CLAUSE:
            return []
        zone = _ZONE.fullmatch(line)
        if zone is not None:
            return [self._zone(zone[1].strip("\"'"), zone[2].lower(), action, line)]
        data = _DATA.fullmatch(line)
        if data is not None:
            record = data[2] or data[3] or ""
            return [self._pointer(record, action, line) if data[1] else self._data(record, action, line)]
        return [Problem("an unbound line that is none of local-zone: local-data: local-data-ptr:", text)]

    def _zone(self, name: str, kind: str, action: Action, line: str) -> Found | Problem:
        if kind in ALLOWING:
            action = Action.ALLOW
        elif kind not in BLOCKING:
            return Problem(f"an unbound zone of the type {kind[:20]}, which neither blocks nor allows", line)
        if name in {"", "."}:
            return Problem("the root: it would be about every name", line)
        rule = found(name, action, Scope.SUBTREE)
        if kind in REDIRECTING and isinstance(rule, Found):
            if len(self._redirecting) == MAX_REDIRECTING:
                self._redirecting.clear()  # data stands beside its zone nearly always
            self._redirecting.add(rule.name)
        return rule

    def _data(self, text: str, action: Action, line: str) -> Found | RichRule | Problem:
        """``x [TTL] [IN] TYPE data``."""
        try:
            record = MasterFile().read(text.strip().replace('\\"', '"'))
        except BadLine as problem:
            return Problem(str(problem), line)
        if record is None:
            return Problem("unbound data that is no record to answer with", line)
        rule = local_data(record.owner, Scope.EXACT, record.rrtype, " ".join(record.words), action, line)
        if isinstance(rule, Problem):
            return rule
        name = found(record.owner, action, Scope.SUBTREE)
        if isinstance(name, Found) and name.name in self._redirecting:
            return rule._replace(scope=Scope.SUBTREE)
        return rule

    def _pointer(self, text: str, action: Action, line: str) -> Found | RichRule | Problem:
        """``192.0.2.1 [TTL] NAME``: the name of an address."""
        words = text.split()
        try:
            owner = ip_address(words[0]).reverse_pointer if len(words) > 1 else ""
        except ValueError:
            owner = ""
        if not owner:
            return Problem("an unbound local-data-ptr: that is not an address, then a name", line)
        return local_data(owner, Scope.EXACT, "PTR", words[-1], action, line)
