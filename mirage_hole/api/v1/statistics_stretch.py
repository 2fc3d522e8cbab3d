"""Which stretch of time a question about statistics means, and in how many steps: days begin where the asker lives."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.observe.rollup import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_POINTS: Final = 2000
STEPS: Final = {"minute": MINUTE, "hour": HOUR, "day": DAY}
AUTO: Final = ((26 * HOUR, "minute"), (32 * DAY, "hour"))
"""Seconds up to which a stretch is shown in steps; beyond it in days."""
_LATEST: Final = 253_370_764_800.0  # 9999: dates end there
_OFFSET: Final = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)


class Stretch(NamedTuple):
    """A series to be: its points begin at ``starts``, the last ends with ``until``."""

    step: str
    since: int
    until: int
    starts: list[int]


def zone_of(text: str) -> tzinfo:
    """A zone by its name (``Europe/Berlin``) or its distance from UTC (``+05:30``).

    Raises:
        Refusal: it is none, or the machine has no data about it.
    """
    if found := _OFFSET.fullmatch(text):
        sign, hours, minutes = found.groups()
        distance = int(hours) * 60 + int(minutes)
        if int(minutes) < 60 and distance <= 14 * 60:
            return timezone(timedelta(minutes=-distance if sign == "-" else distance))
    elif text == "UTC":
        return UTC
    else:
        try:
            return ZoneInfo(text)
        except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            pass
    raise Refusal(
        400,
        "There is no such time zone here.",
        [Fault("tz", f"{text!r} is not known", "a name such as Europe/Berlin, or a distance from UTC such as +05:30")],
    )


def stretch(
    since: float | None,
    until: float | None,
    step: str,
    zone: tzinfo,
    now: float,
    kept_from: Mapping[str, int],
    most: int,
) -> Stretch:
    """What a question means.

    Args:
        since: seconds since the epoch; None: a day before ``until``.
        until: None: now.
        step: of ``STEPS``, or ``auto``.
        zone: whose days are meant.
        now: seconds since the epoch.
        kept_from: since when there are units of each step, 0 where none were taken away.
        most: points that may be.

    Raises:
        Refusal: the stretch is empty or has too many points, or such steps are not kept for so long.
    """
    end = now if until is None else min(until, now + DAY)
    begin = end - DAY if since is None else since
    if not 0 <= begin < end <= _LATEST:
        raise Refusal(
            400,
            "This stretch of time is empty.",
            [Fault("since", f"{begin:g} is not before {end:g}", "an earlier time")],
        )
    if step == "auto":
        fitting = [name for length, name in AUTO if end - begin <= length and begin >= kept_from[name]]
        fitting = [name for name in fitting if (end - begin) / STEPS[name] + 1 <= most]
        step = fitting[0] if fitting else "day"
    points = (end - begin) / STEPS[step] + 1
    if points > most:
        larger = "hour" if step == "minute" else "day"
        instead = f"step={larger}, step=auto or a later since" if step != "day" else "a later since"
        what = f"{int(points)} points of a {step} are more than {most}"
        raise Refusal(400, "This would be too many points.", [Fault("step", what, instead)])
    if begin < kept_from[step] and step != "day":
        what = f"{step}s are kept from {kept_from[step]} on"
        raise Refusal(400, f"There are no {step}s of that time.", [Fault("since", what, "step=auto, or a later time")])
    if step == "day":
        starts = _midnights(begin, end, zone)
        return Stretch(step, starts[0], int(min(_next_midnight(starts[-1], zone), _LATEST)), starts)
    seconds = STEPS[step]
    first, last = int(begin // seconds) * seconds, -int(-end // seconds) * seconds
    return Stretch(step, first, last, list(range(first, last, seconds)))


def before(one: Stretch, zone: tzinfo) -> Stretch:
    """The equally long stretch before."""
    if one.step == "day":
        first = datetime.fromtimestamp(one.since, zone).date() - timedelta(days=len(one.starts))
        starts = [_midnight(first + timedelta(days=number), zone) for number in range(len(one.starts))]
        return Stretch(one.step, starts[0], one.since, starts)
    length = one.until - one.since
    return Stretch(one.step, one.since - length, one.since, [start - length for start in one.starts])


def _midnights(begin: float, end: float, zone: tzinfo) -> list[int]:
    day = datetime.fromtimestamp(begin, zone).date()
    starts = [_midnight(day, zone)]
    while (following := _midnight(day + timedelta(days=1), zone)) < end:
        day += timedelta(days=1)
        starts.append(following)
    return starts


def _midnight(day: date, zone: tzinfo) -> int:
    """When a day begins, to the full hour, as hours are the least that is kept for long."""
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() / HOUR) * HOUR


def _next_midnight(start: int, zone: tzinfo) -> int:
    # Half a day on is the same day wherever its beginning was rounded to.
    return _midnight(datetime.fromtimestamp(start + DAY // 2, zone).date() + timedelta(days=1), zone)
