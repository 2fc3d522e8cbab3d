"""A worker's limits, as the settings have them, and what they have come to."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from mirage_hole.policy.inside import is_inside
from mirage_hole.policy.limits import LOOPBACK, ClientLimits, RepeatedAnswers, plain

if TYPE_CHECKING:
    from mirage_hole.net.dataplane import DataPlane
    from mirage_hole.net.tcp import TcpListener
    from mirage_hole.runtime.worker_settings import WorkerSettings


def use_limits(settings: WorkerSettings, plane: DataPlane, streams: TcpListener) -> None:
    """Limit what comes over UDP and over TCP, each by itself: addresses of datagrams may be forged.

    Raises:
        ValueError: the settings make no limits.
    """
    if not settings.queries_per_second:
        return
    rate, burst = settings.queries_per_second, settings.query_burst
    exempt, enforced = (*LOOPBACK, *settings.limit_exempt), settings.limit_enforce
    repeated = None
    if settings.answers_per_second and reaches_outside(settings.allow_from):
        repeated = RepeatedAnswers(settings.answers_per_second, exempt)
    plane.limit(ClientLimits(rate, burst, exempt, enforced, repeated))
    streams.limits = ClientLimits(rate, burst, exempt, enforced, stops_floods=False)


def reaches_outside(networks: tuple[str, ...]) -> bool:
    """Whether some of these are not private."""
    ends = [end for text in networks for network in [ip_network(text)] for end in (network[0], network[-1])]
    return not all(is_inside(end.packed) for end in ends)


MOST_STOPPED: Final = 8
"""Clients that are named to the control plane."""


def stopped(plane: DataPlane) -> list[str]:
    """Some of the clients whose datagrams are dropped unread, the worst first."""
    limits = plane.engine.limits
    return [] if limits is None else [str(ip_address(plain(one))) for one in limits.flooding[:MOST_STOPPED]]


def limiting(plane: DataPlane, streams: TcpListener) -> dict[str, int]:
    """Counters and gauges, for the control plane."""
    limits, delayed = plane.engine.limits, streams.limits
    over = {*(limits.over if limits is not None else ()), *(delayed.over if delayed is not None else ())}
    return {
        "limited_truncated": limits.slipped if limits is not None else 0,
        "limited_refused": limits.refused if limits is not None else 0,
        "limited_dropped": limits.dropped if limits is not None else 0,
        "limited_delayed": streams.delayed,
        "flood_dropped": sum(listener.meter.dropped for listener in plane.listeners),
        "tcp_closed_for_others": streams.closed_for_others,
        "clients_over_limit": len(over),
        "clients_stopped": len(limits.flooding) if limits is not None else 0,
    }
