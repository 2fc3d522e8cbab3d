"""Who is asked for what, in numbers: upstreams, groups and routes as workers know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.config.group_tables import DEFAULT, UNQUALIFIED

if TYPE_CHECKING:
    from mirage_hole.config.settled import Endpoint, Settled


class GroupPlan(NamedTuple):
    """One group of upstreams."""

    name: str
    upstreams: tuple[int, ...]
    """Numbers, in the order of preference."""
    strategy: str
    dnssec: bool
    fallback: int = -1
    """Number of a group; -1: none."""


class Forwarding(NamedTuple):
    """Everything that routes say."""

    upstreams: tuple[Endpoint, ...]
    groups: tuple[GroupPlan, ...]
    """The default group first."""
    routes: tuple[tuple[str, int], ...]
    """(domain, number of a group)."""
    unqualified: int = -1
    """The group for names of one label; -1: none in particular."""


def forwarding(settled: Settled) -> Forwarding:
    """Numbers for names. An upstream that is in several groups is one upstream, with one memory of its health."""
    groups = [(DEFAULT, settled.upstreams, settled.upstream_strategy, settled.dnssec, settled.upstream_fallback)]
    groups += [(one.name, one.servers, one.strategy, one.dnssec, one.fallback) for one in settled.groups]
    numbers = {name: number for number, (name, *_) in enumerate(groups)}
    routes: list[tuple[str, int]] = []
    unqualified = -1
    for route in settled.routes:
        if route.group:
            number = numbers[route.group]
        else:
            number = len(groups)
            groups.append(
                (", ".join(route.domains)[:64], route.servers, settled.upstream_strategy, False, route.fallback)
            )
        for domain in route.domains:
            if domain == UNQUALIFIED:
                unqualified = number
            else:
                routes.append((domain, number))
    everybody: dict[Endpoint, int] = {}
    for _, servers, *_ in groups:
        for server in servers:
            everybody.setdefault(server, len(everybody))
    plans = tuple(
        GroupPlan(name, tuple(everybody[one] for one in servers), strategy, dnssec, numbers.get(fallback, -1))
        for name, servers, strategy, dnssec, fallback in groups
    )
    return Forwarding(tuple(everybody), plans, tuple(routes), unqualified)
