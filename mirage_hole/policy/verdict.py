"""What the policy says of a name. A value that travels with the answer: the log, the metrics, EDE and ``explain`` read it."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from mirage_hole.lists.rule import Action, Scope
from mirage_hole.wire.names import to_text


class Match(NamedTuple):
    """One rule of one list that applies to a name."""

    list_id: int
    """Index into the generation's lists (:class:`mirage_hole.policy.index.ListInfo`)."""
    action: Action
    scope: Scope
    name: bytes
    """The rule's own name, folded wire form: the asked name or one of its ancestors."""
    line: int
    """Line number in the list, counted from 1; 0 when it is not known."""
    pattern: str = ""
    """Of a rule with wildcards: the pattern; ``name`` is then the part of the asked name that it stands for."""


class Outcome(IntEnum):
    """How a query ended. Exactly one a query; the numbers are part of the record format and never reused."""

    FORWARDED = 0
    CACHED = 1
    BLOCKED = 2
    LOCAL = 3
    FAILED = 4
    """SERVFAIL: no upstream gave a usable answer."""
    REFUSED = 5
    MALFORMED = 6
    """FORMERR, NOTIMP or BADVERS."""
    DROPPED = 7
    """A query that got no answer: a caller outside the allowed networks, or more at once than the bounds permit."""


def rule_text(match: Match) -> str:
    """The rule as people write it: ``x``, ``||x^``, ``@@|x^`` or ``@@||x^``; whatever the list's own format is."""
    name = match.pattern or to_text(match.name)
    if match.scope is Scope.SUBTREE:
        return f"@@||{name}^" if match.action is Action.ALLOW else f"||{name}^"
    if match.action is Action.ALLOW:
        return f"@@|{name}^"
    return f"|{name}^" if match.pattern else name
