"""What the web application is given. Everything is a value or a quick call: no handler waits for a disk or a worker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from mirage_hole.lists.rule import Action, Scope
from mirage_hole.wire.names import labels_of, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirage_hole.observe.statistics import Statistics
    from mirage_hole.policy.index import Index


class ListView(NamedTuple):
    """One configured list, for people."""

    title: str
    source: str
    """URL, path or catalogue name, as it was configured."""
    kind: Literal["block", "allow"]
    state: Literal["live", "old", "missing", "loading"]
    """``live``: the last download was good; ``old``: it was not, and an older copy serves; ``missing``: there is no copy;
    ``loading``: the first download is on its way."""
    format: str = ""
    rules: int = 0
    complaints: int = 0
    """Lines that are no rule."""
    updated_at: float | None = None
    """Last good download, in seconds since the epoch."""
    checked_at: float | None = None
    """Last attempt."""
    next_at: float | None = None
    """Next attempt."""
    error: str = ""
    """Why the last attempt failed, as a sentence; empty when it did not."""


class GenerationView(NamedTuple):
    """The generation that serves."""

    number: int
    created: float
    """Seconds since the epoch."""
    names: int
    """How many distinct names have rules."""


class RuleHit(NamedTuple):
    """One rule that applies to a name."""

    decides: bool
    """Exactly one of a name's hits does."""
    action: Literal["block", "allow"]
    list: str
    """Title."""
    source: str
    rule: str
    """The rule's name."""
    scope: Literal["exact", "subtree"]
    line: int | None


@dataclass(slots=True, kw_only=True)
class ApiState:
    """Everything the web application shows. The callables are asked at each look."""

    statistics: Statistics
    version: str
    started_at: float
    """Seconds since the epoch."""
    listen: Sequence[str] = ()
    """``ADDRESS:PORT`` of the DNS listeners, for the hint how to ask."""
    host_names: Sequence[str] = ()
    """Names under which the web server may be visited, besides loopback names and its own address."""
    lists: Callable[[], Sequence[ListView]] = tuple
    generation: Callable[[], GenerationView | None] = lambda: None
    explain: Callable[[bytes], Sequence[RuleHit]] | None = None
    """Every rule that applies to a name (folded wire form); None when there is nothing to ask."""
    clock: Callable[[], float] = time.time


def rule_hits(index: Index, name: bytes) -> list[RuleHit]:
    """Every rule of an index that applies to a name, the deciding one first."""
    hits = []
    for place, match in enumerate(index.matches(name, labels_of(name))):
        one = index.lists[match.list_id]
        hits.append(
            RuleHit(
                place == 0,
                "allow" if match.action is Action.ALLOW else "block",
                one.title,
                one.source,
                to_text(match.name),
                "exact" if match.scope is Scope.EXACT else "subtree",
                match.line or None,
            )
        )
    return hits
