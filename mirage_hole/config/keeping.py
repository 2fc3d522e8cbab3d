"""The settings of the statistics that are kept: how long, and whether at all."""

# Annotations stay live objects here (no ``from __future__ import annotations``): they are data, read by `settings`.
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Struct

from mirage_hole.config.about import Duration, about
from mirage_hole.config.problem import BadValue
from mirage_hole.config.settled import StatisticsSettings
from mirage_hole.config.values import format_duration, parse_duration

if TYPE_CHECKING:
    from mirage_hole.config.settle import Findings

DAY: Final = 86400.0
BOUNDS: Final = {
    "keep_minutes": (DAY, 31 * DAY),
    "keep_hours": (2 * DAY, 2 * 366 * DAY),
    "keep_days": (7 * DAY, 20 * 366 * DAY),
}
"""Least and most, in seconds. What the dashboard shows of the last day is restored from minutes and hours."""


class Statistics(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures that outlive a restart: each minute's, added up to hours and days."""

    enabled: Annotated[
        bool,
        about(
            "Keep statistics on the disk.",
            "--statistics",
            "",
            "true or false",
        ),
    ] = True
    keep_minutes: Annotated[
        Duration,
        about(
            "How long the figures of each minute are kept.",
            "--statistics-keep-minutes",
            "TIME",
            "a time from 1d to 31d, such as 2d",
        ),
    ] = "2d"
    keep_hours: Annotated[
        Duration,
        about(
            "How long the figures of each hour are kept. Days of a time zone are made of them.",
            "--statistics-keep-hours",
            "TIME",
            "a time from 2d to 732d, such as 90d",
        ),
    ] = "90d"
    keep_days: Annotated[
        Duration,
        about(
            "How long the figures of each day are kept.",
            "--statistics-keep-days",
            "TIME",
            "a time from 7d to 7320d, such as 1826d",
        ),
    ] = "1826d"


def settle_statistics(written: Statistics, found: "Findings") -> StatisticsSettings:
    """What is kept for how long; each size for at least as long as the smaller one."""
    seconds: dict[str, float] = {}
    for key, (least, most) in BOUNDS.items():
        path, value = f"statistics.{key}", getattr(written, key)
        try:
            seconds[key] = parse_duration(value)
        except BadValue as bad:
            found.problem(path, value, bad.problem, f"write {bad.instead}")
            continue
        if not least <= seconds[key] <= most:
            low = seconds[key] < least
            limit = f"{'less' if low else 'more'} than {format_duration(least if low else most)}"
            found.problem(path, value, limit, f"write a time from {format_duration(least)} to {format_duration(most)}")
            del seconds[key]
    for smaller, larger in (("keep_minutes", "keep_hours"), ("keep_hours", "keep_days")):
        if seconds.get(smaller, 0.0) > seconds.get(larger, float("inf")):
            instead = f"write at least {format_duration(seconds[smaller])}"
            found.problem(f"statistics.{larger}", getattr(written, larger), f"less than statistics.{smaller}", instead)
    return StatisticsSettings(written.enabled, *(seconds.get(key, least) for key, (least, _) in BOUNDS.items()))
