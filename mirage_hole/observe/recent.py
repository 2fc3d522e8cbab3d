"""The last queries, for people to look at: kept as batches of octets, put into words only when somebody looks."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.lists.rule import Scope
from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, UDP, Subject, decode_subject
from mirage_hole.policy.verdict import plain_rule_in
from mirage_hole.wire.codes import rcode_text, type_text
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mirage_hole.observe.generations import Generations
    from mirage_hole.observe.segments import Segment


class QueryRow(NamedTuple):
    """One query in words."""

    number: int
    """Counted from 1 since the start; newer queries have higher numbers."""
    at: float
    """Seconds since the epoch."""
    client: str
    transport: str
    """``udp`` or ``tcp``."""
    duration: float
    """Seconds; 0 for an answer replayed from the packet cache."""
    name: str
    type: str
    outcome: str
    """:class:`mirage_hole.policy.verdict.Outcome`, in lower case."""
    rcode: str
    list: str | None
    """Title of the list that decided; None when no rule did."""
    rule: str | None
    """The deciding rule: its name, or its text as it stands in the list when it is more than a name."""
    scope: str | None
    """``exact``, ``subtree`` or ``below``: which names the rule's name stands for; None when its text says so."""
    line: int | None
    """The rule's line in the list; None when it is not known."""
    upstream: int | None
    """Index of the upstream that answered."""


class _Batch(NamedTuple):
    first: int
    generation: int
    segment: Segment


class RecentQueries:
    """The last ``size`` queries."""

    __slots__ = ("_batches", "_generations", "last", "size")

    def __init__(self, generations: Generations, size: int = 1000) -> None:
        self.size = size
        self.last = 0
        """Number of the newest query; 0 when there was none."""
        self._generations = generations
        self._batches: deque[_Batch] = deque()

    @property
    def oldest(self) -> int:
        """Number of the oldest query that is kept; one more than ``last`` when there is none."""
        return max(1, self.last - self.size + 1)

    def add(self, generation: int, segment: Segment) -> None:
        """Keep a segment's queries; the oldest go."""
        batches = self._batches
        batches.append(_Batch(self.last + 1, generation, segment))
        self.last += len(segment.subjects)
        oldest = self.last - self.size + 1
        while batches[0].first + len(batches[0].segment.subjects) <= oldest:
            batches.popleft()

    def newest_first(self, before: int | None = None) -> Iterator[QueryRow]:
        """The kept queries older than number ``before``, the newest first."""
        oldest = self.oldest
        for batch in reversed(self._batches):
            count = len(batch.segment.subjects)
            newest = batch.first + count - 1 if before is None else min(batch.first + count, before) - 1
            for number in range(newest, max(batch.first, oldest) - 1, -1):
                yield self._row(batch, number)

    def find(
        self, limit: int, before: int | None = None, wanted: Callable[[QueryRow], bool] | None = None
    ) -> list[QueryRow]:
        """At most ``limit`` queries older than ``before`` that are ``wanted``, the newest first."""
        rows: list[QueryRow] = []
        for row in self.newest_first(before):
            if len(rows) == limit:
                break
            if wanted is None or wanted(row):
                rows.append(row)
        return rows

    def after(self, number: int, limit: int) -> list[QueryRow]:
        """The newest ``limit`` queries after ``number``, the oldest of them first."""
        rows: list[QueryRow] = []
        for row in self.newest_first():
            if row.number <= number or len(rows) == limit:
                break
            rows.append(row)
        rows.reverse()
        return rows

    def _row(self, batch: _Batch, number: int) -> QueryRow:
        segment = batch.segment
        at = number - batch.first
        subject, name, kind, outcome, rcode, rule = _in_words(segment.subjects[at])
        ruled = subject.list_id != NO_LIST
        return QueryRow(
            number,
            segment.at,
            address_text(segment.clients[at]),
            "udp" if segment.transport == UDP else "tcp",
            segment.durations[at] if segment.durations else 0.0,
            name,
            kind,
            outcome,
            rcode,
            self._generations.title(batch.generation, subject.list_id) if ruled else None,
            rule,
            _SCOPES.get(subject.scope) if ruled and not subject.text else None,
            (subject.line or self._line(batch.generation, subject) or None) if ruled else None,
            None if subject.upstream == NO_UPSTREAM else subject.upstream,
        )

    def _line(self, generation: int, subject: Subject) -> int:
        rule = plain_rule_in(subject.text) if subject.text else subject.rule
        return self._generations.line(generation, subject.list_id, rule, subject.scope) if rule is not None else 0


_SCOPES = {scope.value: scope.name.lower() for scope in Scope}


@lru_cache(1024)
def address_text(client: bytes) -> str:
    """Address octets, 4 or 16, to text."""
    return str(ip_address(client))


@lru_cache(1024)
def _in_words(encoded: bytes) -> tuple[Subject, str, str, str, str, str | None]:
    subject = decode_subject(encoded)
    return (
        subject,
        to_text(subject.name),
        type_text(subject.qtype),
        subject.outcome.name.lower(),
        rcode_text(subject.rcode),
        subject.text or to_text(subject.rule) if subject.list_id != NO_LIST else None,
    )
