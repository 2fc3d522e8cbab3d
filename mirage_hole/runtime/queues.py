"""The queues inside the supervisor, as the metrics tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.observe.metrics import QueueFacts

if TYPE_CHECKING:
    from mirage_hole.runtime.query_log import QueryLogService


def query_log_queue(query_log: QueryLogService) -> QueueFacts:
    """Rows on their way to the query log."""
    counts = query_log.counts()
    dropped = counts.dropped_queue + counts.dropped_disk + counts.dropped_time
    return QueueFacts("query log", counts.queue_octets, dropped, counts.written)
