"""Shapes that several areas answer with."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Time = Annotated[float, Meta(description="Seconds since the epoch.")]


class Generation(Struct, kw_only=True):
    """The compiled lists that serve."""

    number: int
    created: Time
    names: Annotated[int, Meta(description="How many distinct names have rules.")]


class Series(Struct, kw_only=True):
    """A number a minute; the last minute is still running."""

    start: Time
    step: Annotated[int, Meta(description="Seconds.")]
    queries: list[int]
    blocked: list[int]


class Upstream(Struct, kw_only=True):
    """A server that is asked, over all workers."""

    address: Annotated[str, Meta(examples=["9.9.9.9:53"])]
    sent: int
    answered: int
    timeouts: int
    failures: int
    rtt_ms: Annotated[float | None, Meta(description="Smoothed round-trip time in milliseconds.")]
    healthy: Annotated[bool, Meta(description="False when every worker gave up on it for now.")]
    deviation_ms: Annotated[float | None, Meta(description="How far round-trip times are from rtt_ms, on average.")]
    loops: Annotated[bool, Meta(description="What it is asked comes back here.")]
    responses: Annotated[dict[str, int], Meta(description="Replies by response code.")]
    groups: Annotated[list[str], Meta(description="Groups that it is in.")]
