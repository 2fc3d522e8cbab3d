"""A query as the log has it, in words."""

from __future__ import annotations

from typing import NamedTuple


class LoggedQuery(NamedTuple):
    """One query; the fields of :class:`mirage_hole.observe.recent.QueryRow`, but for the upstream."""

    number: int
    """Newer queries have higher numbers, over all days and restarts."""
    at: float
    """Seconds since the epoch, to the millisecond."""
    client: str
    transport: str
    """``udp`` or ``tcp``."""
    duration: float
    """Seconds; 0 for an answer replayed from the packet cache."""
    name: str
    """Empty when names are hidden."""
    type: str
    outcome: str
    rcode: str
    list: str | None
    rule: str | None
    scope: str | None
    line: int | None
    upstream: str | None
    """Address of the upstream that answered."""
