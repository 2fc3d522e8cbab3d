"""What a worker tells of its upstreams, once a second: how fast each is, how often it failed, and what it answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mirage_hole.upstream.health import OTHER_RCODE
from mirage_hole.wire.codes import rcode_text

if TYPE_CHECKING:
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.upstream.health import Upstream


def upstream_rows(engine: Engine, now: float) -> list[dict[str, Any]]:
    """One for each upstream, in the order of their numbers."""
    return [_row(upstream, engine, now) for upstream in engine.upstreams]


def _row(upstream: Upstream, engine: Engine, now: float) -> dict[str, Any]:
    return {
        "address": upstream.address,
        "port": upstream.port,
        "groups": [group.name for group in engine.groups if upstream in group.members],
        "sent": upstream.sent,
        "answered": upstream.answered,
        "timeouts": upstream.timeouts,
        "failures": upstream.failures,
        "responses": {
            rcode_text(rcode) if rcode != OTHER_RCODE else "other": count
            for rcode, count in enumerate(upstream.rcodes)
            if count
        },
        "rtt_ms": round(upstream.rtt * 1000, 3),
        "deviation_ms": round(upstream.variance * 1000, 3),
        "healthy": upstream.answers and now >= upstream.loops_until,
        "loops": now < upstream.loops_until,
    }
