"""The settings of the query log: what is kept of whom, for how long, and how often it is written."""

# Annotations stay live objects here (no ``from __future__ import annotations``): they are data, read by `settings`.
from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Struct

from mirage_hole.config.about import Duration, Many, Size, about
from mirage_hole.config.networks import settle_limited
from mirage_hole.config.settled import QueryLogSettings
from mirage_hole.config.values import format_duration, format_size, parse_duration, parse_size

if TYPE_CHECKING:
    from mirage_hole.config.settle import Findings

DAY: Final = 86400.0
LEAST, MOST = DAY, 3660 * DAY
SMALLEST, LARGEST = 16 * 1024**2, 1024 * 1024**3


class QueryLog(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log of queries on the disk, one file a day."""

    enabled: Annotated[bool, about("Log queries on the disk.", "--query-log", "", "true or false")] = True
    keep: Annotated[
        Duration,
        about(
            "How long queries that were not blocked are kept, in whole days.",
            "--query-log-keep",
            "TIME",
            "a time from 1d to 3660d, such as 30d",
        ),
    ] = "30d"
    keep_blocked: Annotated[
        Duration,
        about(
            "How long blocked queries are kept, in whole days.",
            "--query-log-keep-blocked",
            "TIME",
            "a time from 1d to 3660d, such as 90d",
        ),
    ] = "90d"
    size: Annotated[
        Size,
        about(
            "What the files take at most; the oldest days go first. A million queries take about 60 MiB.",
            "--query-log-size",
            "SIZE",
            "a size from 16MiB to 1TiB, such as 2GiB",
        ),
    ] = "2GiB"
    profile: Annotated[
        Literal["normal", "sd-card"],
        about(
            "How often the disk is written: every second, or, to spare a memory card, every five minutes. What was not written "
            "is lost when the power goes.",
            "--query-log-profile",
            "PROFILE",
            "normal or sd-card",
            choices=("normal", "sd-card"),
        ),
    ] = "normal"
    privacy: Annotated[
        Literal["full", "hide-names", "hide-clients", "statistics"],
        about(
            "What is known of queries, on the disk, in memory and on the page: everything; no names; no clients; or only how many there "
            "were, without a log.",
            "--privacy",
            "LEVEL",
            "full, hide-names, hide-clients or statistics",
            choices=("full", "hide-names", "hide-clients", "statistics"),
        ),
    ] = "full"
    exclude: Annotated[
        Many,
        about(
            "Networks whose clients are left out: their queries are counted, without who asked and for what.",
            "--query-log-exclude",
            "NETWORK",
            "an address or a network such as 192.168.1.20 or 10.0.0.0/8",
        ),
    ] = ()


def settle_query_log(written: QueryLog, found: "Findings") -> QueryLogSettings:
    """Days, octets and networks."""
    size = found.parsed("query_log.size", written.size, lambda: parse_size(written.size), SMALLEST)
    if not SMALLEST <= size <= LARGEST:
        limit = f"less than {format_size(SMALLEST)}" if size < SMALLEST else f"more than {format_size(LARGEST)}"
        found.problem("query_log.size", written.size, limit, "write a size from 16MiB to 1TiB, such as 2GiB")
    return QueryLogSettings(
        enabled=written.enabled,
        keep=_days("keep", written.keep, found),
        keep_blocked=_days("keep_blocked", written.keep_blocked, found),
        size=size,
        profile=written.profile,
        privacy=written.privacy,
        exclude=settle_limited("query_log.exclude", written.exclude, found),
    )


def _days(key: str, value: Duration, found: "Findings") -> int:
    path = f"query_log.{key}"
    seconds = found.parsed(path, value, lambda: parse_duration(value), LEAST)
    if not LEAST <= seconds <= MOST or seconds % DAY:
        found.problem(
            path,
            value,
            "no whole number of days from 1 to 3660"
            if seconds % DAY
            else f"not from {format_duration(LEAST)} to 3660d",
            "write a time from 1d to 3660d, such as 30d",
        )
    return max(1, int(seconds / DAY))
