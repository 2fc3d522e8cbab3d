"""What the handlers act on. Each area has one field here: a value, or a protocol that its own module defines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mirage_hole.api.problems import Refusal

if TYPE_CHECKING:
    from mirage_hole.api.access.service import AccessService
    from mirage_hole.api.state import ApiState
    from mirage_hole.api.stream import Streams
    from mirage_hole.api.v1.changes import Changes
    from mirage_hole.api.v1.diagnosis import Logging
    from mirage_hole.api.v1.document import DocumentPart
    from mirage_hole.api.v1.inside import Diagnosis
    from mirage_hole.api.v1.lists import Lists
    from mirage_hole.api.v1.lookup import Asker
    from mirage_hole.api.v1.notices import Notifications
    from mirage_hole.api.v1.pause import Pausing
    from mirage_hole.api.v1.queries import QueryLog
    from mirage_hole.api.v1.rules import Rules
    from mirage_hole.api.v1.statistics import KeptStatistics
    from mirage_hole.api.v1.upstreams import Prober

Part = TypeVar("Part")


@dataclass(slots=True, kw_only=True)
class Parts:
    """Everything behind the API; a field that is None is a part that this server does not have, and its routes say so (503)."""

    state: ApiState | None = None
    """What is known in memory: statistics, lists, the generation that serves."""
    streams: Streams | None = None
    """The live streams; the first web application that is made fills it in."""
    pause: Pausing | None = None
    """Lets everything through for a time."""
    notifications: Notifications | None = None
    """What needs attention, who is told, and the devices that were ever seen."""
    access: AccessService | None = None
    """Users, sessions, tokens."""
    changes: Changes | None = None
    """The state: settings, clients, records, groups, routes, the audit log."""
    rules: Rules | None = None
    """The user's own rules."""
    diagnosis: Diagnosis | None = None
    """Looks inside the processes."""
    probe: Prober | None = None
    """Asks upstreams directly."""
    lookup: Asker | None = None
    """Asks this server and its upstreams what somebody wants to know."""
    query_log: QueryLog | None = None
    """The log of queries on the disk."""
    document: DocumentPart | None = None
    """The whole state as one document."""
    statistics: KeptStatistics | None = None
    """Roll-ups of minutes, hours and days."""
    logging: Logging | None = None
    """Log levels of modules."""
    lists: Lists | None = None
    """Which lists there are, and how they are."""


def needed(part: Part | None, what: str) -> Part:
    """The part, for a handler that can't do without.

    Raises:
        Refusal: 503: this server has no such part, or not yet.
    """
    if part is None:
        raise Refusal(503, f"This server has no {what}, or not yet.", headers={"Retry-After": "5"})
    return part
