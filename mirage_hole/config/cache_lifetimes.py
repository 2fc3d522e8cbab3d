"""The section ``[cache]``: how long answers are kept, and what serves when they are over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.cache.lifetimes import Lifetimes
from mirage_hole.config.raw import settings
from mirage_hole.config.values import format_duration, parse_duration

if TYPE_CHECKING:
    from mirage_hole.config.resolving import Cache
    from mirage_hole.config.settle import Findings

BOUNDS: Final = {
    "min_ttl": (0.0, 3600.0),
    "max_ttl": (1.0, 604_800.0),
    "negative_ttl": (0.0, 86_400.0),
    "failure_ttl": (1.0, 300.0),
    "stale": (0.0, 2_592_000.0),
    "stale_wait": (0.0, 30.0),
    "stale_ttl": (1.0, 300.0),
}
"""Seconds. RFC 9520 3.2 has a failure remembered for a second at least and five minutes at most."""
_WHOLE: Final = frozenset({"min_ttl", "max_ttl", "negative_ttl", "stale_ttl"})


def settle_lifetimes(raw: Cache, found: Findings) -> Lifetimes:
    """What the section says; problems go to ``found``."""
    seconds = {key: _seconds(key, getattr(raw, key), found) for key in BOUNDS}
    if seconds["min_ttl"] > seconds["max_ttl"] and not found.bad & {"cache.min_ttl", "cache.max_ttl"}:
        what = f"more than cache.max_ttl, which is {format_duration(seconds['max_ttl'])}"
        found.problem("cache.min_ttl", raw.min_ttl, what, "write a shorter time, or a longer cache.max_ttl")
    return Lifetimes(
        min_ttl=int(seconds["min_ttl"]),
        max_ttl=int(seconds["max_ttl"]),
        negative_ttl=int(seconds["negative_ttl"]),
        failure_ttl=seconds["failure_ttl"],
        stale=seconds["stale"],
        stale_wait=seconds["stale_wait"],
        stale_ttl=int(seconds["stale_ttl"]),
        prefetch=raw.prefetch,
    )


def _seconds(key: str, value: float | str, found: Findings) -> float:
    path, (least, most) = f"cache.{key}", BOUNDS[key]
    seconds = found.parsed(path, value, lambda: parse_duration(value), least)
    write = f"write {settings()[path].write}"
    if not least <= seconds <= most:
        limit = f"less than {format_duration(least)}" if seconds < least else f"more than {format_duration(most)}"
        found.problem(path, value, limit, write)
    elif key in _WHOLE and seconds != int(seconds):
        found.problem(path, value, "a TTL is whole seconds", write)
    return seconds
